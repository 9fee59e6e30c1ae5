use std::fs;

use tempfile::TempDir;

use super::*;
use crate::work::pack::walk;

/// A time at which everything is settled that was written in this test.
fn later() -> Stamp {
    serde_json::from_str(r#"{"changed_ns":18446744073709551615,"number":0}"#).unwrap()
}

/// A time at which nothing is.
fn earlier() -> Stamp {
    serde_json::from_str(r#"{"changed_ns":0,"number":0}"#).unwrap()
}

/// What is deployed once `found` is.
fn listing(found: &[Found], now: Stamp) -> Listing {
    let object = |found: &Found| {
        let sha256 = || Digest::of(&fs::read(&found.source).unwrap());
        let content = match found.octets {
            None => ObjectContent::Folder,
            Some(octets) => ObjectContent::File {
                file: "x".parse().unwrap(),
                octets,
                sha256: sha256(),
            },
        };
        ContentObject {
            id: crate::message::Guid::NIL,
            path: found.path.clone(),
            content,
        }
    };
    let stamps: Vec<_> = found.iter().map(|found| found.stamp).collect();
    Listing::packed(found.iter().map(object).collect(), &stamps, now)
}

fn path(text: &str) -> SitePath {
    SitePath::new(text).unwrap()
}

#[test]
fn a_file_is_read_again_unless_its_stamp_is_known_and_was_settled() {
    let source = TempDir::new().unwrap();
    let file = source.path().join("page.aspx");
    fs::write(&file, b"Hello.").unwrap();
    let found = walk(source.path()).unwrap();
    let settled = listing(&found, later());
    let unsettled = listing(&found, earlier());
    // Whoever reads now finds nothing.
    fs::remove_file(&file).unwrap();
    let difference = settled.difference(&found, later(), &|| true).unwrap();
    assert!(difference.new.is_empty());
    assert_eq!(difference.same, settled);
    let failed = unsettled.difference(&found, later(), &|| true);
    assert!(matches!(failed.unwrap_err().why, PackProblem::Disk(_)));
}

#[test]
fn files_that_change_places_are_changed() {
    let source = TempDir::new().unwrap();
    for (folder, content) in [("a", "one"), ("b", "two")] {
        fs::create_dir(source.path().join(folder)).unwrap();
        fs::write(source.path().join(folder).join("x"), content).unwrap();
    }
    let deployed = listing(&walk(source.path()).unwrap(), later());
    for (from, to) in [("a", "c"), ("b", "a"), ("c", "b")] {
        fs::rename(source.path().join(from), source.path().join(to)).unwrap();
    }
    let found = walk(source.path()).unwrap();
    let difference = deployed.difference(&found, later(), &|| true).unwrap();
    assert_eq!(difference.new, [path("/a/x"), path("/b/x")].into());
}

#[test]
fn what_was_the_same_is_not_taken_for_deployed_when_another_run_came_between() {
    let source = TempDir::new().unwrap();
    let file = source.path().join("page.aspx");
    let state = |content: &str| {
        fs::write(&file, content).unwrap();
        listing(&walk(source.path()).unwrap(), later())
    };
    let first = state("One.");
    let mut deployed = state("Two.");
    // An export that began when the first was deployed, and ends now.
    deployed.merge(Listing::default(), first);
    assert_eq!(deployed, state_of(&deployed));
    let found = walk(source.path()).unwrap();
    let same = deployed.difference(&found, later(), &|| true).unwrap();
    assert!(same.new.is_empty());
    fs::write(&file, "One.").unwrap();
    let found = walk(source.path()).unwrap();
    let changed = deployed.difference(&found, later(), &|| true).unwrap();
    assert_eq!(changed.new, [path("/page.aspx")].into());
}

/// What a listing is when it is read again.
fn state_of(listing: &Listing) -> Listing {
    serde_json::from_slice(&serde_json::to_vec(listing).unwrap()).unwrap()
}

#[test]
fn what_is_chosen_comes_with_the_folders_it_is_in() {
    let source = TempDir::new().unwrap();
    fs::create_dir_all(source.path().join("a/b")).unwrap();
    fs::create_dir(source.path().join("a/c")).unwrap();
    for name in ["a/b/x", "a/b/y", "a/z"] {
        fs::write(source.path().join(name), b"").unwrap();
    }
    let found = with_folders(walk(source.path()).unwrap(), [path("/a/b/y")].into());
    let paths: Vec<_> = found.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(paths, ["/a", "/a/b", "/a/b/y"]);
}
