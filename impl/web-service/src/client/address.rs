//! Where a farm's Central Administration is.

use std::fmt;
use std::str::FromStr;

/// Octets of a name, as DNS has them. A target says where its import server is, and that is kept.
const HOST_OCTETS_MAX: usize = 253;

/// Digits of a port.
const PORT_DIGITS_MAX: usize = 5;

/// The address of a Central Administration: `http://host:port` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FarmAddress {
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether it is reached over TLS.
    pub scheme: Scheme,
}

/// How a farm is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

/// Why a text is no address of a farm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FarmAddressProblem {
    /// It begins with neither `http://` nor `https://`.
    #[error("begins with neither http:// nor https://")]
    Scheme,
    /// There is no host, or it has characters that no host has.
    #[error("has no host that could be one")]
    Host,
    /// The port is none.
    #[error("has a port that is none")]
    Port,
    /// Something follows the port.
    #[error("has something behind the port")]
    Path,
}

impl Scheme {
    /// The word before the colon.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl FarmAddress {
    /// Host and port, as a `Host` field has them.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }
}

impl FromStr for FarmAddress {
    type Err = FarmAddressProblem;

    fn from_str(text: &str) -> Result<Self, FarmAddressProblem> {
        use FarmAddressProblem as Problem;
        let (scheme, rest) = text.split_once("://").ok_or(Problem::Scheme)?;
        let scheme = [Scheme::Http, Scheme::Https]
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(scheme))
            .ok_or(Problem::Scheme)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(Problem::Path);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(inside) => {
                let (host, rest) = inside.split_once(']').ok_or(Problem::Host)?;
                match rest.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if rest.is_empty() => (host, None),
                    None => return Err(Problem::Port),
                }
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_of_host = |octet: u8| octet.is_ascii_alphanumeric() || b".-_:".contains(&octet);
        let may_be_one = (1..=HOST_OCTETS_MAX).contains(&host.len());
        if !may_be_one || !host.bytes().all(is_of_host) {
            return Err(Problem::Host);
        }
        let port = match port {
            Some(port) if port.len() > PORT_DIGITS_MAX => return Err(Problem::Port),
            Some(port) => port.parse().map_err(|_| Problem::Port)?,
            None => scheme.default_port(),
        };
        if port == 0 {
            return Err(Problem::Port);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            scheme,
        })
    }
}

impl fmt::Display for FarmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written) in [
            ("http://farm:8080", "http://farm:8080"),
            ("HTTPS://farm.example/", "https://farm.example:443"),
            ("http://10.0.0.1", "http://10.0.0.1:80"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            let address: FarmAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), written);
            assert_eq!(written.parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        use FarmAddressProblem as Problem;
        for (text, problem) in [
            ("", Problem::Scheme),
            ("farm:8080", Problem::Scheme),
            ("ftp://farm", Problem::Scheme),
            ("http://", Problem::Host),
            ("http://:80", Problem::Host),
            ("http://a b", Problem::Host),
            ("http://user@farm", Problem::Host),
            ("http://[::1", Problem::Host),
            ("http://farm:", Problem::Port),
            ("http://farm:0", Problem::Port),
            ("http://farm:80x", Problem::Port),
            ("http://[::1]80", Problem::Port),
            ("http://farm/admin", Problem::Path),
            ("http://farm?a", Problem::Path),
            (&format!("http://{}", "a".repeat(254)), Problem::Host),
            ("http://farm:000080", Problem::Port),
        ] {
            assert_eq!(text.parse::<FarmAddress>(), Err(problem), "{text:?}");
        }
    }
}
