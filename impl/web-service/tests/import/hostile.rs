//! Cabinets that lie. Each is refused for the reason that is meant, and leaves nothing in the site.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use portcullis_web_service::message::{FileName, FileNameProblem};
use portcullis_web_service::work::cabinet::{
    Cabinet as Tables, CabinetLimits, CabinetProblem as Problem, Compression, PackedFile,
};
use portcullis_web_service::work::{ImportFailure, ImportLimits, Importer as _};

use crate::builder::{Block, Cabinet, Folder, MSZIP, STORED, written};
use crate::world::{World, manifest, object};

const LIMITS: CabinetLimits = CabinetLimits {
    files_max: 10,
    file_octets_max: 100_000,
    octets_max: 1_000_000,
    names_octets_max: 1_000,
    ratio_max: 1_100,
};

fn compression(number: u16) -> Compression {
    match number {
        STORED => Compression::Stored,
        _ => Compression::Mszip,
    }
}

/// Changes one thing in a true cabinet.
type Lie = fn(&mut Cabinet);

/// What comes of a cabinet that is read and decompressed to its end.
fn read(octets: &[u8], compression: Compression) -> Result<u64, Problem> {
    let mut source = Cursor::new(octets);
    let cabinet = Tables::read(&mut source, compression, &LIMITS)?;
    let mut taken = 0;
    cabinet.extract(&mut source, |_, piece| {
        taken += u64::try_from(piece.len()).unwrap();
        Ok::<_, Problem>(())
    })?;
    Ok(taken)
}

/// A manifest of one object whose file is called `x.dat`, and that file.
fn good(number: u16) -> Cabinet {
    let list = manifest(&[object(1, "/x", Some(("x.dat", b"0123456789")))]);
    Cabinet::of(number, &[("x.dat", b"0123456789"), ("manifest.xml", &list)])
}

/// `good` after a lie.
fn lying(number: u16, lie: impl FnOnce(&mut Cabinet)) -> (Compression, Vec<u8>) {
    let mut cabinet = good(number);
    lie(&mut cabinet);
    (compression(number), cabinet.octets())
}

/// `good` with another name for its first file.
fn named(name: impl AsRef<[u8]>) -> (Compression, Vec<u8>) {
    lying(STORED, |c| c.files[0].name = name.as_ref().to_vec())
}

/// What a job is told of a cabinet with that problem.
fn failure(problem: Problem) -> ImportFailure {
    let package = FileName::new("x.cab").unwrap();
    match problem {
        Problem::Name(_) | Problem::NameEncoding => ImportFailure::Name(package),
        Problem::Compression => ImportFailure::Compression(package),
        Problem::TooMany | Problem::TooLarge | Problem::Ratio => ImportFailure::TooLarge(package),
        Problem::Disk
        | Problem::Header
        | Problem::Length
        | Problem::Spanning
        | Problem::Reserve
        | Problem::Layout
        | Problem::Block
        | Problem::Files
        | Problem::Damaged => ImportFailure::Unreadable(package),
    }
}

/// Refused as a cabinet, and as a package, whose job leaves nothing in the site.
async fn assert_refused(what: &str, octets: &[u8], compression: Compression, problem: Problem) {
    assert_eq!(read(octets, compression), Err(problem), "{what}");
    let world = World::new();
    world.upload("x.cab", octets);
    let importer = world.importer_within(ImportLimits {
        files_max: LIMITS.files_max,
        file_octets_max: LIMITS.file_octets_max,
        octets_max: LIMITS.octets_max,
        names_octets_max: LIMITS.names_octets_max,
        ..ImportLimits::default()
    });
    let order = world.order(compression);
    let verified = importer.verify(&order).await;
    let decompressed = importer.decompress(&order).await;
    // Only what is in the blocks themselves is found later than in their heads.
    let expected = (problem != Problem::Damaged).then(|| failure(problem));
    assert_eq!(verified.err(), expected, "{what}");
    assert_eq!(decompressed, Err(failure(problem)), "{what}");
    assert!(!world.site().exists(), "{what}");
    importer.clean(order.job).await;
    assert!(!world.working().exists(), "{what}");
}

