//! What a socket call can answer instead of success.

use std::io;

use thiserror::Error;

/// Why a socket operation failed, as the operating system of the host's profile would say.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketError {
    /// Another socket of this host holds the port.
    #[error("address in use")]
    AddrInUse,
    /// Every port of the dynamic range is taken towards this destination, or the wanted one is.
    #[error("address not available")]
    AddrNotAvailable,
    /// This end has shut down writing, or the peer had closed before it reset the connection.
    #[error("broken pipe")]
    BrokenPipe,
    /// ICMP host unreachable or administratively prohibited, or no host has the address (Linux).
    #[error("host unreachable")]
    HostUnreachable,
    /// ICMP net unreachable, or no route: an address outside
    /// [`LOCAL_NETWORK`](crate::LOCAL_NETWORK).
    #[error("network unreachable")]
    NetworkUnreachable,
    /// The socket is gone: closed, or lost in a crash of its host.
    #[error("not connected")]
    NotConnected,
    /// RST, or ICMP port unreachable, in answer to a SYN.
    #[error("connection refused")]
    Refused,
    /// RST on an established connection.
    #[error("connection reset")]
    Reset,
    /// No answer to a SYN, or to data, for as long as the profile tries.
    #[error("timed out")]
    TimedOut,
}

impl SocketError {
    /// The kind that the standard library gives this error on real sockets.
    #[must_use]
    pub const fn kind(self) -> io::ErrorKind {
        match self {
            Self::AddrInUse => io::ErrorKind::AddrInUse,
            Self::AddrNotAvailable => io::ErrorKind::AddrNotAvailable,
            Self::BrokenPipe => io::ErrorKind::BrokenPipe,
            Self::HostUnreachable => io::ErrorKind::HostUnreachable,
            Self::NetworkUnreachable => io::ErrorKind::NetworkUnreachable,
            Self::NotConnected => io::ErrorKind::NotConnected,
            Self::Refused => io::ErrorKind::ConnectionRefused,
            Self::Reset => io::ErrorKind::ConnectionReset,
            Self::TimedOut => io::ErrorKind::TimedOut,
        }
    }
}

impl From<SocketError> for io::Error {
    fn from(error: SocketError) -> Self {
        Self::new(error.kind(), error)
    }
}
