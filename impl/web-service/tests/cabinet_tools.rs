//! Cabinets that other programs write and read: gcab and cabextract.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use portcullis_web_service::work::cabinet::{Cabinet, CabinetLimits, CabinetProblem, Compression};
use portcullis_web_service::work::pack::{PackOptions, pack};
use tempfile::TempDir;

fn main() {
    let arguments = Arguments::from_args();
    let trial = |tool, name: &str, run: fn(Compression) -> Result<(), Box<dyn Error>>| {
        let both = [
            ("stored", Compression::Stored),
            ("MSZIP", Compression::Mszip),
        ];
        both.map(|(word, compression)| {
            let name = format!("{name} ({word})");
            let run = move || run(compression).map_err(|error| Failed::from(error.to_string()));
            Trial::test(name, run).with_ignored_flag(!is_installed(tool))
        })
    };
    let trials = [
        trial("gcab", "a cabinet that gcab has made is read", made_by_gcab),
        trial("gcab", "gcab reads what was packed", read_by_gcab),
        trial(
            "cabextract",
            "cabextract reads what was packed",
            read_by_cabextract,
        ),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}

fn is_installed(tool: &str) -> bool {
    let version = Command::new(tool).arg("--version").output();
    version.is_ok_and(|said| said.status.success())
}

type Files = BTreeMap<String, Vec<u8>>;

/// Empty files, one that ends with a block, one of several blocks, and one that does not compress.
///
/// None repeats itself at one distance only: cabextract 1.9 refuses such a block, whose code of
/// distances has one code, which deflate allows (RFC 1951, section 3.2.7).
fn files() -> Files {
    let numbers = |count| {
        (0..40_000)
            .flat_map(|n: u32| format!("{n}, ").into_bytes())
            .take(count)
    };
    let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let noise = std::iter::successors(Some(7), next).map(|n| n.to_be_bytes()[0]);
    Files::from([
        ("a.txt".to_owned(), Vec::new()),
        ("b.txt".to_owned(), numbers(0x8000).collect()),
        ("c.txt".to_owned(), numbers(110_000).collect()),
        ("d.txt".to_owned(), noise.take(100_000).collect()),
        ("e.txt".to_owned(), Vec::new()),
    ])
}

fn lay_out(directory: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir(directory)?;
    for (name, octets) in files() {
        fs::write(directory.join(name), octets)?;
    }
    Ok(())
}

/// Runs a program to its good end, and returns what it said.
fn run(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let complained = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {said}{complained}").into());
    }
    Ok(said)
}

fn made_by_gcab(compression: Compression) -> Result<(), Box<dyn Error>> {
    let root = TempDir::new()?;
    let source = root.path().join("source");
    lay_out(&source)?;
    let cabinet = root.path().join("x.cab");
    let mut gcab = Command::new("gcab");
    gcab.current_dir(&source).args(["--create", "--nopath"]);
    if compression == Compression::Mszip {
        gcab.arg("--zip");
    }
    run(gcab.arg(&cabinet).args(files().keys()))?;
    let limits = CabinetLimits {
        files_max: 100,
        file_octets_max: 1 << 20,
        octets_max: 1 << 20,
        names_octets_max: 1 << 10,
        ratio_max: 1_100,
    };
    let mut file = std::io::Cursor::new(fs::read(&cabinet)?);
    let tables = Cabinet::read(&mut file, compression, &limits)?;
    let mut read = Files::new();
    tables.extract(&mut file, |file, piece| {
        read.entry(file.name.to_string()).or_default().extend(piece);
        Ok::<_, CabinetProblem>(())
    })?;
    assert!(read == files(), "other files: {:?}", read.keys());
    Ok(())
}

/// Packs the files into two packages, hands both to `read`, and compares what comes out.
fn packed(
    compression: Compression,
    read: impl Fn(&Path, &Path) -> Result<String, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let root = TempDir::new()?;
    let source = root.path().join("source");
    lay_out(&source)?;
    let options = PackOptions {
        compression,
        package_octets_max: 170_000,
    };
    let packed = pack(&source, &root.path().join("packages"), &options)?;
    assert_eq!(packed.packages.len(), 2);
    let out = root.path().join("out");
    fs::create_dir(&out)?;
    for package in &packed.packages {
        read(package, &out)?;
    }
    for (number, (name, octets)) in files().into_iter().enumerate() {
        let read = fs::read(out.join(format!("{number:08}.dat")))?;
        assert!(read == octets, "{name}");
    }
    assert!(out.join("manifest.xml").exists());
    Ok(())
}

fn read_by_gcab(compression: Compression) -> Result<(), Box<dyn Error>> {
    packed(compression, |package, out| {
        run(Command::new("gcab")
            .arg("--extract")
            .arg("--directory")
            .arg(out)
            .arg(package))
    })
}

fn read_by_cabextract(compression: Compression) -> Result<(), Box<dyn Error>> {
    packed(compression, |package, out| {
        let said = run(Command::new("cabextract").arg("--test").arg(package))?;
        assert!(said.contains("All done, no errors"), "{said}");
        run(Command::new("cabextract")
            .arg("--directory")
            .arg(out)
            .arg(package))
    })
}
