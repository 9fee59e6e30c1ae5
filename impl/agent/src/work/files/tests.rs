//! What is put in place below the inbox, and what never is.

use tempfile::TempDir;

use super::*;
use crate::message::{EnvironmentName, TaskId};
use crate::work::PathProblem;

fn job() -> Job {
    let from = EnvironmentName::new("dev").unwrap();
    Job {
        from,
        task: TaskId::new("t1").unwrap(),
    }
}

fn object() -> ObjectId {
    ObjectId::new("dev.t1").unwrap()
}

/// The octets of an object with the given manifest document and content.
fn stream(files: &str, content: &[u8]) -> Vec<u8> {
    let namespace = crate::codec::NAMESPACE;
    let document = format!(r#"<manifest xmlns="{namespace}">{files}</manifest>"#);
    let length = u32::try_from(document.len())
        .unwrap()
        .saturating_add(4)
        .to_be_bytes();
    [&length, document.as_bytes(), content].concat()
}

/// Stages `stream` in pieces of 50 octets and commits it.
async fn receive(root: &TempDir, stream: &[u8]) -> Result<(), PayloadError> {
    let parts = stage(root, stream).await?;
    commit(root, parts, stream).await
}

/// Stages `stream` in pieces of 50 octets; returns how many.
async fn stage(root: &TempDir, stream: &[u8]) -> Result<u32, PayloadError> {
    let files = Files::new(root.path().join("inbox"));
    let mut parts = 0_u32;
    for piece in stream.chunks(50) {
        parts = parts.saturating_add(1);
        files
            .stage(&object(), parts, Bytes::copy_from_slice(piece))
            .await?;
    }
    Ok(parts)
}

async fn commit(root: &TempDir, parts: u32, stream: &[u8]) -> Result<(), PayloadError> {
    let files = Files::new(root.path().join("inbox"));
    files.commit(&object(), parts, digest(stream), &job()).await
}

/// The digest of an object whose parts have 50 octets.
fn digest(stream: &[u8]) -> Digest {
    let parts: Vec<_> = stream.chunks(50).map(Digest::of).collect();
    Digest::of_parts(&parts)
}

#[tokio::test]
async fn a_transfer_appears_whole_under_its_sender_and_task() {
    let root = TempDir::new().unwrap();
    let files =
        r#"<file path="a/b" size="3"/><file path="empty" size="0"/><file path="c" size="2"/>"#;
    let stream = stream(files, b"abcde");
    assert_eq!(receive(&root, &stream).await, Ok(()));
    let place = root.path().join("inbox/dev/t1");
    assert_eq!(std::fs::read(place.join("a/b")).unwrap(), b"abc");
    assert_eq!(std::fs::read(place.join("empty")).unwrap(), b"");
    assert_eq!(std::fs::read(place.join("c")).unwrap(), b"de");
    // The host may stop before the record of it: the next commit finds its own result.
    assert_eq!(commit(&root, 3, &stream).await, Ok(()));
}

const ONE: &str = r#"<file path="a/b" size="3"/><file path="c" size="2"/>"#;

/// What the file system holds when the host stops at once after the rename: the tree in place, all
/// parts, and no receipt.
#[tokio::test]
async fn a_host_that_stops_between_rename_and_receipt_finds_its_own_result() {
    let root = TempDir::new().unwrap();
    let stream = stream(ONE, b"abcde");
    assert_eq!(receive(&root, &stream).await, Ok(()));
    let parts = stage(&root, &stream).await.unwrap();
    std::fs::remove_dir_all(root.path().join("inbox/.receipts")).unwrap();
    assert_eq!(commit(&root, parts, &stream).await, Ok(()));
    let place = root.path().join("inbox/dev/t1");
    assert_eq!(std::fs::read(place.join("a/b")).unwrap(), b"abc");
    assert!(!root.path().join("inbox/.staging/dev.t1").exists());
    assert_eq!(commit(&root, parts, &stream).await, Ok(()));
}

#[tokio::test]
async fn a_host_that_stops_while_it_lets_go_of_parts_finds_its_own_result() {
    let root = TempDir::new().unwrap();
    let stream = stream(ONE, b"abcde");
    assert_eq!(receive(&root, &stream).await, Ok(()));
    let parts = stage(&root, &stream).await.unwrap();
    std::fs::remove_file(root.path().join("inbox/.staging/dev.t1/0000000001.part")).unwrap();
    assert_eq!(commit(&root, parts, &stream).await, Ok(()));
    assert!(!root.path().join("inbox/.staging/dev.t1").exists());
}

/// Everything below a path with its content; `None` for directories.
fn everything(path: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = vec![(path.to_owned(), std::fs::read(path).ok())];
    for entry in std::fs::read_dir(path).into_iter().flatten() {
        found.extend(everything(&entry.unwrap().path()));
    }
    found.sort();
    found
}

#[tokio::test]
async fn what_somebody_else_put_in_the_place_fails_the_transfer_and_stays() {
    let plants: [(&str, &[(&str, &str)]); 6] = [
        ("empty directory", &[]),
        ("other files", &[("mine", "x")]),
        ("one file missing", &[("c", "de")]),
        ("one file more", &[("a/b", "abc"), ("c", "de"), ("d", "")]),
        ("other content", &[("a/b", "abc"), ("c", "dX")]),
        ("a directory for a file", &[("a/b/x", "abc"), ("c", "de")]),
    ];
    for (what, files) in plants {
        let root = TempDir::new().unwrap();
        let place = root.path().join("inbox/dev/t1");
        std::fs::create_dir_all(&place).unwrap();
        for (path, content) in files {
            let path = place.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        refused_and_untouched(&root, &place, what).await;
    }
    let root = TempDir::new().unwrap();
    let place = root.path().join("inbox/dev/t1");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, b"x").unwrap();
    refused_and_untouched(&root, &place, "plain file").await;
}

async fn refused_and_untouched(root: &TempDir, place: &Path, what: &str) {
    let before = everything(place);
    let stream = stream(ONE, b"abcde");
    let parts = stage(root, &stream).await.unwrap();
    // Also when it is tried again.
    for _ in 0..2 {
        let committed = commit(root, parts, &stream).await;
        assert_eq!(committed, Err(PayloadError::TargetExists), "{what}");
        assert_eq!(everything(place), before, "{what}");
    }
}

#[tokio::test]
async fn a_receipt_does_not_prove_what_the_parts_disprove() {
    let root = TempDir::new().unwrap();
    let stream = stream(ONE, b"abcde");
    assert_eq!(receive(&root, &stream).await, Ok(()));
    let place = root.path().join("inbox/dev/t1");
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::create_dir(&place).unwrap();
    let again = receive(&root, &stream).await;
    assert_eq!(again, Err(PayloadError::TargetExists));
    assert_eq!(everything(&place), [(place, None)]);
}

#[tokio::test]
async fn a_receipt_for_another_object_proves_nothing() {
    let root = TempDir::new().unwrap();
    assert_eq!(receive(&root, &stream(ONE, b"abcde")).await, Ok(()));
    let other = stream(ONE, b"xbcde");
    let without_parts = commit(&root, 3, &other).await;
    assert_eq!(without_parts, Err(PayloadError::Storage));
    let with_parts = receive(&root, &other).await;
    assert_eq!(with_parts, Err(PayloadError::TargetExists));
    let place = root.path().join("inbox/dev/t1");
    assert_eq!(std::fs::read(place.join("a/b")).unwrap(), b"abc");
}

#[tokio::test]
async fn a_commit_interrupted_earlier_leaves_nothing_in_the_way() {
    let root = TempDir::new().unwrap();
    let tree = root.path().join("inbox/.staging/dev.t1/tree");
    std::fs::create_dir_all(&tree).unwrap();
    std::fs::write(tree.join("a"), b"half").unwrap();
    std::fs::write(tree.join("stray"), b"x").unwrap();
    assert_eq!(
        receive(&root, &stream(r#"<file path="a" size="3"/>"#, b"abc")).await,
        Ok(())
    );
    let place = root.path().join("inbox/dev/t1");
    assert_eq!(std::fs::read(place.join("a")).unwrap(), b"abc");
    assert!(!place.join("stray").exists());
}

#[tokio::test]
async fn what_may_not_be_written_leaves_nothing_in_place() {
    for (files, content, error) in [
        (
            r#"<file path="../a" size="1"/>"#,
            "x",
            PayloadError::Path(PathProblem::Escape),
        ),
        (
            r#"<file path="/a" size="1"/>"#,
            "x",
            PayloadError::Path(PathProblem::Absolute),
        ),
        (
            r#"<file path="nul.txt" size="1"/>"#,
            "x",
            PayloadError::Path(PathProblem::Reserved),
        ),
        (
            r#"<file path="a" size="1"/><file path="A" size="1"/>"#,
            "xy",
            PayloadError::Path(PathProblem::Duplicate),
        ),
        (
            r#"<file path="a" size="1" mode="x"/>"#,
            "x",
            PayloadError::Manifest,
        ),
        (r#"<link path="a"/>"#, "", PayloadError::Manifest),
        (
            r#"<file path="a" size="9"/>"#,
            "short",
            PayloadError::Manifest,
        ),
        (
            r#"<file path="a" size="1"/>"#,
            "long",
            PayloadError::Manifest,
        ),
    ] {
        let root = TempDir::new().unwrap();
        let received = receive(&root, &stream(files, content.as_bytes())).await;
        assert_eq!(received, Err(error), "{files}");
        assert!(!root.path().join("inbox/dev").exists(), "{files}");
        assert!(!root.path().join("inbox/.staging/a").exists(), "{files}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_cut_or_claims_too_much_is_malformed() {
    let whole = stream(r#"<file path="a" size="5"/>"#, b"short");
    let claims = ["05", "+5", "1099511627776", "18446744073709551615"].map(|size| {
        let files = format!(r#"<file path="a" size="{size}"/>"#);
        stream(&files, b"short")
    });
    let sum = r#"<file path="a" size="5"/><file path="b" size="18446744073709551615"/>"#;
    let cuts = [&[][..], &whole[..3], &whole[..4], &whole[..60]].map(<[u8]>::to_vec);
    for octets in claims
        .into_iter()
        .chain([stream(sum, b"short")])
        .chain(cuts)
    {
        let root = TempDir::new().unwrap();
        // An object has one part at least, which may be empty.
        let received = if octets.is_empty() {
            let files = Files::new(root.path().join("inbox"));
            files.stage(&object(), 1, Bytes::new()).await.unwrap();
            commit(&root, 1, &octets).await
        } else {
            receive(&root, &octets).await
        };
        assert_eq!(received, Err(PayloadError::Manifest), "{octets:?}");
    }
}

#[tokio::test]
async fn a_missing_part_is_a_fault_of_the_disk() {
    let root = TempDir::new().unwrap();
    let committed = commit(&root, 2, b"").await;
    assert_eq!(committed, Err(PayloadError::Storage));
}

#[tokio::test]
async fn a_file_that_became_shorter_cannot_be_read() {
    let root = TempDir::new().unwrap();
    std::fs::write(root.path().join("a"), b"abc").unwrap();
    let files = Files::new(root.path().join("inbox"));
    let source = root.path().to_str().unwrap();
    let path = RelativePath::new("a").unwrap();
    assert_eq!(
        files.read(source, &path, 1, 2).await,
        Ok(Bytes::from_static(b"bc"))
    );
    assert_eq!(
        files.read(source, &path, 1, 3).await,
        Err(PayloadError::Unreadable)
    );
}

/// The words of an error and its causes, as an operator is told them.
fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", words(source)),
        None => error.to_string(),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_cannot_be_transferred_is_named_with_the_reason() {
    let files = Files::new("inbox");
    let root = TempDir::new().unwrap();
    let here = root.path().to_str().unwrap();
    for (name, why) in [
        ("a:b", "contains a character that Windows reserves"),
        ("a\nb", "contains a character that a manifest cannot carry"),
        ("x.", "ends in a dot or space"),
        ("nul.txt", "has a name that Windows reserves"),
    ] {
        let source = root.path().join("bad");
        std::fs::create_dir_all(source.join("sub")).unwrap();
        std::fs::write(source.join("good"), b"x").unwrap();
        std::fs::write(source.join("sub").join(name), b"x").unwrap();
        let path = format!("{here}/bad/sub/{name}");
        let error = files.list(source.to_str().unwrap()).await.unwrap_err();
        assert_eq!(
            words(&error),
            format!("{path:?}: the path cannot be used: {why}")
        );
        std::fs::remove_dir_all(source).unwrap();
    }
    std::fs::write(root.path().join("file"), b"x").unwrap();
    std::os::unix::fs::symlink("file", root.path().join("link")).unwrap();
    for (source, said) in [
        (
            "",
            format!("\"{here}/link\": the path cannot be used: is a link"),
        ),
        ("/file", format!("\"{here}/file\": is not a directory")),
        (
            "/none",
            format!("\"{here}/none\": no such directory to transfer"),
        ),
    ] {
        let error = files.list(&format!("{here}{source}")).await.unwrap_err();
        assert_eq!(words(&error), said);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_of_two_names_that_differ_in_case_only_is_named() {
    let root = TempDir::new().unwrap();
    std::fs::write(root.path().join("A"), b"x").unwrap();
    std::fs::write(root.path().join("a"), b"x").unwrap();
    let files = Files::new("inbox");
    let named = SourceError {
        path: root.path().join("a").to_str().unwrap().to_owned(),
        why: PayloadError::Path(PathProblem::Duplicate),
    };
    let listed = files.list(root.path().to_str().unwrap()).await;
    assert_eq!(listed, Err(named));
}
