//! Embeds the scenario files and clause lists into release builds, so that an installed program
//! needs no checkout. Debug builds embed nothing: they find `scenarios/` from the working directory
//! upward, and an edited scenario then costs no rebuild.

#![expect(
    clippy::disallowed_macros,
    reason = "a build script talks to cargo through its standard output"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut files = Vec::new();
    if std::env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
        let root = Path::new(&here).join("../../scenarios").canonicalize()?;
        println!("cargo::rerun-if-changed={}", root.display());
        collect(&root, &root, &mut files)?;
        files.sort();
    }
    let entries: String = files
        .iter()
        .map(|(name, path)| format!("    ({name:?}, include_str!({path:?})),\n"))
        .collect();
    fs::write(out.join("embedded.rs"), format!("&[\n{entries}]\n"))
}

/// Every `.toml` file in a directory below `root`, with its path below `root`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if name.contains('/') && name.ends_with(".toml") {
            files.push((name, path));
        }
    }
    Ok(())
}
