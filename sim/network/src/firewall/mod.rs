//! Stateful packet filters, on hosts and on middleboxes.
//!
//! ET-84: a connection is known by both of its ends, each direction has rules of its own, and a
//! rule can tell new flows from tracked ones. ET-85: [`Verdict`] has what may happen to a packet.

mod conntrack;
mod reorder;
mod rule;
mod settings;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::capture::Fate;
use crate::packet::{Packet, TcpFlags, TcpSegment, Transport};
use crate::time::SimTime;

use conntrack::{Conntrack, Sighting};
use reorder::Reorder;
pub use rule::{CutEnd, Direction, FlowState, Prefix, Rule, RuleName, Verdict};
pub use settings::{
    FlowSelector, IDLE_TIMEOUT, Idle, KILLED, OnExpiry, POLICY, Pickup, Policy, STRICT_PICKUP,
    TABLE_FULL,
};

/// A packet that a firewall did not let pass, and why.
#[derive(Clone, Debug)]
pub(crate) struct Blocked {
    pub(crate) fate: Fate,
    pub(crate) rule: RuleName,
    pub(crate) packet: Packet,
}

/// What becomes of the packet itself.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Pass(Packet),
    Hold(Packet, Duration),
    Stop,
}

/// A firewall's decision on one packet.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    pub(crate) blocked: Option<Blocked>,
    /// RST and ICMP packets that the firewall sends on its own, after the packet.
    pub(crate) answers: Vec<Packet>,
}

impl Decision {
    const fn pass(packet: Packet) -> Self {
        Self {
            outcome: Outcome::Pass(packet),
            blocked: None,
            answers: Vec::new(),
        }
    }

    const fn stop(blocked: Blocked, answers: Vec<Packet>) -> Self {
        Self {
            outcome: Outcome::Stop,
            blocked: Some(blocked),
            answers,
        }
    }

    /// Whether nothing but the packet's passing is to be done.
    pub(crate) const fn is_plain(&self) -> bool {
        self.blocked.is_none() && self.answers.is_empty()
    }
}

/// Ordered rules over a table of flows.
///
/// A packet is decided by the first rule that matches it; where none does, packets of established
/// flows pass and the [`Policy`] of the direction decides the rest. Only packets that pass enter
/// the table. A flow enters it with its SYN, or with loose [`Pickup`] in its middle; packets of
/// other unknown flows are [`FlowState::Untracked`], which matters to rules that ask for a state,
/// to the policy, and to a firewall with strict pickup or an [`Idle`] timeout, which drops them.
/// A table with a size takes no new flow when it is full.
#[derive(Debug)]
pub struct Firewall {
    address: Ipv4Addr,
    rules: Vec<Counted>,
    /// Counts of rules that were removed, of the policy and of the idle timeout.
    counts: BTreeMap<RuleName, u64>,
    policy: [Policy; 2],
    flows: Conntrack,
    reorder: Reorder,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    hits: u64,
}

impl Firewall {
    /// An open firewall of the host or middlebox called `place`, whose ICMP errors come from
    /// `address`.
    pub(crate) fn for_host(place: &Arc<str>, address: Ipv4Addr, seed: u64) -> Self {
        Self {
            address,
            rules: Vec::new(),
            counts: BTreeMap::new(),
            policy: [Policy::Accept; 2],
            flows: Conntrack::default(),
            reorder: Reorder::new(seed, place),
        }
    }

    /// Adds a rule behind the others: it decides what they leave. Replaces a rule of that name.
    pub fn append(&mut self, rule: Rule) {
        self.remove(&rule.name);
        self.rules.push(Counted { rule, hits: 0 });
    }

    /// Adds a rule before the others, so that it takes effect whatever they say: for faults.
    /// Replaces a rule of that name.
    pub fn prepend(&mut self, rule: Rule) {
        self.remove(&rule.name);
        self.rules.insert(0, Counted { rule, hits: 0 });
    }

    /// Removes the rule called `name` and says whether there was one. Its count stays.
    pub fn remove(&mut self, name: &RuleName) -> bool {
        let Some(at) = self
            .rules
            .iter()
            .position(|counted| counted.rule.name == *name)
        else {
            return false;
        };
        let counted = self.rules.remove(at);
        *self.counts.entry(counted.rule.name).or_insert(0) += counted.hits;
        true
    }

