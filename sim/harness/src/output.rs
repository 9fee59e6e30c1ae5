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

/// A text from elsewhere, such as another farm's, as one that can be said: what would begin a line,
/// command a terminal or turn the direction of writing is shown as an escape.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || turns_direction(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Whether a character is one of Unicode's for texts of both directions.
const fn turns_direction(letter: char) -> bool {
    matches!(
        letter,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Why something that was said could not be written.
pub(crate) fn unwritten() -> Option<&'static io::Error> {
    UNWRITTEN.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_everything_else_stays() {
        for text in [
            "",
            "<p>today</p>",
            "K\u{e4}se, \u{5e9}\u{5dc}\u{5d5}\u{5dd}, \u{1f980}",
        ] {
            assert_eq!(visible(text), text);
        }
        for (text, shown) in [
            ("a\r\nb\tc", "a\\u{d}\\u{a}b\\u{9}c"),
            (
                "\u{1b}[2J\u{9b}2J\u{9d}0;x\u{7}",
                "\\u{1b}[2J\\u{9b}2J\\u{9d}0;x\\u{7}",
            ),
            ("\u{202e}lmth\u{202c}", "\\u{202e}lmth\\u{202c}"),
            (
                "\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}",
                "\\u{2066}\\u{2069}\\u{200e}\\u{200f}\\u{61c}",
            ),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
