//! The preflight of an operator, link by link.

use portcullis_net::Net;
use portcullis_store::Store;

use super::Agent;
use crate::message::EnvironmentName;
use crate::preflight::Preflight;
use crate::work::Work;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "the other one starts, recovers and hands over tasks"
)]
impl<N: Net, S: Store, W: Work> Agent<N, S, W> {
    /// Tries the directions of the links with `peer`, each by a real connection (ET-81): both of
    /// the link to a next environment, the way back of the link from a previous one. Empty when
    /// there is no link with it.
    pub async fn preflight(&self, peer: &EnvironmentName) -> Vec<Preflight> {
        let mut found = Vec::new();
        if let Some(originator) = self.originator(peer) {
            found.push(originator.preflight().await);
        }
        if let Some(destination) = self.destination(peer) {
            found.push(destination.preflight().await);
        }
        found
    }
}
