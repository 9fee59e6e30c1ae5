//! Parts to files: what a transfer carries, from any peer.

use std::path::{Component, Path};
use std::time::Duration;

use bytes::Bytes;
use portcullis_agent::codec::LENGTH_OCTETS;
use portcullis_agent::message::{Digest, EnvironmentName, ObjectId, TaskId};
use portcullis_agent::work::{
    Job, Manifest, Payload, RelativePath, Script, Shelf, SimulatedPayload,
};

use crate::at_once;

/// The list of files that begins an object, and a single path.
pub(crate) fn run_manifest(document: &[u8]) {
    if let Ok(path) = std::str::from_utf8(document)
        && let Ok(path) = RelativePath::new(path)
    {
        assert_stays_below(&path);
    }
    let Ok(manifest) = Manifest::decode(document) else {
        return;
    };
    for file in manifest.files() {
        assert_stays_below(&file.path);
    }
    if let Ok(unit) = manifest.encode() {
        let again = Manifest::decode(&unit[LENGTH_OCTETS..]);
        assert_eq!(again, Ok(manifest), "what we write is what we read");
    }
}

/// The path names something below the directory that it is joined to, on any operating system.
fn assert_stays_below(path: &RelativePath) {
    let text = path.as_str();
    let normal = |component| matches!(component, Component::Normal(_));
    assert!(Path::new(text).components().all(normal), "{text:?}");
    assert!(!text.contains(['\\', ':', '\0']), "{text:?}");
    for part in text.split('/') {
        assert!(!matches!(part, "" | "." | ".."), "{text:?}");
    }
}

/// An object that arrives in parts of a size that the first octet chooses. What is put in place is
/// exactly what the parts held, and how they were cut makes no difference. ET-32
pub(crate) fn run(input: &[u8]) {
    let Some((size, octets)) = input.split_first() else {
        return;
    };
    let cut = placed(octets, usize::from(*size).max(1));
    let whole = placed(octets, octets.len().max(1));
    assert_eq!(cut, whole, "the cut makes no difference");
    let Some(files) = cut else { return };
    let mut content = Vec::new();
    for (path, octets) in &files {
        assert_stays_below(path);
        content.extend_from_slice(octets);
    }
    // The files' octets end the object; their order there is the manifest's.
    assert!(content.len() < octets.len());
}

/// What is in place after the parts of an object were staged and committed, by path.
fn placed(octets: &[u8], part_octets: usize) -> Option<Vec<(RelativePath, Vec<u8>)>> {
    let shelf = Shelf::default();
    let payload = SimulatedPayload::new(1, shelf.clone(), Script::default(), Duration::ZERO);
    let object = ObjectId::new("dev.o").expect("a token");
    let mut parts = 0;
    for part in octets.chunks(part_octets) {
        parts += 1;
        at_once(payload.stage(&object, parts, Bytes::copy_from_slice(part)))
            .expect("a simulated disk takes everything");
    }
    let job = Job {
        from: EnvironmentName::new("dev").expect("a token"),
        task: TaskId::new("t").expect("a token"),
    };
    let digest = Digest::of(octets);
    at_once(payload.commit(&object, parts, digest, &job)).ok()?;
    let placed = shelf.placed(&job).expect("what was committed is there");
    let content = |path: &RelativePath| placed.content(path).expect("a path has its content");
    Some(
        placed
            .paths()
            .map(|path| (path.clone(), content(path)))
            .collect(),
    )
}
