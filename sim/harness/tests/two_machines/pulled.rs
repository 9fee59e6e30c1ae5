//! What becomes of a deployment when the network between two farms is pulled.

use std::fs;

use crate::Story;
use crate::farms::{Cable, Farms, Stopped, wait_for};

pub(crate) const STORIES: &[Story] = &[
    (
        "two_farms_deploy_through_the_one_way_that_firewalls_leave",
        || {
            play(undisturbed());
        },
    ),
    (
        "a_cable_that_stays_pulled_ends_a_deployment_as_timed_out",
        || {
            play(pulled_for_good(Cable::OfTarget));
        },
    ),
    (
        "a_firewall_that_drops_for_good_ends_a_deployment_as_timed_out",
        || {
            play(pulled_for_good(Cable::Firewall));
        },
    ),
    (
        "an_import_that_goes_on_after_the_cable_is_back_succeeds",
        || {
            play(put_back_during_the_import());
        },
    ),
    (
        "an_import_that_has_ended_before_the_cable_is_back_succeeds",
        || {
            play(put_back_after_the_import());
        },
    ),
    ("an_upload_goes_on_when_the_cable_is_back", || {
        play(put_back_during_an_upload());
    }),
    (
        "an_upload_that_the_target_has_given_up_is_sent_again",
        || {
            play(put_back_too_late_for_an_upload());
        },
    ),
];

/// Imports begin at once.
const QUICK: &str = "timer_service = \"50ms\"\n";

fn play(story: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(story);
}

async fn undisturbed() {
    let farms = Farms::new("timeout = \"60s\"\n", QUICK);
    let said = farms.ends(0, &["run", "nightly"]);
    assert!(said.contains("nightly succeeded"), "{said}");
    farms.shows("Success").await;
    has_deployed(&farms);
}

/// What the source has is at the target, and one import has brought it there.
fn has_deployed(farms: &Farms) {
    let read = |machine, file| fs::read(farms.path(machine, file)).expect("it is there");
    let deployed = read("target", "sites/news/news/today.html");
    assert_eq!(deployed, read("source", "content/news/today.html"));
    assert_eq!(farms.imports(), 1, "{}", farms.log("target"));
}

/// Runs the job until its import is in the middle, and the source has been told so.
async fn importing(farms: &Farms) -> Stopped {
    let gate = farms.gate("/news/today.html");
    farms.ends(0, &["run", "nightly", "--detach"]);
    let stopped = gate.reached().await;
    farms.shows("ImportInProgress").await;
    stopped
}

/// Waits until the target's only import has ended well.
async fn import_succeeds(farms: &Farms) {
    let has_ended = || farms.log("target").contains(" to succeeded");
    wait_for("the import ends", has_ended).await;
}

async fn pulled_for_good(cable: Cable) {
    let farms = Farms::new("timeout = \"4s\"\n", QUICK);
    let import = importing(&farms).await;
    farms.pull(cable);
    farms.calls();
    farms.called(2).await;
    // It succeeds, and nobody hears of it.
    import.goes_on();
    import_succeeds(&farms).await;
    let said = farms.ends(1, &["watch", "nightly"]);
    assert!(said.contains("did not change for too long"), "{said}");
    farms.shows("ImportTimedOut").await;

    // CD-51: nor does anybody ask any more.
    farms.calls();
    farms.put_back(cable);
    farms.shows("ImportTimedOut").await;
    farms.ends(1, &["status", "nightly"]);
    assert_eq!(farms.calls(), 0);
    has_deployed(&farms);
    farms.ends(0, &["run", "nightly"]);
}

async fn put_back_during_the_import() {
    let farms = Farms::new("timeout = \"60s\"\n", QUICK);
    let import = importing(&farms).await;
    farms.pull(Cable::OfSource);
    polls_fail(&farms).await;
    farms.put_back(Cable::OfSource);
    import.goes_on();
    succeeds(&farms).await;
}

async fn put_back_after_the_import() {
    let farms = Farms::new("timeout = \"60s\"\n", QUICK);
    let import = importing(&farms).await;
    farms.pull(Cable::OfTarget);
    import.goes_on();
    import_succeeds(&farms).await;
    polls_fail(&farms).await;
    farms.put_back(Cable::OfTarget);
    succeeds(&farms).await;
}

/// Waits until polls have failed. CD-53: what was told last is what there is to see.
async fn polls_fail(farms: &Farms) {
    farms.calls();
    farms.called(3).await;
    farms.shows("ImportInProgress").await;
}

async fn succeeds(farms: &Farms) {
    let said = farms.ends(0, &["watch", "nightly"]);
    assert!(said.contains("nightly succeeded"), "{said}");
    farms.shows("the import job is deleted").await;
    let shown = farms.status();
    assert_eq!(shown.matches("the import job is ").count(), 2, "{shown}");
    has_deployed(farms);
}

/// Runs the job until the cable is pulled in the middle of the third package of several.
async fn uploading(timers: &str) -> Farms {
    let deployments = "timeout = \"60s\"\npackage_max = \"1 MiB\"\n";
    let farms = Farms::new(deployments, timers);
    for name in ["a", "b", "c", "d"] {
        farms.write_noise(&format!("content/{name}.bin"), 1_000_000);
    }
    farms.break_after(2500);
    farms.ends(0, &["run", "nightly", "--detach"]);
    farms.pulled_when_broken(Cable::OfTarget).await;
    farms.shows("uploads: 2 of 4 packages").await;
    farms
}

async fn put_back_during_an_upload() {
    let farms = uploading(QUICK).await;
    assert!(farms.is_connected());
    farms.put_back(Cable::OfTarget);
    succeeds(&farms).await;
    noise_is_deployed(&farms);
    assert!(!has_given_up(&farms), "{}", farms.log("target"));
}

async fn put_back_too_late_for_an_upload() {
    let farms = uploading(&format!("{QUICK}body_idle = \"1s\"\n")).await;
    wait_for("the target gives up", || !farms.is_connected()).await;
    farms.put_back(Cable::OfTarget);
    succeeds(&farms).await;
    noise_is_deployed(&farms);
    assert!(has_given_up(&farms), "{}", farms.log("target"));
}

/// Whether the target has answered that an upload took too long.
fn has_given_up(farms: &Farms) -> bool {
    farms.log("target").contains("status: 408")
}

fn noise_is_deployed(farms: &Farms) {
    for name in ["a", "b", "c", "d"] {
        let read = |machine, directory| {
            let file = farms.path(machine, &format!("{directory}/{name}.bin"));
            fs::read(file).expect("it is there")
        };
        assert!(read("source", "content") == read("target", "sites/news"));
    }
}
