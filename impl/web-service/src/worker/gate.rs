//! Who may come in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::Authentication;

/// Not a secret: it only makes lengths equal, so that a comparison tells nothing by its duration.
const KEY: &[u8; 64] = b"a key as long as a block: names and passwords are compared by it";

/// Name and password in a form that takes as long to compare whatever they are.
type Code = CtOutput<Hmac<Sha256>>;

/// Decides by what a connection and a request prove.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    authentication: Authentication,
    /// Of the accounts: they do not change, and every request is compared with them.
    codes: Vec<Code>,
    keyed: Hmac<Sha256>,
}

/// What a connection has proven, once for all its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor {
    /// Whether its certificate is one that may come in.
    pub(super) certificate_is_known: bool,
    /// Whether nobody else can read what is said.
    pub(super) is_secure: bool,
}

impl Visitor {
    /// How it reached the service.
    pub(super) const fn scheme(self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }
}

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may come in.
    Known,
    /// Credentials are missing or wrong, and others would help.
    Unknown,
    /// Only another connection, with a certificate, would help.
    NoCertificate,
}

impl Gate {
    pub(super) fn new(authentication: Authentication) -> Self {
        let keyed = Hmac::new(KEY.into());
        let accounts = authentication.accounts.iter();
        let own = accounts.map(|account| format!("{}:{}", account.name, account.password));
        let codes = own.map(|own| code(&keyed, own.as_bytes())).collect();
        Self {
            authentication,
            codes,
            keyed,
        }
    }

    /// Whether one of the names that a connection has proven is one that may come in.
    pub(super) fn knows_certificate(&self, names: Option<&[String]>) -> bool {
        let known = &self.authentication.certificates;
        // DNS names have no case.
        let is_known = |name: &String| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        names.is_some_and(|names| names.iter().any(is_known))
    }

    /// Decides, from what the connection has proven and the request's `Authorization` field (CD-2).
    pub(super) fn verdict(&self, visitor: Visitor, field: Option<&[u8]>) -> Verdict {
        if self.authentication.is_open() || visitor.certificate_is_known {
            return Verdict::Known;
        }
        if self.authentication.accounts.is_empty() {
            return Verdict::NoCertificate;
        }
        match field.and_then(credentials) {
            Some(credentials) if self.knows(&credentials) => Verdict::Known,
            Some(_) | None => Verdict::Unknown,
        }
    }

    /// Whether these are name and password of an account. All accounts are compared, and each takes
    /// as long whether its name is right or not.
    fn knows(&self, credentials: &[u8]) -> bool {
        let theirs = code(&self.keyed, credentials);
        let equal = self.codes.iter().map(|own| *own == theirs);
        equal.fold(false, std::ops::BitOr::bitor)
    }
}

fn code(keyed: &Hmac<Sha256>, octets: &[u8]) -> Code {
    keyed.clone().chain_update(octets).finalize()
}

/// Name and password with a colon between, from a field of the scheme `Basic` (RFC 7617).
fn credentials(field: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(field).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    STANDARD.decode(token.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Account;

    fn gate() -> Gate {
        let account = |name: &str, password: &str| Account {
            name: name.to_owned(),
            password: password.to_owned(),
        };
        Gate::new(Authentication {
            accounts: vec![account("anna", "a:b"), account("berta", "")],
            certificates: ["source.example".to_owned()].into(),
        })
    }

    fn stranger() -> Visitor {
        Visitor {
            certificate_is_known: false,
            is_secure: true,
        }
    }

    fn basic(text: &str) -> Vec<u8> {
        format!("bAsIc {}", STANDARD.encode(text)).into_bytes()
    }

    #[test]
    fn only_name_and_password_of_one_account_are_known() {
        let verdict = |text: &str| gate().verdict(stranger(), Some(&basic(text)));
        for right in ["anna:a:b", "berta:"] {
            assert_eq!(verdict(right), Verdict::Known, "{right}");
        }
        for wrong in [
            "anna:",
            "anna:a",
            "berta:a:b",
            "Anna:a:b",
            "carla:",
            "anna",
            "",
        ] {
            assert_eq!(verdict(wrong), Verdict::Unknown, "{wrong}");
        }
        for field in ["", "Basic", "Basic !", "Bearer YW5uYTphOmI=", "Negotiate x"] {
            let verdict = gate().verdict(stranger(), Some(field.as_bytes()));
            assert_eq!(verdict, Verdict::Unknown, "{field}");
        }
    }

    #[test]
    fn a_certificate_is_enough_and_without_accounts_needed() {
        let mut gate = gate();
        let known = gate.knows_certificate(Some(&["source.example".to_owned()]));
        let visitor = Visitor {
            certificate_is_known: known,
            ..stranger()
        };
        assert!(known && !gate.knows_certificate(Some(&["other".to_owned()])));
        assert_eq!(gate.verdict(visitor, None), Verdict::Known);
        gate.authentication.accounts.clear();
        assert_eq!(
            gate.verdict(stranger(), Some(&basic("anna:a:b"))),
            Verdict::NoCertificate
        );
        gate.authentication.certificates.clear();
        assert_eq!(gate.verdict(stranger(), None), Verdict::Known);
    }
}
