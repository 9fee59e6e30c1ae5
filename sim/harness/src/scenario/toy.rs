//! A protocol for the tests of the core: hosts of the role `talker`, which `say` words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_reports::Entry;

use super::{
    Clauses, Key, Kind, Known, OpenWork, Plan, Problems, Protocol, ProtocolKeys, Scenario,
    ScenarioError, Table,
};
use crate::check::{Expectation, Invariant, Outcome};
use crate::engine::{Action, Aliases, Boot, DecoderChoice};

/// The clause list of the toy protocol.
pub(crate) const CLAUSES: &str = r#"
    [[clause]]
    id = "TOY-1"
    level = "must"
    binds = "talker"
    evidence = "DD"
    topic = "talk"
    text = "A talker MUST say what it was told to say."

    [[clause]]
    id = "TOY-2"
    level = "should"
    binds = "talker"
    evidence = "DD"
    topic = "talk"
    text = "A talker SHOULD be brief."

    [[clause]]
    id = "TOY-3"
    level = "may"
    binds = "talker"
    evidence = "DD"
    topic = "talk"
    text = "A talker MAY be polite."
"#;

/// A scenario without faults; tests append to it.
pub(crate) const PLAIN: &str = r#"title = "What is told is said"
clauses = ["TOY-1"]

[hosts.ann]
role = "talker"

[hosts.bob]
role = "talker"
profile = "linux-6.5+"

[[link]]
from = "ann"
to = "bob"
latency = "1ms..40ms"
port = 7000

[[at]]
time = "1s"
say = { from = "ann", as = "w1", word = "hello" }

[[expect]]
said = "w1"
within = "30m"
"#;

pub(crate) struct Toy;

/// Loads `text` as the scenario `toy/test`.
pub(crate) fn load(text: &str) -> Result<Scenario, ScenarioError> {
    load_as("toy/test", text)
}

/// Loads `text` under a name of its own.
pub(crate) fn load_as(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let known = Known {
        protocols: &[&Toy],
        clauses: &|name| {
            assert_eq!(name, "toy");
            Arc::new(Clauses::parse("toy", CLAUSES).expect("the list is well-formed"))
        },
    };
    Scenario::load(name, "test.toml", text, known)
}

/// The plan of [`PLAIN`] and what is appended to it.
pub(crate) fn plan(more: &str) -> Plan {
    let scenario = load(&format!("{PLAIN}\n{more}")).expect("a valid scenario");
    Plan::new(&scenario, 1)
}

impl Protocol for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn roles(&self) -> &'static [&'static str] {
        &["talker"]
    }

    fn keys(&self) -> ProtocolKeys {
        const SAY: &[Key] = &[
            Key::new("from", Kind::Refers("host"), "Who says it.").required(),
            Key::new("as", Kind::Declares("word"), "Its name.").required(),
            Key::new("word", Kind::Text, "What is said.").required(),
        ];
        const KEYS: ProtocolKeys = ProtocolKeys {
            host: &[],
            link: &[Key::new("port", Kind::Port, "Where it is said.").required()],
            at: &[Key::new("say", Kind::Table(SAY), "Says a word.").one_of("action")],
            faults: &[],
            expect: &[Key::new("said", Kind::Refers("word"), "A word.").one_of("form")],
            bites: &[],
            pattern: &[Key::new("word", Kind::Texts, "The word.")],
            outages: &[],
            words: &[
                ("message", &["hello"]),
                ("state", &["open", "shut"]),
                ("machine", &["door"]),
                (
                    "effect",
                    &[
                        "a", "b", "begin", "finish", "heard", "never", "noticed", "said",
                    ],
                ),
            ],
        };
        KEYS
    }

    fn validate(&self, _scenario: &Scenario, _problems: &mut Problems) {}

    fn boot(&self, _plan: &Plan, _host: &str) -> Boot {
        Arc::new(|_node| Box::pin(std::future::ready(())))
    }

    fn action(&self, _plan: &Plan, _key: &str, _table: &Table) -> Action {
        unreachable!("the tests of the core run no engine")
    }

    fn decoder(&self, _plan: &Plan) -> DecoderChoice {
        Arc::new(|_flow| None)
    }

    fn expectation(&self, _plan: &Plan, table: &Table) -> Box<dyn Expectation> {
        Box::new(Said {
            word: table.text("said").expect("the only form").to_owned(),
            heard: None,
        })
    }

    fn bite(&self, _plan: &Plan, _table: &Table) -> Box<dyn Expectation> {
        unreachable!("the protocol has no bite of its own")
    }

    fn invariants(&self) -> &'static [Invariant] {
        &[Invariant {
            name: "brief",
            clauses: &["TOY-2"],
            expected: "at most nine entries",
        }]
    }

    fn outcomes(&self, _plan: &Plan, history: &[Entry]) -> Vec<Outcome> {
        vec![if history.len() > 9 {
            Outcome::broken(format!("{} entries", history.len()), [9])
        } else {
            Outcome::Holds
        }]
    }

    fn open_work(&self, _plan: &Plan) -> Box<dyn OpenWork> {
        Box::new(Unfinished::default())
    }
}

/// The event with the effect `said` and the field `word`.
struct Said {
    word: String,
    heard: Option<usize>,
}

impl Expectation for Said {
    fn expected(&self) -> String {
        format!("{} is said", self.word)
    }

    fn observe(&mut self, index: usize, entry: &Entry, aliases: &Aliases) {
        let said = crate::engine::EventPattern::new(crate::engine::EventKind::Effect)
            .with("name", "said")
            .with("word", &self.word);
        if said.matches_with(entry, aliases) {
            self.heard = Some(index);
        }
    }

    fn holds_open(&self, now: Duration) -> bool {
        self.heard.is_none() && now <= Duration::from_secs(30 * 60)
    }

    fn conclude(&self, _end: Duration) -> Outcome {
        match self.heard {
            Some(_) => Outcome::Holds,
            None => Outcome::broken("silence", []),
        }
    }
}

/// Open between the effects `begin` and `finish` of the same host.
#[derive(Default)]
struct Unfinished {
    open: BTreeMap<String, u32>,
}

impl OpenWork for Unfinished {
    fn observe(&mut self, entry: &Entry) {
        let portcullis_reports::Event::Effect { name, .. } = &entry.event else {
            return;
        };
        let count = self.open.entry(entry.host.to_string()).or_default();
        match name.as_ref() {
            "begin" => *count += 1,
            "finish" => *count -= 1,
            _ => {}
        }
    }

    fn is_open(&self, _now: Duration) -> bool {
        self.open.values().any(|count| *count > 0)
    }
}
