//! Who a host is, and whom it believes.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_net::Objection;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, RootCertStore};

use crate::failure::objection;
use crate::verify::names_of;

/// A host's certificate chain with its private key, and the authorities whose certificates it
/// accepts from others.
///
/// The DNS names of the certificate are what [`Connection::peer_names`] gives to the other side. A
/// certificate with an extended key usage must allow both client and server authentication, because
/// every host opens and accepts connections. Revocation lists are not read: what must end early
/// needs an authority that issues for short times.
///
/// [`Connection::peer_names`]: portcullis_net::Connection::peer_names
#[derive(Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    authorities: Arc<RootCertStore>,
    names: Vec<String>,
}

/// The authorities whose certificates a host accepts from others, without one of its own.
#[derive(Clone)]
pub struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// Reads the certificates of authorities from a PEM file.
    ///
    /// # Errors
    /// With the name of the file and what is wrong with it.
    pub fn from_pem_file(file: &Path) -> Result<Self, IdentityError> {
        let wrong = |problem| IdentityError {
            part: AUTHORITIES,
            file: Some(file.to_owned()),
            problem,
        };
        let text = fs::read(file).map_err(|error| wrong(IdentityProblem::Unreadable(error)))?;
        let trusted = certificates(&text).map_err(wrong)?;
        store(trusted).map(Self).map_err(wrong)
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        f.debug_struct("Authorities")
            .field("count", &count)
            .finish()
    }
}

fn store(trusted: Vec<CertificateDer<'static>>) -> Result<Arc<RootCertStore>, IdentityProblem> {
    let mut authorities = RootCertStore::empty();
    for certificate in trusted {
        let added = authorities.add(certificate);
        added.map_err(IdentityProblem::Certificate)?;
    }
    Ok(Arc::new(authorities))
}

/// What is wrong with a certificate, a key or a list of authorities.
#[derive(Debug, thiserror::Error)]
pub enum IdentityProblem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The text is not PEM.
    #[error("is not PEM: {0}")]
    NotPem(#[source] pem::Error),
    /// The text has no section of the kind that is needed.
    #[error("has no {0} in it")]
    Empty(&'static str),
    /// A certificate cannot be used.
    #[error("has a certificate that cannot be used: {0}")]
    Certificate(#[source] Error),
    /// The private key cannot be used, or belongs to another certificate.
    #[error("has a key that cannot be used with the certificate: {0}")]
    Key(#[source] Error),
    /// The certificate names nobody.
    #[error("has a certificate without a DNS name (subject alternative name)")]
    Nameless,
}

/// A problem, and the part of the identity that has it.
#[derive(Debug, thiserror::Error)]
#[error("{part} {}{problem}", InFile(.file.as_deref()))]
pub struct IdentityError {
    /// `certificate`, `private key` or `authorities`.
    pub part: &'static str,
    /// The file it was read from, if it was.
    pub file: Option<PathBuf>,
    /// What is wrong.
    #[source]
    pub problem: IdentityProblem,
}

/// A file name in the middle of a sentence.
struct InFile<'a>(Option<&'a Path>);

impl fmt::Display for InFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(file) => write!(f, "in {} ", file.display()),
            None => Ok(()),
        }
    }
}

const CERTIFICATE: &str = "certificate";
const PRIVATE_KEY: &str = "private key";
const AUTHORITIES: &str = "authorities";

impl Identity {
    /// Reads the identity from PEM files: the certificate with any intermediate ones behind it, its
    /// private key, and the certificates of the authorities.
    ///
    /// # Errors
    /// With the name of the file and what is wrong with it.
    pub fn from_pem_files(
        certificate: &Path,
        key: &Path,
        authorities: &Path,
    ) -> Result<Self, IdentityError> {
        Self::of_files(certificate, key, Some(authorities))
    }

    /// The same of a server that believes nobody's certificates, because it asks for none: see
    /// [`Endpoint::open_to_all`](crate::Endpoint::open_to_all).
    ///
    /// # Errors
    /// With the name of the file and what is wrong with it.
    pub fn without_authorities(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        Self::of_files(certificate, key, None)
    }

