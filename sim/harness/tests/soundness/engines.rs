//! Steps on the turmoil engine happen at their instant, and what they do has effect.

use std::time::Duration;

use portcullis_harness::run::{Attempt, Engine};
use portcullis_reports::{Entry, Event, Verdict};

use crate::stage::{SUBMIT, Scene, verdict};

fn when(run: &Attempt, step: &str) -> Duration {
    let is_step =
        |entry: &&Entry| matches!(&entry.event, Event::Action { name, .. } if name == step);
    run.history.iter().find(is_step).expect(step).at
}

/// That the task is taken on, so that a run is short.
const ACCEPTED: &str = "[[expect]]\ntask = \"t1\"\nbecomes = \"accepted\"\nwithin = \"40s\"\n";

#[test]
fn a_step_happens_at_its_time_whatever_the_latency() {
    let steps = &format!("{}{ACCEPTED}", SUBMIT.replace("\"1s\"", "\"1049ms\""));
    let scene = Scene {
        top: "ends = \"40s\"",
        link: "latency = \"50ms\"\n",
        steps,
        ..Scene::default()
    };
    for engine in [Engine::Packet, Engine::Turmoil] {
        let at = when(&scene.played(engine), "submit");
        assert_eq!(at, Duration::from_millis(1049), "{engine}");
    }
    let steps = &steps.replace("1049ms", "1049.5ms");
    let scene = Scene { steps, ..scene };
    let refusals = Engine::Turmoil.refusals(&scene.plan());
    assert_eq!(refusals, ["a step at a fraction of a millisecond"]);
}

#[test]
fn a_step_that_follows_an_event_comes_before_what_its_host_does_next() {
    // The connection is there and nothing is said on it yet.
    let pause = "[[at]]\nafter = { connection = \"established\", host = \"dev\", nth = 2 }\n\
        pause = \"dev\"\n[[at]]\nafter = { action = \"pause\" }\ndelay = \"5s\"\nresume = \"dev\"\n\
        [[bites]]\nevent = { action = \"pause\" }\n\
        [[expect]]\nmessage = { kind = \"task\", passage = \"sent\" }\nnever = true\n\
        after = { action = \"pause\" }\nwithin = \"4s\"\n";
    let steps = &format!("{SUBMIT}{pause}{ACCEPTED}");
    let scene = Scene {
        top: "ends = \"40s\"",
        link: "latency = \"7ms\"\n",
        steps,
        ..Scene::default()
    };
    for engine in [Engine::Packet, Engine::Turmoil] {
        let run = scene.played(engine);
        assert_eq!(verdict(&run), (Verdict::Pass, String::new()), "{engine}");
    }
}

#[test]
fn a_killed_connection_is_reset_at_both_ends_whatever_the_latency() {
    for latency in ["1ms", "5ms", "50ms"] {
        let event = "after = { connection = \"established\", host = \"dev\", nth = 2 }";
        for moment in [event, "time = \"1152ms\""] {
            let steps = &format!(
                "{SUBMIT}[[middlebox]]\nname = \"fw\"\nbetween = [\"dev\", \"prod\"]\n\
                 [[at]]\n{moment}\nkill = {{ middlebox = \"fw\", reset = true }}\n\
                 [[bites]]\nmiddlebox = \"fw\"\n{ACCEPTED}\
                 [[expect]]\nevent = {{ effect = \"attempt-failed\", class = \"reset\" }}\n\
                 within = \"10s\"\n"
            );
            if moment != event && latency != "50ms" {
                // Nothing is open by then.
                continue;
            }
            let link = &format!("latency = \"{latency}\"\n");
            let scene = Scene {
                top: "ends = \"40s\"",
                link,
                steps,
                ..Scene::default()
            };
            for engine in [Engine::Packet, Engine::Turmoil] {
                let run = scene.played(engine);
                let told = verdict(&run);
                assert_eq!(
                    told.0,
                    Verdict::Pass,
                    "{engine}, {latency}, {moment}: {}",
                    told.1
                );
            }
        }
    }
}
