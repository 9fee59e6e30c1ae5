//! Errors of TLS as the kinds that protocol code classifies.

use std::io;

use rustls::{AlertDescription, Error};

/// The same error under the kind that says whose fault it is.
///
/// `PermissionDenied`: one side did not accept the other's certificate. `InvalidData`: the peer
/// does not speak TLS 1.3, or breaks it. Errors of the connection below keep their kinds.
pub(crate) fn classified(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(cause) if is_about_identity(cause) => {
            io::Error::new(io::ErrorKind::PermissionDenied, cause.clone())
        }
        _ => error,
    }
}

fn is_about_identity(error: &Error) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of errors is open")]
    match error {
        Error::InvalidCertificate(_)
        | Error::InvalidCertRevocationList(_)
        | Error::NoCertificatesPresented => true,
        Error::AlertReceived(alert) => matches!(
            alert,
            AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
                | AlertDescription::DecryptError
                | AlertDescription::CertificateRequired
        ),
        _ => false,
    }
}
