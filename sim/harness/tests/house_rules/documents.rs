//! Markdown pages: one title each, links that lead somewhere, a map that stays a map.

use super::{SourceFile, assert_none, files, root};

/// ARCHITECTURE.md is read in one sitting.
const ARCHITECTURE_LINES_MAX: usize = 200;

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index + 1, line));
        }
    }
    lines
}

fn titles(page: &SourceFile) -> Option<String> {
    let count = prose(&page.text)
        .iter()
        .filter(|(_, line)| line.starts_with("# "))
        .count();
    (count != 1).then(|| format!("{}: {count} titles (`# `), a page has one", page.path))
}

/// Targets of relative links that do not exist, as seen from the page's folder.
fn dead_links(page: &SourceFile, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in prose(&page.text) {
        for target in line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !exists(file) {
                complaints.push(format!("{}:{number}: `{target}` leads nowhere", page.path));
            }
        }
    }
    complaints
}

#[test]
fn every_page_has_one_title_and_no_dead_link() {
    let mut complaints = Vec::new();
    for page in files("md") {
        let folder = root()
            .join(&page.path)
            .parent()
            .expect("a page lies in a folder")
            .to_owned();
        complaints.extend(titles(&page));
        complaints.extend(dead_links(&page, |target| folder.join(target).exists()));
    }
    assert_none(&complaints);
}

#[test]
fn the_architecture_page_stays_short() {
    let pages = files("md");
    let page = pages
        .iter()
        .find(|page| page.path == "ARCHITECTURE.md")
        .expect("there is a map");
    assert!(
        page.text.lines().count() <= ARCHITECTURE_LINES_MAX,
        "ARCHITECTURE.md is too long"
    );
}

#[test]
fn the_rules_of_documents_bite() {
    let page = |text: &str| SourceFile {
        path: "x.md".into(),
        text: text.into(),
    };
    assert!(titles(&page("# One\n# Two\n")).is_some());
    assert_eq!(titles(&page("# One\n```\n# a comment\n```\n")), None);
    assert_eq!(
        dead_links(&page("see [it](gone.md#part)"), |_| false).len(),
        1
    );
    assert!(dead_links(&page("see [it](https://example.org)"), |_| false).is_empty());
}
