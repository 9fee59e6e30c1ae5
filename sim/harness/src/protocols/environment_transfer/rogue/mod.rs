//! Environments that are deliberately wrong, to prove that the checks see it.
//!
//! A rogue is a small second environment written by hand over the agent's codec, without its state
//! machines and without its store. As [`Rogue::Nothing`] it breaks no rule; each other variant
//! does one thing wrong. `SABOTEURS.md` beside the scenarios says which check catches which.

mod destination;
mod originator;
mod player;

use std::sync::Arc;

use crate::engine::Boot;
use crate::scenario::Plan;

use super::station::{self, Desk, Part};
use player::Player;

/// What a rogue does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rogue {
    /// Nothing: the control.
    Nothing,

    /// Binds its configured local port as the source of its connections.
    SendsFromConfiguredPort,
    /// Keeps the task connection open until the completion has come.
    WaitsOnOpenConnection,
    /// Sends tasks without a greeting.
    SkipsGreeting,
    /// Sends the greeting and the task on one connection.
    SendsTwiceOnOneConnection,
    /// Connects to the port beside the remote port.
    KnocksAtWrongPort,
    /// Names another environment as recipient.
    Misaddresses,
    /// Takes the acceptance for success.
    TakesAcceptanceForSuccess,
    /// Takes silence for failure.
    TakesSilenceForFailure,
    /// Acknowledges a completion before it has recorded it.
    AcknowledgesResultBeforeStoring,
    /// Sends a task that depends on another without waiting.
    DoesNotWait,
    /// Never listens at its local port.
    NeverListens,

    /// Writes the completion to the connection that carried the task.
    CompletesOnTaskConnection,
    /// Works on a repeated task a second time.
    RunsDuplicatesTwice,
    /// Acknowledges a task before it has recorded it.
    AcknowledgesBeforeStoring,
    /// Gives each attempt at a completion an id of its own.
    RenamesRetries,
    /// Reports another outcome when it has to repeat itself.
    ChangesItsMind,
    /// Relates its replies to a message that nobody sent.
    RepliesToNothing,
    /// Works on a later task first.
    Overtakes,
    /// Acknowledges tasks and throws them away.
    ForgetsAccepted,
    /// Reports a task that nobody gave it.
    ReportsInventedTask,
    /// Closes a connection as soon as it has answered.
    ClosesFirst,
    /// Announces an answer above every cap.
    Shouts,
    /// Answers in octets that are no message.
    Mumbles,
    /// Leaves the final state of a task.
    ReopensFinal,
    /// Says that it has reached the local port without having tried.
    ClaimsToHaveCalledBack,
    /// Signs nothing.
    SignsNothing,
    /// Takes messages for authentic without looking at their code.
    SkipsVerification,
    /// Takes messages however old they are.
    AcceptsStale,
    /// Refuses a greeting in words of the greeting.
    EchoesContent,
    /// Closes without an answer when the opener has closed its own direction.
    IgnoresHalfClosed,
    /// Answers every message of a connection.
    TakesSecondMessage,
    /// Answers only who comes from the port of the first connection.
    TrustsSourcePort,
    /// Keeps other octets of a part than arrived.
    PlacesOtherOctets,
}

/// The main function of a rogue in the place of `host`.
pub(super) fn boot(plan: &Plan, host: &str, rogue: Rogue) -> Boot {
    if rogue == Rogue::PlacesOtherOctets {
        // An agent like all others, with a disk that is not.
        return station::careless(plan, host);
    }
    let part = Part::of(plan, host);
    Arc::new(move |node| {
        let part = part.clone();
        Box::pin(async move {
            let desk = node.shelf.keep(Desk::default);
            let player = Player::new(node, part, rogue);
            destination::open(&player).await;
            originator::open(&player).await;
            desk.appoint(Arc::new(player));
        })
    })
}
