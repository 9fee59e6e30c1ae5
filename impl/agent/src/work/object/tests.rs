//! What is cut into parts comes out of them again.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::work::{FileEntry, PathProblem, Script, Shelf, SimulatedPayload};

fn manifest(sizes: &[u64]) -> Manifest {
    let file = |(index, size): (usize, &u64)| FileEntry {
        path: RelativePath::new(&format!("d{}/f{index}", index % 3)).unwrap(),
        size: *size,
    };
    Manifest::new(sizes.iter().enumerate().map(file).collect()).unwrap()
}

fn payload() -> SimulatedPayload {
    SimulatedPayload::new(3, Shelf::default(), Script::default(), Duration::ZERO)
}

/// The parts of an object, as its originator sends them.
fn cut(manifest: &Manifest, part_octets: usize) -> Vec<Bytes> {
    let layout = Layout::new(manifest.clone(), part_octets).unwrap();
    let payload = payload();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let parts = 1..=layout.parts().unwrap();
    parts
        .map(|n| {
            runtime
                .block_on(layout.read(&payload, "source", n))
                .unwrap()
        })
        .collect()
}

proptest! {
    #[test]
    fn parts_are_equal_slices_of_manifest_and_files(
        sizes in proptest::collection::vec(0..300_u64, 0..12),
        part_octets in 1..700_usize,
    ) {
        let manifest = manifest(&sizes);
        let parts = cut(&manifest, part_octets);
        let (last, full) = parts.split_last().unwrap();
        prop_assert!(full.iter().all(|part| part.len() == part_octets));
        prop_assert!((1..=part_octets).contains(&last.len()));

        let mut unpacking = Unpacking::default();
        let mut contents = vec![Vec::new(); sizes.len()];
        for part in &parts {
            for extent in unpacking.take(part).unwrap() {
                contents[extent.file].extend_from_slice(&part[extent.from..extent.to]);
            }
        }
        prop_assert!(unpacking.is_complete());
        prop_assert_eq!(unpacking.manifest(), Some(&manifest));
        for (file, content) in manifest.files().iter().zip(contents) {
            let length = usize::try_from(file.size).unwrap();
            prop_assert_eq!(content, payload().content("source", &file.path, 0, length));
        }
    }

    /// Octets that begin with an honest length and go on with anything are no manifest.
    #[test]
    fn any_octets_are_refused_but_never_fatal(
        octets in proptest::collection::vec(any::<u8>(), 1..200),
    ) {
        let length = u32::try_from(octets.len()).unwrap().saturating_add(4).to_be_bytes();
        let unit = [&length, octets.as_slice()].concat();
        prop_assert!(Unpacking::default().take(&unit).is_err());
    }
}

#[test]
fn octets_after_the_last_file_are_refused() {
    let parts = cut(&manifest(&[3]), 1000).concat();
    let longer = [parts.as_slice(), b"x"].concat();
    assert_eq!(
        Unpacking::default().take(&longer),
        Err(PayloadError::Manifest)
    );
}

#[test]
fn a_manifest_with_a_bad_path_is_refused() {
    let good = String::from_utf8(manifest(&[0]).encode().unwrap()).unwrap();
    for (path, problem) in [
        ("../f0", PathProblem::Escape),
        ("/d/f0", PathProblem::Absolute),
        ("C:/f0", PathProblem::Absolute),
        ("d/nul", PathProblem::Reserved),
    ] {
        // Of the same length, so that the data unit's length still holds.
        let bad = good.replace("d0/f0", path);
        let taken = Unpacking::default().take(bad.as_bytes());
        assert_eq!(taken, Err(PayloadError::Path(problem)), "{path}");
    }
}
