//! What must hold: of one process's records whenever it has died, and of everything at the end.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_store::{SqliteStore, Store};
use serde_json::Value;

use crate::journal::{self, Line};
use crate::plan::{Plan, Role, Wrong};
use crate::proxy::Said;
use crate::site::{Planned, Site, TASKS};

/// What is recorded of one task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) state: String,
    /// How it ended, as the record has it; null when it has not.
    pub(crate) outcome: Value,
}

impl Recorded {
    fn has_succeeded(&self) -> bool {
        self.outcome == "succeeded"
    }
}

/// The durable records of one role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub(crate) tasks: BTreeMap<String, Recorded>,
    /// The keys of the parts that are here.
    parts: Vec<String>,
}

/// Reads what a process has left behind. It must be dead.
pub(crate) async fn records(site: &Site, role: Role) -> Records {
    let path = site.store(role);
    if !path.exists() {
        return Records::default();
    }
    let store = SqliteStore::open(&path).expect("the store is whole and free");
    let table = match role {
        Role::Originator => "outbound-task",
        Role::Destination => "inbound-task",
    };
    let mut found = Records::default();
    for row in store.scan(table).await.expect("the store reads") {
        let value: Value = serde_json::from_str(&row.value).expect("json");
        let progress = &value["record"]["progress"];
        let outcome = match role {
            Role::Originator => {
                let settled = &progress["settled"];
                settled.get("ended").unwrap_or(settled).clone()
            }
            Role::Destination => progress["outcome"].clone(),
        };
        let task = row.key.rsplit('/').next().unwrap_or_default().to_owned();
        let state = progress["state"].as_str().unwrap_or_default().to_owned();
        found.tasks.insert(task, Recorded { state, outcome });
    }
    for row in store.scan("inbound-part").await.expect("the store reads") {
        found.parts.push(row.key);
    }
    store.close().await.expect("the store closes");
    found
}

const ORIGINATOR: &[&str] = &["prepared", "sending", "accepted", "in-doubt"];
const DESTINATION: &[&str] = &["recorded", "running", "finished-unreported"];

/// How far a state is; the final ones are furthest.
fn rank(role: Role, state: &str) -> usize {
    let states = match role {
        Role::Originator => ORIGINATOR,
        Role::Destination => DESTINATION,
    };
    let place = states.iter().position(|known| *known == state);
    place.unwrap_or(states.len())
}

/// How a message says an outcome, in the form of the records.
fn outcome_of(said: &Said) -> Value {
    match (said.fields.get("outcome"), said.fields.get("reason")) {
        (None, _) => Value::Null,
        (Some(outcome), None) => Value::from(outcome.as_str()),
        (Some(outcome), Some(reason)) => {
            serde_json::json!({ outcome.as_str(): reason.as_str() })
        }
    }
}

/// Everything that `role` has acknowledged and that its records do not know. ET-41
pub(crate) fn forgotten(
    site: &Site,
    role: Role,
    records: &Records,
    said: &[Said],
    console: &[String],
) -> Vec<String> {
    let mut complaints = Vec::new();
    for said in said.iter().filter(|said| said.by == role) {
        complaints.extend(forgotten_message(site, role, records, said));
    }
    for line in console {
        let words: Vec<&str> = line.split(' ').collect();
        let known = words.get(1).and_then(|task| records.tasks.get(*task));
        match words.first() {
            Some(&"submitted") if known.is_none() => complaints.push(format!("forgot: {line}")),
            Some(&"settled") if known.is_none_or(|known| known.outcome.is_null()) => {
                complaints.push(format!("forgot: {line}"));
            }
            _ => {}
        }
    }
    complaints
}

fn forgotten_message(site: &Site, role: Role, records: &Records, said: &Said) -> Option<String> {
    let field = |name| said.fields.get(name).map_or("", String::as_str);
    let known = records.tasks.get(field("task"));
    let at_least = |state| known.is_some_and(|known| rank(role, &known.state) >= rank(role, state));
    let same_end = || known.is_some_and(|known| known.outcome == outcome_of(said));
    let holds = match said.kind {
        "part-ack" => {
            let (object, part) = (field("object"), field("part").parse().unwrap_or(0));
            let key = format!("dev/{object}/{part:010}");
            records.parts.contains(&key) && is_kept(site, object, part)
        }
        "accepted" => at_least(field("state")) && (outcome_of(said).is_null() || same_end()),
        "status" if field("state") == "unknown" => true,
        "status" => at_least(field("state")) && (outcome_of(said).is_null() || same_end()),
        "completed" => same_end(),
        "completed-ack" => known.is_some_and(|known| !known.outcome.is_null()),
        // ET-53: what may have been sent is recorded as such.
        "task" => at_least("sending"),
        "rejection" if matches!(field("reason"), "unavailable" | "unknown-task") => true,
        "rejection" | "undecodable" => false,
        _ => true,
    };
    (!holds).then(|| {
        format!(
            "{} said {} {:?}, and has {known:?}",
            role.name(),
            said.kind,
            said.fields
        )
    })
}

/// Whether a part is on the disk: as it came, in the tree that is being made, or in place.
fn is_kept(site: &Site, object: &str, part: usize) -> bool {
    let staged = site.inbox().join(".staging").join(format!("dev.{object}"));
    let placed = std::fs::read(staged.join("placed")).unwrap_or_default();
    let is_in_tree = part > 0 && placed.get(part - 1) == Some(&1);
    let place = site.inbox().join("dev").join(object);
    is_in_tree || staged.join(format!("{part:010}.part")).exists() || place.exists()
}