    /// The rules in the order in which they are tried.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|counted| &counted.rule)
    }

    /// What happens to packets in `direction` that no rule matches and no established flow owns.
    pub const fn set_policy(&mut self, direction: Direction, policy: Policy) {
        self.policy[direction as usize] = policy;
    }

    /// Sets or lifts the idle timeout; it holds at once, but the RSTs of
    /// [`OnExpiry::Reset`] are sent only for flows that open from now on.
    pub const fn set_idle(&mut self, idle: Option<Idle>) {
        self.flows.idle = idle;
    }

    /// What happens to packets from the middle of flows that the table does not have.
    pub const fn set_pickup(&mut self, pickup: Pickup) {
        self.flows.pickup = pickup;
    }

    /// How many flows the table has room for, no limit when none. Packets that open another one
    /// vanish; what is in the table stays (section 8.5, `nf_conntrack_max`).
    pub const fn set_table_size(&mut self, size: Option<usize>) {
        self.flows.size = size;
    }

    /// How many flows are in the table, ended ones that are still remembered included.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.flows.len()
    }

    /// Forgets the flows that `selector` means, and says how many they were. With
    /// [`OnExpiry::Reset`], the RSTs for both ends of each are to be sent.
    ///
    /// What their later packets meet is a matter of pickup: strict, they vanish.
    pub(crate) fn kill(&mut self, selector: &FlowSelector, how: OnExpiry) -> (usize, Vec<Packet>) {
        let (count, mut resets) = self.flows.kill(selector);
        for _ in 0..count {
            self.count(KILLED);
        }
        if how == OnExpiry::Silent {
            resets.clear();
        }
        (count, resets)
    }

    /// How many packets each rule has decided, removed rules, [`POLICY`] (where it did not accept),
    /// [`IDLE_TIMEOUT`], [`STRICT_PICKUP`] and [`TABLE_FULL`] included; under [`KILLED`], how many
    /// flows were killed.
    #[must_use]
    pub fn hits(&self) -> BTreeMap<RuleName, u64> {
        let mut hits = self.counts.clone();
        for counted in &self.rules {
            *hits.entry(counted.rule.name.clone()).or_insert(0) += counted.hits;
        }
        hits
    }

    /// Decides one packet.
    pub(crate) fn inspect(
        &mut self,
        now: SimTime,
        direction: Direction,
        packet: Packet,
    ) -> Decision {
        let sighting = self.flows.look_up(now, &packet);
        if sighting.state == FlowState::Untracked
            && packet.tcp().is_some()
            && let Some(name) = self.refuses_untracked()
        {
            let rule = self.count(name);
            return self.stop(Some(rule), Fate::Dropped, packet);
        }
        let matching = self
            .rules
            .iter_mut()
            .find(|counted| counted.rule.matches(direction, sighting.state, &packet));
        let (verdict, rule) = if let Some(counted) = matching {
            if counted.rule.verdict != Verdict::Blackhole || sighting.established {
                counted.hits += 1;
            }
            (counted.rule.verdict, Some(counted.rule.name.clone()))
        } else if sighting.state == FlowState::Established {
            (Verdict::Accept, None)
        } else {
            (self.policy[direction as usize].into(), None)
        };
        self.apply(now, verdict, rule, sighting, packet)
    }

    /// Under which name packets of unknown flows vanish, if they do.
    fn refuses_untracked(&self) -> Option<&'static str> {
        match self.flows.pickup {
            Pickup::Strict => Some(STRICT_PICKUP),
            Pickup::ByRules => self.flows.idle.map(|_| IDLE_TIMEOUT),
            Pickup::Loose => None,
        }
    }

    fn apply(
        &mut self,
        now: SimTime,
        verdict: Verdict,
        rule: Option<RuleName>,
        sighting: Sighting,
        packet: Packet,
    ) -> Decision {
        match verdict {
            Verdict::Accept => self.pass(now, sighting, packet),
            Verdict::Delay(wait) => self.pass_after(now, sighting, packet, wait),
            Verdict::Reorder(within) => {
                let wait = self.reorder.hold(now, &packet, within);
                self.pass_after(now, sighting, packet, wait)
            }
            Verdict::Blackhole if !sighting.established => self.pass(now, sighting, packet),
            Verdict::Blackhole | Verdict::Drop => self.stop(rule, Fate::Dropped, packet),
            Verdict::Reset => {
                let answers = packet.reset_answer().into_iter().collect();
                let mut decision = self.stop(rule, Fate::Rejected, packet);
                decision.answers = answers;
                decision
            }
            Verdict::Unreachable(kind) => {
                let answers = packet
                    .unreachable_answer(self.address, kind)
                    .into_iter()
                    .collect();
                let mut decision = self.stop(rule, Fate::Rejected, packet);
                decision.answers = answers;
                decision
            }
            Verdict::Cut { after, then } => self.cut(now, after, then, rule, sighting, packet),
        }
    }

    fn pass(&mut self, now: SimTime, sighting: Sighting, packet: Packet) -> Decision {
        if self.flows.is_full_for(now, sighting) {
            let rule = self.count(TABLE_FULL);
            return self.stop(Some(rule), Fate::Dropped, packet);
        }
        if let Some(segment) = packet.tcp() {
            self.flows.note(now, sighting, &packet, segment);
        }
        Decision::pass(packet)
    }

    fn pass_after(
        &mut self,
        now: SimTime,
        sighting: Sighting,
        packet: Packet,
        wait: Duration,
    ) -> Decision {
        let mut decision = self.pass(now, sighting, packet);
        if let Outcome::Pass(packet) = decision.outcome {
            decision.outcome = Outcome::Hold(packet, wait);
        }
        decision
    }

    fn stop(&mut self, rule: Option<RuleName>, fate: Fate, packet: Packet) -> Decision {
        let rule = rule.unwrap_or_else(|| self.count(POLICY));
        Decision::stop(Blocked { fate, rule, packet }, Vec::new())
    }

    /// Lets the first `after` payload octets of the packet's direction pass.
    fn cut(
        &mut self,
        now: SimTime,
        after: u32,
        then: CutEnd,
        rule: Option<RuleName>,
        sighting: Sighting,
        mut packet: Packet,
    ) -> Decision {
        let Transport::Tcp(segment) = &mut packet.transport else {
            return self.pass(now, sighting, packet);
        };
        let length = segment.payload.len() as u32;
        let Some(initial) = sighting.initial else {
            return self.pass(now, sighting, packet);
        };
        // Where the payload lies in its direction's stream.
        let start = (segment.sequence - initial.0).0.wrapping_sub(1);
        if length == 0 || segment.flags.syn() || start.saturating_add(length) <= after {
            return self.pass(now, sighting, packet);
        }
        let mut answers = Vec::new();
        if then == CutEnd::Reset {
            let mut reset = TcpSegment::between(segment.source_port, segment.destination_port);
            reset.flags = TcpFlags::RST | TcpFlags::ACK;
            reset.sequence = initial + 1 + after;
            reset.acknowledgement = segment.acknowledgement;
            let onward = Packet {
                transport: Transport::Tcp(reset),
                ..packet.clone()
            };
            answers.extend(packet.reset_answer());
            answers.push(onward);
        }
        let fate = if then == CutEnd::Reset {
            Fate::Rejected
        } else {
            Fate::Dropped
        };
        if start >= after {
            let mut decision = self.stop(rule, fate, packet);
            decision.answers = answers;
            return decision;
        }
        if let Transport::Tcp(segment) = &mut packet.transport {
            segment.payload.truncate((after - start) as usize);
            segment.flags.0 &= !(TcpFlags::FIN.0 | TcpFlags::PSH.0);
        }
        let mut decision = self.pass(now, sighting, packet);
        decision.answers = answers;
        decision
    }

    fn count(&mut self, name: &str) -> RuleName {
        let name = RuleName::from(name);
        *self.counts.entry(name.clone()).or_insert(0) += 1;
        name
    }

    /// When [`Firewall::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<SimTime> {
        self.flows.poll_timeout()
    }

    /// Forgets flows that were idle for too long; the RSTs to send.
    pub(crate) fn handle_timeout(&mut self, now: SimTime) -> Vec<Packet> {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let resets = self.flows.expire(now);
        for _ in &resets {
            self.count(IDLE_TIMEOUT);
        }
        resets
    }

    /// Empties the table of flows, as a reboot does. The rules stay.
    pub(crate) fn forget_flows(&mut self) {
        self.flows.clear();
        self.reorder.clear();
    }
}
