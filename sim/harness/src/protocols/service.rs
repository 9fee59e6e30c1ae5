//! Whether a host's service is to run, for adapters whose steps start and stop it.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::MutexGuard;

use crate::engine::{Boot, Command, Node};

/// What a step wants of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
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
    fn order(&self, node: &Node, order: Order) -> Result<(), &'static str> {
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

/// What keeps the service of a host for the whole run.
pub(super) trait Keeper: Default + Send + Sync + 'static {
    /// What the service needs to start, besides its host.
    type Part: Clone + Send + Sync + 'static;

    /// The service that it keeps.
    fn service(&self) -> &Service;

    /// Starts the service of the current life of `node` when it is its turn.
    fn start(node: Node, part: Self::Part) -> impl Future<Output = ()> + Send;

    /// Ends what runs, if anything does. The turn is the caller's.
    fn stop(&self) -> impl Future<Output = ()> + Send;
}

/// The main function of a host with the service.
pub(super) fn boot<K: Keeper>(part: K::Part) -> Boot {
    Arc::new(move |node| {
        let started = K::start(node, part.clone());
        // A service runs until its host stops; a main that returned would be recorded as an exit.
        Box::pin(async move {
            started.await;
            pending::<()>().await;
        })
    })
}

/// Starts the service again after a stop.
pub(super) fn starting<K: Keeper>(part: K::Part) -> Command {
    Arc::new(move |node| {
        let keeper = node.shelf.keep(K::default);
        keeper.service().order(&node, Order::Start)?;
        Ok(Box::pin(K::start(node, part.clone())))
    })
}

/// Ends the service, once it has started where it still does.
pub(super) fn stopping<K: Keeper>() -> Command {
    Arc::new(|node| {
        let keeper = node.shelf.keep(K::default);
        keeper.service().order(&node, Order::Stop)?;
        Ok(Box::pin(async move {
            let _turn = keeper.service().turn().await;
            keeper.stop().await;
        }))
    })
}