    fn of_files(
        certificate: &Path,
        key: &Path,
        authorities: Option<&Path>,
    ) -> Result<Self, IdentityError> {
        let read = |part: &'static str, file: &Path| {
            fs::read(file).map_err(|error| IdentityError {
                part,
                file: Some(file.to_owned()),
                problem: IdentityProblem::Unreadable(error),
            })
        };
        let chain = read(CERTIFICATE, certificate)?;
        let private = read(PRIVATE_KEY, key)?;
        let trusted = authorities
            .map(|file| read(AUTHORITIES, file))
            .transpose()?;
        Self::of_pem(&chain, &private, trusted.as_deref()).map_err(|mut error| {
            let files = [(CERTIFICATE, Some(certificate)), (PRIVATE_KEY, Some(key))];
            let mut files = files.into_iter().chain([(AUTHORITIES, authorities)]);
            let named = files.find(|(part, _)| *part == error.part);
            error.file = named.and_then(|(_, file)| file.map(Path::to_owned));
            error
        })
    }

    /// The same from PEM text.
    ///
    /// # Errors
    /// With the part that cannot be used, and why.
    pub fn from_pem(
        certificate: &[u8],
        key: &[u8],
        authorities: &[u8],
    ) -> Result<Self, IdentityError> {
        Self::of_pem(certificate, key, Some(authorities))
    }

    fn of_pem(
        certificate: &[u8],
        key: &[u8],
        authorities: Option<&[u8]>,
    ) -> Result<Self, IdentityError> {
        let chain = certificates(certificate).map_err(at(CERTIFICATE))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            if matches!(error, pem::Error::NoItemsFound) {
                IdentityProblem::Empty("private key")
            } else {
                IdentityProblem::NotPem(error)
            }
        });
        let authorities = authorities.map(certificates).transpose();
        let authorities = authorities.map_err(at(AUTHORITIES))?.unwrap_or_default();
        Self::from_der(chain, key.map_err(at(PRIVATE_KEY))?, authorities)
    }

    pub(crate) fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        trusted: Vec<CertificateDer<'static>>,
    ) -> Result<Self, IdentityError> {
        let authorities = store(trusted).map_err(at(AUTHORITIES))?;
        let names = chain.first().map_or(Ok(Vec::new()), names_of);
        let names = names.map_err(IdentityProblem::Certificate);
        let names = names.map_err(at(CERTIFICATE))?;
        if names.is_empty() {
            return Err(at(CERTIFICATE)(IdentityProblem::Nameless));
        }
        let identity = Self {
            chain,
            key: Arc::new(key),
            authorities,
            names,
        };
        // Whether the key is the certificate's is better known now than at the first connection.
        identity.certified(&rustls::crypto::ring::default_provider())?;
        Ok(identity)
    }

    /// What is wrong with the certificate's time at `now`: others will see the same, by their own
    /// clocks.
    #[must_use]
    pub fn untimely(&self, now: Timestamp) -> Option<Objection> {
        let own = ParsedCertificate::try_from(self.chain.first()?).ok()?;
        let now =
            UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).ok()?));
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        // The time is looked at before the way to an authority, which may be unknown here.
        let checked = verify_server_cert_signed_by_trust_anchor(
            &own,
            &self.authorities,
            self.chain.get(1..).unwrap_or_default(),
            now,
            algorithms.all,
        );
        let Err(Error::InvalidCertificate(error)) = checked else {
            return None;
        };
        Some(objection(&error))
            .filter(|why| matches!(why, Objection::Expired | Objection::NotYetValid))
    }

    /// The DNS names of the certificate.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn authorities(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.authorities)
    }

    /// Chain and key as `provider` uses them.
    pub(crate) fn certified(
        &self,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, IdentityError> {
        let key = self.key.clone_key();
        CertifiedKey::from_der(self.chain.clone(), key, provider)
            .map_err(IdentityProblem::Key)
            .map_err(at(PRIVATE_KEY))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityProblem> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match all {
        Ok(all) if all.is_empty() => Err(IdentityProblem::Empty("certificate")),
        Ok(all) => Ok(all),
        Err(error) => Err(IdentityProblem::NotPem(error)),
    }
}

pub(crate) const fn at(part: &'static str) -> impl Fn(IdentityProblem) -> IdentityError {
    move |problem| IdentityError {
        part,
        file: None,
        problem,
    }
}
