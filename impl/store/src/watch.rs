//! Word of commits, for who would otherwise have to look again and again.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::Batch;

/// How many commits have changed each table since the store was opened.
type Counts = BTreeMap<String, u64>;

/// Tells of the commits to one store. Clones wait independently of each other.
#[derive(Clone, Debug)]
pub struct CommitWatch(watch::Receiver<Counts>);

impl CommitWatch {
    /// How many commits have changed one of `tables` since the store was opened; one that changed
    /// several of them counts for each.
    #[must_use]
    pub fn count(&self, tables: &[&str]) -> u64 {
        count(&self.0.borrow(), tables)
    }

    /// Returns when the count for `tables` is another than `seen`, or the store is closed. Cancel
    /// safe.
    pub async fn changed(&mut self, tables: &[&str], seen: u64) {
        let changed = self.0.wait_for(|counts| count(counts, tables) != seen);
        // A closed store is found closed by who looks.
        changed.await.ok();
    }
}

fn count(counts: &Counts, tables: &[&str]) -> u64 {
    let found = tables.iter().filter_map(|table| counts.get(*table));
    found.fold(0, |sum, count| sum.wrapping_add(*count))
}

/// The end of the owner of a medium, who alone can tell.
#[derive(Debug)]
pub(crate) struct CommitNews(watch::Sender<Counts>);

/// Both ends.
pub(crate) fn news() -> (CommitNews, CommitWatch) {
    let (sender, receiver) = watch::channel(Counts::new());
    (CommitNews(sender), CommitWatch(receiver))
}

impl CommitNews {
    /// `batches` are durable.
    pub(crate) fn tell<'a, B: IntoIterator<Item = &'a Batch>>(&self, batches: B) {
        self.0.send_if_modified(|counts| {
            let mut is_modified = false;
            for change in batches.into_iter().flat_map(Batch::changes) {
                let (table, _) = change.row();
                match counts.get_mut(table) {
                    Some(count) => *count = count.wrapping_add(1),
                    None => drop(counts.insert(table.to_owned(), 1)),
                }
                is_modified = true;
            }
            is_modified
        });
    }
}
