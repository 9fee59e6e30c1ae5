//! Packets to octets and back, checksums included.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;
use thiserror::Error;

use super::icmp::ICMP_LEN;
use super::{IcmpError, Packet, Sequence, TcpFlags, TcpSegment, Transport, Unreachable};

pub(super) const IPV4_HEADER_LEN: usize = 20;
const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_TCP: u8 = 6;
const TTL: u8 = 64;
const DO_NOT_FRAGMENT: u8 = 0x40;
const ICMP_UNREACHABLE: u8 = 3;

/// Why octets are not a packet of this network.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// A checksum does not match.
    #[error("wrong checksum")]
    Checksum,
    /// A length field contradicts the octets.
    #[error("truncated packet")]
    Truncated,
    /// Another IP version, protocol or ICMP type, a fragment, or a malformed option.
    #[error("unsupported packet")]
    Unsupported,
}

pub(super) fn encode(packet: &Packet) -> Vec<u8> {
    let length = u16::try_from(packet.wire_len()).expect("stacks bound their segments to 64 KiB");
    let mut octets = Vec::with_capacity(usize::from(length));
    let protocol = match packet.transport {
        Transport::Tcp(_) => PROTOCOL_TCP,
        Transport::Icmp(_) => PROTOCOL_ICMP,
    };
    push_ipv4(&mut octets, packet, protocol, length);
    match &packet.transport {
        Transport::Tcp(segment) => push_tcp(&mut octets, packet, segment),
        Transport::Icmp(error) => push_icmp(&mut octets, error),
    }
    octets
}

fn push_ipv4(octets: &mut Vec<u8>, packet: &Packet, protocol: u8, length: u16) {
    let start = octets.len();
    octets.extend_from_slice(&[0x45, 0]);
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(&packet.identification.to_be_bytes());
    octets.extend_from_slice(&[DO_NOT_FRAGMENT, 0, TTL, protocol, 0, 0]);
    octets.extend_from_slice(&packet.source.octets());
    octets.extend_from_slice(&packet.destination.octets());
    put_checksum(octets, start, 10, 0);
}

fn push_tcp(octets: &mut Vec<u8>, packet: &Packet, segment: &TcpSegment) {
    let start = octets.len();
    octets.extend_from_slice(&segment.source_port.to_be_bytes());
    octets.extend_from_slice(&segment.destination_port.to_be_bytes());
    octets.extend_from_slice(&segment.sequence.0.to_be_bytes());
    octets.extend_from_slice(&segment.acknowledgement.0.to_be_bytes());
    octets.extend_from_slice(&[(segment.header_len() as u8 / 4) << 4, segment.flags.0]);
    octets.extend_from_slice(&segment.window.to_be_bytes());
    octets.extend_from_slice(&[0; 4]);
    if let Some(mss) = segment.mss {
        octets.extend_from_slice(&[2, 4]);
        octets.extend_from_slice(&mss.to_be_bytes());
    }
    if let Some(shift) = segment.window_scale {
        octets.extend_from_slice(&[1, 3, 3, shift]);
    }
    octets.extend_from_slice(&segment.payload);
    let pseudo = pseudo_header_sum(packet.source, packet.destination, octets.len() - start);
    put_checksum(octets, start, 16, pseudo);
}

fn push_icmp(octets: &mut Vec<u8>, error: &IcmpError) {
    let start = octets.len();
    octets.extend_from_slice(&[ICMP_UNREACHABLE, error.kind.code(), 0, 0, 0, 0, 0, 0]);
    let quoted = Packet {
        source: *error.source.ip(),
        destination: *error.destination.ip(),
        identification: error.identification,
        transport: Transport::Tcp(TcpSegment::between(0, 0)),
    };
    push_ipv4(octets, &quoted, PROTOCOL_TCP, error.length);
    octets.extend_from_slice(&error.source.port().to_be_bytes());
    octets.extend_from_slice(&error.destination.port().to_be_bytes());
    octets.extend_from_slice(&error.sequence.0.to_be_bytes());
    put_checksum(octets, start, 2, 0);
}

/// Writes the checksum of `octets[start..]` at `start + offset`, where zeros are.
fn put_checksum(octets: &mut [u8], start: usize, offset: usize, initial: u64) {
    let checksum = fold(sum(&octets[start..], initial));
    octets[start + offset..start + offset + 2].copy_from_slice(&checksum.to_be_bytes());
}

