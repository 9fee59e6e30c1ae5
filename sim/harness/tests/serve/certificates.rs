//! Certificates for a site whose link is secured by TLS.

use std::ops::Range;
use std::time::Duration;

use portcullis_net::{Randomness, WallClock};
use portcullis_tls::simulated::Authority;

use crate::site::Site;

/// An authority of a test's own.
pub(crate) struct Certificates {
    authority: Authority,
}

/// From an hour ago until in a day.
pub(crate) fn today() -> Range<jiff::Timestamp> {
    let now = WallClock::system().now();
    now - Duration::from_secs(3600)..now + Duration::from_secs(24 * 3600)
}

impl Certificates {
    pub(crate) fn of(authority: &str) -> Self {
        let authority = Authority::new(authority, today(), &Randomness::from_os());
        Self { authority }
    }

    /// Gives `name` a certificate of this authority, and has it believe in this authority.
    pub(crate) fn give(&self, site: &Site, name: &str) {
        self.give_for(site, name, today());
    }

    /// The same for the time of `span`.
    pub(crate) fn give_for(&self, site: &Site, name: &str, span: Range<jiff::Timestamp>) {
        let (certificate, key) = self.authority.issue_pem(name, span);
        site.write(&format!("{name}.pem"), certificate);
        site.write_secret(&format!("{name}-own.key"), &key);
        site.write(
            &format!("{name}-authorities.pem"),
            self.authority.certificate_pem(),
        );
        site.secure(name, "authentication = \"tls\"\n");
        let tls = format!(
            "[tls]\ncertificate = \"{name}.pem\"\nkey = \"{name}-own.key\"\n\
             authorities = \"{name}-authorities.pem\"\n[retries]\n"
        );
        site.replace(&format!("{name}.toml"), "[retries]\n", &tls);
    }
}
