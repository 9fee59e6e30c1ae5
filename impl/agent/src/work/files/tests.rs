//! What is put in place below the inbox, and what never is.

use tempfile::TempDir;

use super::*;
use crate::message::{EnvironmentName, TaskId};

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
    let files = Files::new(root.path().join("inbox"));
    let mut parts = 0_u32;
    for piece in stream.chunks(50) {
        parts = parts.saturating_add(1);
        files
            .stage(&object(), parts, Bytes::copy_from_slice(piece))
            .await?;
    }
    files.commit(&object(), parts, &job()).await
}

#[tokio::test]
async fn a_transfer_appears_whole_under_its_sender_and_task() {
    let root = TempDir::new().unwrap();
    let files =
        r#"<file path="a/b" size="3"/><file path="empty" size="0"/><file path="c" size="2"/>"#;
    assert_eq!(receive(&root, &stream(files, b"abcde")).await, Ok(()));
    let place = root.path().join("inbox/dev/t1");
    assert_eq!(std::fs::read(place.join("a/b")).unwrap(), b"abc");
    assert_eq!(std::fs::read(place.join("empty")).unwrap(), b"");
    assert_eq!(std::fs::read(place.join("c")).unwrap(), b"de");
    // The host may stop after the rename: the next commit finds its own result.
    assert_eq!(
        Files::new(root.path().join("inbox"))
            .commit(&object(), 3, &job())
            .await,
        Ok(())
    );
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
async fn a_missing_part_is_a_fault_of_the_disk() {
    let root = TempDir::new().unwrap();
    let files = Files::new(root.path().join("inbox"));
    let committed = files.commit(&object(), 2, &job()).await;
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
    assert_eq!(
        files.list("/no/such/directory").await,
        Err(PayloadError::NoSource)
    );
}
