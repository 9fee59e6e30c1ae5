//! The preflight as the earlier environment runs it: forward first, then back. ET-81

use std::sync::{Mutex, PoisonError};

use portcullis_net::Net;
use portcullis_store::Store;

use super::Originator;
use crate::accept::Answer;
use crate::error::Failure;
use crate::message::{Body, Callback, MessageId, PreflightResult, Reason};
use crate::observe::{AgentEvent, Phase};
use crate::preflight::{Direction, Finding, Preflight, Way};
use crate::work::Work;

/// Whether the probe that was asked for has arrived.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Held while a preflight runs: one at a time.
    turn: tokio::sync::Mutex<()>,
    /// The probe that is awaited, and whether it has come.
    awaited: Mutex<Option<(MessageId, bool)>>,
}

impl Arrivals {
    fn await_probe(&self, preflight: Option<MessageId>) -> bool {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *awaited, preflight.map(|id| (id, false)));
        before.is_some_and(|(_, has_come)| has_come)
    }

    fn probe_has_come(&self, preflight: &MessageId) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, has_come)) = awaited.as_mut()
            && id == preflight
        {
            *has_come = true;
        }
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the role"
)]
impl<N: Net, S: Store, W: Work> Originator<N, S, W> {
    /// Tries both directions. The greeting opens no session: it is a question of its own.
    pub(crate) async fn preflight(&self) -> Preflight {
        let _one_at_a_time = self.arrivals.turn.lock().await;
        let forward = match self.try_greeting().await {
            Ok(()) => Finding::Open,
            Err(failure) => Finding::Failed(failure),
        };
        let forward = Way {
            direction: Direction::Forward,
            address: Some(self.link.address.clone()),
            port: self.link.remote_port,
            source_ports: self.services.config.dynamic_ports.clone(),
            finding: forward,
        };
        self.tell(&forward);
        // The question to try the way back would go the same way.
        let reverse = if forward.finding == Finding::Open {
            self.try_reverse().await
        } else {
            self.reverse(Finding::Untried)
        };
        self.tell(&reverse);
        Preflight {
            peer: self.link.name.clone(),
            ways: vec![forward, reverse],
        }
    }

    /// The greeting, on a connection of its own: who answers there, and of which version (ET-9).
    async fn try_greeting(&self) -> Result<(), Failure> {
        let product = self.services.config.product.clone();
        let id = self.fresh_id("hello");
        let Body::HelloAck(theirs) = self.put(id, Body::Hello(product.clone())).await? else {
            return Err(Failure::Unrelated);
        };
        if theirs == product {
            Ok(())
        } else {
            Err(Failure::Refused(Reason::Version))
        }
    }

    /// Has the destination open a real connection to the local port, and counts it only when it
    /// came here.
    async fn try_reverse(&self) -> Way {
        let id = self.fresh_id("preflight");
        self.arrivals.await_probe(Some(id.clone()));
        let answer = self.put(id, Body::Preflight).await;
        let has_come = self.arrivals.await_probe(None);
        let result = match answer {
            Ok(Body::PreflightResult(result)) => result,
            Ok(_) => return self.reverse(Finding::Failed(Failure::Unrelated)),
            Err(failure) => return self.reverse(Finding::Failed(failure)),
        };
        let PreflightResult {
            callback,
            address,
            port,
            dynamic_ports,
        } = result;
        let finding = match callback {
            Callback::Reached if has_come => Finding::Open,
            Callback::Reached => Finding::Elsewhere,
            Callback::Failed(class) => Finding::Reported(class),
        };
        Way {
            direction: Direction::Reverse,
            address: Some(address.as_str().to_owned()),
            port,
            source_ports: dynamic_ports.map(|range| range.first()..=range.last()),
            finding,
        }
    }

    fn reverse(&self, finding: Finding) -> Way {
        Way {
            direction: Direction::Reverse,
            address: None,
            port: self.link.local_port,
            source_ports: None,
            finding,
        }
    }

    /// One request to the destination, for no task.
    async fn put(&self, id: MessageId, body: Body) -> Result<Body, Failure> {
        let phase = Phase::of(&body);
        let request = self.services.message(id, &self.link.name, 1, body);
        let place = (self.link.address.as_str(), self.link.remote_port);
        let authentication = &self.link.authentication;
        let exchanged = self
            .services
            .exchange(None, authentication, place, &request);
        let reply = exchanged.await;
        if let Err(failure) = &reply {
            self.services.announce(&AgentEvent::AttemptFailed {
                phase,
                peer: self.link.name.clone(),
                port: self.link.remote_port,
                task: None,
                attempt: 1,
                class: failure.class(),
                failure: *failure,
            });
        }
        reply.map(|reply| reply.body)
    }

    fn tell(&self, way: &Way) {
        let peer = self.link.name.clone();
        let way = way.clone();
        self.services.announce(&AgentEvent::Preflight { peer, way });
    }

    /// A probe at the local port: whoever asked for it, the way is open as far as here.
    pub(super) fn on_probe(&self, preflight: MessageId) -> Answer {
        self.arrivals.probe_has_come(&preflight);
        Answer::Say(Body::ProbeAck { preflight })
    }
}
