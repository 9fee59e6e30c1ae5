//! Every file below `corpus`, through the target that its folder names: seeds, and what a fuzzer
//! has found and somebody has repaired.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_fuzz::{TARGETS, Target};

fn folder(target: Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name)
}

#[test]
fn every_file_of_the_corpus_passes() {
    for target in TARGETS {
        let mut files: Vec<PathBuf> = fs::read_dir(folder(*target))
            .expect("every target has a folder")
            .map(|entry| entry.expect("a readable folder").path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{} has no seed", target.name);
        for file in files {
            let octets = fs::read(&file).expect("a readable file");
            let run = std::panic::catch_unwind(|| (target.run)(&octets));
            assert!(run.is_ok(), "{}", file.display());
        }
    }
}

/// A folder without target would never be replayed.
#[test]
fn every_folder_has_a_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in fs::read_dir(corpus).expect("there is a corpus") {
        let name = entry.expect("a readable folder").file_name();
        let name = name.to_str().expect("a plain name");
        assert!(portcullis_fuzz::find(name).is_some(), "{name}");
    }
}
