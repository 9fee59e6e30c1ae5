//! What the verdict on a deployment rests on.

use portcullis_harness::engine::PacketDetail;
use portcullis_harness::run::{Engine, attempt};
use portcullis_harness::scenario::{Ink, ScenarioError};
use portcullis_reports::Verdict;

use crate::stage::{self, load, plan};

/// Two farms and a deployment after two seconds.
const DEPLOY: &str = "title = \"A verdict rests on what happened\"\nclauses = [\"CD-47\"]\n\
    [hosts.source]\nrole = \"deploying-farm\"\n[hosts.target]\nrole = \"import-farm\"\n\
    [[at]]\ntime = \"2s\"\ndeploy = { from = \"source\", to = \"target\", as = \"d1\" }\n\
    [[expect]]\ndeployment = \"d1\"\nreaches = \"succeeded\"\nwithin = \"10m\"\n";

/// The moment at which there is nothing else to wait for any more.
const ENDED: &str = "after = { state = \"succeeded\", deployment = \"d1\" }";

const NAME: &str = "content-deployment/soundness";

/// The verdict on a deployment with `more` steps and expectations.
fn verdict(more: &str) -> (Verdict, String) {
    let plan = plan(load(NAME, &format!("{DEPLOY}{more}")));
    stage::verdict(&attempt(&plan, Engine::Packet, PacketDetail::Digest))
}

/// What is said of a file that is wrong.
fn said(text: &str) -> String {
    let told = |error: ScenarioError| error.render(Ink::Plain);
    load(NAME, text).map_or_else(told, |_| "it loads".to_owned())
}

/// A step for the job at a moment.
fn step(moment: &str, key: &str) -> String {
    format!("[[at]]\n{moment}\n{key} = {{ from = \"source\", job = \"d1\" }}\n")
}

#[test]
fn what_a_farm_refuses_leaves_no_pass_whichever_command_it_is() {
    for (moment, key, why) in [
        ("time = \"1s\"", "disable_path", "there is no such job"),
        ("time = \"1s\"", "enable_path", "there is no such job"),
        ("time = \"1s\"", "schedule", "there is no such job"),
        ("time = \"1s\"", "view", "there is no such job"),
        ("time = \"5s\"", "run_again", "the job is running"),
        ("time = \"5s\"", "delete_job", "the job is running"),
        (ENDED, "cancel", "the job is not running"),
    ] {
        let refused = step(moment, key);
        let (told, seen) = verdict(&refused);
        assert_eq!(told, Verdict::Inconclusive, "{key}: {seen}");
        let words = format!("source refused `{key} job=d1`: {why}");
        assert!(seen.contains(&words), "{seen}");
        let expected = "[[expect]]\nevent = { effect = \"command-refused\" }\n";
        let told = verdict(&format!("{refused}{expected}"));
        assert_eq!(told, (Verdict::Pass, String::new()), "{key}");
    }
    let disabled = step("time = \"5s\"", "disable_path");
    assert_eq!(verdict(&disabled), (Verdict::Pass, String::new()));
}

#[test]
fn a_deployment_is_found_in_every_effect_that_is_about_it() {
    let deleted = step(ENDED, "delete_job") + &step(ENDED, "view");
    for effect in [
        "deployment-ended",
        "deployment-removed",
        "viewed",
        "remote-job",
    ] {
        let never = format!(
            "{deleted}[[expect]]\nevent = {{ effect = \"{effect}\", deployment = \"d1\" }}\n\
             never = true\nwithin = \"10m\"\n"
        );
        let (told, seen) = verdict(&never);
        assert_eq!(told, Verdict::Fail, "{effect}: {seen}");
    }
}

#[test]
fn roles_and_schedules_that_nobody_has_are_refused() {
    let strange = format!("{DEPLOY}[hosts.third]\nrole = \"deploying-frm\"\n");
    let told = said(&strange);
    let words = "content-deployment does not have the role `deploying-frm`";
    assert!(told.contains(words), "{told}");
    assert!(told.contains("did you mean `deploying-farm`?"), "{told}");
    let fast = DEPLOY.replace("as = \"d1\"", "as = \"d1\", every = \"0s\"");
    let told = said(&fast);
    assert!(told.contains("no job can run that often"), "{told}");
}
