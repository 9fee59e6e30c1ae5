//! Where saboteurs play: small scenarios, and the names of the checks that a run breaks.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_harness::check::Judgement;
use portcullis_harness::engine::PacketDetail;
use portcullis_harness::protocols::environment_transfer::EnvironmentTransfer;
use portcullis_harness::protocols::environment_transfer::rogue::Rogue;
use portcullis_harness::run::{Engine, attempt};
use portcullis_harness::scenario::{Clauses, Ink, Known, Plan, Protocol, Scenario, ScenarioError};
use portcullis_reports::Verdict;

/// What goes on around the saboteur.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scene {
    /// One task of five seconds.
    Plain,
    /// One task of an hour.
    LongWork,
    /// Two tasks, one after the other.
    TwoTasks,
    /// Two tasks, the second of which depends on the first.
    Dependent,
    /// The remote port is closed for a while.
    ClosedPort,
    /// The acceptance does not arrive.
    LostAcceptance,
    /// The acknowledgement of the completion does not arrive.
    LostAcknowledgement,
    /// The way back is tried before the task.
    Preflight,
    /// One transfer.
    Transfer,
    /// One task, and a stranger that forges, repeats, half-closes and says two things at once.
    Stranger,
}

impl Scene {
    pub(crate) const ALL: [Self; 10] = [
        Self::Plain,
        Self::LongWork,
        Self::TwoTasks,
        Self::Dependent,
        Self::ClosedPort,
        Self::LostAcceptance,
        Self::LostAcknowledgement,
        Self::Preflight,
        Self::Transfer,
        Self::Stranger,
    ];

    /// Whether a rogue written by hand can play a part in it: none of them carries files.
    pub(crate) fn is_for_rogues(self) -> bool {
        !matches!(self, Self::Transfer)
    }

    fn text(self) -> String {
        let submit = |name: &str, work: &str, more: &str| {
            format!(
                "[[at]]\ntime = \"1s\"\nsubmit = {{ from = \"dev\", task = \"deploy\", \
                 as = \"{name}\", work = \"{work}\"{more} }}\n"
            )
        };
        let lost = |message: &str, from: &str, to: &str| {
            format!(
                "[[at]]\nafter = {{ message = \"{message}\", task = \"t1\" }}\n\
                 partition = {{ name = \"cut\", from = \"{from}\", to = \"{to}\", one_way = true }}\n\
                 [[at]]\ntime = \"2m\"\nheal = \"cut\"\n[[bites]]\npartition = \"cut\"\n"
            )
        };
        let plain = submit("t1", "5s", "");
        let steps = match self {
            Self::Plain => plain,
            Self::LongWork => submit("t1", "1h", ""),
            Self::TwoTasks => plain + &submit("t2", "5s", ""),
            Self::Dependent => plain + &submit("t2", "5s", ", depends_on = \"t1\""),
            Self::ClosedPort => {
                plain
                    + "[[at]]\ntime = \"0s\"\nfirewall = { host = \"prod\", add = { \
                       name = \"closed\", verdict = \"drop\", direction = \"in\", port = 6102 } }\n\
                       [[at]]\ntime = \"3m\"\nfirewall = { host = \"prod\", remove = \"closed\" }\n\
                       [[bites]]\nrule = \"closed\"\n"
            }
            Self::LostAcceptance => plain + &lost("task", "prod", "dev"),
            Self::Preflight => {
                let step = "[[at]]\ntime = \"2s\"\npreflight = { from = \"dev\", to = \"prod\" }\n";
                plain + step
            }
            Self::LostAcknowledgement => plain + &lost("completed", "dev", "prod"),
            Self::Transfer => plain.replace("deploy", "transfer"),
            Self::Stranger => plain + STRANGER,
        };
        format!("{HEAD}{steps}{TAIL}")
    }
}

const HEAD: &str = r#"
title = "a saboteur is caught"
clauses = ["ET-88"]
ends = "4h"
[hosts.dev]
role = "environment"
[hosts.prod]
role = "environment"
[[link]]
from = "dev"
to = "prod"
remote_port = 6102
local_port = 6101
"#;

