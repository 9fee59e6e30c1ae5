//! Our TCP talks to an independent one, smoltcp, in both roles and over a lossy path.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portcullis_network::{Packet, Profile, SimTime, SocketId, Stack};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::lab::{config, cx, ready};

const LATENCY: Duration = Duration::from_millis(10);
const PORT: u16 = 80;
const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const THEIRS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// smoltcp's network card: two queues of IP packets.
#[derive(Default)]
struct Card {
    received: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

struct Sent<'a>(&'a mut Vec<Vec<u8>>);

impl phy::TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut packet = vec![0; length];
        let result = fill(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Card {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sent<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Received(packet), Sent(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1_500;
        capabilities
    }
}

/// The two hosts, the path between them and its losses.
struct Bench {
    now: SimTime,
    stack: Stack,
    interface: Interface,
    card: Card,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    under_way: BTreeMap<(SimTime, u64), (Ipv4Addr, Vec<u8>)>,
    count: u64,
    /// Every packet whose scrambled number is below this many in 256 is lost.
    loss: u64,
}

impl Bench {
    fn new(loss: u64) -> Self {
        let mut card = Card::default();
        let mut settings = Config::new(HardwareAddress::Ip);
        settings.random_seed = 7;
        let mut interface = Interface::new(settings, &mut card, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(IpAddress::from(THEIRS), 24))
                .unwrap();
        });
        let buffer = || tcp::SocketBuffer::new(vec![0; 30_000]);
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(tcp::Socket::new(buffer(), buffer()));
        Self {
            now: SimTime::START,
            stack: Stack::new(config("ours", 1, Profile::LINUX), 5),
            interface,
            card,
            sockets,
            handle,
            under_way: BTreeMap::new(),
            count: 0,
            loss,
        }
    }

    fn instant(&self) -> Instant {
        Instant::from_micros(i64::try_from(self.now.as_nanos() / 1_000).unwrap())
    }

    fn theirs(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// Moves packets from both hosts onto the path.
    fn collect(&mut self) {
        let now = self.instant();
        self.interface.poll(now, &mut self.card, &mut self.sockets);
        for packet in std::mem::take(&mut self.card.sent) {
            self.put(OURS, packet);
        }
        while let Some(packet) = self.stack.poll_transmit(self.now) {
            self.put(THEIRS, packet.encode());
        }
    }

    fn put(&mut self, to: Ipv4Addr, packet: Vec<u8>) {
        self.count += 1;
        let scrambled = self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
        if scrambled >= self.loss {
            self.under_way
                .insert((self.now + LATENCY, self.count), (to, packet));
        }
    }

    /// Goes to the next thing that happens, at most a millisecond on.
    fn step(&mut self) {
        self.collect();
        self.now = self.now + Duration::from_millis(1);
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= self.now
        {
            let (to, octets) = entry.remove();
            if to == OURS {
                let packet = Packet::decode(&octets).expect("smoltcp sends what we can read");
                self.stack.handle_packet(self.now, packet);
            } else {
                self.card.received.push_back(octets);
            }
        }
        self.stack.handle_timeout(self.now);
        self.collect();
    }

    /// Sends `octets` both ways at once, closes both ways, and checks what arrived.
    fn exchange(&mut self, ours: SocketId, octets: usize) {
        let stream: Vec<u8> = (0..octets).map(|at| (at * 13 % 251) as u8).collect();
        let (mut ours_sent, mut theirs_sent) = (0, 0);
        let (mut ours_got, mut theirs_got) = (Vec::new(), Vec::new());
        let mut buffer = vec![0; 5_000];
        let mut ended = false;
        while !ended || theirs_got.len() < octets {
            assert!(
                self.now < SimTime::from_secs(600),
                "{} {}",
                ours_got.len(),
                theirs_got.len()
            );
            if ours_sent < octets {
                let rest = &stream[ours_sent..];
                let taken = ready(self.stack.poll_write(self.now, ours, &mut cx(), rest));
                ours_sent += taken.map_or(0, Result::unwrap);
                if ours_sent == octets {
                    self.stack.shutdown(self.now, ours).unwrap();
                }
            }
            let read = self
                .stack
                .poll_read(self.now, ours, &mut cx(), &mut &mut buffer[..]);
            if let Some(count) = ready(read).map(Result::unwrap) {
                ours_got.extend_from_slice(&buffer[..count]);
                ended |= count == 0;
            }
            let theirs = self.theirs();
            if theirs.can_send() && theirs_sent < octets {
                theirs_sent += theirs.send_slice(&stream[theirs_sent..]).unwrap();
                if theirs_sent == octets {
                    theirs.close();
                }
            }
            if theirs.can_recv() {
                let count = theirs.recv_slice(&mut buffer).unwrap();
                theirs_got.extend_from_slice(&buffer[..count]);
            }
            self.step();
        }
        assert!(ours_got == stream && theirs_got == stream);
        self.stack.close(self.now, ours);
        for _ in 0..300_000 {
            self.step();
        }
        assert_eq!(self.stack.socket_count(), 0);
        assert!(!self.theirs().is_open());
    }
}

#[test]
fn we_open_a_connection_to_smoltcp() {
    for loss in [0, 12, 40] {
        let mut bench = Bench::new(loss);
        bench.theirs().listen(PORT).unwrap();
        let remote = SocketAddrV4::new(THEIRS, PORT);
        let ours = bench.stack.connect(bench.now, remote, None).unwrap();
        while ready(bench.stack.poll_connected(ours, &mut cx())).is_none() {
            bench.step();
        }
        bench.exchange(ours, 200_000);
    }
}

#[test]
fn smoltcp_opens_a_connection_to_us() {
    for loss in [0, 12, 40] {
        let mut bench = Bench::new(loss);
        let listener = bench.stack.listen(PORT, 4).unwrap();
        let handle = bench.handle;
        let socket = bench.sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket
            .connect(
                bench.interface.context(),
                (IpAddress::from(OURS), PORT),
                50_000,
            )
            .unwrap();
        let ours = loop {
            bench.step();
            if let Some(accepted) = ready(bench.stack.poll_accept(listener, &mut cx())) {
                break accepted.unwrap();
            }
        };
        bench.exchange(ours, 200_000);
    }
}

#[test]
fn smoltcp_is_refused_where_nothing_listens() {
    let mut bench = Bench::new(0);
    let handle = bench.handle;
    let socket = bench.sockets.get_mut::<tcp::Socket<'_>>(handle);
    socket
        .connect(
            bench.interface.context(),
            (IpAddress::from(OURS), PORT),
            50_000,
        )
        .unwrap();
    for _ in 0..50 {
        bench.step();
    }
    assert_eq!(bench.theirs().state(), tcp::State::Closed);
}
