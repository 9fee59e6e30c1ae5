//! One middlebox: a firewall, and perhaps a NAT behind which its first side is hidden.

use std::sync::Arc;
use std::time::Duration;

use super::nat::{Nat, Translation};
use super::passage::{Passage, Stopped, Translated};
use crate::capture::Fate;
use crate::firewall::{Decision, Direction, Firewall, Outcome};
use crate::network::HostId;
use crate::packet::Packet;
use crate::partition::HostSet;
use crate::time::SimTime;

#[derive(Debug)]
pub(super) struct Middlebox {
    pub(super) name: Arc<str>,
    pub(super) first: HostSet,
    pub(super) second: HostSet,
    pub(super) firewall: Firewall,
    pub(super) nat: Option<Box<Nat>>,
}

impl Middlebox {
    pub(super) fn direction(&self, from: HostId, to: HostId) -> Option<Direction> {
        if self.first.contains(from) && self.second.contains(to) {
            Some(Direction::Out)
        } else if self.second.contains(from) && self.first.contains(to) {
            Some(Direction::In)
        } else {
            None
        }
    }

    /// Takes a packet through; none when it does not get through.
    pub(super) fn pass(
        &mut self,
        now: SimTime,
        direction: Direction,
        packet: Packet,
        wait: &mut Duration,
        passage: &mut Passage,
    ) -> Option<Packet> {
        let packet = match direction {
            Direction::In => self.translate(now, direction, packet, passage)?,
            Direction::Out => packet,
        };
        let destination = packet.destination;
        let Decision {
            outcome,
            blocked,
            answers,
        } = self.firewall.inspect(now, direction, packet);
        for answer in answers {
            passage.answered_by = Some(Arc::clone(&self.name));
            if answer.destination == destination {
                passage.onward.push((answer, *wait));
            } else {
                passage.back.push(answer);
            }
        }
        if let Some(blocked) = blocked {
            passage.stopped = Some(Stopped {
                place: Arc::clone(&self.name),
                fate: blocked.fate,
                by: blocked.rule,
                packet: blocked.packet,
            });
        }
        let passed = match outcome {
            Outcome::Pass(passed) => passed,
            Outcome::Hold(passed, held) => {
                *wait += held;
                passed
            }
            Outcome::Stop => return None,
        };
        match direction {
            Direction::In => Some(passed),
            Direction::Out => self.translate(now, direction, passed, passage),
        }
    }

    /// Lets the middlebox's NAT, if it has one, translate a packet; none when it refuses it.
    fn translate(
        &mut self,
        now: SimTime,
        direction: Direction,
        packet: Packet,
        passage: &mut Passage,
    ) -> Option<Packet> {
        let Some(nat) = &mut self.nat else {
            return Some(packet);
        };
        let before = packet.clone();
        let translation = match direction {
            Direction::In => nat.inbound(now, packet),
            Direction::Out => nat.outbound(now, packet),
        };
        match translation {
            Translation::Done(after) => {
                passage.translations.push(Translated {
                    place: Arc::clone(&self.name),
                    before,
                    after: after.clone(),
                });
                Some(after)
            }
            Translation::Refused(by, packet) => {
                passage.stopped = Some(Stopped {
                    place: Arc::clone(&self.name),
                    fate: Fate::Dropped,
                    by,
                    packet,
                });
                None
            }
        }
    }
}
