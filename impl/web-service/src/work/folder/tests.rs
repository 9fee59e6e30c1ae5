use bytes::Bytes;

use super::*;
use crate::work::{Kept, Upload as _};

fn job(number: u128) -> Guid {
    Guid::from_bits(number)
}

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

async fn keep(
    folder: &TemporaryFolder,
    number: u128,
    file: &str,
    octets: &'static [u8],
) -> Result<Kept, DepotError> {
    let mut upload = folder.begin(job(number), &name(file)).await?;
    for piece in octets.chunks(7) {
        upload.write(Bytes::from_static(piece)).await?;
    }
    upload.commit().await
}

/// The files below a temporary folder, except its lock.
fn files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(root).unwrap();
                found.push(below.to_str().unwrap().to_owned());
            }
        }
    }
    found.retain(|path| path != LOCK);
    found.sort();
    found
}

#[tokio::test]
async fn a_file_is_kept_under_its_job_and_a_repeat_of_it_is_the_same() {
    let root = tempfile::tempdir().unwrap();
    let folder = TemporaryFolder::open(root.path()).unwrap();
    assert_eq!(keep(&folder, 1, "Ä b.cab", b"octets").await, Ok(Kept::Now));
    assert_eq!(
        keep(&folder, 1, "Ä b.cab", b"octets").await,
        Ok(Kept::Already)
    );
    assert_eq!(
        keep(&folder, 1, "ä B.CAB", b"octets").await,
        Ok(Kept::Already)
    );
    for other in [&b"octetS"[..], b"octet", b"octets more", b""] {
        let kept = keep(&folder, 1, "Ä B.cab", other).await;
        assert_eq!(kept, Err(DepotError::Different), "{other:?}");
    }
    let files = folder.list(job(1)).await.unwrap();
    let octets = 6;
    let name = name("Ä b.cab");
    assert_eq!(files, [StoredFile { name, octets }]);
    assert_eq!(files_below(root.path()).len(), 1);
}

#[tokio::test]
async fn jobs_are_apart_and_removed_as_a_whole() {
    let root = tempfile::tempdir().unwrap();
    let folder = TemporaryFolder::open(root.path()).unwrap();
    for number in [2, 1] {
        assert_eq!(keep(&folder, number, "a.cab", b"a").await, Ok(Kept::Now));
        assert_eq!(keep(&folder, number, "B.cab", b"").await, Ok(Kept::Now));
    }
    assert_eq!(folder.jobs().await.unwrap(), [job(1), job(2)]);
    for _ in 0..2 {
        folder.remove(job(1)).await.unwrap();
    }
    assert_eq!(folder.jobs().await.unwrap(), [job(2)]);
    assert_eq!(folder.list(job(1)).await.unwrap(), []);
    let names = folder.list(job(2)).await.unwrap();
    let names: Vec<_> = names.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["B.cab", "a.cab"]);
}

#[tokio::test]
async fn what_is_dropped_or_left_by_a_crash_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = TemporaryFolder::open(root.path()).unwrap();
    let mut upload = folder.begin(job(1), &name("a.cab")).await.unwrap();
    upload.write(Bytes::from_static(b"half")).await.unwrap();
    let Incoming { steps, writing, .. } = upload;
    drop(steps);
    assert_eq!(writing.await.unwrap(), Err(DepotError::Storage));
    assert_eq!(files_below(root.path()), [""; 0]);

    fs::write(root.path().join(INCOMING).join("7.part"), b"left").unwrap();
    drop(folder);
    let folder = TemporaryFolder::open(root.path()).unwrap();
    assert_eq!(files_below(root.path()), [""; 0]);
    assert_eq!(folder.jobs().await.unwrap(), []);
}

#[tokio::test]
async fn of_two_at_a_time_with_one_name_one_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let folder = TemporaryFolder::open(root.path()).unwrap();
    let (one, other) = tokio::join!(
        keep(&folder, 1, "a.cab", b"one"),
        keep(&folder, 1, "A.cab", b"other"),
    );
    let mut came = [one, other];
    came.sort_by_key(Result::is_err);
    assert_eq!(came, [Ok(Kept::Now), Err(DepotError::Different)]);
    assert_eq!(folder.list(job(1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_waits_for_the_disk_is_bounded_whatever_the_length() {
    let root = tempfile::tempdir().unwrap();
    let folder = TemporaryFolder::open(root.path()).unwrap();
    let mut upload = folder.begin(job(1), &name("a.cab")).await.unwrap();
    let piece = Bytes::from(vec![7; 5 << 20]);
    for _ in 0..20 {
        upload.write(piece.clone()).await.unwrap();
    }
    let beyond = Bytes::from(vec![8; WAITING_OCTETS_MAX + 1]);
    upload.write(beyond.clone()).await.unwrap();
    assert_eq!(upload.commit().await, Ok(Kept::Now));
    let octets = u64::try_from(20 * piece.len() + beyond.len()).unwrap();
    assert_eq!(folder.list(job(1)).await.unwrap()[0].octets, octets);
    assert_eq!(
        folder.0.room.available_permits(),
        WAITING_OCTETS_MAX / UNIT_OCTETS
    );
}

#[test]
fn a_full_disk_is_told_from_other_trouble() {
    let full = io::Error::from(io::ErrorKind::StorageFull);
    assert_eq!(storage(full), DepotError::Full);
    let other = io::Error::from(io::ErrorKind::PermissionDenied);
    assert_eq!(storage(other), DepotError::Storage);
}

#[tokio::test]
async fn a_folder_is_one_process_at_a_time_s_and_never_somebody_elses() {
    let root = tempfile::tempdir().unwrap();
    let folder = TemporaryFolder::open(root.path()).unwrap();
    let other = TemporaryFolder::open(root.path()).unwrap_err();
    assert_eq!(other.kind(), io::ErrorKind::ResourceBusy);
    drop(folder);
    TemporaryFolder::open(root.path()).unwrap();

    let site = tempfile::tempdir().unwrap();
    let page = site.path().join("default.aspx");
    fs::write(&page, b"content").unwrap();
    let refused = TemporaryFolder::open(site.path()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_dir(site.path()).unwrap().count(), 1);
}
