//! Files that hold a link's secret.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use portcullis_agent::config::Key;
use thiserror::Error;

/// How many octets a new secret has, and any secret at least.
const OCTETS: usize = 32;

/// Why a file gives no secret.
#[derive(Debug, Error)]
pub(super) enum SecretError {
    /// It cannot be read.
    #[error("cannot read the key file {path}: {source}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error("the key file {path} is open to others (mode {mode:03o})")]
    Exposed { path: PathBuf, mode: u32 },
    /// It does not say 32 octets or more.
    #[error("the key file {path} holds no key")]
    NotAKey { path: PathBuf },
}

impl SecretError {
    /// What to do about it.
    pub(super) const fn help(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "relative to the configuration; `portcullis new-key FILE` makes a key for both ends"
            }
            Self::Exposed { .. } => "take the rights of group and others away: `chmod 600 FILE`",
            Self::NotAKey { .. } => {
                "a key file has one line of 64 or more hexadecimal digits; `portcullis new-key \
                 FILE` makes one"
            }
        }
    }
}

/// Reads the secret in the file at `path`.
///
/// # Errors
/// When it cannot be read, when it is too short or no hexadecimal text, or, on Unix, when others
/// than its owner have any right to it.
pub(super) fn read(path: &Path) -> Result<Key, SecretError> {
    let unreadable = |source| SecretError::Unreadable {
        path: path.into(),
        source,
    };
    check_rights(path)?;
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let octets = octets_of(text.trim()).ok_or(());
    let key = octets.and_then(|octets| Key::from_octets(&octets).map_err(drop));
    key.map_err(|()| SecretError::NotAKey { path: path.into() })
}

/// Refuses a file that others than its owner have any right to.
#[cfg(unix)]
pub(super) fn check_rights(path: &Path) -> Result<(), SecretError> {
    let file = fs::metadata(path).map_err(|source| SecretError::Unreadable {
        path: path.into(),
        source,
    })?;
    let mode = std::os::unix::fs::MetadataExt::mode(&file) & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(SecretError::Exposed {
            path: path.into(),
            mode,
        }),
    }
}

/// Elsewhere rights are lists, which the directory passes on: whoever keeps the file sees to them.
#[cfg(not(unix))]
pub(super) fn check_rights(_path: &Path) -> Result<(), SecretError> {
    Ok(())
}

fn octets_of(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let octet = |[high, low]: &[u8; 2]| {
        let value = digit(*high)? * 16 + digit(*low)?;
        u8::try_from(value).ok()
    };
    rest.is_empty()
        .then(|| pairs.iter().map(octet).collect())
        .flatten()
}

/// Writes a new secret to a file that does not exist yet, for this user only.
///
/// # Errors
/// When the file exists or cannot be written, or the system gives no entropy.
pub(super) fn create(path: &Path) -> io::Result<()> {
    let text = random_text()?;
    let mut file = for_this_user_only().open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

/// 256 bits of the system's, as text.
pub(super) fn random_text() -> io::Result<String> {
    use std::fmt::Write as _;

    let mut bits = [0_u8; OCTETS];
    getrandom::fill(&mut bits).map_err(|_| io::Error::other("the system gives no entropy"))?;
    let mut text = String::new();
    for octet in bits {
        write!(text, "{octet:02x}").map_err(io::Error::other)?;
    }
    Ok(text)
}

/// How a file is made that nobody else may read.
pub(super) fn for_this_user_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_read_back_and_never_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.key");
        create(&path).expect("written");
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.trim().len(), 2 * OCTETS);
        assert!(read(&path).is_ok());
        let again = create(&path).expect_err("it exists");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).expect("text"), text);
        let other = directory.path().join("b.key");
        create(&other).expect("written");
        assert_ne!(fs::read_to_string(&other).expect("text"), text);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.key");
        let short = "ab".repeat(OCTETS - 1);
        let odd = "ab".repeat(OCTETS) + "a";
        let text = "g".repeat(2 * OCTETS);
        for content in ["", &short, &odd, &text] {
            drop(fs::remove_file(&path));
            let mut file = for_this_user_only().open(&path).expect("made");
            file.write_all(content.as_bytes()).expect("written");
            let error = read(&path).map(drop).expect_err("no key");
            assert!(matches!(error, SecretError::NotAKey { .. }), "{error}");
        }
        let gone = read(&directory.path().join("no.key")).map(drop);
        assert!(matches!(gone, Err(SecretError::Unreadable { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.key");
        create(&path).expect("written");
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
            let error = read(&path).map(drop).expect_err("open to others");
            assert!(matches!(error, SecretError::Exposed { .. }), "{error}");
        }
    }
}
