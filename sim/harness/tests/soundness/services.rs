//! Services that are stopped while they start, and started while they run.

use std::borrow::Cow;

use portcullis_harness::run::{Attempt, Engine};
use portcullis_reports::{Event, Verdict};

use crate::stage::{COMPLETED, SUBMIT, Scene};

fn at(time: &str, action: &str) -> String {
    format!("[[at]]\ntime = \"{time}\"\n{action} = \"prod\"\n")
}

/// Every start and stop of a run with the reason why it had no effect.
fn orders(run: &Attempt) -> Vec<(String, Option<String>)> {
    let orders = run.history.iter().filter_map(|entry| match &entry.event {
        Event::Action {
            name: Cow::Owned(name),
            fields,
        } if name == "start" || name == "stop" => {
            Some((name.clone(), fields.get("skipped").cloned()))
        }
        Event::Packet(_)
        | Event::Connection(_)
        | Event::Message(_)
        | Event::State(_)
        | Event::Write { .. }
        | Event::Effect { .. }
        | Event::Action { .. } => None,
    });
    orders.collect()
}

fn played(steps: &str, engine: Engine) -> Attempt {
    let completed = COMPLETED.replace("10m", "40s");
    let steps = &format!("{steps}{SUBMIT}{completed}");
    let scene = Scene {
        top: "ends = \"40s\"",
        steps,
        ..Scene::default()
    };
    scene.played(engine)
}

#[test]
fn a_service_that_is_stopped_while_it_starts_does_no_work() {
    let restarted = at("2s", "crash") + &at("3s", "restart") + &at("3s", "stop");
    let table = [
        at("0s", "stop"),
        at("1ms", "stop"),
        at("100ms", "stop") + &at("500ms", "start") + &at("501ms", "stop"),
        restarted,
    ];
    for engine in [Engine::Packet, Engine::Turmoil] {
        for steps in &table {
            let run = played(
                &format!("{steps}[[bites]]\nevent = {{ action = \"stop\" }}\n"),
                engine,
            );
            assert_eq!(run.judgement.verdict, Verdict::Fail, "{engine}: {steps}");
            let done = orders(&run).iter().all(|(_, skipped)| skipped.is_none());
            assert!(done, "{engine}: {:?}", orders(&run));
        }
    }
}

#[test]
fn a_service_that_is_stopped_and_started_while_it_starts_works() {
    for engine in [Engine::Packet, Engine::Turmoil] {
        let run = played(&(at("0s", "stop") + &at("1ms", "start")), engine);
        assert_eq!(run.judgement.verdict, Verdict::Pass, "{engine}");
    }
}

#[test]
fn a_second_start_leaves_the_first_alone_and_a_second_stop_is_no_fault() {
    let steps = at("200ms", "stop") + &at("300ms", "start") + &at("400ms", "start");
    let run = played(&steps, Engine::Packet);
    let why = Some("the service runs already".to_owned());
    assert_eq!(orders(&run)[2], ("start".to_owned(), why));
    let bites = "[[bites]]\nevent = { action = \"stop\", nth = 2 }\n";
    let steps = at("200ms", "stop") + &at("300ms", "stop") + &at("400ms", "start") + bites;
    let run = played(&steps, Engine::Packet);
    let why = Some("the service does not run".to_owned());
    assert_eq!(orders(&run)[1], ("stop".to_owned(), why));
    assert_eq!(run.judgement.verdict, Verdict::Inconclusive);
}

#[test]
fn a_service_that_no_step_stops_cannot_be_started() {
    let steps = &format!("{}{SUBMIT}{COMPLETED}", at("5s", "start"));
    let scene = Scene {
        steps,
        ..Scene::default()
    };
    let told = scene.refused();
    assert!(told.contains("`prod` is stopped in no step"), "{told}");
}
