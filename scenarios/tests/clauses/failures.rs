//! The failure table: every row has a scenario, or a reason and a proof, and its page is fresh.

use std::fmt::Write;
use std::fs;

use portcullis_scenarios::folder;
use toml::{Table, Value};

use super::lists::{is_proof, text};

/// The rows of the source's section 3.
const ROWS: i64 = 40;

fn rows() -> Vec<Table> {
    let path = folder().join("clauses/failure-table.toml");
    let content = fs::read_to_string(path).expect("the failure table is there");
    let content: Table = content.parse().expect("the failure table is TOML");
    let rows = content.get("row").and_then(Value::as_array).cloned();
    let rows = rows.unwrap_or_default().into_iter();
    rows.map(|row| row.as_table().expect("an array of tables").clone())
        .collect()
}

fn scenarios(row: &Table) -> Vec<&str> {
    let names = row.get("scenarios").and_then(Value::as_array);
    let names = names.map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(Value::as_str).collect()
}

/// The title of a scenario; `None` when there is no such file.
fn title(name: &str) -> Option<String> {
    let path = folder().join(format!("environment-transfer/{name}.toml"));
    let content: Table = fs::read_to_string(path).ok()?.parse().ok()?;
    Some(content.get("title")?.as_str()?.to_owned())
}

#[test]
fn every_row_has_a_scenario_or_a_reason_with_a_proof() {
    let rows = rows();
    let numbers: Vec<_> = rows
        .iter()
        .filter_map(|row| row.get("number").and_then(Value::as_integer))
        .collect();
    assert_eq!(numbers, (1..=ROWS).collect::<Vec<_>>());
    for row in &rows {
        let fault = text(row, "fault");
        let scenarios = scenarios(row);
        for name in &scenarios {
            assert!(
                title(name).is_some(),
                "{fault}: no scenario is called {name}"
            );
        }
        let excused = row.contains_key("reason");
        assert_ne!(excused, !scenarios.is_empty(), "{fault}: one of the two");
        if excused {
            assert!(text(row, "reason").len() > 20, "{fault}: a sentence");
            assert!(is_proof(text(row, "proof")), "{fault}: no such proof");
        }
    }
}

fn render() -> String {
    let mut page = String::from(
        "# The failure table, row by row\n\n\
         Generated from [`clauses/failure-table.toml`](../clauses/failure-table.toml): each way in \
         which a transfer can fail, and the scenario that shows what then happens. \
         `portcullis replay NAME` plays one event by event.\n\n\
         | # | fault | what is claimed |\n|---|---|---|\n",
    );
    for row in rows() {
        let claims = scenarios(&row).into_iter().map(|name| {
            let title = title(name).unwrap_or_default();
            format!("[{title}]({name}.toml)")
        });
        let mut claims = claims.collect::<Vec<_>>().join("<br>");
        if claims.is_empty() {
            claims = format!(
                "No scenario: {} Proof: `{}`",
                text(&row, "reason"),
                text(&row, "proof")
            );
        }
        let number = row.get("number").and_then(Value::as_integer);
        let number = number.unwrap_or_default();
        let fault = text(&row, "fault");
        writeln!(page, "| {number} | {fault} | {claims} |").expect("a String takes everything");
    }
    page
}

#[test]
fn the_failure_page_is_fresh() {
    let path = folder().join("environment-transfer/FAILURES.md");
    let fresh = render();
    if fs::read_to_string(&path).is_ok_and(|page| page == fresh) {
        return;
    }
    let proposal = path.with_extension("md.new");
    fs::write(&proposal, fresh).expect("the folder of the page is writable");
    panic!("FAILURES.md is stale: move {} over it", proposal.display());
}
