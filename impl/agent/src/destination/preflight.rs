//! The way back, tried as the later environment can try it. ET-81

use portcullis_net::Net;
use portcullis_store::Store;

use super::{Destination, report};
use crate::accept::Answer;
use crate::error::Failure;
use crate::message::{Body, Callback, MessageId, Place, PortRange, PreflightResult, Reason};
use crate::observe::{AgentEvent, Phase};
use crate::preflight::{Direction, Finding, Preflight, Way};
use crate::work::Work;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the role"
)]
impl<N: Net, S: Store, W: Work> Destination<N, S, W> {
    /// The originator asks whether completions would arrive: one attempt at a time.
    pub(super) async fn on_preflight(&self, id: MessageId) -> Answer {
        let Ok(_one_at_a_time) = self.probing.try_lock() else {
            return Answer::Refuse(Reason::Busy);
        };
        let callback = match self.probe(id).await {
            Ok(()) => Callback::Reached,
            Err(failure) => Callback::Failed(failure.class()),
        };
        let Ok(address) = Place::new(&self.link.address) else {
            return Answer::Refuse(Reason::Unavailable);
        };
        let range = self.services.config.dynamic_ports.as_ref();
        Answer::Say(Body::PreflightResult(PreflightResult {
            callback,
            address,
            port: self.link.local_port,
            dynamic_ports: range.and_then(|range| PortRange::new(*range.start(), *range.end())),
        }))
    }

    /// Tries the way back for an operator of this environment.
    pub(crate) async fn preflight(&self) -> Preflight {
        let _one_at_a_time = self.probing.lock().await;
        let id = MessageId::fresh("preflight", &self.services.new_id());
        let way = Way {
            direction: Direction::Reverse,
            address: Some(self.link.address.clone()),
            port: self.link.local_port,
            source_ports: self.services.config.dynamic_ports.clone(),
            finding: match self.probe(id).await {
                Ok(()) => Finding::Open,
                Err(failure) => Finding::Failed(failure),
            },
        };
        let peer = self.link.name.clone();
        self.services.announce(&AgentEvent::Preflight {
            peer: peer.clone(),
            way: way.clone(),
        });
        Preflight {
            peer,
            ways: vec![way],
        }
    }

    /// A real connection from a dynamic port to where completions go: to the configured place and
    /// no other (ET-40), within the probe's own timer.
    async fn probe(&self, preflight: MessageId) -> Result<(), Failure> {
        let id = MessageId::fresh("probe", &self.services.new_id());
        let acknowledged = Body::ProbeAck {
            preflight: preflight.clone(),
        };
        let body = Body::Probe { preflight };
        let request = self.services.message(id, &self.link.name, 1, body);
        let place = (self.link.address.as_str(), self.link.local_port);
        let timers = self.services.config.timers.of_probe();
        let authentication = &self.link.authentication;
        let exchanged =
            self.services
                .exchange_within(None, timers, authentication, place, &request);
        let failure = match exchanged.await {
            Ok(reply) if reply.body == acknowledged => return Ok(()),
            Ok(_) => Failure::Unrelated,
            Err(failure) => failure,
        };
        self.services.announce(&AgentEvent::AttemptFailed {
            phase: Phase::Probe,
            peer: self.link.name.clone(),
            port: self.link.local_port,
            task: None,
            attempt: 1,
            class: report::class(&failure),
            failure,
        });
        Err(failure)
    }
}