const STRANGER: &str = r#"
[hosts.mallory]
role = "stranger"
[[at]]
time = "20s"
send = { from = "mallory", to = "prod", port = 6102, as = "unsigned", message = { kind = "task", signed = "none" } }
[[at]]
time = "30s"
send = { from = "mallory", to = "prod", port = 6102, as = "old", message = { kind = "task", age = "10m" } }
[[at]]
time = "40s"
send = { from = "mallory", to = "prod", port = 6102, as = "half", message = { kind = "hello" }, then = "half-close" }
[[at]]
time = "50s"
send = { from = "mallory", to = "prod", port = 6102, as = "two", message = { kind = "hello" }, times = 2, then = "stay" }
[[at]]
time = "1m"
send = { from = "mallory", to = "prod", port = 6102, as = "port", message = { kind = "hello" } }
[[expect]]
event = { effect = "encounter" }
count = 5
[[bites]]
event = { effect = "approached" }
"#;

const TAIL: &str = r#"
[[expect]]
task = "t1"
becomes = "completed"
at = "dev"
"#;

/// The invariants that a run breaks in which `rogue` plays `host`.
pub(crate) fn broken_by(rogue: Rogue, host: &'static str, scene: Scene) -> BTreeSet<String> {
    broken(
        EnvironmentTransfer {
            rogue: Some((host, rogue)),
        },
        scene,
    )
}

/// The invariants that a run of honest agents breaks.
pub(crate) fn broken_by_agents(scene: Scene) -> BTreeSet<String> {
    broken(EnvironmentTransfer { rogue: None }, scene)
}

fn broken(protocol: EnvironmentTransfer, scene: Scene) -> BTreeSet<String> {
    let judgement = judgement(protocol, scene.text());
    let invariants = protocol.invariants();
    judgement
        .findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Pass)
        .filter(|finding| {
            let of_invariant = invariants.iter().any(|known| known.name == finding.check);
            of_invariant || finding.verdict == Verdict::Error
        })
        .map(|finding| {
            // What went wrong in the harness is no catch.
            let error = finding.verdict == Verdict::Error;
            let reason = if error { finding.seen.as_str() } else { "" };
            format!("{}{reason}", finding.check)
        })
        .collect()
}

/// What honest agents make of a scenario: `steps` and expectations between two environments.
pub(crate) fn played(steps: &str) -> Judgement {
    let head = HEAD.replace("ends = \"4h\"\n", "");
    let top = steps.strip_prefix("ends").map_or_else(String::new, |rest| {
        let line = rest.lines().next().unwrap_or_default();
        format!("ends{line}\n")
    });
    let steps = steps.strip_prefix(top.trim_end()).unwrap_or(steps);
    let protocol = EnvironmentTransfer { rogue: None };
    judgement(protocol, format!("{top}{head}{steps}"))
}

/// Why a scenario does not load.
pub(crate) fn refused(text: &str) -> String {
    let head = HEAD.replace("ends = \"4h\"\n", "");
    let protocol = EnvironmentTransfer { rogue: None };
    let error = load(protocol, format!("{head}{text}{TAIL}")).expect_err("it does not load");
    error.render(Ink::Plain)
}

fn judgement(protocol: EnvironmentTransfer, text: String) -> Judgement {
    let scenario = load(protocol, text).expect("the scene loads");
    let run = attempt(
        &Plan::new(&scenario, 1),
        Engine::Packet,
        PacketDetail::Digest,
    );
    run.judgement
}

fn load(protocol: EnvironmentTransfer, text: String) -> Result<Scenario, ScenarioError> {
    // A plan borrows its protocol for ever, and a test process does not live long.
    let protocol: &'static dyn Protocol = Box::leak(Box::new(protocol));
    let list = include_str!("../../../../scenarios/clauses/environment-transfer.toml");
    let clauses = Arc::new(Clauses::parse(protocol.name(), list).expect("the clause list loads"));
    let known = Known {
        protocols: &[protocol],
        clauses: &|_| Arc::clone(&clauses),
    };
    let name = "environment-transfer/teeth";
    Scenario::load(name, name, text, known)
}
