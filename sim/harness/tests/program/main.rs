//! The program from outside: its exit codes, what a failing run says, that another process sees the
//! same run, and that the generated pages are fresh.

mod runner;
mod wrong_calls;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_harness::protocols::PROTOCOLS;
use portcullis_harness::scenario::reference::{MARK, json_schema, page};
use portcullis_harness::serve::{reference, web_service};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn readme() -> String {
    fs::read_to_string(scenarios().join("README.md")).expect("the page is there")
}

#[test]
fn the_reference_page_is_fresh() {
    let readme = readme();
    let (_, below) = readme.split_once(MARK).expect("the page has the mark");
    assert!(
        below == format!("\n{}", page(PROTOCOLS)),
        "scenarios/README.md is out of date: put the output of `portcullis keys` below the mark"
    );
}

#[test]
fn what_an_expectation_counts_has_a_table_of_its_own() {
    let page = page(PROTOCOLS);
    for (form, key) in [("message", "kind"), ("connection", "phase")] {
        let title = format!("## `{form} = {{ … }}` in `[[expect]]`\n");
        let (_, table) = page.split_once(&title).expect(&title);
        let table = table.split("\n## ").next().unwrap_or_default();
        assert!(table.contains(&format!("| `{key}` |")), "{table}");
    }
}

#[test]
fn the_page_of_the_agents_keys_is_fresh() {
    let page = scenarios().join("../impl/agent/CONFIGURATION.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let (_, below) = page.split_once("A test compares. -->\n").expect("the mark");
    assert!(
        below == reference(),
        "impl/agent/CONFIGURATION.md is out of date: put the output of `portcullis keys --agent` \
         below the mark"
    );
}

#[test]
fn the_page_of_the_farms_keys_is_fresh() {
    let page = scenarios().join("../impl/web-service/CONFIGURATION.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let (_, below) = page.split_once("A test compares. -->\n").expect("the mark");
    assert!(
        below == web_service::reference(),
        "impl/web-service/CONFIGURATION.md is out of date: put the output of `portcullis keys \
         --web-service` below the mark"
    );
}

#[test]
fn the_schema_is_fresh() {
    let committed = fs::read_to_string(scenarios().join("scenario.schema.json"));
    assert!(
        committed.is_ok_and(|schema| schema == json_schema(PROTOCOLS)),
        "out of date: portcullis schema > scenarios/scenario.schema.json"
    );
}

/// The first scenario of the page.
fn example() -> String {
    let readme = readme();
    let example = readme
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    example.expect("the page has an example").to_owned()
}

/// What a call of the program came to.
struct Called {
    code: i32,
    out: String,
    err: String,
}

/// Calls the program with `arguments` and the path of a file that holds `scenario`.
fn call(arguments: &[&str], scenario: &str) -> Called {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("mine.toml");
    fs::write(&path, scenario).expect("a file");
    portcullis(&[arguments, &[path.to_str().expect("a path in UTF-8")]].concat())
}

fn portcullis(arguments: &[&str]) -> Called {
    let run = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .current_dir(scenarios())
        .output()
        .expect("the program starts");
    Called {
        code: run.status.code().expect("no signal ended it"),
        out: String::from_utf8_lossy(&run.stdout).into_owned(),
        err: String::from_utf8_lossy(&run.stderr).into_owned(),
    }
}

#[test]
fn the_first_scenario_of_the_readme_passes() {
    let run = call(&["run"], &example());
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(run.out.starts_with("PASS "), "{}", run.out);
}

#[test]
fn a_broken_must_is_explained_and_ends_with_1() {
    let hasty = example().replace("\"5m\"", "\"2s\"");
    let run = call(&["run", "--seeds", "3"], &hasty);
    assert_eq!(run.code, 1, "{}", run.out);
    for said in [
        "3 seeds: 3 FAIL",
        "ET-17 (MUST, binds destination): Completion MUST be reported",
        "t1 becomes completed at dev within 2.000 s",
        "failing seeds:",
        "mine.toml --seed 3",
    ] {
        assert!(run.out.contains(said), "no `{said}` in\n{}", run.out);
    }
}

#[test]
fn a_file_with_problems_ends_with_2_and_names_the_nearest_key() {
    for command in ["check", "run", "replay"] {
        let run = call(&[command], &example().replace("latency ", "latencey "));
        assert_eq!(run.code, 2, "{command}");
        assert!(run.err.contains("did you mean `latency`?"), "{}", run.err);
        assert!(run.err.contains("mine.toml:15:1"), "{}", run.err);
    }
    assert_eq!(portcullis(&["run", "no-such-scenario"]).code, 2);
    assert_eq!(portcullis(&["run", "--engine", "steam"]).code, 2);
}

#[test]
fn a_fault_that_did_not_bite_ends_with_3() {
    let fault = "\n[[bites]]\nevent = { connection = \"refused\" }\n";
    let run = call(&["run"], &format!("{}{fault}", example()));
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(run.out.starts_with("INCONCLUSIVE"), "{}", run.out);
}

#[test]
fn nothing_to_run_ends_with_4() {
    let lossy = example().replace("latency ", "loss = \"1%\"\nlatency ");
    let proof = "\n[[bites]]\nevent = { packet = \"lost\" }\n";
    let run = call(&["run", "--engine", "turmoil"], &format!("{lossy}{proof}"));
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
}

#[test]
fn another_process_sees_the_same_run_and_another_seed_another_one() {
    let file = portcullis(&["list"]);
    let name = file
        .out
        .lines()
        .next()
        .expect("there are scenarios")
        .to_owned();
    let replay = |seed: &str| portcullis(&["replay", &name, "--packets", "--seed", seed]).out;
    let first = replay("3");
    assert!(first.contains("  digest    "), "{first}");
    assert_eq!(first, replay("3"));
    assert_ne!(first, replay("4"));
}

#[test]
fn a_report_keeps_the_evidence_within_its_directory() {
    let folder = tempfile::tempdir().expect("a directory");
    let report = folder.path().join("report");
    let report_path = report.to_str().expect("a path in UTF-8");
    let run = call(&["run", "--report", report_path], &example());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for file in ["record.json", "junit.xml", "report.html"] {
        assert!(report.join(file).is_file(), "{file}");
    }
    let kept = portcullis_reports::RunRecord::read(&report).expect("the record is readable");
    let case = report.join(kept.cases[0].folder());
    assert!(case.starts_with(&report), "{}", case.display());
    for file in ["history.jsonl", "plan.txt", "capture.pcapng"] {
        assert!(case.join(file).is_file(), "{file}");
    }
}
