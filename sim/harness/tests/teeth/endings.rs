//! When a run may end, and what an end that comes too early says: nothing, and never `PASS`.

use portcullis_reports::{Finding, Verdict};

use crate::stage::{played, refused};

fn submit(when: &str, name: &str, more: &str) -> String {
    format!(
        "[[at]]\n{when}\nsubmit = {{ from = \"dev\", task = \"deploy\", as = \"{name}\"{more} }}\n"
    )
}

/// The steps, where the way from development to production has a quality of its own.
fn on_a_path(quality: &str, steps: &str) -> String {
    format!("[[path]]\nfrom = \"dev\"\nto = \"prod\"\n{quality}\n{steps}")
}

fn becomes(task: &str, state: &str) -> String {
    format!("[[expect]]\ntask = \"{task}\"\nbecomes = \"{state}\"\nat = \"dev\"\n")
}

/// The verdict on a scenario, and the finding behind it.
fn verdict(steps: &str) -> (Verdict, String) {
    let judgement = played(steps);
    let worst = |finding: &&Finding| finding.verdict == judgement.verdict;
    let finding = judgement.findings.iter().find(worst);
    let seen = finding.map_or_else(String::new, |worst| {
        format!("{}: {}", worst.check, worst.seen)
    });
    (judgement.verdict, seen)
}

const NEVER: &str = "[[expect]]\nconnection = { phase = \"established\", from = \"prod\" }\n\
                     never = true\n";

#[test]
fn what_must_never_happen_is_waited_for_until_the_last_task_has_ended() {
    let steps = submit("time = \"1s\"", "t1", ", work = \"30s\"") + NEVER;
    assert_eq!(verdict(&steps).0, Verdict::Fail);
}

#[test]
fn a_task_that_is_submitted_later_is_played_to_its_end() {
    let once = "[[expect]]\nmessage = { kind = \"task\", to = \"prod\" }\ncount = { max = 1 }\n";
    let first = submit("time = \"1s\"", "t1", "") + &becomes("t1", "completed") + once;
    let at_a_time = submit("time = \"10m\"", "t2", "");
    let event = "after = { state = \"completed\", task = \"t1\" }\ndelay = \"1h\"";
    let after_an_event = submit(event, "t2", "");
    for second in [at_a_time, after_an_event] {
        let steps = first.clone() + &second;
        assert_eq!(verdict(&steps).0, Verdict::Fail, "{second}");
    }
}

#[test]
fn a_run_goes_on_for_as_long_as_its_planned_work() {
    let steps = submit("time = \"1s\"", "t1", ", work = \"3h\"") + &becomes("t1", "accepted");
    assert_eq!(verdict(&steps), (Verdict::Pass, verdict(&steps).1));
    let steps = steps + NEVER;
    assert_eq!(
        verdict(&steps).0,
        Verdict::Fail,
        "the completion comes in the run"
    );
}

#[test]
fn an_end_while_work_is_running_is_inconclusive() {
    let first = submit("time = \"1s\"", "t1", ", work = \"30m\"");
    let steps = format!("ends = \"3m\"\n{first}{}", becomes("t1", "accepted"));
    let (verdict, seen) = verdict(&steps);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(seen.contains("while the work of t1"), "{seen}");
    assert!(seen.contains("lengthen `ends`"), "{seen}");
}

#[test]
fn a_task_that_waits_behind_running_work_is_inconclusive() {
    let first = submit("time = \"1s\"", "t1", ", work = \"3h\"");
    let second = submit("time = \"2s\"", "t2", ", depends_on = \"t1\"");
    let steps = format!(
        "ends = \"2h\"\n{first}{second}{}",
        becomes("t1", "accepted")
    );
    assert_eq!(verdict(&steps).0, Verdict::Inconclusive);
}

#[test]
fn a_path_that_loses_everything_is_a_fault_that_lasts() {
    let dead =
        "[[at]]\ntime = \"30s\"\nlink = { from = \"dev\", to = \"prod\", loss = \"100%\" }\n";
    let steps = submit("time = \"1s\"", "t1", ", work = \"1m\"") + &becomes("t1", "accepted");
    let (lasting, seen) = verdict(&(steps.clone() + dead));
    assert_eq!(lasting, Verdict::Inconclusive);
    assert!(
        seen.contains("loss of everything from dev to prod"),
        "{seen}"
    );
    let again = "[[at]]\ntime = \"5m\"\nlink = { from = \"dev\", to = \"prod\" }\n";
    assert_eq!(verdict(&(steps + dead + again)).0, Verdict::Pass);
}

#[test]
fn a_path_that_no_exchange_gets_through_is_a_fault_that_lasts() {
    let transfer = "[[at]]\ntime = \"1s\"\nsubmit = { from = \"dev\", task = \"transfer\", \
                    as = \"t1\", size = \"3 MiB\" }\n";
    let bites = "[[bites]]\nevent = { effect = \"attempt-failed\" }\n";
    let steps = transfer.to_owned() + NEVER + bites;
    let judged = |quality: &str| verdict(&on_a_path(quality, &steps));
    let slow = judged("latency = \"21s\"");
    assert_eq!(slow.0, Verdict::Inconclusive, "{}", slow.1);
    assert!(
        slow.1.contains("a latency beyond the connect timer"),
        "{}",
        slow.1
    );
    let narrow = judged("bandwidth = \"9600 bit/s\"");
    assert_eq!(narrow.0, Verdict::Inconclusive, "{}", narrow.1);
    assert!(
        narrow.1.contains("a bandwidth too small for a part"),
        "{}",
        narrow.1
    );
}

#[test]
fn a_refused_submission_leaves_no_pass() {
    // At its time, the task that it is to follow has not been submitted.
    let first = submit("time = \"10m\"", "t1", "");
    let event = "after = { action = \"stop\" }";
    let stop = "[[at]]\ntime = \"20m\"\nstop = \"dev\"\n";
    let second = submit(event, "t2", "");
    let start = "[[at]]\ntime = \"21m\"\nstart = \"dev\"\n";
    let steps = first + stop + &second + start + &becomes("t1", "completed");
    let (verdict, seen) = verdict(&steps);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(seen.contains("dev refused `submit task=t2"), "{seen}");
}

#[test]
fn a_task_follows_neither_itself_nor_a_later_one() {
    let not_before = "is not submitted before on the link dev to prod";
    let itself = submit("time = \"1s\"", "t1", ", depends_on = \"t1\"");
    let said = refused(&itself);
    assert!(said.contains(not_before), "{said}");
    let second = submit("time = \"2s\"", "t2", "");
    let below = submit("time = \"1s\"", "t1", ", depends_on = \"t2\"") + &second;
    let said = refused(&below);
    assert!(said.contains(not_before), "{said}");
    let first = submit("time = \"10m\"", "t1", "");
    let later = first + &submit("time = \"2s\"", "t2", ", depends_on = \"t1\"");
    let said = refused(&later);
    assert!(said.contains("`t1` is submitted later than this"), "{said}");
}

#[test]
fn no_environment_follows_itself() {
    let link = "[[link]]\nfrom = \"dev\"\nto = \"dev\"\nremote_port = 7001\nlocal_port = 7002\n";
    let said = refused(&(link.to_owned() + &submit("time = \"1s\"", "t1", ", to = \"prod\"")));
    assert!(said.contains("dev cannot follow itself"), "{said}");
}
