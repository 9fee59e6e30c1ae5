//! Steps that do not happen, and bounds that a run does not reach.

use portcullis_reports::Verdict;

use crate::stage::{COMPLETED, SUBMIT, Scene};

fn verdict(top: &str, more: &str) -> (Verdict, String) {
    let steps = &format!("{SUBMIT}{more}{COMPLETED}");
    let scene = Scene {
        top,
        steps,
        ..Scene::default()
    };
    scene.verdict()
}

const QUERY: &str = "query = { from = \"dev\", task = \"t1\" }\n";

#[test]
fn a_step_that_does_not_happen_leaves_no_pass_unless_it_is_optional() {
    let down = format!(
        "[[at]]\ntime = \"5s\"\ncrash = \"dev\"\n[[at]]\ntime = \"10s\"\nrestart = \"dev\"\n\
         [[bites]]\nevent = {{ action = \"crash\" }}\n[[at]]\ntime = \"6s\"\n{QUERY}"
    );
    let never = format!("[[at]]\nafter = {{ state = \"in-doubt\" }}\n{QUERY}");
    let late = format!("[[at]]\ntime = \"9m\"\n{QUERY}");
    for (steps, why) in [
        (down, "the host is down"),
        (never, "its event never came"),
        (late, "the run ended before"),
    ] {
        let (missed, seen) = verdict("", &steps);
        assert_eq!(missed, Verdict::Inconclusive, "{seen}");
        assert!(seen.contains("every-step-happens: line "), "{seen}");
        assert!(seen.contains(why), "{seen}");
        let optional = steps.replace(QUERY, &format!("optional = true\n{QUERY}"));
        assert_eq!(verdict("", &optional), (Verdict::Pass, String::new()));
    }
}

#[test]
fn a_command_that_is_refused_leaves_no_pass() {
    let stopped =
        "[[at]]\ntime = \"100ms\"\nstop = \"dev\"\n[[at]]\ntime = \"500ms\"\nstart = \"dev\"\n";
    let preflight = "[[at]]\ntime = \"300ms\"\npreflight = { from = \"dev\", to = \"prod\" }\n";
    let (refused, seen) = verdict("", &format!("{stopped}{preflight}"));
    assert_eq!(refused, Verdict::Inconclusive, "{seen}");
    let why = "dev refused `preflight`: the service does not run";
    assert!(seen.contains(why), "{seen}");
    let expected = "[[expect]]\nevent = { effect = \"command-refused\" }\n";
    let told = verdict("", &format!("{stopped}{preflight}{expected}"));
    assert_eq!(told, (Verdict::Pass, String::new()));
}

/// A query ten minutes after the work has begun, and that there is none for an hour.
fn silence(more: &str) -> String {
    format!(
        "[[at]]\nafter = {{ effect = \"work-started\" }}\ndelay = \"10m\"\noptional = true\n{QUERY}\
         [[expect]]\nmessage = {{ kind = \"query\" }}\nwithin = \"1h\"\n{more}"
    )
}

#[test]
fn a_bound_beyond_the_end_of_the_run_is_refused() {
    let steps = &format!("{SUBMIT}{}", silence("never = true\n"));
    let scene = Scene {
        top: "ends = \"5m\"",
        steps,
        ..Scene::default()
    };
    let told = scene.refused();
    let problem = "the run ends after 5m, before 1h have passed";
    assert!(told.contains(problem), "{told}");
    assert_eq!(verdict("", &silence("never = true\n")).0, Verdict::Fail);
}

#[test]
fn a_window_that_opens_late_and_is_cut_short_decides_nothing() {
    let after = "after = { effect = \"work-started\" }\n";
    for judged in [
        "never = true\n",
        "count = 0\n",
        "count = { max = 1 }\n",
        "count = 1\n",
    ] {
        let steps = silence(&format!("{after}{judged}"));
        let (cut, seen) = verdict("ends = \"1h\"", &steps);
        let inside = judged == "never = true\n" || judged == "count = 0\n";
        // What is there too often already needs no more time.
        let wanted = if inside {
            Verdict::Fail
        } else {
            Verdict::Inconclusive
        };
        assert_eq!(cut, wanted, "{judged}: {seen}");
        let (cut, seen) = verdict("ends = \"1h\"", &steps.replace("10m", "2h"));
        assert_eq!(cut, Verdict::Inconclusive, "{judged}: {seen}");
        assert!(
            seen.contains("the run ended at 1:00:00.000, before"),
            "{seen}"
        );
    }
    let order = "[[expect]]\norder = [{ message = \"query\" }]\nwithin = \"59m 59s\"\n".to_owned();
    assert_eq!(
        verdict("ends = \"1h\"", &(order.clone() + after)).0,
        Verdict::Inconclusive
    );
    assert_eq!(verdict("ends = \"1h\"", &order).0, Verdict::Fail);
}
