//! Farms that are deliberately wrong, to prove that the checks see it.
//!
//! A rogue is a small second import farm written by hand over the codec, in memory, without the
//! crate's state machines and stores. As [`Rogue::Nothing`] it breaks no rule; each other variant
//! does one thing wrong. `SABOTEURS.md` beside the scenarios says which check catches which.

mod door;
mod import;
mod operations;
mod player;
mod uploads;

use std::sync::Arc;

use crate::engine::Boot;
use crate::scenario::Plan;

use player::{Part, Player};

/// What a rogue does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rogue {
    /// Nothing: the control.
    Nothing,

    /// Answers in the other version of SOAP.
    AnswersInOtherVersion,
    /// Reports a status that only a source has.
    ReportsForeignStatus,
    /// Has something in the response that must be empty.
    FillsEmptyResponse,
    /// Gives every job the same identifier.
    ReusesJobIds,
    /// Goes on answering for a job that was deleted.
    KeepsDeletedJobs,
    /// Answers with a fault where there is no log to delete.
    FaultsOnMissingLogs,
    /// Takes jobs although it is set to take none.
    AcceptsWhenSwitchedOff,
    /// Asks nobody for credentials.
    LetsAnybodyIn,
    /// Starts an import when its job is created.
    StartsByItself,
    /// Forgets how an import ended once it has told so.
    ForgetsTheEnd,
    /// Imports a job that was cancelled.
    TurnsCancelledIntoSuccess,
    /// Answers `RunJob` when the import is over.
    AnswersRunJobWhenDone,
    /// Moves a job when its status is asked for.
    AdvancesWithEveryPoll,
    /// Reports that a job is getting ready until it has ended.
    ReportsOldStatus,
    /// Answers first and records afterwards.
    AnswersBeforeRecording,
    /// Acknowledges an upload and stores it afterwards.
    AcknowledgesUploadBeforeStoring,
    /// Stores other octets than were sent.
    StoresOtherOctets,
    /// Counts a file of which only the head has come.
    CountsHalfFiles,
    /// Decompresses the packages twice.
    DecompressesTwice,
    /// Cancels a job whose decompression has begun.
    CancelsAfterDecompression,
    /// Places every object twice.
    PlacesTwice,
    /// Has succeeded without placing anything.
    SucceedsWithoutPlacing,
    /// Starts imports and never ends them.
    NeverEnds,
}

/// The main function of a rogue in the place of `host`.
pub(super) fn boot(plan: &Plan, host: &str, rogue: Rogue) -> Boot {
    let part = Arc::new(Part::of(plan, host));
    Arc::new(move |node| {
        let player = Player::new(node, Arc::clone(&part), rogue);
        Box::pin(door::open(player))
    })
}
