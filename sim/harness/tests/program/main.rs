//! The reference page and the JSON Schema are what the program generates, and the examples of the
//! documentation are scenarios that pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_harness::protocols::PROTOCOLS;
use portcullis_harness::scenario::reference::{MARK, json_schema, page};

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
fn the_schema_is_fresh() {
    let committed = fs::read_to_string(scenarios().join("scenario.schema.json"));
    assert!(
        committed.is_ok_and(|schema| schema == json_schema(PROTOCOLS)),
        "out of date: portcullis schema > scenarios/scenario.schema.json"
    );
}

#[test]
fn the_first_scenario_of_the_readme_passes_from_any_directory() {
    let readme = readme();
    let example = readme
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("first.toml");
    fs::write(&path, example.expect("the page has an example")).expect("a file");
    let run = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("run")
        .arg(&path)
        .current_dir(scenarios())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    assert!(said.starts_with("PASS "), "{said}");
}
