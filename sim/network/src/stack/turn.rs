//! One input's worth of work: the time it happens at, and where its outputs go.

use std::collections::VecDeque;

use bytes::Bytes;

use super::socket::{Owner, Socket};
use super::{Phase, StackConfig, StackEvent, Way};
use crate::packet::{Packet, TcpSegment, Transport};
use crate::time::SimTime;

/// What a stack has produced and its driver has not yet taken.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) packets: VecDeque<Packet>,
    pub(super) events: VecDeque<StackEvent>,
    /// Segments that repeat what was sent before.
    pub(super) retransmissions: u64,
    identification: u16,
}

impl Outbox {
    /// Queues a packet, numbered as the host numbers its packets.
    pub(super) fn send(&mut self, mut packet: Packet) {
        packet.identification = self.identification;
        self.identification = self.identification.wrapping_add(1);
        self.packets.push_back(packet);
    }
}

/// Handed to everything that handles one input at one time.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) now: SimTime,
    pub(super) config: &'a StackConfig,
    pub(super) outbox: &'a mut Outbox,
}

impl Turn<'_> {
    pub(super) fn send(&mut self, socket: &Socket, segment: TcpSegment) {
        self.outbox.send(Packet {
            source: *socket.local.ip(),
            destination: *socket.remote.ip(),
            identification: 0,
            transport: Transport::Tcp(segment),
        });
    }

    pub(super) fn phase(&mut self, socket: &Socket, phase: Phase) {
        self.outbox.events.push_back(StackEvent::Connection {
            socket: socket.id,
            phase,
            local: socket.local,
            remote: socket.remote,
            role: socket.role,
        });
    }

    pub(super) fn octets(&mut self, socket: &Socket, way: Way, octets: &Bytes) {
        if self.config.observe_streams {
            self.outbox.events.push_back(StackEvent::Octets {
                socket: socket.id,
                way,
                local: socket.local,
                remote: socket.remote,
                octets: octets.clone(),
            });
        }
    }

    /// How often this socket's data is sent again before it is given up.
    pub(super) fn retransmissions_max(&self, socket: &Socket) -> u32 {
        match socket.owner {
            Owner::Application | Owner::Backlog(_) => self.config.profile.data_retransmissions(),
            Owner::Nobody => self.config.profile.orphan_retransmissions(),
        }
    }
}
