//! Farms that are deliberately wrong, to prove that the checks see it.
//!
//! A rogue is a small second import farm written by hand over the codec, in memory, without the
//! crate's state machines and stores; or the calls of a source, likewise. As [`Rogue::Nothing`]
//! it breaks no rule; each other variant does one thing wrong. `SABOTEURS.md` beside the scenarios
//! says which check catches which.

mod door;
mod import;
mod operations;
mod player;
mod source;
mod uploads;

use std::sync::Arc;

use crate::engine::Boot;
use crate::scenario::Plan;

use player::{Part, Player};
pub(super) use source::deploying;

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

    /// As a source, announces a move after its end.
    MovesOnAfterItsEnd,
    /// As a source, calls `RunJob` before its last upload.
    RunsBeforeItsUploads,
    /// As a source, sends a file as two.
    SendsFilesInPieces,
    /// As a source, asks for the status ten times as often as it should.
    PollsTooOften,
    /// As a source, creates a job without asking which server imports.
    CreatesWithoutAsking,
    /// As a source, deletes its job while the import runs.
    DeletesBeforeTheEnd,
    /// As a source, says everything to the server that its path names.
    StaysAtTheContactedServer,
    /// As a source, has its content imported twice.
    StartsASecondImport,
    /// As a source, times out after half the time.
    GivesUpTooSoon,
    /// As a source, never times out.
    NeverGivesUp,
    /// As a source, leaves its job to the target.
    NeverDeletes,
    /// As a source, reports success whatever the target says.
    ReportsSuccessOfFailure,
}

/// The main function of a rogue in the place of `host`.
pub(super) fn boot(plan: &Plan, host: &str, rogue: Rogue) -> Boot {
    let part = Arc::new(Part::of(plan, host));
    Arc::new(move |node| {
        let player = Player::new(node, Arc::clone(&part), rogue);
        Box::pin(door::open(player))
    })
}
