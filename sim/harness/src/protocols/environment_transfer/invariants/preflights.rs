//! What a preflight may say.

use crate::protocols::environment_transfer::invariant::Breach;
use crate::protocols::environment_transfer::reading::{Reading, Said};
use crate::protocols::environment_transfer::vocabulary::{field, kind};

/// What a preflight's answer says of a way back that is open.
const REACHED: &str = "reached";

/// ET-81: "reached" stands for a probe of that preflight, sent over a connection that the asked
/// environment opened to the local port of the link, and acknowledged there.
pub(crate) fn preflights_are_proven(reading: &Reading<'_>) -> Vec<Breach> {
    let answers = reading.sent().filter(|said| {
        said.kind() == kind::PREFLIGHT_RESULT && said.field(field::CALLBACK) == REACHED
    });
    let unproven = answers.filter(|answer| {
        let mut acknowledged = reading.delivered();
        !acknowledged.any(|said| said.position < answer.position && proves(reading, &said, answer))
    });
    let breach = |answer: Said<'_>| {
        Breach::at(
            answer.position,
            "an acknowledged probe before `reached`",
            format!("{} claims to have called back", answer.field(field::FROM)),
        )
    };
    unproven.map(breach).collect()
}

/// Whether `said` acknowledges the probe that `answer` tells of.
fn proves(reading: &Reading<'_>, said: &Said<'_>, answer: &Said<'_>) -> bool {
    let Some(life) = reading.connections.get(&said.message.connection) else {
        return false;
    };
    let (asked, asker) = (answer.field(field::FROM), answer.field(field::TO));
    let mut links = reading.setting.links.iter();
    let port = links.find(|link| link.later == asked && link.earlier == asker);
    said.kind() == kind::PROBE_ACK
        && said.field(field::PREFLIGHT) == answer.field(field::RELATES_TO)
        && reading.setting.name_of(life.opener) == Some(asked)
        && port.is_some_and(|link| link.local_port == life.acceptor.port())
}
