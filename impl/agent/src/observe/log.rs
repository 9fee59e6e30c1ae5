//! What an agent announces, as lines of `tracing`.

use super::AgentEvent;
use crate::message::{EnvironmentName, FailureReason, TaskId};
use crate::preflight::Way;

/// ET-82: one line a connection; the rest of an agent's log has the same source. `suppressed` lines
/// like this one were left out before it.
pub(super) fn write(event: &AgentEvent, suppressed: u64) {
    match event {
        AgentEvent::State {
            machine,
            task,
            peer,
            from,
            to,
            reason,
            ..
        } => {
            tracing::info!(machine = machine.name(), %task, %peer, from, to, reason, "state");
        }
        AgentEvent::Found { task, state, .. } => tracing::debug!(%task, state, "found"),
        AgentEvent::Durable { table, key } => tracing::trace!(table, key, "durable"),
        AgentEvent::WorkStarted {
            task,
            peer,
            kind,
            start,
        } => {
            tracing::info!(%task, %peer, kind = kind.name(), start, "work started");
        }
        AgentEvent::WorkEnded {
            task,
            peer,
            outcome,
        } => {
            let reason = outcome.reason().map(FailureReason::name);
            tracing::info!(%task, %peer, outcome = outcome.name(), reason, "work ended");
        }
        AgentEvent::AttemptFailed {
            phase,
            peer,
            port,
            task,
            attempt,
            class,
            failure,
        } => {
            let (phase, class) = (phase.name(), class.name());
            let task = task.as_ref().map(TaskId::as_str);
            tracing::warn!(phase, %peer, port, task, attempt, class, "attempt failed: {failure}");
        }
        AgentEvent::Connection {
            opened_here,
            local,
            remote,
            phase,
            task,
            closed_by,
        } => {
            let opener = if *opened_here { local } else { remote };
            let (phase, closed_by) = (phase.name(), closed_by.name());
            let task = task.as_ref().map(TaskId::as_str);
            tracing::info!(%opener, %local, %remote, phase, task, closed_by, "connection");
        }
        AgentEvent::Preflight { peer, way } => write_preflight(peer, way),
        AgentEvent::Warning { .. } => write_warning(event, suppressed),
    }
}

fn write_preflight(peer: &EnvironmentName, way: &Way) {
    let (direction, finding) = (way.direction.name(), way.finding.name());
    let (address, port) = (way.address.as_deref(), way.port);
    tracing::info!(%peer, direction, address, port, finding, "preflight");
}

fn write_warning(event: &AgentEvent, suppressed: u64) {
    let AgentEvent::Warning {
        warning,
        peer,
        task,
        port,
        detail,
        address,
        ahead_ms,
    } = event
    else {
        return;
    };
    let peer = peer.as_ref().map(EnvironmentName::as_str);
    let task = task.as_ref().map(TaskId::as_str);
    let address = address.map(tracing::field::display);
    let suppressed = (suppressed > 0).then_some(suppressed);
    let words = warning.words();
    tracing::warn!(
        peer, task, port, detail, address, ahead_ms, suppressed, "{words}"
    );
}
