//! From a plan to what an engine runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_network::{
    Bandwidth, CutEnd, Direction, FlowSelector, FlowState, Idle, Latency, LinkConfig, NatConfig,
    OnExpiry, Pickup, Prefix, Probability, Rule, Unreachable, Unsolicited, Verdict,
};

use crate::check::pattern::event_pattern;
use crate::check::{Checks, needs_packets};
use crate::engine::{
    Action, BACKLOG, ForwardSpec, HostChange, HostSpec, MiddleboxSpec, NatSpec, NetworkChange,
    PacketDetail, PathSpec, Place, Rank, RunSpec, Step, Topology, Trigger,
};
use crate::scenario::{Plan, PlannedHost, Table};

/// What the hosts' clocks show when a run starts, before their offsets: the first second of 2026.
pub(crate) const EPOCH: i64 = 1_767_225_600;

/// What an engine has to run for `plan`, keeping packets at least as `packets` says.
///
/// # Panics
/// When the key tables and the network disagree about the names of profiles.
#[must_use]
pub fn run_spec(plan: &Plan, packets: PacketDetail) -> RunSpec {
    following(plan, packets, Arc::new(Mutex::new(Checks::new(plan))))
}

/// The same with `checks` that follow the run, for who wants to conclude them afterwards.
pub(super) fn following(plan: &Plan, packets: PacketDetail, checks: Arc<Mutex<Checks>>) -> RunSpec {
    let initial = plan.firewall.iter().map(|table| Step {
        trigger: Trigger::At(Duration::ZERO),
        action: Action::Network(NetworkChange::AddRule {
            place: place(table),
            rule: rule(plan, table),
            rank: Rank::Last,
        }),
        name: None,
    });
    let steps = plan.steps.iter().flat_map(|table| steps(plan, table));
    let least = if needs_packets(plan) {
        PacketDetail::History
    } else {
        PacketDetail::Digest
    };
    RunSpec {
        seed: plan.seed,
        epoch: Timestamp::from_second(EPOCH).expect("the year 2026 can be told"),
        topology: topology(plan),
        steps: initial.chain(steps).collect(),
        decoder: Some(plan.protocol.decoder(plan)),
        packets: packets.max(least),
        finished: Box::new(move |history| {
            let mut checks = checks.lock().unwrap_or_else(PoisonError::into_inner);
            checks.follow(history)
        }),
        ends: plan.ends,
    }
}

/// The `[[at]]` that the step number `index` of [`run_spec`] comes from; none for the rules that
/// are there from the start.
pub(super) fn origin(plan: &Plan, index: usize) -> Option<&Table> {
    let written = index.checked_sub(plan.firewall.len())?;
    let origins = plan.steps.iter().flat_map(|table| {
        let count = actions(plan, table).len();
        std::iter::repeat_n(table, count)
    });
    origins.into_iter().nth(written)
}

fn topology(plan: &Plan) -> Topology {
    let both = plan.links.iter().flat_map(both_ways);
    let one = plan.paths.iter().map(|table| path(table, "from", "to"));
    Topology {
        hosts: plan
            .hosts
            .iter()
            .map(|host| host_spec(plan, host))
            .collect(),
        default_link: LinkConfig::default(),
        paths: both.chain(one).collect(),
        middleboxes: plan.middleboxes.iter().map(middlebox).collect(),
    }
}

fn host_spec(plan: &Plan, host: &PlannedHost) -> HostSpec {
    let backlog = host.keys.quantity("backlog");
    HostSpec {
        name: host.name.clone(),
        profile: host.profile(),
        stealth: host.keys.flag("stealth"),
        backlog: backlog.map_or(BACKLOG, |size| usize::try_from(size).unwrap_or(BACKLOG)),
        clock_offset: SignedDuration::from_nanos(host.keys.offset("clock_offset").unwrap_or(0)),
        clock_drift: host.keys.drift("clock_drift").unwrap_or(0),
        boot: plan.protocol.boot(plan, &host.name),
    }
}

fn both_ways(table: &Table) -> [PathSpec; 2] {
    [path(table, "from", "to"), path(table, "to", "from")]
}

fn path(table: &Table, from: &str, to: &str) -> PathSpec {
    let name = |key| table.text(key).unwrap_or_default().to_owned();
    PathSpec {
        from: name(from),
        to: name(to),
        link: quality(table),
    }
}

/// What the file says about a link, over the network's defaults.
fn quality(table: &Table) -> LinkConfig {
    let share = |key: &str| {
        let parts = table.quantity(key).unwrap_or(0);
        Probability::per_million(u32::try_from(parts).unwrap_or(u32::MAX))
    };
    let plain = LinkConfig::default();
    LinkConfig {
        latency: latency(table).unwrap_or(plain.latency),
        loss: share("loss"),
        duplicate: share("duplicate"),
        reorder: share("reorder"),
        bandwidth: table.quantity("bandwidth").map(|bits| Bandwidth {
            octets_per_second: bits / 8,
            // A quarter of a second at full rate, as routers are built.
            queue: (bits / 32).max(3_000),
        }),
        ..plain
    }
}

