//! The directory that belongs to one environment: where its owner leaves what outlives it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::secret::for_this_user_only;

/// The places in an environment's state directory.
#[derive(Clone, Debug)]
pub(super) struct StateDirectory(PathBuf);

/// How to reach the process that owns the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ControlAddress {
    /// The control channel's port on this machine.
    pub(super) port: u16,
    /// Who shows it may use the channel.
    pub(super) token: String,
}

impl StateDirectory {
    /// The directory at `path`, which is created when absent, for this user only.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)?;
        Ok(Self::at(path))
    }

    /// The directory at `path`, whether it exists or not.
    pub(super) fn at(path: &Path) -> Self {
        Self(path.into())
    }

    /// Takes the directory for this process, as long as what is returned is kept.
    ///
    /// # Errors
    /// [`fs::TryLockError::WouldBlock`] when another process has it.
    pub(super) fn lock(&self) -> Result<fs::File, fs::TryLockError> {
        let path = self.0.join(".lock");
        let lock = fs::File::options().create(true).append(true).open(path);
        let lock = lock.map_err(fs::TryLockError::Error)?;
        lock.try_lock()?;
        Ok(lock)
    }

    /// The store's file.
    pub(super) fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }

    /// Where transferred files are put in place, as `SENDER/TASK`.
    pub(super) fn received(&self) -> PathBuf {
        self.0.join("received")
    }

    fn control(&self) -> PathBuf {
        self.0.join("control.json")
    }

    /// Leaves the way to this process for others of the same user.
    pub(super) fn announce(&self, address: &ControlAddress) -> io::Result<()> {
        let fresh = self.0.join("control.json.new");
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = for_this_user_only().open(&fresh)?;
        serde_json::to_writer(&mut file, address)?;
        file.flush()?;
        fs::rename(&fresh, self.control())
    }

    /// The way to the process that owns the directory, when one has left it.
    pub(super) fn announced(&self) -> io::Result<ControlAddress> {
        let text = fs::read_to_string(self.control())?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Takes the way back: this process is about to end.
    pub(super) fn withdraw(&self) {
        // When it stays behind, nobody answers at its port.
        drop(fs::remove_file(self.control()));
    }
}