#[tokio::test]
async fn names_that_leave_their_folder_are_refused() {
    use FileNameProblem as Name;
    for (name, problem) in [
        ("../x.dat", Name::Character),
        ("..\\x.dat", Name::Character),
        ("/etc/passwd", Name::Character),
        ("\\\\server\\share", Name::Character),
        ("C:\\x.dat", Name::Character),
        ("C:x.dat", Name::Character),
        ("a/x.dat", Name::Character),
        ("a\\x.dat", Name::Character),
        ("x.dat:stream", Name::Character),
        ("x\n.dat", Name::Character),
        ("..", Name::Edge),
        (".", Name::Edge),
        ("x.dat.", Name::Edge),
        ("x.dat ", Name::Edge),
        ("", Name::Empty),
        ("NUL", Name::Reserved),
        ("com1.dat", Name::Reserved),
    ] {
        let (compression, octets) = named(name);
        assert_refused(name, &octets, compression, Problem::Name(problem)).await;
    }
    let (compression, octets) = named("x".repeat(256));
    let long = Problem::Name(Name::TooLong);
    assert_refused("long", &octets, compression, long).await;
    let (compression, octets) = named(b"\xe4.dat");
    assert_refused("latin 1", &octets, compression, Problem::NameEncoding).await;
    let (compression, octets) = lying(STORED, |c| {
        c.files[0].name = b"\xe4.dat".to_vec();
        c.files[0].attributes = 0x80;
    });
    assert_refused("no UTF-8", &octets, compression, Problem::NameEncoding).await;
}

/// Each lie alone is found, for the reason given.
async fn assert_lies(number: u16, lies: &[(&str, Lie, Problem)]) {
    for (what, lie, problem) in lies {
        let (compression, octets) = lying(number, lie);
        assert_refused(what, &octets, compression, *problem).await;
    }
}

#[tokio::test]
async fn a_header_that_lies_is_refused() {
    let lies: [(_, Lie, _); 13] = [
        ("mark", |c| c.mark = Some(*b"MSCE"), Problem::Header),
        ("version", |c| c.version = Some([4, 1]), Problem::Header),
        ("unknown flag", |c| c.flags = 8, Problem::Header),
        ("previous", |c| c.flags = 1, Problem::Spanning),
        ("next", |c| c.flags = 2, Problem::Spanning),
        ("shorter", |c| c.length = Some(40), Problem::Length),
        ("longer", |c| c.length = Some(1 << 30), Problem::Length),
        ("in blocks", |c| c.reserve([0, 0, 0, 4]), Problem::Reserve),
        ("too many", |c| c.reserve([255, 255, 0, 0]), Problem::Length),
        ("files early", |c| c.files_at = Some(36), Problem::Layout),
        (
            "files late",
            |c| c.files_at = Some(1 << 20),
            Problem::Length,
        ),
        ("folders", |c| c.folder_count = Some(3), Problem::Layout),
        ("no folder", |c| c.folder_count = Some(0), Problem::Layout),
    ];
    assert_lies(STORED, &lies).await;
}

#[tokio::test]
async fn blocks_that_lie_are_refused() {
    let lies: [(_, Lie, _); 6] = [
        (
            "in the tables",
            |c| c.folders[0].at = Some(0),
            Problem::Layout,
        ),
        (
            "behind the end",
            |c| c.folders[0].at = Some(1 << 20),
            Problem::Length,
        ),
        (
            "more",
            |c| c.folders[0].block_count = Some(2),
            Problem::Length,
        ),
        (
            "none",
            |c| c.folders[0].block_count = Some(0),
            Problem::Files,
        ),
        ("empty", |c| c.block().octets = 0, Problem::Block),
        ("two lengths", |c| c.block().octets += 1, Problem::Block),
    ];
    assert_lies(STORED, &lies).await;
    let lies: [(_, Lie, _); 3] = [
        ("long", |c| c.block().octets = 0x8001, Problem::Block),
        (
            "empty",
            |c| c.block().packed_octets = Some(0),
            Problem::Block,
        ),
        (
            "beyond",
            |c| c.block().packed_octets = Some(0xFFFF),
            Problem::Length,
        ),
    ];
    assert_lies(MSZIP, &lies).await;
}

