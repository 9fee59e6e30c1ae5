//! Why two hosts found no secure connection: more than the kind of an `io::Error` says.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a connection came about and no secure one over it.
///
/// Who secures connections puts it into the errors of [`Net::connect`](crate::Net::connect), of
/// [`Connection::establish`](crate::Connection::establish) and of reading, whose kinds stay what
/// they are; [`HandshakeError::of`] finds it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The peer ended the connection, or said something else; of this kind is the error.
    Unanswered(io::ErrorKind),
    /// The peer's credential is not accepted here.
    Peer(Objection),
    /// The peer does not accept this host's credential, and says so.
    Own(Objection),
}

/// What is wrong with a certificate, in the eyes of who refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// Its time is over, by the clock of who checks it. From a peer: or has not come yet.
    Expired,
    /// Its time has not come yet.
    NotYetValid,
    /// It leads to no authority that is trusted.
    UnknownAuthority,
    /// A signature is wrong: it is not of the authority that it names, though one of that name is
    /// trusted, or its owner has not its key.
    WrongSignature,
    /// It does not name who is expected.
    WrongName,
    /// It is not for clients, or not for servers.
    WrongUse,
    /// There is none.
    Missing,
    /// Anything else.
    Unacceptable,
}

impl HandshakeError {
    /// What `error` says about the handshake, if it says anything.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// The kind of error that it is for who does not look further: `PermissionDenied` when one side
    /// does not accept the other.
    #[must_use]
    pub const fn kind(self) -> io::ErrorKind {
        match self {
            Self::Unanswered(kind) => kind,
            Self::Peer(_) | Self::Own(_) => io::ErrorKind::PermissionDenied,
        }
    }

    /// The name in logs, in kebab case, such as `peer-certificate-expired`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unanswered(_) => "not-tls",
            Self::Peer(Objection::Expired) => "peer-certificate-expired",
            Self::Peer(Objection::NotYetValid) => "peer-certificate-not-yet-valid",
            Self::Peer(Objection::UnknownAuthority) => "peer-certificate-of-unknown-authority",
            Self::Peer(Objection::WrongSignature) => "peer-certificate-signature-wrong",
            Self::Peer(Objection::WrongName) => "peer-certificate-names-another",
            Self::Peer(Objection::WrongUse) => "peer-certificate-not-for-this-use",
            Self::Peer(Objection::Missing) => "peer-without-certificate",
            Self::Peer(Objection::Unacceptable) => "peer-certificate-unacceptable",
            Self::Own(Objection::Expired | Objection::NotYetValid) => "own-certificate-expired",
            Self::Own(Objection::UnknownAuthority) => "own-certificate-of-unknown-authority",
            Self::Own(Objection::WrongSignature) => "own-certificate-signature-wrong",
            Self::Own(Objection::Missing) => "own-certificate-missing",
            Self::Own(_) => "own-certificate-unacceptable",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Unanswered(_) => "connected, but the peer does not answer in TLS",
            Self::Peer(Objection::Expired) => {
                "the peer's certificate has expired, by this host's clock"
            }
            Self::Peer(Objection::NotYetValid) => {
                "the peer's certificate is not valid yet, by this host's clock"
            }
            Self::Peer(Objection::UnknownAuthority) => {
                "the peer's certificate is from an authority that is not trusted here"
            }
            Self::Peer(Objection::WrongSignature) => {
                "the peer's certificate is from another authority of a trusted one's name"
            }
            Self::Peer(Objection::WrongName) => {
                "the peer's certificate does not have the peer's name"
            }
            Self::Peer(Objection::WrongUse) => {
                "the peer's certificate is not for clients and servers both"
            }
            Self::Peer(Objection::Missing) => "the peer shows no certificate",
            Self::Peer(Objection::Unacceptable) => "the peer's certificate cannot be accepted",
            Self::Own(Objection::Expired | Objection::NotYetValid) => {
                "the peer says that this host's certificate has expired, or is not valid yet"
            }
            Self::Own(Objection::UnknownAuthority) => {
                "the peer says that this host's certificate is from an unknown authority"
            }
            Self::Own(Objection::WrongSignature) => {
                "the peer says that this host's certificate is from another authority of that name"
            }
            Self::Own(Objection::Missing) => "the peer says that this host shows no certificate",
            Self::Own(_) => "the peer does not accept this host's certificate",
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Error for HandshakeError {}

impl From<HandshakeError> for io::Error {
    fn from(error: HandshakeError) -> Self {
        Self::new(error.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_says_of_a_handshake_is_found_in_it() {
        for error in [
            HandshakeError::Unanswered(io::ErrorKind::ConnectionReset),
            HandshakeError::Peer(Objection::Expired),
            HandshakeError::Own(Objection::UnknownAuthority),
        ] {
            let carried = io::Error::from(error);
            assert_eq!(carried.kind(), error.kind());
            assert_eq!(HandshakeError::of(&carried), Some(error));
        }
        let other = io::Error::other("anything");
        assert_eq!(HandshakeError::of(&other), None);
        let bare = io::ErrorKind::PermissionDenied.into();
        assert_eq!(HandshakeError::of(&bare), None);
    }
}
