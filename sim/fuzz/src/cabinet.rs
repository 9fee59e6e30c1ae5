//! Packages of content: cabinets, and the manifest in one of them.

use std::io::Cursor;
use std::path::{Component, Path};

use portcullis_web_service::work::cabinet::{
    Cabinet, CabinetLimits, CabinetProblem, Compression, PackedFile,
};
use portcullis_web_service::work::manifest::{self, ContentObject, ManifestProblem};

const LIMITS: CabinetLimits = CabinetLimits {
    files_max: 50,
    file_octets_max: 100_000,
    octets_max: 300_000,
    names_octets_max: 1_000,
    ratio_max: 1_100,
};

/// A cabinet, and once more with the length that it has where the header says another.
pub(crate) fn run(octets: &[u8]) {
    run_one(octets);
    let mut mended = octets.to_vec();
    if let (Some(field), Ok(length)) = (mended.get_mut(8..12), u32::try_from(octets.len())) {
        field.copy_from_slice(&length.to_le_bytes());
        run_one(&mended);
    }
}

/// What passes is within the limits, has names that stay in their folder, and is decompressed to
/// exactly what it declares, or is damaged. No cabinet passes as stored and as compressed, unless
/// it has no folder.
fn run_one(octets: &[u8]) {
    let both = [Compression::Stored, Compression::Mszip].map(|compression| {
        let mut source = Cursor::new(octets);
        let cabinet = Cabinet::read(&mut source, compression, &LIMITS).ok()?;
        assert_declared(&cabinet, octets.len());
        let mut taken = Vec::new();
        let mut current = 0_u64;
        let put = |file: &PackedFile, piece: &[u8]| {
            let count = u64::try_from(piece.len()).expect("a small number");
            current += count;
            assert!(current <= file.octets, "no more than declared");
            if piece.is_empty() {
                taken.push((file.name.clone(), std::mem::take(&mut current)));
            }
            Ok::<_, CabinetProblem>(())
        };
        match cabinet.extract(&mut source, put) {
            Ok(()) => {
                let declared = cabinet.files().map(|file| (file.name.clone(), file.octets));
                assert!(taken.into_iter().eq(declared), "all that was declared");
            }
            Err(problem) => assert_eq!(problem, CabinetProblem::Damaged),
        }
        Some(cabinet)
    });
    if let [Some(stored), Some(_)] = both {
        assert_eq!(stored.files().count(), 0, "two compressions");
    }
}

fn assert_declared(cabinet: &Cabinet, length: usize) {
    let length = u64::try_from(length).expect("a small number");
    assert!(cabinet.files().count() <= 50);
    assert!(cabinet.octets() <= LIMITS.octets_max.min(length * LIMITS.ratio_max));
    let files = cabinet.files().map(|file| file.octets);
    assert_eq!(files.sum::<u64>(), cabinet.octets(), "files fill folders");
    for file in cabinet.files() {
        assert!(file.octets <= LIMITS.file_octets_max);
        assert_one_name(file.name.as_str());
    }
}

/// The text names one thing in a directory, on any operating system.
fn assert_one_name(name: &str) {
    let mut components = Path::new(name).components();
    let first = components.next();
    assert!(
        matches!(first, Some(Component::Normal(part)) if part == name),
        "{name:?}"
    );
    assert_eq!(components.next(), None, "{name:?}");
    assert!(!name.contains(['\\', ':', '\0']), "{name:?}");
}

/// A manifest: what is taken has its own place below a folder that came before, and what is written
/// down again is the same manifest.
pub(crate) fn run_manifest(document: &[u8]) {
    let mut objects: Vec<ContentObject> = Vec::new();
    let taken = manifest::read(document, 50, |object| {
        objects.push(object);
        Ok::<_, ManifestProblem>(())
    });
    let Ok(count) = taken else { return };
    assert_eq!(usize::try_from(count), Ok(objects.len()));
    for object in &objects {
        let names = object.path.as_str().strip_prefix('/').expect("a slash");
        names.split('/').for_each(assert_one_name);
    }
    let written = manifest::write(&objects).expect("what XML carried once it carries again");
    let mut again = Vec::new();
    let read = manifest::read(&written, 50, |object| {
        again.push(object);
        Ok::<_, ManifestProblem>(())
    });
    assert_eq!((read, again), (Ok(count), objects));
}
