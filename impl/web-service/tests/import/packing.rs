//! Directories that are packed.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use portcullis_web_service::work::cabinet::{Cabinet, CabinetLimits, Compression};
use portcullis_web_service::work::pack::{PackOptions, pack};
use tempfile::TempDir;

use crate::world::{Tree, World, lay_out, news, tree};

/// The words of an error and its causes, as an operator is told them.
fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", words(source)),
        None => error.to_string(),
    }
}

/// Packs `content`, and returns the packages and the files in them, each with its length.
fn packed(content: &Tree, options: &PackOptions) -> Vec<(u64, String)> {
    let root = TempDir::new().unwrap();
    let source = root.path().join("source");
    lay_out(&source, content);
    let packed = pack(&source, &root.path().join("packages"), options).unwrap();
    assert_eq!(packed.object_count, content.len());
    let package = |path: &Path| {
        let mut file = Cursor::new(fs::read(path).unwrap());
        let octets = u64::try_from(file.get_ref().len()).unwrap();
        let cabinet = Cabinet::read(&mut file, options.compression, &ANY).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut line = format!("{name} {octets}:");
        for file in cabinet.files() {
            line += &format!(" {} {}", file.name, file.octets);
        }
        (octets, line)
    };
    packed.packages.iter().map(|path| package(path)).collect()
}

const STORED: PackOptions = PackOptions {
    compression: Compression::Stored,
    package_octets_max: 1_000_000,
};

const ANY: CabinetLimits = CabinetLimits {
    files_max: u32::MAX,
    file_octets_max: u64::MAX,
    octets_max: u64::MAX,
    names_octets_max: u64::MAX,
    ratio_max: 1_100,
};

#[test]
fn packages_are_no_larger_than_asked_for_unless_a_file_is() {
    let file = |count| Some(vec![7; count]);
    let content = Tree::from([
        ("/a".to_owned(), file(400)),
        ("/b".to_owned(), file(400)),
        ("/c".to_owned(), file(3_000)),
        ("/d".to_owned(), file(10)),
    ]);
    let options = PackOptions {
        package_octets_max: 1_000,
        ..STORED
    };
    let lines = packed(&content, &options).into_iter().map(|(_, line)| line);
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    ExportedFiles.cab 910: 00000000.dat 400 00000001.dat 400
    ExportedFiles2.cab 3081: 00000002.dat 3000
    ExportedFiles3.cab 900: 00000003.dat 10 manifest.xml 780
    ");
}

#[test]
fn the_manifest_is_the_one_that_the_specification_shows() {
    let file = |octets: &[u8]| Some(octets.to_vec());
    let content = Tree::from([
        ("/default.aspx".to_owned(), file(b"<%@ Page %>")),
        ("/news".to_owned(), None),
        ("/news/page.aspx".to_owned(), file(b"Hello.\n")),
    ]);
    let world = World::new();
    world.pack(&content, &STORED);
    let package = fs::read(world.uploads().join("ExportedFiles.cab")).unwrap();
    let text = String::from_utf8_lossy(&package);
    let begin = text.find("<package").unwrap();
    insta::assert_snapshot!(text[begin..].replace("><", ">\n<"), @r#"
    <package xmlns="urn:portcullis:content-package:1">
    <object id="d2b1037e-6a43-8501-b112-12b70e9ed9cc" path="/default.aspx" kind="file" file="00000000.dat" octets="11" sha256="0d8b6295292b6295a3c378deca7f2e5747cc477204a5d9d3bed93380c321f488"/>
    <object id="f46b16ed-5a4e-8f48-93fa-99cacadf3c09" path="/news" kind="folder"/>
    <object id="4292b764-1f5b-862d-97da-f34c4c36478d" path="/news/page.aspx" kind="file" file="00000002.dat" octets="7" sha256="a2c064616af4c66c576821616646bdfad5556a263b4b007847605118971f4389"/>
    </package>
    "#);
}

#[test]
fn incompressible_content_makes_no_package_too_large() {
    // As good as random.
    let noise = |seed: u32| {
        let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        let numbers = std::iter::successors(Some(seed), next);
        let octets: Vec<u8> = numbers.map(|n| n.to_be_bytes()[0]).take(20_000).collect();
        Some(octets)
    };
    let content = (0..20).map(|n| (format!("/{n:02}"), noise(n)));
    let options = PackOptions {
        compression: Compression::Mszip,
        package_octets_max: 100_000,
    };
    for (octets, line) in packed(&content.collect(), &options) {
        assert!(octets <= options.package_octets_max, "{line}");
    }
}

#[test]
fn the_same_directory_gives_the_same_packages() {
    let root = TempDir::new().unwrap();
    let source = root.path().join("source");
    lay_out(&source, &news());
    let options = PackOptions::default();
    let [first, second] = ["first", "second"].map(|name| {
        let into = root.path().join(name);
        pack(&source, &into, &options).unwrap();
        tree(&into)
    });
    assert_eq!(first, second);
    // There are packages of that name now: they stay as they are.
    let again = pack(&source, &root.path().join("first"), &options).unwrap_err();
    assert!(words(&again).contains("ExportedFiles.cab"), "{again}");
    assert_eq!(tree(&root.path().join("first")), first);
}

#[tokio::test]
async fn a_site_can_be_packed_again() {
    let world = World::new();
    world.pack(&news(), &PackOptions::default());
    assert_eq!(world.import(Compression::Mszip).await, Ok(5));
    let first = tree(&world.uploads());
    world.clear();
    pack(&world.site(), &world.uploads(), &PackOptions::default()).unwrap();
    assert_eq!(tree(&world.uploads()), first);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_packed_is_named_with_the_reason() {
    let root = TempDir::new().unwrap();
    let source = root.path().join("source");
    let into = root.path().join("packages");
    let empty: fn(&Path) = |at| fs::write(at, b"").unwrap();
    let folder: fn(&Path) = |at| fs::create_dir(at).unwrap();
    let link: fn(&Path) = |at| std::os::unix::fs::symlink("a", at).unwrap();
    let unusable = "has a name that may not be used: a name in it: ";
    let cases = [
        (
            "a:b",
            empty,
            unusable,
            "has a character that no file name has",
        ),
        (
            ".hidden",
            empty,
            unusable,
            "begins or ends as no file name does",
        ),
        ("nul.txt", folder, unusable, "the name of a device"),
        ("A", empty, "has the same name as another but for case", ""),
        (
            "\u{fffe}",
            empty,
            "has a name that no manifest can carry",
            "",
        ),
        ("link", link, "is a link", ""),
    ];
    for (name, make, why, more) in cases {
        lay_out(&source, &Tree::from([("/a".to_owned(), Some(Vec::new()))]));
        make(&source.join(name));
        let error = words(&pack(&source, &into, &PackOptions::default()).unwrap_err());
        assert!(error.ends_with(&format!(": {why}{more}")), "{error}");
        assert!(!into.exists(), "{error}");
        fs::remove_dir_all(&source).unwrap();
    }
    let missing = pack(&source, &into, &PackOptions::default()).unwrap_err();
    assert!(words(&missing).contains("cannot be read or written"));
}
