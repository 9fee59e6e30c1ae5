//! Parts that are written where they belong, and hosts that stop meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::message::{EnvironmentName, TaskId};
use crate::work::object::Layout;
use crate::work::{FileEntry, Script, Shelf, SimulatedPayload};

/// An object cut into parts, whose files have seeded content.
struct Object {
    manifest: Manifest,
    parts: Vec<Bytes>,
    digest: Digest,
}

fn source() -> SimulatedPayload {
    SimulatedPayload::new(5, Shelf::default(), Script::default(), Duration::ZERO)
}

impl Object {
    async fn new(sizes: &[u64], part_octets: usize) -> Self {
        let file = |(index, size): (usize, &u64)| FileEntry {
            path: RelativePath::new(&format!("d{}/f{index}", index % 3)).unwrap(),
            size: *size,
        };
        let manifest = Manifest::new(sizes.iter().enumerate().map(file).collect()).unwrap();
        let layout = Layout::new(manifest.clone(), part_octets).unwrap();
        let mut parts = Vec::new();
        for number in 1..=layout.parts().unwrap() {
            parts.push(layout.read(&source(), "source", number).await.unwrap());
        }
        let digests: Vec<_> = parts.iter().map(|part| Digest::of(part)).collect();
        let digest = Digest::of_parts(&digests);
        Self {
            manifest,
            parts,
            digest,
        }
    }

    async fn stage(&self, files: &Files, index: usize) {
        let number = u32::try_from(index).unwrap().saturating_add(1);
        let part = self.parts[index].clone();
        assert_eq!(files.stage(&name(), number, part).await, Ok(()));
    }

    async fn stage_all(&self, root: &TempDir) {
        let files = inbox(root);
        for index in 0..self.parts.len() {
            self.stage(&files, index).await;
        }
    }

    async fn commit(&self, root: &TempDir) -> Result<(), PayloadError> {
        let parts = u32::try_from(self.parts.len()).unwrap();
        let from = EnvironmentName::new("dev").unwrap();
        let task = TaskId::new("t1").unwrap();
        let job = Job { from, task };
        inbox(root).commit(&name(), parts, self.digest, &job).await
    }

    /// All but what the first part holds is in the tree already.
    fn assert_in_but_the_head(&self, root: &TempDir) {
        let tree = root.path().join("inbox/.staging/dev.t1/tree");
        let last = self.manifest.files().last().unwrap();
        let length = usize::try_from(last.size).unwrap();
        let sent = source().content("source", &last.path, 0, length);
        assert_eq!(std::fs::read(tree.join(last.path.as_str())).unwrap(), sent);
    }

    fn assert_in(&self, place: &Path) {
        for file in self.manifest.files() {
            let length = usize::try_from(file.size).unwrap();
            let sent = source().content("source", &file.path, 0, length);
            let path = place.join(file.path.as_str());
            assert_eq!(std::fs::read(path).unwrap(), sent, "{}", file.path);
        }
    }
}

fn name() -> ObjectId {
    ObjectId::new("dev.t1").unwrap()
}

/// A payload that remembers nothing, as after a restart.
fn inbox(root: &TempDir) -> Files {
    Files::new(root.path().join("inbox"))
}

fn staged_parts(root: &TempDir) -> usize {
    let staging = std::fs::read_dir(root.path().join("inbox/.staging/dev.t1")).unwrap();
    let names = staging.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().ends_with(".part"))
        .count()
}

#[tokio::test]
async fn parts_of_large_files_are_written_once_and_where_they_belong() {
    let root = TempDir::new().unwrap();
    let object = Object::new(&[0, 900, 4_000], 500).await;
    object.stage_all(&root).await;
    assert_eq!(staged_parts(&root), 1, "only the one with the manifest");
    object.assert_in_but_the_head(&root);
    assert_eq!(object.commit(&root).await, Ok(()));
    object.assert_in(&root.path().join("inbox/dev/t1"));
    assert!(!root.path().join("inbox/.staging/dev.t1").exists());
}

