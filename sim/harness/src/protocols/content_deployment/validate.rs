//! What the key tables cannot express.

use std::collections::BTreeMap;

use portcullis_web_service::deploying::Schedule;
use portcullis_web_service::message::FileName;

use super::{CALLER, DATABASE, DEPLOYING_FARM, IMPORT_FARM};
use crate::scenario::{Problems, Scenario, Table};

/// Keys of a step's table that name a host, and the role that it must have.
const ACTORS: &[(&str, &[(&str, &str)])] = &[
    ("deploy", &[("from", DEPLOYING_FARM), ("to", IMPORT_FARM)]),
    ("drive", &[("from", DEPLOYING_FARM), ("to", IMPORT_FARM)]),
    ("run_again", &[("from", DEPLOYING_FARM)]),
    ("cancel", &[("from", DEPLOYING_FARM)]),
    ("disable_path", &[("from", DEPLOYING_FARM)]),
    ("enable_path", &[("from", DEPLOYING_FARM)]),
    ("schedule", &[("from", DEPLOYING_FARM)]),
    ("delete_job", &[("from", DEPLOYING_FARM)]),
    ("view", &[("from", DEPLOYING_FARM)]),
    ("offers", &[("from", DEPLOYING_FARM), ("to", IMPORT_FARM)]),
    ("call", &[("from", DEPLOYING_FARM), ("to", IMPORT_FARM)]),
    ("upload", &[("from", DEPLOYING_FARM), ("to", IMPORT_FARM)]),
    ("say", &[("from", CALLER), ("to", IMPORT_FARM)]),
    ("configure", &[("host", IMPORT_FARM)]),
];

/// Steps that make a job, and steps that are about one.
const MAKERS: &[&str] = &["deploy", "drive", "call"];
const USERS: &[&str] = &[
    "upload",
    "call",
    "run_again",
    "cancel",
    "disable_path",
    "enable_path",
    "schedule",
    "delete_job",
    "view",
];

/// Reports what cannot be played: hosts in roles that they do not have, jobs that nobody made.
pub(super) fn validate(scenario: &Scenario, problems: &mut Problems) {
    let roles = Roles(scenario);
    for (_, host) in &scenario.hosts {
        roles.check(host, "databases", DATABASE, problems);
        roles.check(host, "import_server", IMPORT_FARM, problems);
    }
    let mut makers = BTreeMap::new();
    for step in &scenario.steps {
        for key in ["stop", "start"] {
            roles.check_any(step, key, &[IMPORT_FARM, DEPLOYING_FARM], problems);
        }
        for (action, keys) in ACTORS {
            let Some(table) = step.table(action) else {
                continue;
            };
            for (key, role) in *keys {
                roles.check(table, key, role, problems);
            }
        }
        if let Some(upload) = step.table("upload") {
            file(upload, problems);
        }
        for table in ["deploy", "schedule"]
            .iter()
            .filter_map(|key| step.table(key))
        {
            schedule(table, problems);
        }
        for table in MAKERS.iter().filter_map(|key| step.table(key)) {
            if let (Some(name), Some(from)) = (table.text("as"), table.text("from")) {
                makers.insert(name, from);
            }
        }
    }
    for step in &scenario.steps {
        if let Some(call) = step.table("call") {
            operation(call, problems);
        }
        for table in USERS.iter().filter_map(|key| step.table(key)) {
            job(table, &makers, problems);
        }
    }
    expectations(scenario, problems);
    let deployments = scenario.expects.iter();
    for expect in deployments.filter(|expect| expect.has("deployment") && !expect.has("reaches")) {
        let span = expect.span_of("deployment");
        problems.report(
            span,
            "what of the deployment?",
            "expects what?",
            "add `reaches`",
        );
    }
}

/// Hosts by their roles.
struct Roles<'s>(&'s Scenario);

impl Roles<'_> {
    fn check(&self, table: &Table, key: &str, wanted: &str, problems: &mut Problems) {
        self.check_any(table, key, &[wanted], problems);
    }

    fn check_any(&self, table: &Table, key: &str, wanted: &[&str], problems: &mut Problems) {
        let Some(name) = table.text(key) else {
            return;
        };
        let host = self.0.hosts.iter().find(|(host, _)| host == name);
        let role = host.and_then(|(_, keys)| keys.text("role"));
        if let Some(other) = role.filter(|role| !wanted.contains(role)) {
            let message = format!("`{name}` has the role `{other}`");
            let wanted = wanted.join("` or `");
            let help = format!("this takes a host of the role `{wanted}`");
            problems.report(table.span_of(key), message, "the wrong role", &help);
        }
    }
}

/// Reports names that no client can send.
fn file(upload: &Table, problems: &mut Problems) {
    let name = upload.text("file").unwrap_or_default();
    if let Err(problem) = FileName::new(name) {
        let message = format!("`{name}` cannot be the name of a file: {problem}");
        let help = "what no client writes is said with `say`";
        problems.report(upload.span_of("file"), message, "no file name", help);
    }
}

/// Reports schedules that no farm takes.
fn schedule(table: &Table, problems: &mut Problems) {
    if table
        .duration("every")
        .is_some_and(|every| every < Schedule::EVERY_MIN)
    {
        let help = "a schedule is at least a second long";
        let span = table.span_of("every");
        problems.report(span, "no job can run that often", "too short", help);
    }
}

/// Reports calls that lack what they are about, and jobs that are called twice.
fn operation(call: &Table, problems: &mut Problems) {
    let name = call.text("operation").unwrap_or_default();
    let is_about_a_job = matches!(name, "RunJob" | "GetJobStatus" | "CancelJob" | "DeleteJob");
    let (needed, unwanted) = match name {
        "CreateJob" => (Some("as"), "job"),
        _ if is_about_a_job => (Some("job"), "as"),
        _ => (None, "as"),
    };
    if let Some(key) = needed.filter(|key| !call.has(key)) {
        let message = format!("{name} needs `{key}`");
        problems.report(call.span.clone(), message, "of which job?", "");
    }
    if call.has(unwanted) {
        let message = format!("{name} takes no `{unwanted}`");
        problems.report(call.span_of(unwanted), message, "not here", "");
    }
}

/// Reports jobs that another host has created: only who has the answer knows the job's guid.
fn job(table: &Table, makers: &BTreeMap<&str, &str>, problems: &mut Problems) {
    let (Some(name), Some(from)) = (table.text("job"), table.text("from")) else {
        return;
    };
    if let Some(maker) = makers.get(name).filter(|maker| **maker != from) {
        let message = format!("`{name}` is created from {maker}, so {from} does not know it");
        problems.report(table.span_of("job"), message, "unknown here", "");
    }
}

/// Reports expectations of a job that expect nothing, or two things.
fn expectations(scenario: &Scenario, problems: &mut Problems) {
    for expect in scenario.expects.iter().filter(|expect| expect.has("job")) {
        if expect.has("becomes") == expect.has("status") {
            let help = "one of `becomes` and `status`";
            problems.report(
                expect.span_of("job"),
                "what of the job?",
                "expects what?",
                help,
            );
        }
    }
}
