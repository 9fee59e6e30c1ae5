//! Captures for Wireshark and its kin: pcapng with nanosecond times, an interface for each place
//! and a comment for each packet.
//!
//! The crate `pcap-file` would do, but its pcapng branch is a release candidate and what is needed
//! are four kinds of blocks.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::{IndexMap, IndexSet};

use super::{Fate, Observation, Observer};
use crate::hash::FixedState;
use crate::packet::Packet;
use crate::time::SimTime;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
/// `TLSK`: the secrets are lines of a TLS key log.
const TLS_KEY_LOG: u32 = 0x544c_534b;
const LINKTYPE_RAW: u16 = 101;
const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_TIME_RESOLUTION: u16 = 9;
const NANOSECONDS: u8 = 9;

/// Keeps every packet of a run for export. Clones share what they keep: one goes into the
/// [`Capture`](super::Capture), the other exports.
///
/// A packet appears once, on the interface of the host or middlebox that sent it and at the time at
/// which it left; its comment tells what became of it afterwards, line by line. Packets that the
/// sender's own rules stopped appear as well, although a real capture would not show them. Memory
/// grows with the run: payloads are shared, not copied.
#[derive(Clone, Debug, Default)]
pub struct PcapNg(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    places: IndexSet<Arc<str>, FixedState>,
    packets: IndexMap<u64, Record, FixedState>,
}

#[derive(Debug)]
struct Record {
    at: SimTime,
    interface: u32,
    packet: Packet,
    comment: String,
}

impl PcapNg {
    /// Keeps nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The capture so far as a pcapng file, in the order in which packets left.
    ///
    /// The file holds `key_log`, in the format of `SSLKEYLOGFILE`, so that readers decrypt TLS by
    /// themselves.
    #[must_use]
    pub fn export(&self, key_log: &str) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = Vec::new();
        push_block(&mut file, SECTION_HEADER, |body| {
            body.extend_from_slice(&0x1A2B_3C4D_u32.to_le_bytes());
            body.extend_from_slice(&1_u16.to_le_bytes());
            body.extend_from_slice(&0_u16.to_le_bytes());
            body.extend_from_slice(&u64::MAX.to_le_bytes());
        });
        for place in &kept.places {
            push_block(&mut file, INTERFACE_DESCRIPTION, |body| {
                body.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
                body.extend_from_slice(&[0; 6]);
                push_option(body, OPTION_INTERFACE_NAME, place.as_bytes());
                push_option(body, OPTION_TIME_RESOLUTION, &[NANOSECONDS]);
                push_option(body, OPTION_END, &[]);
            });
        }
        if !key_log.is_empty() {
            push_secrets(&mut file, key_log);
        }
        for record in kept.packets.values() {
            push_packet(&mut file, record);
        }
        file
    }
}

impl Observer for PcapNg {
    fn observe(&mut self, observation: &Observation<'_>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.packets.contains_key(&observation.number);
        if !known {
            let (interface, _) = kept.places.insert_full(Arc::clone(observation.place));
            let record = Record {
                at: observation.at,
                interface: u32::try_from(interface).unwrap_or(u32::MAX),
                packet: observation.packet.clone(),
                comment: String::new(),
            };
            kept.packets.insert(observation.number, record);
        }
        if let Some(record) = kept.packets.get_mut(&observation.number)
            && observation.fate != Fate::Sent
        {
            record.note(observation);
        }
    }
}

impl Record {
    /// Adds a line such as `12.020000000 dropped at fw by no-callbacks`.
    fn note(&mut self, observation: &Observation<'_>) {
        if !self.comment.is_empty() {
            self.comment.push('\n');
        }
        let Observation {
            at, fate, place, ..
        } = observation;
        // Writing to a string cannot fail.
        write!(self.comment, "{at} {fate} at {place}").ok();
        if let Some(by) = observation.by {
            write!(self.comment, " by {by}").ok();
        }
    }
}

/// Secrets stand before the first packet that needs them.
fn push_secrets(file: &mut Vec<u8>, key_log: &str) {
    push_block(file, DECRYPTION_SECRETS, |body| {
        let length = u32::try_from(key_log.len()).expect("a run has less than 4 GiB of secrets");
        body.extend_from_slice(&TLS_KEY_LOG.to_le_bytes());
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(key_log.as_bytes());
        pad(body);
    });
}

fn push_packet(file: &mut Vec<u8>, record: &Record) {
    let octets = record.packet.encode();
    let at = record.at.as_nanos();
    push_block(file, ENHANCED_PACKET, |body| {
        body.extend_from_slice(&record.interface.to_le_bytes());
        body.extend_from_slice(&((at >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(at as u32).to_le_bytes());
        let length = u32::try_from(octets.len()).expect("a packet has at most 65,535 octets");
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(&octets);
        pad(body);
        if !record.comment.is_empty() {
            push_option(body, OPTION_COMMENT, record.comment.as_bytes());
            push_option(body, OPTION_END, &[]);
        }
    });
}

/// A block: type, length, body, and the length again.
fn push_block(file: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    let length = u32::try_from(body.len() + 12).expect("a block holds one packet or one key log");
    file.extend_from_slice(&kind.to_le_bytes());
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&body);
    file.extend_from_slice(&length.to_le_bytes());
}

fn push_option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    // A comment longer than the field can say is cut: it would take thousands of fates.
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&(value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

/// Blocks and options are padded to 32 bits. Bodies start aligned, so their length tells.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
