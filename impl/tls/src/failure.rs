//! Errors of TLS as the kinds that protocol code classifies.

use std::io;

use portcullis_net::{HandshakeError, Objection};
use rustls::{AlertDescription, CertificateError, Error};

/// The same error under the kind that says whose fault it is.
///
/// `PermissionDenied`, with a [`HandshakeError`]: one side did not accept the other's certificate.
/// `InvalidData`: the peer does not speak TLS 1.3, or breaks it. Errors of the connection below
/// keep their kinds.
pub(crate) fn classified(error: io::Error) -> io::Error {
    match cause(&error).and_then(about_identity) {
        Some(about) => about.into(),
        None => error,
    }
}

/// The same of a handshake that this side began: whatever is not TLS in answer to it is told apart
/// from a connection that never came about.
pub(crate) fn classified_opening(error: io::Error) -> io::Error {
    match cause(&error) {
        None | Some(Error::InvalidMessage(_)) => HandshakeError::Unanswered(error.kind()).into(),
        Some(_) => classified(error),
    }
}

fn cause(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|cause| cause.downcast_ref())
}

fn about_identity(error: &Error) -> Option<HandshakeError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of errors is open")]
    match error {
        Error::InvalidCertificate(error) => Some(HandshakeError::Peer(objection(error))),
        Error::InvalidCertRevocationList(_) => Some(HandshakeError::Peer(Objection::Unacceptable)),
        Error::NoCertificatesPresented => Some(HandshakeError::Peer(Objection::Missing)),
        Error::AlertReceived(alert) => objected(*alert).map(HandshakeError::Own),
        _ => None,
    }
}

/// What is wrong with a certificate, in our eyes.
pub(crate) fn objection(error: &CertificateError) -> Objection {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of errors is open")]
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Objection::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Objection::NotYetValid
        }
        CertificateError::UnknownIssuer => Objection::UnknownAuthority,
        CertificateError::BadSignature => Objection::WrongSignature,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Objection::WrongUse
        }
        _ => Objection::Unacceptable,
    }
}

/// What is wrong with our certificate, in the peer's eyes.
fn objected(alert: AlertDescription) -> Option<Objection> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of alerts is open")]
    match alert {
        AlertDescription::CertificateExpired => Some(Objection::Expired),
        AlertDescription::UnknownCA => Some(Objection::UnknownAuthority),
        AlertDescription::DecryptError => Some(Objection::WrongSignature),
        AlertDescription::NoCertificate | AlertDescription::CertificateRequired => {
            Some(Objection::Missing)
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => Some(Objection::Unacceptable),
        _ => None,
    }
}
