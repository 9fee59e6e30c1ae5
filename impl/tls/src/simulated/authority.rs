//! Certificates that a seed determines.

#![expect(
    clippy::expect_used,
    reason = "what goes into these certificates is fixed, except for names"
)]

use std::ops::Range;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use portcullis_net::Randomness;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::provider::fill;
use crate::identity::Identity;

/// What stands before the 32 octets of an Ed25519 key in PKCS #8.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// An authority of a simulated world. Its key is no secret: the seed tells it.
#[derive(Debug)]
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    random: Randomness,
}

impl Authority {
    /// The authority that calls itself `name` in the run of `random`, valid in `span`.
    ///
    /// # Panics
    /// When the name cannot stand in a certificate.
    #[must_use]
    pub fn new(name: &str, span: Range<Timestamp>, random: &Randomness) -> Self {
        let random = random.fork("authority").fork(name);
        let mut params = parameters(name, span, &random);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = key_pair(&random);
        let certificate = params.self_signed(&key).expect("the parameters are fixed");
        Self {
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
            random,
        }
    }

    /// A certificate for the host that has the DNS name `name`, valid in `span`, and the identity
    /// of a host that has it and accepts those of `trusted`.
    ///
    /// # Panics
    /// When `name` cannot be a DNS name.
    #[must_use]
    pub fn issue(&self, name: &str, span: Range<Timestamp>, trusted: &Self) -> Identity {
        let (certificate, key) = self.sign(name, span);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Identity::from_der(vec![certificate], key, vec![trusted.certificate.clone()])
            .expect("the certificate was made for the key just now")
    }

    /// As [`Authority::issue`], as PEM text: the certificate and its key.
    ///
    /// # Panics
    /// When `name` cannot be a DNS name.
    #[must_use]
    pub fn issue_pem(&self, name: &str, span: Range<Timestamp>) -> (String, String) {
        let (certificate, key) = self.sign(name, span);
        (
            pem("CERTIFICATE", &certificate),
            pem("PRIVATE KEY", &key.serialize_der()),
        )
    }

    /// The authority's own certificate as PEM text.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    fn sign(&self, name: &str, span: Range<Timestamp>) -> (CertificateDer<'static>, KeyPair) {
        let random = self.random.fork("host").fork(name);
        let mut params = parameters(name, span, &random);
        let dns_name = name.try_into().expect("a host's name is ASCII");
        params.subject_alt_names = vec![SanType::DnsName(dns_name)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let key = key_pair(&random);
        let certificate = params.signed_by(&key, &self.issuer);
        let certificate = certificate.expect("the parameters are fixed");
        (certificate.der().clone(), key)
    }
}

/// Octets as a section of PEM.
fn pem(label: &str, octets: &[u8]) -> String {
    let text = STANDARD.encode(octets);
    let mut section = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        section.extend(line.iter().copied().map(char::from));
        section.push('\n');
    }
    section.push_str(&format!("-----END {label}-----\n"));
    section
}

fn parameters(name: &str, span: Range<Timestamp>, random: &Randomness) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(random.fork("serial").next_u64() >> 1));
    let epoch = date_time_ymd(1970, 1, 1);
    let since = |time: Timestamp| {
        let seconds = u64::try_from(time.as_second()).unwrap_or_default();
        epoch.saturating_add(Duration::from_secs(seconds).try_into().unwrap_or_default())
    };
    params.not_before = since(span.start);
    params.not_after = since(span.end);
    params
}

fn key_pair(random: &Randomness) -> KeyPair {
    let mut octets = PKCS8_ED25519.to_vec();
    let mut seed = [0; 32];
    fill(&random.fork("key"), &mut seed);
    octets.extend_from_slice(&seed);
    let key = PrivatePkcs8KeyDer::from(octets);
    KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ED25519).expect("any 32 octets are a key")
}