fn pseudo_header_sum(source: Ipv4Addr, destination: Ipv4Addr, length: usize) -> u64 {
    let addresses = sum(&destination.octets(), sum(&source.octets(), 0));
    addresses + u64::from(PROTOCOL_TCP) + length as u64
}

/// The one's complement sum of RFC 1071, unfolded.
fn sum(octets: &[u8], initial: u64) -> u64 {
    let mut pairs = octets.chunks_exact(2);
    let whole: u64 = pairs
        .by_ref()
        .map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let odd = pairs
        .remainder()
        .first()
        .map_or(0, |last| u64::from(*last) << 8);
    initial + whole + odd
}

const fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

pub(super) fn decode(octets: &[u8]) -> Result<Packet, DecodeError> {
    let header = octets
        .get(..IPV4_HEADER_LEN)
        .ok_or(DecodeError::Truncated)?;
    if header[0] != 0x45 || be16(header, 6) & 0x3FFF != 0 {
        return Err(DecodeError::Unsupported);
    }
    let body = octets
        .get(IPV4_HEADER_LEN..usize::from(be16(header, 2)))
        .ok_or(DecodeError::Truncated)?;
    if fold(sum(header, 0)) != 0 {
        return Err(DecodeError::Checksum);
    }
    let (source, destination) = (address(header, 12), address(header, 16));
    let transport = match header[9] {
        PROTOCOL_TCP => {
            let pseudo = pseudo_header_sum(source, destination, body.len());
            if fold(sum(body, pseudo)) != 0 {
                return Err(DecodeError::Checksum);
            }
            Transport::Tcp(decode_tcp(body)?)
        }
        PROTOCOL_ICMP => Transport::Icmp(decode_icmp(body)?),
        _ => return Err(DecodeError::Unsupported),
    };
    Ok(Packet {
        source,
        destination,
        identification: be16(header, 4),
        transport,
    })
}

fn decode_tcp(octets: &[u8]) -> Result<TcpSegment, DecodeError> {
    let header = octets.get(..20).ok_or(DecodeError::Truncated)?;
    let header_len = usize::from(header[12] >> 4) * 4;
    let mut options = octets.get(20..header_len).ok_or(DecodeError::Truncated)?;
    let mut segment = TcpSegment::between(be16(header, 0), be16(header, 2));
    segment.sequence = Sequence(be32(header, 4));
    segment.acknowledgement = Sequence(be32(header, 8));
    segment.flags = TcpFlags(header[13]);
    segment.window = be16(header, 14);
    segment.payload = Bytes::copy_from_slice(&octets[header_len..]);
    while let Some(&kind) = options.first() {
        let length = match kind {
            0 => break,
            1 => 1,
            _ => usize::from(*options.get(1).ok_or(DecodeError::Unsupported)?),
        };
        let option = options.get(..length).filter(|option| !option.is_empty());
        match (kind, option.ok_or(DecodeError::Unsupported)?) {
            (2, &[_, _, high, low]) => segment.mss = Some(u16::from_be_bytes([high, low])),
            (3, &[_, _, shift]) => segment.window_scale = Some(shift.min(14)),
            (_, _) => {}
        }
        options = &options[length..];
    }
    Ok(segment)
}

fn decode_icmp(octets: &[u8]) -> Result<IcmpError, DecodeError> {
    let octets = octets.get(..ICMP_LEN).ok_or(DecodeError::Truncated)?;
    if fold(sum(octets, 0)) != 0 {
        return Err(DecodeError::Checksum);
    }
    let kind = Unreachable::ALL
        .into_iter()
        .find(|kind| kind.code() == octets[1]);
    let (ICMP_UNREACHABLE, Some(kind)) = (octets[0], kind) else {
        return Err(DecodeError::Unsupported);
    };
    Ok(IcmpError {
        kind,
        identification: be16(octets, 12),
        source: SocketAddrV4::new(address(octets, 20), be16(octets, 28)),
        destination: SocketAddrV4::new(address(octets, 24), be16(octets, 30)),
        sequence: Sequence(be32(octets, 32)),
        length: be16(octets, 10),
    })
}

fn be16(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

fn be32(octets: &[u8], at: usize) -> u32 {
    (u32::from(be16(octets, at)) << 16) | u32::from(be16(octets, at + 2))
}

fn address(octets: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::from(be32(octets, at))
}
