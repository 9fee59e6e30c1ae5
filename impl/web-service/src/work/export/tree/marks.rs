//! What authors have marked for quick deployment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::work::manifest::SitePath;
use crate::work::pack::Found;

/// The marks of one source. Each has a number that no other has had before, so that a mark that
/// is made again while an earlier one is being deployed stays.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Marks {
    next: u64,
    marked: Marked,
}

/// Marked objects, each with the number of its latest mark.
pub(super) type Marked = BTreeMap<SitePath, u64>;

impl Marks {
    pub(super) fn add(&mut self, path: SitePath) {
        self.marked.insert(path, self.next);
        self.next = self.next.saturating_add(1);
    }

    /// What of all that was found is marked, or is in a folder that is, and the marks that say so.
    pub(super) fn among(&self, found: &[Found]) -> (BTreeSet<SitePath>, Marked) {
        let (mut chosen, mut marks) = (BTreeSet::new(), Marked::new());
        for Found { path, .. } in found {
            let mut above = Some(path.clone());
            while let Some(place) = above {
                above = place.parent();
                if let Some(number) = self.marked.get(&place) {
                    chosen.insert(path.clone());
                    marks.insert(place, *number);
                }
            }
        }
        (chosen, marks)
    }

    /// Removes these marks, and no later ones.
    pub(super) fn remove(&mut self, deployed: &Marked) {
        self.marked
            .retain(|path, number| deployed.get(path) != Some(number));
    }
}
