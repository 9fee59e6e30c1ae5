//! `reports/conformance.md`: clause -> code -> scenario, generated and kept fresh.

use std::fmt::Write;
use std::fs;

use portcullis_scenarios::folder;

use super::lists::{Lists, tags, text};

/// The page as the lists, the scenarios and the code comments make it.
fn render() -> String {
    let (lists, tags) = (Lists::read(), tags());
    let mut page = String::from(
        "# Conformance: environment transfer\n\n\
         Generated from `scenarios/` and the comments in the code; `cargo test` fails when it is \
         stale and says how to renew it. What each clause came to in a run is in that run's report.\n\n\
         The wire format is Portcullis's own; no interoperability with any vendor's product is \
         claimed (ET-90).\n\n",
    );
    let count = lists.clauses.len();
    writeln!(
        page,
        "{count} clauses: {} with scenarios, {} excepted with reason and proof, {} pending.\n",
        lists.scenarios.len(),
        lists.exceptions.len(),
        lists.pending.len()
    )
    .expect("a String takes everything");
    page.push_str(
        "| clause | level | binds | statement | code | covered by |\n|---|---|---|---|---|---|\n",
    );
    let mut order: Vec<_> = lists.clauses.iter().collect();
    order.sort_by_key(|(id, _)| {
        id.trim_start_matches("ET-")
            .parse::<u32>()
            .unwrap_or(u32::MAX)
    });
    for (id, clause) in order {
        let code = tags.get(id).map(|files| {
            files
                .iter()
                .map(|file| format!("`{file}`"))
                .collect::<Vec<_>>()
                .join("<br>")
        });
        let covered = if let Some(names) = lists.scenarios.get(id) {
            let link = |name: &String| {
                let short = name
                    .trim_end_matches(".toml")
                    .rsplit('/')
                    .next()
                    .unwrap_or(name);
                format!("[{short}](../scenarios/{name})")
            };
            names.iter().map(link).collect::<Vec<_>>().join("<br>")
        } else if let Some(exception) = lists.exceptions.get(id) {
            format!(
                "exception: {} Proof: `{}`",
                text(exception, "reason"),
                text(exception, "proof")
            )
        } else {
            let pending = lists.pending.get(id);
            format!(
                "pending: {}",
                pending.map_or("", |row| text(row, "covered_by"))
            )
        };
        writeln!(
            page,
            "| {id} | {} | {} | {} | {} | {covered} |",
            text(clause, "level"),
            text(clause, "binds"),
            text(clause, "text"),
            code.unwrap_or_default(),
        )
        .expect("a String takes everything");
    }
    page
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
