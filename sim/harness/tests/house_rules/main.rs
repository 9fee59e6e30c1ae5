//! The house rules as tests: what a reviewer would otherwise have to repeat.
//!
//! Each rule is a function from text to complaints, with a test of its own that shows it can bite,
//! and one test that applies it to the whole project. A complaint says what to do instead.

mod arrows;
mod documents;
mod names;
mod shape;

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the project, by its path from the root.
struct SourceFile {
    path: String,
    text: String,
}

/// The project's root folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("sim/harness lies two below")
        .into()
}

/// Every file of the project with the given extension, in order of path; build output left out.
fn files(extension: &str) -> Vec<SourceFile> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project is readable") {
            let path = entry.expect("a folder of the project is readable").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                if !matches!(name, "target" | ".git" | "node_modules") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == extension) {
                let relative = path.strip_prefix(&root).expect("found below the root");
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                found.push(SourceFile {
                    path: relative.display().to_string(),
                    text,
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(
        !found.is_empty(),
        "no *.{extension} below {}",
        root.display()
    );
    found
}

/// Fails with every complaint, so that one run shows all.
fn assert_none(complaints: &[String]) {
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
