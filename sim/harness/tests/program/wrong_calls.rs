//! Calls and files that cannot be used: what is said, and that nothing runs.

use std::fs;
use std::process::{Command, Stdio};

use super::{example, portcullis, scenarios};

#[test]
fn check_reports_every_file_whatever_is_wrong_with_the_others() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("octets.toml"), b"title = \"\xff\"").expect("a file");
    let mistyped = example().replace("latency ", "latencey ");
    fs::write(path("mistyped.toml"), mistyped).expect("a file");
    fs::create_dir(path("empty")).expect("a directory");
    let names = ["missing.toml", "octets.toml", "empty", "mistyped.toml"];
    let files: Vec<_> = names.iter().map(|name| path(name)).collect();
    let mut arguments = vec!["check"];
    arguments.extend(files.iter().map(String::as_str));
    let run = portcullis(&arguments);
    assert_eq!(run.code, 2, "{}", run.err);
    for said in [
        "missing.toml`: no such file",
        "octets.toml`: not UTF-8 at byte 9",
        "empty`: is a directory without",
        "did you mean `latency`?",
        "4 scenario files cannot be used",
    ] {
        assert!(run.err.contains(said), "no `{said}` in\n{}", run.err);
    }
}

#[test]
fn a_directory_means_every_file_below_it_and_their_titles_differ() {
    let folder = tempfile::tempdir().expect("a directory");
    let below = folder.path().join("a/b");
    fs::create_dir_all(&below).expect("a directory");
    fs::write(folder.path().join("one.toml"), example()).expect("a file");
    let other = example().replacen("A task is", "Besides, a task is", 1);
    fs::write(below.join("two.toml"), other).expect("a file");
    let folder_name = folder.path().to_str().expect("a path in UTF-8");
    let run = portcullis(&["run", folder_name]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("2 scenarios: 2 PASS"), "{}", run.out);
    fs::write(below.join("two.toml"), example()).expect("a file");
    let run = portcullis(&["check", folder_name]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(
        run.err.contains("the title is already that of"),
        "{}",
        run.err
    );
}

#[test]
fn a_pattern_that_matches_nothing_runs_nothing() {
    let run = portcullis(&["run", "nope/*"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    assert!(run.err.contains("nothing ran"), "{}", run.err);
}

#[test]
fn what_cannot_be_kept_or_counted_is_refused_before_the_run() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("mine.toml");
    fs::write(&file, example()).expect("a file");
    let file = file.to_str().expect("a path in UTF-8");
    let largest = u64::MAX.to_string();
    let calls: [&[&str]; 3] = [
        &["run", file, "--report", file],
        &["replay", file, "--pcap", "/nonexistent/x"],
        &["run", file, "--seed", &largest, "--seeds", "2"],
    ];
    for arguments in calls {
        let run = portcullis(arguments);
        assert_eq!(run.code, 2, "{arguments:?} {}", run.err);
        assert_eq!(run.out, "", "{arguments:?}");
    }
    assert_eq!(portcullis(&["run", file, "--seed", &largest]).code, 0);
}

#[test]
fn the_options_of_a_submission_may_stand_before_or_after_what_it_is() {
    for arguments in [
        &[
            "submit", "--config", "no.toml", "--log", "error", "execute", "x",
        ][..],
        &[
            "submit", "execute", "x", "--log", "error", "--config", "no.toml",
        ],
        &[
            "submit",
            "--config",
            "no.toml",
            "execute",
            "--id",
            "t1",
            "x",
            "--log=error",
        ],
    ] {
        let run = portcullis(arguments);
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(run.err.contains("cannot read no.toml"), "{}", run.err);
    }
    let run = portcullis(&["submit", "execute", "x"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("--config FILE"), "{}", run.err);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_with_70_and_a_reader_that_leaves_does_not() {
    let list = |out: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let command = command.arg("list").current_dir(scenarios()).stdout(out);
        let run = command.output().expect("the program starts");
        (
            run.status.code(),
            String::from_utf8_lossy(&run.stderr).into_owned(),
        )
    };
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let (code, said) = list(full.expect("Linux has /dev/full").into());
    assert_eq!(code, Some(70), "{said}");
    assert!(said.contains("cannot write to standard output"), "{said}");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    assert_eq!(list(writer.into()), (Some(0), String::new()));
}
