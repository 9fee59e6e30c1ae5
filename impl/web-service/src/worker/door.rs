//! Who may stay when more want to come in than there is room for.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::config::Limits;

/// Counts open connections.
///
/// When there is no room, the connection that has been idle for longest gives way: of those
/// without a request under way, the one whose last request ended, or that came, first. So a client
/// that only opens connections keeps nobody out, and an exchange that has begun is not ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Door(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    /// The number of the next thing that happens: numbers are in the order of events.
    next: u64,
    seats: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    peer: IpAddr,
    /// When it became idle; `None` while an exchange is under way.
    idle: Option<u64>,
    leave: CancellationToken,
    gone: CancellationToken,
}

/// The right to serve one connection, until it is dropped.
#[derive(Debug)]
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
    /// Every connection within the limit has an exchange under way: the new one is closed.
    Full,
}

impl Door {
    /// Lets a connection in, none beyond the limits.
    pub(super) fn enter(&self, peer: IpAddr, limits: &Limits) -> Entry {
        let mut inside = self.lock();
        let of_peer = inside.seats.values().filter(|seat| seat.peer == peer);
        // One that gives way must make room under both limits.
        let of_peer_only = of_peer.count() >= limits.connections_per_peer_max;
        let evicted = if of_peer_only || inside.seats.len() >= limits.connections_max {
            let Some(longest) = inside.longest_idle(of_peer_only.then_some(peer)) else {
                return Entry::Full;
            };
            inside.seats.remove(&longest)
        } else {
            None
        };
        let number = inside.tick();
        let (leave, gone) = (CancellationToken::new(), CancellationToken::new());
        let seat = Seat {
            peer,
            idle: Some(number),
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

impl Inside {
    fn tick(&mut self) -> u64 {
        let number = self.next;
        self.next = number.saturating_add(1);
        number
    }

    /// The connection that gives way, of `peer` only where one is named.
    fn longest_idle(&self, peer: Option<IpAddr>) -> Option<u64> {
        let seats = self.seats.iter();
        let may_go = seats.filter(|(_, seat)| peer.is_none_or(|peer| seat.peer == peer));
        let idle = may_go.filter_map(|(number, seat)| Some((seat.idle?, *number)));
        idle.min().map(|(_, number)| number)
    }
}

impl Pass {
    /// Ends when the connection has to give way.
    pub(super) async fn given_up(&self) {
        self.leave.cancelled().await;
    }

    /// A request has come: the connection stays. False when it had to give way before.
    pub(super) fn exchange_begins(&self) -> bool {
        match self.door.lock().seats.get_mut(&self.number) {
            Some(seat) => {
                seat.idle = None;
                true
            }
            None => false,
        }
    }

    /// The request has been answered.
    pub(super) fn exchange_ends(&self) {
        let mut inside = self.door.lock();
        let now = inside.tick();
        if let Some(seat) = inside.seats.get_mut(&self.number) {
            seat.idle = Some(now);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.door.lock().seats.remove(&self.number);
        self.gone.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::BROADCAST);

    fn limits(total: usize, per_peer: usize) -> Limits {
        Limits {
            connections_max: total,
            connections_per_peer_max: per_peer,
            ..Limits::default()
        }
    }

    fn room(door: &Door, peer: IpAddr, limits: &Limits) -> Pass {
        match door.enter(peer, limits) {
            Entry::Room(pass) | Entry::Instead(pass, _) => pass,
            Entry::Full => panic!("no room"),
        }
    }

    #[test]
    fn the_longest_idle_connection_gives_way() {
        let (door, limits) = (Door::default(), limits(3, 3));
        let first = room(&door, HERE, &limits);
        let second = room(&door, HERE, &limits);
        let third = room(&door, HERE, &limits);
        assert!(first.exchange_begins());
        first.exchange_ends();
        let fourth = room(&door, HERE, &limits);
        assert!(second.leave.is_cancelled());
        assert!(!first.leave.is_cancelled() && !third.leave.is_cancelled());
        assert!(!second.exchange_begins(), "it had to give way before");
        drop(second);
        assert!(fourth.exchange_begins());
    }

    #[test]
    fn an_exchange_under_way_does_not_give_way() {
        let (door, limits) = (Door::default(), limits(2, 2));
        let busy = [room(&door, HERE, &limits), room(&door, HERE, &limits)];
        assert!(busy.iter().all(Pass::exchange_begins));
        assert!(matches!(door.enter(THERE, &limits), Entry::Full));
    }

    #[test]
    fn who_is_at_the_limit_of_one_peer_takes_nothing_from_others() {
        let (door, limits) = (Door::default(), limits(8, 2));
        let other = room(&door, THERE, &limits);
        let own = [room(&door, HERE, &limits), room(&door, HERE, &limits)];
        let _third = room(&door, HERE, &limits);
        assert!(!other.leave.is_cancelled());
        assert!(own[0].leave.is_cancelled());
    }
}
