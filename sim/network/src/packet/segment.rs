//! TCP segments.

use std::fmt;
use std::ops::BitOr;

use bytes::Bytes;

use super::Sequence;

/// A TCP header with the options that exist here, and its payload.
///
/// The two options are those that a SYN carries; SACK and timestamps are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSegment {
    /// Sender's port.
    pub source_port: u16,
    /// Receiver's port.
    pub destination_port: u16,
    /// Number of the first octet, or of the SYN.
    pub sequence: Sequence,
    /// Next number expected from the other side; meaningful with the ACK flag.
    pub acknowledgement: Sequence,
    /// Control bits.
    pub flags: TcpFlags,
    /// Receive window as on the wire, before scaling.
    pub window: u16,
    /// Maximum segment size option.
    pub mss: Option<u16>,
    /// Window scale option: a shift of at most 14.
    pub window_scale: Option<u8>,
    /// The octets carried.
    pub payload: Bytes,
}

impl TcpSegment {
    /// An empty segment from one port to another.
    #[must_use]
    pub const fn between(source_port: u16, destination_port: u16) -> Self {
        Self {
            source_port,
            destination_port,
            sequence: Sequence(0),
            acknowledgement: Sequence(0),
            flags: TcpFlags(0),
            window: 0,
            mss: None,
            window_scale: None,
            payload: Bytes::new(),
        }
    }

    /// Sequence numbers taken: payload, and one each for SYN and FIN.
    #[must_use]
    pub fn sequence_len(&self) -> u32 {
        let payload = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        payload + u32::from(self.flags.syn()) + u32::from(self.flags.fin())
    }

    /// Header length in octets, options padded.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let scale = if self.window_scale.is_some() { 4 } else { 0 };
        20 + mss + scale
    }
}

/// TCP control bits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Hand over to the application at once.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number is meaningful.
    pub const ACK: Self = Self(0x10);

    /// Whether FIN is set.
    #[must_use]
    pub const fn fin(self) -> bool {
        self.0 & Self::FIN.0 != 0
    }

    /// Whether SYN is set.
    #[must_use]
    pub const fn syn(self) -> bool {
        self.0 & Self::SYN.0 != 0
    }

    /// Whether RST is set.
    #[must_use]
    pub const fn rst(self) -> bool {
        self.0 & Self::RST.0 != 0
    }

    /// Whether ACK is set.
    #[must_use]
    pub const fn ack(self) -> bool {
        self.0 & Self::ACK.0 != 0
    }

    /// The letters that histories and captures use: `S`, `SA`, `A`, `PA`, `FA`, `R`.
    #[must_use]
    pub const fn letters(self) -> &'static str {
        match self.0 & 0x1F {
            0x00 => "-",
            0x01 => "F",
            0x02 => "S",
            0x04 => "R",
            0x08 => "P",
            0x09 => "FP",
            0x10 => "A",
            0x11 => "FA",
            0x12 => "SA",
            0x14 => "RA",
            0x18 => "PA",
            0x19 => "FPA",
            _ => "?",
        }
    }
}

impl BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letters())
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpFlags({})", self.letters())
    }
}