#[tokio::test]
async fn files_that_lie_are_refused() {
    let lies: [(_, Lie, _); 12] = [
        (
            "begins elsewhere",
            |c| c.files[0].folder = 0xFFFD,
            Problem::Spanning,
        ),
        (
            "ends elsewhere",
            |c| c.files[1].folder = 0xFFFE,
            Problem::Spanning,
        ),
        ("both", |c| c.files[1].folder = 0xFFFF, Problem::Spanning),
        ("no such folder", |c| c.files[0].folder = 1, Problem::Layout),
        ("overlapping", |c| c.files[1].offset -= 1, Problem::Files),
        ("gap", |c| c.files[1].offset += 1, Problem::Files),
        (
            "all at the start",
            |c| c.files[1].offset = 0,
            Problem::Files,
        ),
        ("shorter", |c| c.files[1].octets -= 1, Problem::Files),
        ("longer", |c| c.files[1].octets += 1, Problem::Files),
        ("far out", |c| c.files[1].offset = u32::MAX, Problem::Files),
        ("same octets again", |c| c.again("y.dat"), Problem::Files),
        (
            "folder without file",
            |c| c.folders.push(Folder::default()),
            Problem::Files,
        ),
    ];
    assert_lies(STORED, &lies).await;
}

#[tokio::test]
async fn folders_in_one_another_are_refused() {
    let (_, octets) = lying(STORED, |c| {
        let mut second = good(STORED);
        second.files[0].name = b"y.dat".to_vec();
        second.files[1].name = b"z.dat".to_vec();
        for file in &mut second.files {
            file.folder = 1;
        }
        let at = 36 + 16 + c.files.iter().map(|f| 17 + f.name.len()).sum::<usize>() + 34;
        second.folders[0].at = Some(u32::try_from(at).unwrap());
        c.folders.append(&mut second.folders);
        c.files.append(&mut second.files);
    });
    assert_refused("same blocks", &octets, Compression::Stored, Problem::Layout).await;
}

#[tokio::test]
async fn any_other_compression_is_refused() {
    for (number, wanted) in [
        (MSZIP, Compression::Stored),
        (STORED, Compression::Mszip),
        // Quantum, LZX, and one that nobody knows.
        (0x1472, Compression::Mszip),
        (0x1503, Compression::Mszip),
        (4, Compression::Stored),
    ] {
        let octets = good(number).octets();
        let what = format!("{number:#x}");
        assert_refused(&what, &octets, wanted, Problem::Compression).await;
    }
}

#[tokio::test]
async fn what_declares_too_much_is_refused_before_anything_is_decompressed() {
    let (compression, octets) = lying(STORED, |c| c.file_count = Some(11));
    assert_refused("files", &octets, compression, Problem::TooMany).await;
    let (compression, octets) = lying(STORED, |c| {
        for number in 0..8 {
            let mut file = c.files[1].clone();
            (file.offset, file.octets) = (file.offset + file.octets, 0);
            file.name = format!("{number}{}", "x".repeat(240)).into_bytes();
            c.files.push(file);
        }
    });
    assert_refused("names", &octets, compression, Problem::TooMany).await;
    let (compression, octets) = lying(STORED, |c| c.files[0].octets = 100_001);
    assert_refused("one file", &octets, compression, Problem::TooLarge).await;
    // A block of a few octets that says that it is 32 KiB, again and again.
    let tiny = Block {
        octets: 0x8000,
        packed: b"CK\x03\0".to_vec(),
        ..Block::default()
    };
    let blocks = |count| lying(MSZIP, |c| c.folders[0].blocks = vec![tiny.clone(); count]);
    let (compression, octets) = blocks(31);
    assert_refused("all files", &octets, compression, Problem::TooLarge).await;
    let (compression, octets) = blocks(30);
    assert_refused("ratio", &octets, compression, Problem::Ratio).await;
}

