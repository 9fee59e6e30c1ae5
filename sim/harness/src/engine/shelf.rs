//! What an adapter keeps with a host for the length of a run.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Things kept with one host of one run, one of each type.
///
/// They outlive crashes of the host, as a disk does, and are shared by its main function and the
/// calls that steps make on it.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl Shelf {
    /// The thing of type `T`, made now if there is none yet.
    ///
    /// `make` must not use the shelf.
    ///
    /// # Panics
    /// When `make` does.
    pub fn keep<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let thing = things
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(make()));
        Arc::clone(thing)
            .downcast()
            .expect("the key is the type of the thing")
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelf")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_made_once_and_shared_by_clones() {
        let shelf = Shelf::default();
        let first = shelf.keep(|| 1_u8);
        let again = shelf.clone().keep(|| 2_u8);
        assert_eq!(
            (*first, *again, *shelf.keep(|| "other type")),
            (1, 1, "other type")
        );
    }
}
