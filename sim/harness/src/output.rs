//! Standard output, on which every command says what it has to say.

use std::io::{self, Write as _};
use std::sync::OnceLock;

/// Why something could not be printed, if it could not.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Prints to standard output, without escape sequences where they are not wanted.
///
/// A reader that goes away, such as `head`, is no reason to fail; a full disk is.
pub(crate) fn say(text: &str) {
    let text = text.trim_end_matches('\n');
    let mut out = anstream::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // The first error tells the cause.
        UNWRITTEN.set(error).ok();
    }
}

/// Why something that was said could not be written.
pub(crate) fn unwritten() -> Option<&'static io::Error> {
    UNWRITTEN.get()
}
