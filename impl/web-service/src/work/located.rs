//! Which file an error of the operating system is about: it does not say that by itself.
//!
//! Paths are for the operator's log. What is answered and what a job's report says names none.

use std::io;
use std::path::Path;

/// What was done to a file, with its path in the error.
pub(super) trait Located<T> {
    /// The same, where it was done.
    fn at(self, path: &Path) -> io::Result<T>;
}

impl<T> Located<T> for io::Result<T> {
    fn at(self, path: &Path) -> Self {
        self.map_err(|error| located(path, &error))
    }
}

/// An error that says that it is about `path`.
pub(super) fn located(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_kind_and_says_where_it_is() {
        let full: io::Result<()> = Err(io::ErrorKind::StorageFull.into());
        let error = full.at(Path::new("/srv/farm/a.cab")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), "/srv/farm/a.cab: no storage space");
        assert!(Ok(()).at(Path::new("/srv")).is_ok());
    }
}
