//! Where rogue farms play: small scenarios, and the names of the checks that a run breaks.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_harness::engine::PacketDetail;
use portcullis_harness::protocols::content_deployment::ContentDeployment;
use portcullis_harness::protocols::content_deployment::rogue::Rogue;
use portcullis_harness::run::{Engine, attempt};
use portcullis_harness::scenario::{Clauses, Known, Plan, Protocol, Scenario};
use portcullis_reports::Verdict;

/// What goes on around the saboteur.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scene {
    /// One deployment; afterwards its job and its logs are asked for.
    Plain,
    /// Two jobs; one is polled before it is run and after it has ended.
    Waiting,
    /// A job is cancelled, run, and polled.
    Cancelled,
    /// A cancel comes during the decompression.
    LateCancel,
    /// An upload is cut in the middle.
    CutUpload,
    /// The farm is set to take no jobs.
    SwitchedOff,
    /// A caller has no credentials.
    NoCredentials,
    /// A source deploys; the import takes a while.
    Deploying,
    /// The same, and the import outlasts the timeout.
    DeployingSlowly,
    /// The same, and the import fails.
    DeployingInVain,
    /// A source deploys to a farm of two servers.
    DeployingToFarms,
}

impl Scene {
    pub(super) const ALL: [Self; 11] = [
        Self::Plain,
        Self::Waiting,
        Self::Cancelled,
        Self::LateCancel,
        Self::CutUpload,
        Self::SwitchedOff,
        Self::NoCredentials,
        Self::Deploying,
        Self::DeployingSlowly,
        Self::DeployingInVain,
        Self::DeployingToFarms,
    ];

    /// The host that the saboteur plays.
    fn saboteur(self) -> &'static str {
        match self {
            Self::Deploying
            | Self::DeployingSlowly
            | Self::DeployingInVain
            | Self::DeployingToFarms => "source",
            Self::Plain
            | Self::Waiting
            | Self::Cancelled
            | Self::LateCancel
            | Self::CutUpload
            | Self::SwitchedOff
            | Self::NoCredentials => "target",
        }
    }

    fn text(self) -> String {
        let (keys, link) = match self {
            Self::SwitchedOff => ("accept_incoming_jobs = false\n", ""),
            Self::NoCredentials => ("account = \"deployer\"\n", NO_CREDENTIALS),
            Self::DeployingToFarms => (SECOND_SERVER, ""),
            Self::Plain
            | Self::Waiting
            | Self::Cancelled
            | Self::LateCancel
            | Self::CutUpload
            | Self::Deploying
            | Self::DeployingSlowly
            | Self::DeployingInVain => ("", ""),
        };
        let deploy = deploy("1s", "d1", "");
        let create = call("1s", "CreateJob", ", as = \"d1\"");
        let about = |time: &str, operation: &str| call(time, operation, ", job = \"d1\"");
        let steps = match self {
            Self::Plain => {
                let late = call("3m", "DeleteImportLogs", "");
                [deploy, about("2m", "GetJobStatus"), late].concat()
            }
            Self::Waiting => {
                let second = call("9s", "CreateJob", ", as = \"d2\"");
                let first = [
                    create,
                    about("3s", "GetJobStatus"),
                    about("5s", "GetJobStatus"),
                ];
                let last = ["30s", "2m", "3m"].map(|time| about(time, "GetJobStatus"));
                let run = [upload("7s", ""), second, about("10s", "RunJob")];
                [first.concat(), run.concat(), last.concat()].concat()
            }
            Self::Cancelled => {
                let cancel = [about("10s", "CancelJob"), about("20s", "RunJob")];
                let polls = ["12s", "1m", "2m"].map(|time| about(time, "GetJobStatus"));
                [create, upload("5s", ""), cancel.concat(), polls.concat()].concat()
            }
            Self::LateCancel => [deploy, about("20s", "CancelJob")].concat(),
            Self::CutUpload => [create, upload("5s", ", stop_after = \"1 KiB\"")].concat(),
            Self::SwitchedOff => [deploy, call("1m", "CreateJob", ", as = \"d2\"")].concat(),
            Self::NoCredentials => [deploy, call("1m", "CreateJob", ", as = \"d2\"")].concat(),
            Self::Deploying | Self::DeployingToFarms => {
                self::deploy("1s", "d1", ", decompress = \"1m\"")
            }
            Self::DeployingSlowly => {
                let slow = ", decompress = \"20m\", timeout = \"2m\"";
                self::deploy("1s", "d1", slow)
            }
            Self::DeployingInVain => self::deploy("1s", "d1", ", outcome = \"fails-in-place\""),
        };
        format!("{HEAD}{keys}{link}{steps}{TAIL}")
    }
}