/// Final states of `before` that are not the same in `now`. ET-58
pub(crate) fn changed(role: Role, before: &Records, now: &Records) -> Vec<String> {
    let ended = before
        .tasks
        .iter()
        .filter(|(_, task)| !task.outcome.is_null());
    let differs = |(task, recorded): &(&String, &Recorded)| {
        now.tasks
            .get(*task)
            .is_none_or(|now| now.outcome != recorded.outcome)
    };
    let complaint = |(task, recorded): (&String, &Recorded)| {
        let now = now.tasks.get(task);
        format!("{}: {task} was {recorded:?} and is {now:?}", role.name())
    };
    ended.filter(differs).map(complaint).collect()
}

/// What must hold when nothing more is to come.
pub(crate) fn at_the_end(
    site: &Site,
    plan: &Plan,
    [dev, prod]: [&Records; 2],
    said: &[Said],
    lines: &[Line],
) -> Vec<String> {
    let mut complaints = Vec::new();
    for planned in &TASKS {
        let task = planned.task;
        let (Some(there), Some(here)) = (prod.tasks.get(task), dev.tasks.get(task)) else {
            complaints.push(format!("{task} is not known on both sides"));
            continue;
        };
        if here.outcome != there.outcome || there.state != "reported" {
            complaints.push(format!("{task} is {here:?} here and {there:?} there"));
        }
        let succeeded = there.has_succeeded();
        let interrupted = there.outcome == serde_json::json!({ "failed": "interrupted" });
        if !(succeeded || interrupted && !plan.may_restart(planned.kind)) {
            complaints.push(format!("{task} ended as {there:?}"));
        }
        let of_task: Vec<&Line> = lines.iter().filter(|line| line.task == task).collect();
        if planned.kind == "transfer" {
            complaints.extend(carried(site, task, there));
        } else {
            complaints.extend(worked(plan, planned, there, &of_task));
        }
        if interrupted {
            complaints.extend(went_on(task, &of_task, said));
        }
    }
    for process in journal::alive(lines) {
        let line = lines.iter().find(|line| line.process == process);
        complaints.push(format!(
            "work goes on after everything was reported: {line:?}"
        ));
    }
    complaints.extend(out_of_order(lines));
    complaints
}

/// What a transfer put in place: everything when it succeeded, everything or nothing otherwise.
fn carried(site: &Site, task: &str, there: &Recorded) -> Option<String> {
    let place = site.inbox().join("dev").join(task);
    if !place.exists() {
        return there
            .has_succeeded()
            .then(|| format!("{task} succeeded and is not in place"));
    }
    let mut count = 0;
    count_files(&place, &mut count);
    let files = Site::files();
    let is_there = |(path, content): &(&str, Vec<u8>)| {
        std::fs::read(place.join(path)).is_ok_and(|found| found == *content)
    };
    (count != files.len() || !files.iter().all(is_there))
        .then(|| format!("{task}: other files are in place than were sent"))
}

fn count_files(directory: &Path, count: &mut usize) {
    for entry in std::fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            count_files(&path, count);
        } else {
            *count += 1;
        }
    }
}

/// Whether a command ran as often as it may.
fn worked(plan: &Plan, planned: &Planned, there: &Recorded, lines: &[&Line]) -> Vec<String> {
    let task = planned.task;
    let mut complaints = Vec::new();
    let starts = lines.iter().filter(|line| !line.ended).count();
    let ends = lines.iter().filter(|line| line.ended).count();
    if there.has_succeeded() && ends == 0 {
        complaints.push(format!("{task} succeeded and never ended"));
    }
    if !plan.may_restart(planned.kind) && starts > 1 {
        complaints.push(format!("{task} ran {starts} times"));
    }
    for (index, line) in lines.iter().enumerate() {
        let other = |later: &&&Line| !later.ended && later.process != line.process;
        // Begun before this one's end, and after its beginning: both ran at once.
        let began = lines.iter().position(|start| start.process == line.process);
        let between = began.map_or(&[][..], |began| &lines[began..index]);
        if line.ended && between.iter().any(|later| other(&later)) {
            complaints.push(format!("{task} ran beside itself"));
        }
    }
    complaints
}

/// Work that ended after it was reported as interrupted. ET-54
fn went_on(task: &str, lines: &[&Line], said: &[Said]) -> Option<String> {
    let is_report = |said: &&Said| {
        said.by == Role::Destination
            && said.fields.get("task").is_some_and(|about| about == task)
            && said.fields.contains_key("outcome")
    };
    let reported = said.iter().find(is_report)?.at;
    let late = lines.iter().any(|line| line.ended && line.at > reported);
    late.then(|| format!("{task} ended after it was reported as interrupted"))
}

/// Ordered commands that began in another order than they were sent in. ET-56
fn out_of_order(lines: &[Line]) -> Option<String> {
    let ordered = || TASKS.iter().filter(|planned| !planned.independent);
    let place = |task: &str| ordered().position(|planned| planned.task == task);
    let began: Vec<usize> = lines
        .iter()
        .filter(|line| !line.ended)
        .filter_map(|line| place(&line.task))
        .collect();
    (!began.is_sorted()).then(|| format!("ordered tasks began as {began:?}"))
}

/// Whether the complaints are those that what is wrong should cause.
pub(crate) fn is_noticed(wrong: Wrong, complaints: &[String]) -> bool {
    let words: &[&str] = match wrong {
        Wrong::Nothing => return false,
        Wrong::EarlyStore => &["forgot", "said", "was Recorded", "not known on both"],
        Wrong::EarlyStage => &["said part-ack", "ended as"],
        Wrong::Restarts => &["ran 2 times"],
        Wrong::GoesOn => &["after it was reported", "work goes on", "beside itself"],
    };
    complaints
        .iter()
        .any(|complaint| words.iter().any(|word| complaint.contains(word)))
}
