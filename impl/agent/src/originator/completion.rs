//! What answers at the local port: completions of the tasks that were sent over the link.

use std::sync::Arc;

use portcullis_net::Net;
use portcullis_store::Store;

use super::{Originator, Unapplied};
use crate::accept::{Answer, Respond};
use crate::config::{Authentication, Limits};
use crate::message::{Body, EnvironmentName, Message, Outcome, Reason, TaskId};
use crate::observe::{AgentEvent, Warning};
use crate::state::{OriginatorEvent, OriginatorState};
use crate::work::Work;

/// The desk at the local port of a link.
#[derive(Debug)]
pub(crate) struct CompletionDesk<N, S, W>(pub(crate) Arc<Originator<N, S, W>>);

impl<N, S, W> Clone for CompletionDesk<N, S, W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<N: Net, S: Store, W: Work> Respond for CompletionDesk<N, S, W> {
    fn peer(&self) -> &EnvironmentName {
        &self.0.link.name
    }

    fn authentication(&self) -> &Authentication {
        &self.0.link.authentication
    }

    fn frame_max(&self, limits: &Limits) -> usize {
        limits.control_frame_max
    }

    async fn knows(&self, request: &Message) -> bool {
        let Body::Completed { task, .. } = &request.body else {
            return false;
        };
        let progress = self.0.progress(task).await;
        progress.is_some_and(|progress| progress.settled.is_some())
    }

    async fn respond(&self, request: Message) -> Answer {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "everything else is misplaced here"
        )]
        match request.body {
            Body::Completed { task, outcome } => self.0.on_completed(&task, outcome).await,
            Body::Probe { preflight } => self.0.on_probe(preflight),
            _ => Answer::Refuse(Reason::Misplaced),
        }
    }
}

impl<N, S: Store, W> Originator<N, S, W> {
    /// ET-75: the acceptor has checked that the sender is the environment of this link, and only
    /// tasks of this link are looked up here.
    async fn on_completed(&self, task: &TaskId, outcome: Outcome) -> Answer {
        match self.apply(task, OriginatorEvent::Completed(outcome)).await {
            // ET-19, ET-48: recorded, and acknowledged on the same connection; a repeated
            // completion gets the same acknowledgement.
            Ok(_) => Answer::Say(Body::CompletedAck { task: task.clone() }),
            // ET-55: also for a task that was never sent.
            Err(Unapplied::Unknown) => self.disown(task),
            Err(Unapplied::Illegal(illegal))
                if illegal.state == OriginatorState::Prepared.name() =>
            {
                self.disown(task)
            }
            // ET-58: the first recorded outcome stands; another one is a conflict.
            Err(Unapplied::Illegal(_)) => {
                let about = AgentEvent::about(Warning::OutcomeConflict, &self.link.name, task);
                self.services.announce(&about);
                Answer::Refuse(Reason::Conflict)
            }
            Err(Unapplied::Store) => Answer::Refuse(Reason::Unavailable),
        }
    }

    fn disown(&self, task: &TaskId) -> Answer {
        let about = AgentEvent::about(Warning::ForeignCompletion, &self.link.name, task);
        self.services.announce(&about);
        Answer::Refuse(Reason::UnknownTask)
    }
}