fn step(time: &str, step: &str) -> String {
    format!("[[at]]\ntime = \"{time}\"\n{step}\n")
}

fn deploy(time: &str, job: &str, more: &str) -> String {
    let deploy = format!(
        "deploy = {{ from = \"source\", to = \"target\", as = \"{job}\", size = \"8 KiB\"{more} }}"
    );
    step(time, &deploy)
}

fn call(time: &str, operation: &str, more: &str) -> String {
    let call = format!(
        "call = {{ from = \"source\", to = \"target\", operation = \"{operation}\"{more} }}"
    );
    step(time, &call)
}

fn upload(time: &str, more: &str) -> String {
    let upload = format!(
        "upload = {{ from = \"source\", to = \"target\", job = \"d1\", size = \"8 KiB\"{more} }}"
    );
    step(time, &upload)
}

const HEAD: &str = r#"
title = "a saboteur is caught"
clauses = ["CD-5"]
ends = "1h"
[hosts.source]
role = "deploying-farm"
[hosts.target]
role = "import-farm"
"#;

const SECOND_SERVER: &str = r#"
databases = "sql"
import_server = "second"
[hosts.second]
role = "import-farm"
databases = "sql"
[hosts.sql]
role = "database"
"#;

const NO_CREDENTIALS: &str = r#"
[[link]]
from = "source"
to = "target"
credentials = "none"
"#;

const TAIL: &str = r#"
[[at]]
time = "5m"
call = { from = "source", to = "target", operation = "DeleteImportLogs" }
[[expect]]
event = { answers = "delete-import-logs", message = [
  "delete-import-logs-response", "fault", "unread-answer", "http-response",
] }
within = "6m"
"#;

/// The invariants that a run breaks in which `rogue` plays one of the farms.
pub(super) fn broken_by(rogue: Rogue, scene: Scene) -> BTreeSet<String> {
    let rogue = Some((scene.saboteur(), rogue));
    broken(ContentDeployment { rogue }, scene)
}

/// The invariants that a run of an honest farm breaks.
pub(super) fn broken_by_farms(scene: Scene) -> BTreeSet<String> {
    broken(ContentDeployment { rogue: None }, scene)
}

fn broken(protocol: ContentDeployment, scene: Scene) -> BTreeSet<String> {
    let run = attempt(
        &Plan::new(&load(protocol, scene.text()), 1),
        Engine::Packet,
        PacketDetail::Digest,
    );
    let invariants = protocol.invariants();
    let findings = run.judgement.findings.iter();
    findings
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

fn load(protocol: ContentDeployment, text: String) -> Scenario {
    // A plan borrows its protocol for ever, and a test process does not live long.
    let protocol: &'static dyn Protocol = Box::leak(Box::new(protocol));
    let list = include_str!("../../../../../scenarios/clauses/content-deployment.toml");
    let clauses = Arc::new(Clauses::parse(protocol.name(), list).expect("the clause list loads"));
    let known = Known {
        protocols: &[protocol],
        clauses: &|_| Arc::clone(&clauses),
    };
    let name = "content-deployment/teeth";
    Scenario::load(name, name, text, known).expect("the scene loads")
}
