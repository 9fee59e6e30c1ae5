//! Names, ids and digests, checked when they are made.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The text is not one that this kind of name, id or digest may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid name, id or digest")]
pub struct TokenError;

/// Letters, digits, `.`, `_` and `-`, beginning with a letter or digit and not ending in `.`, so
/// that a token is at once an XML attribute value, a record key and a file name.
fn is_token(text: &str, octets_max: usize) -> bool {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'_' | b'-');
    text.len() <= octets_max
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && text.bytes().all(plain)
        && !text.ends_with('.')
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $octets_max:literal) => {
        $(#[$doc])*
        ///
        #[doc = concat!("At most ", stringify!($octets_max), " octets: letters, digits, `.`, `_`")]
        /// and `-`, beginning with a letter or digit and not ending in `.`. Cheap to clone.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes the text.
            ///
            /// # Errors
            /// When the text breaks the rule of the type.
            pub fn new(text: &str) -> Result<Self, TokenError> {
                if is_token(text, $octets_max) { Ok(Self(text.into())) } else { Err(TokenError) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TokenError;

            fn from_str(text: &str) -> Result<Self, TokenError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = TokenError;

            fn try_from(text: String) -> Result<Self, TokenError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(token: $name) -> Self {
                token.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

token!(
    /// The name of an environment, as its own and its neighbours' configurations spell it.
    EnvironmentName,
    64
);
token!(
    /// Identifies a task for ever, at both of its ends (ET-34).
    TaskId,
    64
);
token!(
    /// Identifies an object that parts belong to.
    ObjectId,
    64
);
token!(
    /// Identifies a message; a retry keeps it (ET-34).
    MessageId,
    96
);
token!(
    /// Names a command of the destination's configuration.
    CommandName,
    64
);

impl TaskId {
    /// An id of this agent's choice, from random text.
    pub(crate) fn random(random: &str) -> Self {
        Self(random.into())
    }
}

impl ObjectId {
    /// The name of a sender's object among those of all senders.
    pub(crate) fn of_sender(&self, sender: &EnvironmentName) -> Self {
        Self(format!("{sender}.{self}").into())
    }
}

impl MessageId {
    /// The id of the reply to a message: the same whenever the message is repeated (ET-42).
    #[must_use]
    pub fn reply_to(request: &Self) -> Self {
        let plain = Self::new(&format!("{request}.reply"));
        // An id too long to be extended is digested; a digest is a token.
        plain.unwrap_or_else(|_| Self(Digest::of(request.as_str().as_bytes()).to_string().into()))
    }

    /// The id of the message that carries a task.
    #[must_use]
    pub fn of_task(task: &TaskId) -> Self {
        Self(format!("{task}.task").into())
    }

    /// The id of the message that reports a task's completion.
    #[must_use]
    pub fn of_completion(task: &TaskId) -> Self {
        Self(format!("{task}.completed").into())
    }

    /// The id of a message that belongs to no record, from random text.
    #[must_use]
    pub(crate) fn fresh(what: &str, random: &str) -> Self {
        Self(format!("{what}-{random}").into())
    }

    /// What a refusal relates to when the message that it refuses has no readable id. No message
    /// has it as its own.
    #[must_use]
    pub fn unreadable() -> Self {
        Self("unreadable".into())
    }

    /// The id of the message that carries a part.
    #[must_use]
    pub fn of_part(object: &ObjectId, number: u32) -> Self {
        Self(format!("{object}.part-{number}").into())
    }
}

/// A SHA-256 digest; its text form is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `octets`.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        Self(Sha256::digest(octets).into())
    }

    /// A digest that was made elsewhere.
    pub(crate) const fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The octets themselves.
    pub(crate) const fn octets(self) -> [u8; 32] {
        self.0
    }

    /// The digest of an object: over the digests of its parts, in order. ET-32
    #[must_use]
    pub fn of_parts(parts: &[Self]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.0);
        }
        Self(hash.finalize().into())
    }
}

impl FromStr for Digest {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let lower = text
            .bytes()
            .all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 64 || !lower {
            return Err(TokenError);
        }
        let mut digest = [0; 32];
        for (octet, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| TokenError)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| TokenError)?;
        }
        Ok(Self(digest))
    }
}

impl TryFrom<String> for Digest {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, TokenError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_also_a_safe_file_name() {
        for good in ["a", "t-1", "2030.01", "A_b"] {
            assert!(TaskId::new(good).is_ok(), "{good}");
        }
        for bad in [
            "", ".", "..", ".a", "a.", "a/b", "a\\b", "a b", "é", "a:b", "-a",
        ] {
            assert_eq!(TaskId::new(bad), Err(TokenError), "{bad}");
        }
        assert!(TaskId::new(&"x".repeat(65)).is_err());
    }

    #[test]
    fn a_digest_survives_its_text_form_and_nothing_else_parses() {
        let digest = Digest::of(b"");
        assert_eq!(
            digest.to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().to_uppercase().parse::<Digest>().is_err());
        assert!("e3b0".parse::<Digest>().is_err());
    }
}
