//! Packages that do not fit one another, their manifest, or the limits of a job.

use portcullis_web_service::message::FileName;
use portcullis_web_service::work::cabinet::Compression;
use portcullis_web_service::work::manifest::ContentObject;
use portcullis_web_service::work::{ImportFailure, ImportLimits, Importer as _};

use crate::builder::{Cabinet, STORED};
use crate::world::{World, manifest, object};

/// Imports packages of these names, which are stored.
async fn imported(packages: &[(&str, Vec<u8>)], limits: ImportLimits) -> Option<ImportFailure> {
    let world = World::new();
    for (name, octets) in packages {
        world.upload(name, octets);
    }
    let importer = world.importer_within(limits);
    let order = world.order(Compression::Stored);
    let mut failure = importer.verify(&order).await.err();
    // What cannot be seen in the tables is seen when the files are there.
    let decompressed = importer.decompress(&order).await.err();
    assert!(failure.is_none() || failure == decompressed);
    failure = failure.or(decompressed);
    assert!(!world.site().exists());
    failure
}

fn stored(files: &[(&str, &[u8])]) -> Vec<u8> {
    Cabinet::of(STORED, files).octets()
}

fn package(name: &str) -> FileName {
    FileName::new(name).unwrap()
}

#[tokio::test]
async fn a_name_is_there_once_in_all_packages() {
    let list = manifest(&[]);
    let a = stored(&[("x.dat", b"1"), ("manifest.xml", &list)]);
    let twice = stored(&[("x.dat", b"1"), ("X.DAT", b"2"), ("manifest.xml", &list)]);
    let failure = imported(&[("a.cab", twice)], ImportLimits::default()).await;
    assert_eq!(failure, Some(ImportFailure::Name(package("a.cab"))));
    for again in ["x.dat", "X.Dat", "Manifest.xml"] {
        let b = stored(&[(again, b"2")]);
        let packages = [("a.cab", a.clone()), ("b.cab", b)];
        let failure = imported(&packages, ImportLimits::default()).await;
        assert_eq!(failure, Some(ImportFailure::Name(package("b.cab"))));
    }
}

#[tokio::test]
async fn the_limits_hold_for_all_packages_together() {
    let list = manifest(&[]);
    let packages = [
        ("a.cab", stored(&[("1", &[1; 900]), ("2", b"2")])),
        (
            "b.cab",
            stored(&[("manifest.xml", &list), ("3", &[3; 900])]),
        ),
    ];
    let full = ImportLimits::default();
    for limits in [
        ImportLimits {
            files_max: 3,
            ..full
        },
        ImportLimits {
            octets_max: 1_800,
            ..full
        },
        ImportLimits {
            names_octets_max: 14,
            ..full
        },
        ImportLimits {
            manifest_octets_max: 10,
            ..full
        },
    ] {
        let failure = imported(&packages, limits).await;
        assert_eq!(
            failure,
            Some(ImportFailure::TooLarge(package("b.cab"))),
            "{limits:?}"
        );
    }
    let limits = ImportLimits {
        files_per_package_max: 1,
        ..full
    };
    let failure = imported(&packages, limits).await;
    assert_eq!(failure, Some(ImportFailure::TooLarge(package("a.cab"))));
}

#[tokio::test]
async fn a_manifest_that_does_not_fit_the_files_is_refused() {
    let with = |objects: &[ContentObject], files: &[(&str, &[u8])]| {
        let list = manifest(objects);
        stored(&[files, &[("manifest.xml", list.as_slice())]].concat())
    };
    let x = object(1, "/x", Some(("x.dat", b"abc")));
    let file: (&str, &[u8]) = ("x.dat", b"abc");
    let same_file = object(2, "/y", Some(("x.dat", b"abc")));
    for (what, octets) in [
        ("no manifest", stored(&[file])),
        (
            "another spelling",
            stored(&[file, ("Manifest.xml", b"<package/>")]),
        ),
        (
            "no document",
            stored(&[file, ("manifest.xml", b"<package>")]),
        ),
        (
            "a document type",
            stored(&[("manifest.xml", b"<!DOCTYPE package><package/>")]),
        ),
        ("no file", with(std::slice::from_ref(&x), &[])),
        (
            "another length",
            with(std::slice::from_ref(&x), &[("x.dat", b"abcd")]),
        ),
        (
            "another digest",
            with(std::slice::from_ref(&x), &[("x.dat", b"abd")]),
        ),
        (
            "another case",
            with(std::slice::from_ref(&x), &[("X.dat", b"abc")]),
        ),
        (
            "two objects of a file",
            with(&[x.clone(), same_file], &[file]),
        ),
        (
            "unlisted",
            with(std::slice::from_ref(&x), &[file, ("y.dat", b"")]),
        ),
    ] {
        let failure = imported(&[("a.cab", octets)], ImportLimits::default()).await;
        assert_eq!(failure, Some(ImportFailure::Manifest), "{what}");
    }
}
