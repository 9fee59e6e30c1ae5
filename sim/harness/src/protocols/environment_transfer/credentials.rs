//! Certificates of simulated environments, for links that authenticate by TLS.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_net::Randomness;
use portcullis_tls::simulated::Authority;
use portcullis_tls::{Identity, Reach};

use super::cast;
use super::liveness::certificate_fault;
use crate::scenario::{Plan, PlannedHost};

/// The authority that every environment believes.
pub(super) const COMMON: &str = "common";

/// How long certificates are valid beyond any run, before its start and after it.
const LONG: Duration = Duration::from_secs(365 * 24 * 3600);

/// What one host shows to others and where it speaks TLS.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    random: Randomness,
    host: String,
    name: String,
    authority: String,
    ends: Duration,
    reach: Reach,
}

impl Credentials {
    /// Those of `host`; none when it has no link that needs them.
    pub(super) fn of(plan: &Plan, host: &PlannedHost) -> Option<Self> {
        let (mut listens, mut opens) = (BTreeSet::new(), BTreeSet::new());
        for link in plan.links.iter().map(cast::link).filter(|link| link.is_tls) {
            if link.earlier == host.name {
                listens.insert(link.local_port);
                opens.insert((link.later, link.remote_port));
            } else if link.later == host.name {
                listens.insert(link.remote_port);
                opens.insert((link.earlier, link.local_port));
            }
        }
        let text = |key, default: &str| host.keys.text(key).unwrap_or(default).to_owned();
        (!listens.is_empty()).then(|| Self {
            random: Randomness::from_seed(plan.seed).fork("certificates"),
            host: host.name.clone(),
            name: text("certificate_name", &host.name),
            authority: text("certificate_authority", COMMON),
            ends: host.keys.duration("certificate_ends").unwrap_or(LONG),
            reach: Reach::Only { listens, opens },
        })
    }

    /// What is wrong with them from the point of view of the other hosts, in the words of
    /// `liveness`.
    pub(super) fn fault(host: &PlannedHost) -> Option<String> {
        let differs = |key, right: &str| host.keys.text(key).is_some_and(|text| text != right);
        let wrong = differs("certificate_name", &host.name)
            || differs("certificate_authority", COMMON)
            || host.keys.has("certificate_ends");
        wrong.then(|| certificate_fault(&host.name))
    }

    /// The same host with a certificate that everybody believes.
    pub(super) fn renewed(self) -> Self {
        Self {
            name: self.host.clone(),
            authority: COMMON.to_owned(),
            ends: LONG,
            ..self
        }
    }

    /// Where the host speaks TLS.
    pub(super) fn reach(&self) -> Reach {
        self.reach.clone()
    }

    /// Certificate, key and the authority that the host believes, in a run that starts at `epoch`.
    pub(super) fn identity(&self, epoch: Timestamp) -> Identity {
        let authority = |name: &str| Authority::new(name, span(epoch, LONG), &self.random);
        let span = span(epoch, self.ends);
        authority(&self.authority).issue(&self.name, span, &authority(COMMON))
    }
}

fn span(epoch: Timestamp, ends: Duration) -> Range<Timestamp> {
    let shift = |time: Result<Timestamp, jiff::Error>| time.unwrap_or(epoch);
    shift(epoch.checked_sub(LONG))..shift(epoch.checked_add(ends))
}
