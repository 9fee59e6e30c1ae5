//! Who may stay when more want to come in than there is room for. ET-24

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Counts open connections. ET-24
///
/// When there is no room, the connection that has been silent for longest gives way: of those that
/// have not sent a whole data unit, the one that came first. So a peer that only opens connections
/// keeps nobody out, and what has said something is served to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Door(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    /// The number of the next connection: numbers are in the order of arrival.
    next: u64,
    seats: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    peer: IpAddr,
    /// Whether a whole data unit has come.
    has_spoken: bool,
    leave: CancellationToken,
    gone: CancellationToken,
}

/// The right to serve one connection, until it is dropped.
pub(super) struct Pass {
    door: Door,
    number: u64,
    leave: CancellationToken,
    gone: CancellationToken,
}

/// What a new connection meets.
pub(super) enum Entry {
    /// There was room.
    Room(Pass),
    /// There is room as soon as the given token is cancelled: another connection gives way.
    Instead(Pass, CancellationToken),
    /// Every connection within the limit has said something: the new one is closed.
    Full,
}

impl Door {
    /// ET-24: none beyond the limits.
    pub(super) fn enter(&self, peer: IpAddr, per_peer_max: usize, total_max: usize) -> Entry {
        let mut inside = self.lock();
        let of_peer = inside.seats.values().filter(|seat| seat.peer == peer);
        // One that gives way must make room under both limits.
        let of_peer_only = of_peer.count() >= per_peer_max;
        let evicted = if of_peer_only || inside.seats.len() >= total_max {
            let silent = |(_, seat): &(&u64, &Seat)| {
                !seat.has_spoken && (!of_peer_only || seat.peer == peer)
            };
            let Some(oldest) = inside.seats.iter().find(silent).map(|(number, _)| *number) else {
                return Entry::Full;
            };
            inside.seats.remove(&oldest)
        } else {
            None
        };
        let number = inside.next;
        inside.next = number.saturating_add(1);
        let (leave, gone) = (CancellationToken::new(), CancellationToken::new());
        let seat = Seat {
            peer,
            has_spoken: false,
            leave: leave.clone(),
            gone: gone.clone(),
        };
        inside.seats.insert(number, seat);
        let pass = Pass {
            door: self.clone(),
            number,
            leave,
            gone,
        };
        match evicted {
            Some(seat) => {
                seat.leave.cancel();
                Entry::Instead(pass, seat.gone)
            }
            None => Entry::Room(pass),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// Ends when the connection has to give way.
    pub(super) async fn given_up(&self) {
        self.leave.cancelled().await;
    }

    /// A whole data unit has come: the connection stays. False when it had to give way before.
    pub(super) fn has_spoken(&self) -> bool {
        match self.door.lock().seats.get_mut(&self.number) {
            Some(seat) => {
                seat.has_spoken = true;
                true
            }
            None => false,
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.door.lock().seats.remove(&self.number);
        self.gone.cancel();
    }
}
