//! Whether a host's service is to run, for adapters whose steps start and stop it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::MutexGuard;

use crate::engine::Node;

/// What a step wants of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Start,
    Stop,
}

/// The service of one host over all its lives, each of which starts it.
#[derive(Default)]
pub(super) struct Service {
    /// The last order that was obeyed, and in which life of the host.
    obeyed: Mutex<Option<(u32, Order)>>,
    /// Held by who starts or stops the service: one after the other, in the order of the steps.
    turn: tokio::sync::Mutex<()>,
}

impl Service {
    /// Takes an order that the current life of `node` obeys as soon as it is its turn.
    ///
    /// # Errors
    /// When the service does what is ordered already, or is on its way to: a stop that comes while
    /// the service still starts is obeyed, a second start is refused as a real host refuses it.
    pub(super) fn order(&self, node: &Node, order: Order) -> Result<(), &'static str> {
        let mut obeyed = self.obeyed.lock().unwrap_or_else(PoisonError::into_inner);
        let last = obeyed.filter(|(life, _)| *life == node.incarnation);
        let last = last.map_or(Order::Start, |(_, order)| order);
        match order {
            Order::Start if last == Order::Start => Err("the service runs already"),
            Order::Stop if last == Order::Stop => Err("the service does not run"),
            Order::Start | Order::Stop => {
                *obeyed = Some((node.incarnation, order));
                Ok(())
            }
        }
    }

    /// The right to start or stop the service, once whoever is about it has finished.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The service of the current life of `node` has not come up: it may be started again.
    pub(super) fn not_started(&self, node: &Node) {
        let mut obeyed = self.obeyed.lock().unwrap_or_else(PoisonError::into_inner);
        *obeyed = Some((node.incarnation, Order::Stop));
    }
}
