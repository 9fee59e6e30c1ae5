//! Whether two directories hold the same files.

use std::io;
use std::path::Path;

use tokio::fs;
use tokio::io::AsyncReadExt;

/// Octets compared at a time.
const PIECE: u64 = 64 * 1024;

/// Whether `there` is a directory with the same names and the same content as the directory
/// `here`. A link is the same as nothing.
///
/// # Errors
/// When one of them cannot be read.
pub(super) async fn same_tree(here: &Path, there: &Path) -> io::Result<bool> {
    let mut pairs = vec![(here.to_owned(), there.to_owned())];
    while let Some((here, there)) = pairs.pop() {
        let kinds = (
            fs::symlink_metadata(&here).await?.file_type(),
            match fs::symlink_metadata(&there).await {
                Ok(found) => found.file_type(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            },
        );
        if kinds.0.is_file() && kinds.1.is_file() {
            if !same_content(&here, &there).await? {
                return Ok(false);
            }
        } else if kinds.0.is_dir() && kinds.1.is_dir() {
            let mut entries = fs::read_dir(&here).await?;
            let mut count = 0_usize;
            while let Some(entry) = entries.next_entry().await? {
                count = count.saturating_add(1);
                pairs.push((entry.path(), there.join(entry.file_name())));
            }
            let mut others = fs::read_dir(&there).await?;
            while others.next_entry().await?.is_some() {
                let Some(fewer) = count.checked_sub(1) else {
                    return Ok(false);
                };
                count = fewer;
            }
        } else {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn same_content(here: &Path, there: &Path) -> io::Result<bool> {
    let (mut here, mut there) = (fs::File::open(here).await?, fs::File::open(there).await?);
    if here.metadata().await?.len() != there.metadata().await?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (Vec::new(), Vec::new());
    loop {
        one.clear();
        other.clear();
        (&mut here).take(PIECE).read_to_end(&mut one).await?;
        (&mut there).take(PIECE).read_to_end(&mut other).await?;
        if one != other || one.is_empty() {
            return Ok(one == other);
        }
    }
}
