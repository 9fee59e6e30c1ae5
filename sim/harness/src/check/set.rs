//! All expectations of a plan: they follow a run, tell when it may end, and are concluded after it.

use std::time::Duration;

use portcullis_reports::{Entry, Event};

use super::chaos::AnyChaos;
use super::counted::{Counted, Window};
use super::expectation::{Expectation, Outcome};
use super::ordered::Ordered;
use super::pattern::{event_in_words, event_pattern, in_words, pattern};
use crate::engine::{Aliases, EventKind, EventPattern};
use crate::scenario::{Count, OpenWork, Plan, Table};

/// The name of the action with which the harness records at the end of a run how many packets each
/// fault hit; its fields are the kind and name of the fault, and `packets`.
pub const HITS: &str = "fault-hits";

/// The name of the action with which the harness records at the end of a run a step that had no
/// effect or never came and that the scenario does not call optional; its fields are `on-line`,
/// where the step stands in the file, and `why`.
pub const MISSED: &str = "step-missed";

/// Everything in a plan that follows the history entry by entry.
pub struct Checks {
    judges: Vec<Judge>,
    open_work: Box<dyn OpenWork>,
    aliases: Aliases,
    /// How many entries have been taken in.
    cursor: usize,
    now: Duration,
    needs_packets: bool,
}

/// One `[[expect]]` or `[[bites]]` with the judge that follows it.
struct Judge {
    part: Part,
    expectation: Box<dyn Expectation>,
}

/// Which part of the scenario file a judge belongs to, with its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Expect(usize),
    Bite(usize),
}

/// How an expectation or a bite came out.
pub(super) struct Concluded {
    pub(super) part: Part,
    pub(super) expected: String,
    pub(super) outcome: Outcome,
}

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checks")
            .field("judges", &self.judges.len())
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

impl Checks {
    /// The judges of `plan`, before any entry.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let expects = plan.expects.iter().enumerate().map(|(index, table)| Judge {
            part: Part::Expect(index),
            expectation: expectation(plan, table),
        });
        let bites = plan.bites.iter().enumerate().map(|(index, table)| Judge {
            part: Part::Bite(index),
            expectation: bite(plan, table),
        });
        Self {
            judges: expects.chain(bites).collect(),
            open_work: plan.protocol.open_work(plan),
            aliases: Aliases::default(),
            cursor: 0,
            now: Duration::ZERO,
            needs_packets: needs_packets(plan),
        }
    }

    /// Takes in what `history` holds beyond the last call, and says whether everything is decided
    /// and no work is open, so that the run may end.
    ///
    /// Packets alone never end a run, unless the plan asks for packets: a run that records them
    /// ends at the same event as one that does not.
    pub fn follow(&mut self, history: &[Entry]) -> bool {
        let mut news = false;
        for (index, entry) in history.iter().enumerate().skip(self.cursor) {
            news |= self.needs_packets || !matches!(entry.event, Event::Packet(_));
            self.observe(index, entry);
        }
        self.cursor = history.len();
        news && self.is_decided()
    }

    fn observe(&mut self, index: usize, entry: &Entry) {
        if !matches!(entry.event, Event::Packet(_)) {
            self.now = entry.at;
        }
        if matches!(entry.event, Event::Action { .. }) {
            self.aliases.note(&entry.event);
        }
        self.open_work.observe(entry);
        for judge in &mut self.judges {
            judge.expectation.observe(index, entry, &self.aliases);
        }
    }

    fn is_decided(&self) -> bool {
        let waiting = |judge: &Judge| {
            matches!(judge.part, Part::Expect(_)) && judge.expectation.holds_open(self.now)
        };
        !self.judges.iter().any(waiting) && !self.open_work.is_open(self.now)
    }

    pub(super) fn conclude(&self, end: Duration) -> impl Iterator<Item = Concluded> {
        self.judges.iter().map(move |judge| Concluded {
            part: judge.part,
            expected: judge.expectation.expected(),
            outcome: judge.expectation.conclude(end),
        })
    }
}

