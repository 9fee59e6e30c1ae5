//! What this engine does not offer, found before a run.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_network::{Latency, LinkConfig, Probability};
use thiserror::Error;

use crate::engine::spec::{Action, NetworkChange, Step, Topology, Trigger};

/// Simulated time beyond which turmoil, which pays for every tick, is too slow to be useful.
const LONGEST: Duration = Duration::from_secs(3600);

/// Why a run cannot be made on real turmoil hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Reason {
    /// turmoil draws its faults from its own stream, so the same loss cannot be had.
    #[error("random loss, duplication or reordering on a link")]
    RandomFaults,
    /// turmoil's latency is one number a link here.
    #[error("a latency that varies")]
    RandomLatency,
    /// turmoil counts in ticks of whole milliseconds.
    #[error("a latency that is not a whole number of milliseconds, at least one")]
    FineLatency,
    /// The same of steps.
    #[error("a step at a fraction of a millisecond")]
    FineStep,
    /// turmoil has no rate limit.
    #[error("a bandwidth")]
    Bandwidth,
    /// turmoil has one latency for both directions.
    #[error("a link with different latencies in its two directions")]
    Asymmetric,
    /// turmoil links are set before the run here.
    #[error("a link that is down or changes during the run")]
    LinkChange,
    /// turmoil's links are either on hold or cut.
    #[error("packets on hold beside a partition")]
    HoldAndPartition,
    /// Every tick costs, also those in which nothing happens.
    #[error("more than an hour of simulated time")]
    TooLong,
}

/// Why a run of `steps` on `topology` that needs `longest` simulated time is not offered on this
/// engine; empty when it is.
#[must_use]
pub fn unsupported(topology: &Topology, steps: &[Step], longest: Duration) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let paths = topology.paths.iter().map(|path| &path.link);
    for link in paths.chain([&topology.default_link]) {
        link_reasons(link, &mut reasons);
    }
    if !is_symmetric(topology) {
        reasons.push(Reason::Asymmetric);
    }
    let changes = |step: &Step| matches!(step.action, Action::Network(NetworkChange::Path(_)));
    if steps.iter().any(changes) {
        reasons.push(Reason::LinkChange);
    }
    let is_fine = |step: &Step| {
        let (Trigger::At(time) | Trigger::After { delay: time, .. }) = &step.trigger;
        !is_whole(*time)
    };
    if steps.iter().any(is_fine) {
        reasons.push(Reason::FineStep);
    }
    let holds = |step: &Step| matches!(step.action, Action::Network(NetworkChange::Hold { .. }));
    let cuts = |step: &Step| {
        matches!(
            step.action,
            Action::Network(NetworkChange::Partition { .. })
        )
    };
    if steps.iter().any(holds) && steps.iter().any(cuts) {
        reasons.push(Reason::HoldAndPartition);
    }
    if longest > LONGEST {
        reasons.push(Reason::TooLong);
    }
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

fn link_reasons(link: &LinkConfig, reasons: &mut Vec<Reason>) {
    if [link.loss, link.duplicate, link.reorder] != [Probability::NEVER; 3] {
        reasons.push(Reason::RandomFaults);
    }
    match fixed(link) {
        None => reasons.push(Reason::RandomLatency),
        Some(latency) if latency.is_zero() || !is_whole(latency) => {
            reasons.push(Reason::FineLatency);
        }
        Some(_) => {}
    }
    if link.bandwidth.is_some() {
        reasons.push(Reason::Bandwidth);
    }
    if !link.up {
        reasons.push(Reason::LinkChange);
    }
}

/// Whether it is a whole number of milliseconds.
const fn is_whole(time: Duration) -> bool {
    time.subsec_nanos().is_multiple_of(1_000_000)
}

/// The latency of a link that has only one.
pub(super) fn fixed(link: &LinkConfig) -> Option<Duration> {
    match link.latency {
        Latency::Fixed(latency) => Some(latency),
        Latency::Uniform { .. } | Latency::Normal { .. } | Latency::Pareto { .. } => None,
    }
}

fn is_symmetric(topology: &Topology) -> bool {
    let paths: BTreeMap<_, _> = topology
        .paths
        .iter()
        .map(|path| ((&path.from, &path.to), fixed(&path.link)))
        .collect();
    let default = fixed(&topology.default_link);
    paths.iter().all(|((from, to), latency)| {
        let back = paths.get(&(*to, *from)).unwrap_or(&default);
        back == latency
    })
}