#[tokio::test]
async fn damaged_blocks_are_refused() {
    for (what, (compression, octets)) in [
        (
            "check sum",
            lying(STORED, |c| c.folders[0].blocks[0].check_sum = Some(1)),
        ),
        (
            "no mark",
            lying(MSZIP, |c| c.folders[0].blocks[0].packed[0] = b'X'),
        ),
        (
            "only a mark",
            lying(MSZIP, |c| c.folders[0].blocks[0].packed.truncate(2)),
        ),
        (
            "kind of deflate block",
            lying(MSZIP, |c| c.folders[0].blocks[0].packed[2] = 7),
        ),
        (
            "fewer octets",
            lying(MSZIP, |c| {
                c.folders[0].blocks[0].octets += 1;
                c.files[1].octets += 1;
            }),
        ),
    ] {
        assert_refused(what, &octets, compression, Problem::Damaged).await;
    }
}

#[test]
fn a_block_gives_no_more_octets_than_it_says() {
    let (compression, octets) = lying(MSZIP, |c| {
        let mut zeros = vec![0; 100];
        zeros[0] = 1;
        c.folders[0].blocks = vec![Block::mszip(&zeros)];
        c.folders[0].blocks[0].octets = 10;
        c.files.truncate(1);
    });
    assert!(matches!(
        read(&octets, compression),
        Ok(10) | Err(Problem::Damaged)
    ));
}

#[test]
fn zero_is_no_check_sum() {
    let (compression, octets) = lying(STORED, |c| c.folders[0].blocks[0].check_sum = Some(0));
    assert!(read(&octets, compression).is_ok());
}

#[test]
fn a_cabinet_that_ends_early_is_refused_wherever_it_ends() {
    for number in [STORED, MSZIP] {
        let octets = good(number).octets();
        assert!(read(&octets, compression(number)).is_ok());
        for end in 0..octets.len() {
            // With the length that it says, and with the one that it has.
            let mut cut = octets[..end].to_vec();
            let refused = read(&cut, compression(number));
            assert_eq!(refused, Err(Problem::Length), "{end}");
            if let Some(length) = cut.get_mut(8..12) {
                length.copy_from_slice(&u32::try_from(end).unwrap().to_le_bytes());
            }
            let refused = read(&cut, compression(number));
            assert_eq!(refused, Err(Problem::Length), "{end}");
        }
    }
}

#[test]
fn one_changed_octet_is_never_more_than_a_refusal() {
    let files: [(&str, &[u8]); 2] = [("x.dat", &[7; 40_000]), ("y.dat", b"0123456789")];
    let octets = written(Compression::Mszip, &files);
    let limit = LIMITS.octets_max;
    for at in 0..octets.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut changed = octets.clone();
            changed[at] ^= change;
            if let Ok(taken) = read(&changed, Compression::Mszip) {
                assert!(taken <= limit, "{at}");
            }
        }
    }
}

/// Counts what is read.
struct Counted {
    source: Cursor<Vec<u8>>,
    octets: usize,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.octets += count;
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

#[test]
fn a_folder_is_read_once_however_many_files_it_has() {
    let names: Vec<String> = (0..4_000).map(|number| format!("{number}.dat")).collect();
    let content = |number: usize| vec![u8::try_from(number % 251).unwrap(); number % 1_000];
    let content: Vec<Vec<u8>> = (0..names.len()).map(content).collect();
    let files = names.iter().zip(&content);
    let files: Vec<_> = files
        .map(|(name, octets)| (name.as_str(), octets.as_slice()))
        .collect();
    let octets = written(Compression::Stored, &files);
    let length = octets.len();
    let source = Cursor::new(octets);
    let mut source = Counted { source, octets: 0 };
    let limits = CabinetLimits {
        files_max: 4_000,
        octets_max: u64::MAX,
        names_octets_max: u64::MAX,
        ..LIMITS
    };
    let cabinet = Tables::read(&mut source, Compression::Stored, &limits).unwrap();
    let mut taken: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let put = |file: &PackedFile, piece: &[u8]| {
        taken
            .entry(file.name.to_string())
            .or_default()
            .extend(piece);
        Ok::<_, Problem>(())
    };
    assert_eq!(cabinet.extract(&mut source, put), Ok(()));
    assert!(
        taken
            .iter()
            .map(|(name, octets)| (name.as_str(), octets.as_slice()))
            .eq({
                let mut files = files;
                files.sort_unstable();
                files
            })
    );
    // The tables, the heads of the blocks, and each block once.
    assert!(
        source.octets < length + length / 10,
        "{} of {length}",
        source.octets
    );
}