fn latency(table: &Table) -> Option<Latency> {
    let fixed = table.duration("latency");
    let Some(jitter) = table.duration("jitter") else {
        return fixed.map(Latency::Fixed);
    };
    let min = fixed.unwrap_or(Duration::from_millis(1));
    Some(match table.text("distribution") {
        Some("normal") => Latency::Normal {
            mean: min,
            deviation: jitter,
        },
        Some("pareto") => Latency::Pareto {
            min,
            shape: 1.5,
            max: min + jitter,
        },
        _ => Latency::Uniform {
            min,
            max: min + jitter,
        },
    })
}

fn middlebox(table: &Table) -> MiddleboxSpec {
    let side = |index: usize, key| -> Vec<String> {
        let one = table.texts("between").get(index);
        one.into_iter().chain(table.texts(key)).cloned().collect()
    };
    let idle = table.duration("idle_timeout").map(|timeout| Idle {
        timeout,
        on_expiry: match table.text("on_expiry") {
            Some("reset") => OnExpiry::Reset,
            _ => OnExpiry::Silent,
        },
    });
    let table_size = table.quantity("table_size");
    MiddleboxSpec {
        name: table.text("name").unwrap_or_default().to_owned(),
        first: side(0, "first"),
        second: side(1, "second"),
        idle,
        pickup: match table.text("pickup") {
            Some("strict") => Pickup::Strict,
            Some("loose") => Pickup::Loose,
            _ => Pickup::ByRules,
        },
        table_size: table_size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)),
        nat: table.table("nat").map(nat),
    }
}

fn nat(table: &Table) -> NatSpec {
    let plain = NatConfig::new(Vec::new());
    let forwards = table.tables("forward").iter();
    let forwards = forwards.map(|forward| {
        let port = forward.port("port").unwrap_or_default();
        ForwardSpec {
            port,
            to: forward.text("to").unwrap_or_default().to_owned(),
            to_port: forward.port("to_port").unwrap_or(port),
        }
    });
    let timeout = |key, default| table.duration(key).unwrap_or(default);
    NatSpec {
        ports: table.ports("ports").unwrap_or(plain.ports),
        forwards: forwards.collect(),
        established_timeout: timeout("established_timeout", plain.established_timeout),
        transitory_timeout: timeout("transitory_timeout", plain.transitory_timeout),
        unsolicited: match table.text("unsolicited") {
            Some("port-unreachable") => Unsolicited::PortUnreachable,
            _ => Unsolicited::Silent,
        },
    }
}

fn place(table: &Table) -> Place {
    match (table.text("host"), table.text("middlebox")) {
        (Some(host), _) => Place::Host(host.to_owned()),
        (None, middlebox) => Place::Middlebox(middlebox.unwrap_or_default().to_owned()),
    }
}

fn rule(plan: &Plan, table: &Table) -> Rule {
    let prefix = |key| {
        let address = table.text(key).and_then(|host| plan.address(host));
        address.map_or(Prefix::ANY, Prefix::from)
    };
    let mut rule = Rule::new(table.text("name").unwrap_or_default(), verdict(table));
    rule.direction = match table.text("direction") {
        Some("in") => Some(Direction::In),
        Some("out") => Some(Direction::Out),
        _ => None,
    };
    rule.source = prefix("from");
    rule.destination = prefix("to");
    if let Some(ports) = table.ports("source_port") {
        rule.source_ports = ports;
    }
    if let Some(ports) = table.ports("port") {
        rule.destination_ports = ports;
    }
    rule.state = match table.text("state") {
        Some("new") => Some(FlowState::New),
        Some("established") => Some(FlowState::Established),
        Some("untracked") => Some(FlowState::Untracked),
        _ => None,
    };
    rule
}

fn verdict(table: &Table) -> Verdict {
    let by = table.duration("by").unwrap_or(Duration::from_secs(1));
    match table.text("verdict").unwrap_or_default() {
        "accept" => Verdict::Accept,
        "reset" => Verdict::Reset,
        "port-unreachable" => Verdict::Unreachable(Unreachable::Port),
        "host-unreachable" => Verdict::Unreachable(Unreachable::Host),
        "net-unreachable" => Verdict::Unreachable(Unreachable::Net),
        "admin-prohibited" => Verdict::Unreachable(Unreachable::AdminProhibited),
        "delay" => Verdict::Delay(by),
        "reorder" => Verdict::Reorder(by),
        "cut" => Verdict::Cut {
            after: u32::try_from(table.quantity("octet").unwrap_or(0)).unwrap_or(u32::MAX),
            then: match table.text("then") {
                Some("reset") => CutEnd::Reset,
                _ => CutEnd::Drop,
            },
        },
        "blackhole" => Verdict::Blackhole,
        _ => Verdict::Drop,
    }
}

