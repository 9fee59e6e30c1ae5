//! The worker process: Central Administration over HTTP, and nothing that outlives a request.
//!
//! What it is asked it passes on to a [`Desk`]; what is uploaded it puts into a [`Depot`]. It
//! decides by itself only what HTTP decides: who may come in, what lies where, how long and how
//! large things may be.

mod connection;
mod door;
mod exchange;
mod gate;
mod inlet;
mod line;
mod pace;
mod reply;
mod room;
mod route;
mod soap;
mod status;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use portcullis_net::{Host, Listener, Net, Tasks};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::desk::Desk;
use crate::error::StartError;
use crate::observe::{FarmEvent, Observer};
use crate::work::Depot;

use door::{Door, Entry, Pass};
use exchange::Worker;
use gate::Gate;
use room::MessageRoom;

/// How long the listener rests when the host cannot give it a connection, for want of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Starts to answer on the port that `config` names: the port that it is.
///
/// Ends when `tasks` are stopped: no new connections, idle ones are closed, exchanges under way
/// have [`Timers::drain`](crate::config::Timers::drain) to end.
///
/// # Errors
/// When the port cannot be listened on.
pub async fn start<N: Net, K: Desk, D: Depot>(
    host: &Host<N>,
    desk: K,
    depot: D,
    config: Arc<Config>,
    observer: Observer,
    tasks: &Tasks,
) -> Result<u16, StartError> {
    let port = config.port;
    let bound = host.net.bind(port).await;
    let listener = bound.map_err(|error| StartError::Bind {
        port,
        kind: error.kind(),
    })?;
    let port = listener.local_addr().port();
    let uploads_max = config.limits.uploads_max.min(Semaphore::MAX_PERMITS);
    let worker = Worker {
        desk,
        depot,
        gate: Gate::new(config.authentication.clone()),
        uploads: Arc::new(Semaphore::new(uploads_max)),
        messages: MessageRoom::new(config.limits.message_room_octets_max),
        observer,
        wall: host.wall.clone(),
        config,
    };
    let house = House {
        worker: Arc::new(worker),
        tasks: tasks.clone(),
    };
    tasks.spawn_with(|stop| accept_all::<N, K, D>(house, listener, stop));
    Ok(port)
}

/// What a connection needs of the server.
struct House<K, D> {
    worker: Arc<Worker<K, D>>,
    tasks: Tasks,
}

/// Accepts connections until it is told to stop.
async fn accept_all<N: Net, K: Desk, D: Depot>(
    house: House<K, D>,
    mut listener: N::Listener,
    stop: CancellationToken,
) {
    let (door, limits) = (Door::default(), house.worker.config.limits);
    let observer = &house.worker.observer;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            sleep(ACCEPT_REST).await;
            continue;
        };
        let pass: Pass = match door.enter(peer.ip(), &limits) {
            Entry::Room(pass) => pass,
            Entry::Instead(pass, gone) => {
                observer.announce(&FarmEvent::ConnectionLimit);
                // The limit holds at every moment, so its memory is freed before more is taken.
                gone.cancelled().await;
                pass
            }
            Entry::Full => {
                observer.announce(&FarmEvent::ConnectionLimit);
                continue;
            }
        };
        let worker = Arc::clone(&house.worker);
        let serve = |stop| connection::serve(worker, stream, pass, stop);
        house.tasks.spawn_with(serve);
    }
}