#[tokio::test]
async fn a_part_of_many_small_files_stays_one_file() {
    let root = TempDir::new().unwrap();
    let object = Object::new(&[20; 100], 500).await;
    object.stage_all(&root).await;
    assert_eq!(staged_parts(&root), object.parts.len());
    assert_eq!(object.commit(&root).await, Ok(()));
    object.assert_in(&root.path().join("inbox/dev/t1"));
}

/// The tree has been renamed, and nothing else of the commit has happened.
async fn stopped_after_the_rename(object: &Object, root: &TempDir) -> PathBuf {
    object.stage_all(root).await;
    assert_eq!(object.commit(root).await, Ok(()));
    object.stage_all(root).await;
    std::fs::remove_dir_all(root.path().join("inbox/.staging/dev.t1/tree")).unwrap();
    std::fs::remove_dir_all(root.path().join("inbox/.receipts")).unwrap();
    root.path().join("inbox/dev/t1")
}

#[tokio::test]
async fn a_renamed_tree_is_recognised_by_its_digest() {
    let root = TempDir::new().unwrap();
    let object = Object::new(&[900, 0, 4_000], 500).await;
    let place = stopped_after_the_rename(&object, &root).await;
    assert_eq!(object.commit(&root).await, Ok(()));
    object.assert_in(&place);
    assert!(!root.path().join("inbox/.staging/dev.t1").exists());
}

#[tokio::test]
async fn one_octet_that_differs_is_not_the_renamed_tree() {
    let object = Object::new(&[900, 0, 4_000], 500).await;
    for at in [0, 899, 2_000, 3_999] {
        let root = TempDir::new().unwrap();
        let place = stopped_after_the_rename(&object, &root).await;
        let path = place.join(if at < 900 { "d0/f0" } else { "d2/f2" });
        let mut content = std::fs::read(&path).unwrap();
        content[at] ^= 1;
        std::fs::write(&path, &content).unwrap();
        for _ in 0..2 {
            assert_eq!(object.commit(&root).await, Err(PayloadError::TargetExists));
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
    }
}

#[tokio::test]
async fn a_tree_that_lost_a_placed_file_is_not_put_in_place() {
    let root = TempDir::new().unwrap();
    let object = Object::new(&[10, 4_000], 500).await;
    object.stage_all(&root).await;
    std::fs::remove_file(root.path().join("inbox/.staging/dev.t1/tree/d1/f1")).unwrap();
    assert_eq!(object.commit(&root).await, Err(PayloadError::Storage));
    assert!(!root.path().join("inbox/dev/t1").exists());
}

#[tokio::test]
async fn a_part_shorter_than_the_others_is_refused_unless_it_is_the_last() {
    let root = TempDir::new().unwrap();
    let mut object = Object::new(&[4_000], 500).await;
    object.parts[3].truncate(499);
    object.stage_all(&root).await;
    assert_eq!(object.commit(&root).await, Err(PayloadError::Manifest));
    assert!(!root.path().join("inbox/dev").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// In whatever order parts come, however often, and wherever the host stops between two of
    /// them: what is put in place is what was sent.
    #[test]
    fn any_order_with_restarts_gives_the_files_that_were_sent(
        sizes in proptest::collection::vec(prop_oneof![0..40_u64, 300..3_000_u64], 1..8),
        part_octets in 60..600_usize,
        steps in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let root = TempDir::new().unwrap();
            let object = Object::new(&sizes, part_octets).await;
            let mut files = inbox(&root);
            let mut missing: BTreeSet<usize> = (0..object.parts.len()).collect();
            for (draw, restarts) in steps {
                let index = draw.index(object.parts.len());
                object.stage(&files, index).await;
                missing.remove(&index);
                if restarts {
                    files = inbox(&root);
                }
            }
            for index in missing.iter().rev() {
                object.stage(&files, *index).await;
            }
            assert_eq!(object.commit(&root).await, Ok(()));
            object.assert_in(&root.path().join("inbox/dev/t1"));
            assert_eq!(object.commit(&root).await, Ok(()));
        });
    }
}