/// The steps of one `[[at]]`; a link is two paths.
fn steps(plan: &Plan, table: &Table) -> Vec<Step> {
    let trigger = match (table.duration("time"), table.table("after")) {
        (_, Some(event)) => Trigger::After {
            pattern: event_pattern(plan, event),
            delay: table.duration("delay").unwrap_or_default(),
        },
        (time, None) => Trigger::At(time.unwrap_or_default()),
    };
    actions(plan, table)
        .into_iter()
        .map(|action| Step {
            trigger: trigger.clone(),
            action,
            name: table.text("name").map(str::to_owned),
        })
        .collect()
}

fn actions(plan: &Plan, table: &Table) -> Vec<Action> {
    let network = |change| vec![Action::Network(change)];
    let text = |key| table.text(key).map(str::to_owned);
    if let Some(change) = table.table("firewall") {
        return network(firewall_change(plan, change));
    }
    if let Some(change) = parting(table) {
        return network(change);
    }
    if let Some(link) = table.table("link") {
        let paths = both_ways(link).map(|path| Action::Network(NetworkChange::Path(path)));
        return paths.into();
    }
    if let Some(one) = table.table("path") {
        return network(NetworkChange::Path(path(one, "from", "to")));
    }
    if let Some(moved) = table.table("resolve") {
        return network(NetworkChange::Name {
            name: moved.text("name").unwrap_or_default().to_owned(),
            to: moved.text("to").unwrap_or_default().to_owned(),
        });
    }
    if let Some(clock) = table.table("clock") {
        let host = clock.text("host").unwrap_or_default();
        let offset = clock.offset("offset").map(SignedDuration::from_nanos);
        let changes = [
            offset.map(HostChange::Clock),
            clock.drift("drift").map(HostChange::Drift),
        ];
        let changes = changes.into_iter().flatten();
        return changes
            .map(|change| Action::Host(change, host.to_owned()))
            .collect();
    }
    if let Some(kill) = table.table("kill") {
        return network(killing(plan, kill));
    }
    if let Some(middlebox) = text("reboot") {
        return network(NetworkChange::Reboot { middlebox });
    }
    let changes = [
        ("crash", HostChange::Crash),
        ("restart", HostChange::Restart),
        ("pause", HostChange::Pause),
        ("resume", HostChange::Resume),
        ("stall", HostChange::Stall),
        ("unstall", HostChange::Unstall),
    ];
    for (key, change) in changes {
        if let Some(host) = text(key) {
            return vec![Action::Host(change, host)];
        }
    }
    let contributed = plan.protocol.keys().at;
    let own = contributed.iter().find(|key| table.has(key.name));
    own.map(|key| {
        plan.protocol
            .action(plan, key.name, table.table(key.name).unwrap_or(table))
    })
    .into_iter()
    .collect()
}

/// What parts hosts, or brings them together again.
fn parting(table: &Table) -> Option<NetworkChange> {
    let name = |table: &Table| table.text("name").unwrap_or_default().to_owned();
    let text = |key| table.text(key).map(str::to_owned);
    if let Some(cut) = table.table("partition") {
        return Some(NetworkChange::Partition {
            name: name(cut),
            from: cut.texts("from").to_vec(),
            to: cut.texts("to").to_vec(),
            one_way: cut.flag("one_way"),
        });
    }
    if let Some(hold) = table.table("hold") {
        return Some(NetworkChange::Hold {
            name: name(hold),
            from: hold.texts("from").to_vec(),
            to: hold.texts("to").to_vec(),
        });
    }
    let heal = text("heal").map(|name| NetworkChange::Heal { name });
    heal.or_else(|| text("release").map(|name| NetworkChange::Release { name }))
}

fn killing(plan: &Plan, table: &Table) -> NetworkChange {
    let mut selector = FlowSelector::ALL;
    let prefix = |key| table.text(key).and_then(|host| plan.address(host));
    if let Some(opener) = prefix("from") {
        selector.opener = opener.into();
    }
    if let Some(acceptor) = prefix("to") {
        selector.acceptor = acceptor.into();
    }
    if let Some(ports) = table.ports("port") {
        selector.ports = ports;
    }
    NetworkChange::Kill {
        middlebox: table.text("middlebox").unwrap_or_default().to_owned(),
        selector,
        how: if table.flag("reset") {
            OnExpiry::Reset
        } else {
            OnExpiry::Silent
        },
    }
}

fn firewall_change(plan: &Plan, change: &Table) -> NetworkChange {
    let place = place(change);
    match (change.table("add"), change.text("remove")) {
        (Some(added), _) => NetworkChange::AddRule {
            place,
            rule: rule(plan, added),
            // A fault takes effect whatever the rules that are there say.
            rank: Rank::First,
        },
        (None, name) => NetworkChange::RemoveRule {
            place,
            name: name.unwrap_or_default().to_owned(),
        },
    }
}
