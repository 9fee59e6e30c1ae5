//! Ports for listeners of real sockets.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use portcullis_net::Randomness;

/// A port that nobody uses, below those that systems hand out, so that no outgoing connection of
/// another test takes it meanwhile; never the same one twice.
pub(crate) fn free_port() -> u16 {
    /// The next candidate, begun anywhere, so that two processes seldom try the same ones.
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let first = Randomness::from_os().below(8_000);
        AtomicU16::new(u16::try_from(first).unwrap().saturating_add(10_000))
    });
    std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed))
        .find(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap()
}
