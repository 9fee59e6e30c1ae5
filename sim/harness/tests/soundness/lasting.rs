//! ET-89: what lasts to the end of a run excuses a task that is not settled, and is named.

use portcullis_reports::Verdict;

use crate::stage::{SUBMIT, Scene};

/// An attempt that fails, which is both what is expected and what shows the fault.
const FAILS: &str = "[[expect]]\nevent = { effect = \"attempt-failed\" }\nwithin = \"30m\"\n\
    [[bites]]\nevent = { effect = \"attempt-failed\" }\n";

fn is_excused(scene: Scene<'_>, reason: &str) {
    let steps = &format!("{SUBMIT}{}{FAILS}", scene.steps);
    let (verdict, seen) = Scene { steps, ..scene }.verdict();
    assert_eq!(verdict, Verdict::Inconclusive, "{seen}");
    assert!(seen.contains(reason), "{seen}");
}

#[test]
fn an_address_that_nobody_has_lasts() {
    let link = |key: &str, address: &str| format!("{key} = \"{address}\"\n");
    for (key, address, reason) in [
        (
            "remote_address",
            "10.9.9.9",
            "10.9.9.9 as the address of prod",
        ),
        (
            "callback_address",
            "10.9.9.9",
            "10.9.9.9 as the address of dev",
        ),
        (
            "remote_address",
            "mallory",
            "mallory as the address of prod",
        ),
    ] {
        let scene = Scene {
            link: &link(key, address),
            steps: "[hosts.mallory]\nrole = \"stranger\"\n",
            ..Scene::default()
        };
        is_excused(scene, reason);
    }
}

#[test]
fn the_right_address_is_no_excuse() {
    let steps = &format!("{SUBMIT}{}", crate::stage::COMPLETED);
    let link = "remote_address = \"10.0.0.2\"\ncallback_address = \"dev\"\n";
    let scene = Scene {
        link,
        steps,
        ..Scene::default()
    };
    assert_eq!(scene.verdict(), (Verdict::Pass, String::new()));
}

#[test]
fn a_way_that_carries_no_message_in_time_lasts_and_has_to_bite() {
    let scene = Scene {
        link: "latency = \"5ms\"\nbandwidth = \"1 bit/s\"\n",
        ..Scene::default()
    };
    is_excused(
        scene,
        "a bandwidth too small for a message from dev to prod",
    );
    let steps = &SUBMIT.to_owned();
    let expect = "[[expect]]\nevent = { effect = \"attempt-failed\" }\n";
    let steps = &format!("{steps}{expect}");
    let told = Scene { steps, ..scene }.refused();
    assert!(told.contains("is a fault, and nothing proves"), "{told}");
    let changed =
        "[[at]]\ntime = \"0s\"\nlink = { from = \"dev\", to = \"prod\", latency = \"1m\" }\n";
    let scene = Scene {
        steps: changed,
        ..Scene::default()
    };
    is_excused(scene, "a latency beyond the connect timer from dev to prod");
}

#[test]
fn ports_and_tables_that_stay_full_last() {
    let ports = Scene {
        dev: "dynamic_ports = 50000\ntime_wait = \"10d\"\n",
        ..Scene::default()
    };
    is_excused(ports, "the ports of dev, which are all reserved");
    let table = Scene {
        steps: "[[middlebox]]\nname = \"fw\"\nbetween = [\"dev\", \"prod\"]\ntable_size = 1\n",
        ..Scene::default()
    };
    is_excused(table, "the table of a middlebox, which was full");
}

#[test]
fn a_host_that_is_stalled_before_a_connection_owes_it_nothing() {
    let scene = Scene {
        dev: "profile = \"linux-6.5+\"\n",
        prod: "profile = \"linux-6.5+\"\n",
        steps: "[[at]]\ntime = \"500ms\"\nstall = \"prod\"\n",
        ..Scene::default()
    };
    is_excused(scene, "stall of prod");
}