/// Whether `plan` looks at packets, so that the run has to keep them.
#[must_use]
pub fn needs_packets(plan: &Plan) -> bool {
    let tables = plan.expects.iter().chain(&plan.bites).chain(&plan.steps);
    tables.into_iter().any(|table| {
        let events = ["event", "after"].iter().filter_map(|key| table.table(key));
        let mut events = events.chain(table.tables("order"));
        events.any(|event| event.has(EventKind::Packet.name()))
    })
}

fn expectation(plan: &Plan, table: &Table) -> Box<dyn Expectation> {
    let after = table.table("after");
    let window = || {
        Window::new(
            after.map(|event| event_pattern(plan, event)),
            after.map(event_in_words).unwrap_or_default(),
            table.duration("within"),
        )
    };
    if let Some(counted) = counted(plan, table) {
        let (mut pattern, mut words) = counted;
        if let Some(host) = table.text("at") {
            pattern = pattern.with("host", host);
            words = format!("{words} at {host}");
        }
        let count = if table.flag("never") {
            Count {
                min: 0,
                max: Some(0),
            }
        } else {
            table.count("count").unwrap_or(Count::SOME)
        };
        return Box::new(Counted::new(pattern, count, window(), words));
    }
    match table.tables("order") {
        [] => plan.protocol.expectation(plan, table),
        events => Box::new(Ordered::new(ordered(plan, events), window())),
    }
}

/// The pattern of a form that counts, in words too.
fn counted(plan: &Plan, table: &Table) -> Option<(EventPattern, String)> {
    if let Some(event) = table.table("event") {
        return Some((event_pattern(plan, event), event_in_words(event)));
    }
    [EventKind::Connection, EventKind::Message]
        .into_iter()
        .find_map(|kind| {
            let event = table.table(kind.name())?;
            Some((pattern(plan, kind, event), in_words(kind, event)))
        })
}

fn ordered(plan: &Plan, events: &[Table]) -> Vec<(EventPattern, String)> {
    events
        .iter()
        .map(|event| (event_pattern(plan, event), event_in_words(event)))
        .collect()
}

fn bite(plan: &Plan, table: &Table) -> Box<dyn Expectation> {
    for kind in ["rule", "partition", "hold", "middlebox"] {
        if let Some(name) = table.text(kind) {
            return Box::new(Hit {
                kind,
                name: name.to_owned(),
                wanted: table.count("packets").unwrap_or(Count::SOME),
                packets: 0,
            });
        }
    }
    if table.has("chaos") {
        return Box::new(AnyChaos::default());
    }
    if let Some(event) = table.table("event") {
        let count = table.count("count").unwrap_or(Count::SOME);
        let words = event_in_words(event);
        let pattern = event_pattern(plan, event);
        let window = Window::new(None, String::new(), None);
        return Box::new(Counted::new(pattern, count, window, words));
    }
    match table.tables("order") {
        [] => plan.protocol.bite(plan, table),
        events => {
            let window = Window::new(None, String::new(), None);
            Box::new(Ordered::new(ordered(plan, events), window))
        }
    }
}

/// So many packets met a rule, a partition or a middlebox, as recorded at the end of the run.
struct Hit {
    kind: &'static str,
    name: String,
    wanted: Count,
    packets: u64,
}

impl Expectation for Hit {
    fn expected(&self) -> String {
        format!(
            "the {} {} hits {} packets",
            self.kind, self.name, self.wanted
        )
    }

    fn observe(&mut self, _index: usize, entry: &Entry, _aliases: &Aliases) {
        if let Event::Action { name, fields } = &entry.event
            && name == HITS
            && fields.get(self.kind) == Some(&self.name)
        {
            let packets = fields.get("packets").and_then(|n| n.parse::<u64>().ok());
            self.packets += packets.unwrap_or(0);
        }
    }

    fn holds_open(&self, _now: Duration) -> bool {
        false
    }

    fn conclude(&self, _end: Duration) -> Outcome {
        if self.wanted.admits(self.packets) {
            Outcome::Holds
        } else {
            Outcome::broken(format!("it hit {}", self.packets), Vec::new())
        }
    }
}
