//! `reports/conformance.md`: clause -> code -> scenario, generated and kept fresh.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use portcullis_scenarios::folder;

use super::lists::{Lists, PROTOCOLS, tags, text};

/// What a reader should know of each protocol beside its clauses.
const NOTES: &[(&str, &str)] = &[
    (
        "environment-transfer",
        "The wire format is Portcullis's own; no interoperability with any vendor's product is \
         claimed (ET-90).",
    ),
    (
        "content-deployment",
        "After [MS-CDEPLOY], of which a few pages could be read; each clause says how sure it is \
         (`evidence` in `scenarios/clauses/content-deployment.toml`).",
    ),
];

/// The page as the lists, the scenarios and the code comments make it.
fn render() -> String {
    let (lists, tags) = (Lists::read(), tags());
    let mut page = String::from(
        "# Conformance\n\n\
         Generated from `scenarios/` and the comments in the code; `cargo test` fails when it is \
         stale and says how to renew it. What each clause came to in a run is in that run's report.\n",
    );
    for (protocol, prefix) in PROTOCOLS {
        let of_protocol = |id: &&String| id.starts_with(prefix);
        let note = NOTES.iter().find(|(name, _)| name == protocol);
        let note = note.map_or("", |(_, note)| note);
        let heading = protocol.replace('-', " ");
        writeln!(
            page,
            "\n## {heading}\n\n{note}\n\n\
             {} clauses: {} with scenarios, {} excepted with reason and proof, {} pending.\n\n\
             | clause | level | binds | statement | code | covered by |\n|---|---|---|---|---|---|",
            lists.clauses.keys().filter(of_protocol).count(),
            lists.scenarios.keys().filter(of_protocol).count(),
            lists.exceptions.keys().filter(of_protocol).count(),
            lists.pending.keys().filter(of_protocol).count(),
        )
        .expect("a String takes everything");
        let mut order: Vec<_> = lists.clauses.keys().filter(of_protocol).collect();
        order.sort_by_key(|id| {
            let number = id.trim_start_matches(prefix);
            number.parse::<u32>().unwrap_or(u32::MAX)
        });
        for id in order {
            row(&mut page, id, &lists, tags.get(id));
        }
    }
    page
}

/// One clause: where it is kept, and what covers it.
fn row(page: &mut String, id: &str, lists: &Lists, code: Option<&BTreeSet<String>>) {
    let clause = &lists.clauses[id];
    let files = code.into_iter().flatten().map(|file| format!("`{file}`"));
    let covered = if let Some(names) = lists.scenarios.get(id) {
        let link = |name: &String| {
            let short = name.trim_end_matches(".toml").rsplit('/').next();
            format!("[{}](../scenarios/{name})", short.unwrap_or(name))
        };
        names.iter().map(link).collect::<Vec<_>>().join("<br>")
    } else if let Some(exception) = lists.exceptions.get(id) {
        let (reason, proof) = (text(exception, "reason"), text(exception, "proof"));
        format!("exception: {reason} Proof: `{proof}`")
    } else {
        let pending = lists.pending.get(id);
        let covered_by = pending.map_or("", |row| text(row, "covered_by"));
        format!("pending: {covered_by}")
    };
    writeln!(
        page,
        "| {id} | {} | {} | {} | {} | {covered} |",
        text(clause, "level"),
        text(clause, "binds"),
        text(clause, "text"),
        files.collect::<Vec<_>>().join("<br>"),
    )
    .expect("a String takes everything");
}

#[test]
fn the_conformance_page_is_fresh() {
    let path = folder().join("../reports/conformance.md");
    let fresh = render();
    if fs::read_to_string(&path).is_ok_and(|page| page == fresh) {
        return;
    }
    let proposal = path.with_extension("md.new");
    fs::write(&proposal, fresh).expect("the folder of the page is writable");
    panic!("reports/conformance.md is stale: move reports/conformance.md.new over it");
}
