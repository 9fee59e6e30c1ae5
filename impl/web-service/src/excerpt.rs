//! What is kept of a text that somebody else wrote.

/// Octets of it at most. What is kept is shown, in one piece and together with more of its kind, so
/// it must not be as long as an answer can be.
const OCTETS_MAX: usize = 4096;

/// Stands for what was cut off.
const ELLIPSIS: &str = "\u{2026}";

/// The text, or as much of its beginning as is kept of a long one.
pub(crate) fn excerpt(text: &str) -> String {
    if text.len() <= OCTETS_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(OCTETS_MAX.saturating_sub(ELLIPSIS.len()));
    let (beginning, _) = text.split_at(end);
    format!("{beginning}{ELLIPSIS}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_two_characters_and_says_so() {
        for short in ["", "placing", &"x".repeat(OCTETS_MAX)] {
            assert_eq!(excerpt(short), short);
        }
        for letter in ["x", "\u{e4}", "\u{20ac}", "\u{1f980}"] {
            let long = letter.repeat(200_000);
            let kept = excerpt(&long);
            assert!(kept.len() <= OCTETS_MAX && kept.len() + 4 > OCTETS_MAX);
            let beginning = kept.strip_suffix(ELLIPSIS).unwrap();
            assert!(long.starts_with(beginning));
        }
    }
}
