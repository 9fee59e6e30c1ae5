//! Random networks and random applications: the octets arrive in order, or somebody gets an error.
//!
//! `PROPTEST_CASES` sets the number of cases; 1,000 by default, CI runs 10,000.

use std::net::SocketAddrV4;
use std::time::Duration;

use portcullis_network::{
    Bandwidth, Capture, HostId, Latency, LinkConfig, ListenerId, Network, Probability, Profile,
    SimTime, SocketError, SocketId, StackConfig,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::lab::{config, cx, ready};

/// One run: the hosts, the links and what the two applications do.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    hosts: [HostShape; 2],
    links: [LinkConfig; 2],
    applications: [Application; 2],
    /// Until when the links are as drawn; from then on they are perfect.
    heals: Duration,
}

#[derive(Clone, Debug)]
struct HostShape {
    profile: Profile,
    mss: u16,
    receive_window: u32,
    send_buffer: u32,
}

/// Writes a stream of its own in pieces and reads the other's in pieces, at its own pace.
#[derive(Clone, Debug)]
struct Application {
    octets: usize,
    piece: usize,
    read_piece: usize,
    /// How long it rests after each step.
    rest: Duration,
    /// Waits for the whole of the other's stream before it closes its own direction.
    half_close: HalfClose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HalfClose {
    Early,
    Late,
}

fn host_shape() -> impl Strategy<Value = HostShape> {
    let profile = prop::sample::select(Profile::ALL.to_vec());
    (profile, 100_u16..=65_495, 1_u32..=262_144, 1_u32..=262_144).prop_map(
        |(profile, mss, receive_window, send_buffer)| HostShape {
            profile,
            mss,
            receive_window,
            send_buffer,
        },
    )
}

fn link() -> impl Strategy<Value = LinkConfig> {
    let ms = Duration::from_millis;
    let latency = (0_u64..80, 0_u64..80).prop_map(move |(min, width)| Latency::Uniform {
        min: ms(min),
        max: ms(min + width),
    });
    let parts = |most: u32| (0..most).prop_map(Probability::per_million);
    let bandwidth = proptest::option::weighted(0.3, (20_000_u64..2_000_000, 3_000_u64..200_000));
    (
        latency,
        parts(150_000),
        parts(100_000),
        parts(200_000),
        bandwidth,
    )
        .prop_map(
            move |(latency, loss, duplicate, reorder, bandwidth)| LinkConfig {
                latency,
                loss,
                duplicate,
                reorder,
                reorder_by: ms(60),
                bandwidth: bandwidth.map(|(octets_per_second, queue)| Bandwidth {
                    octets_per_second,
                    queue,
                }),
                ..LinkConfig::default()
            },
        )
}

fn application() -> impl Strategy<Value = Application> {
    let half_close = prop::sample::select(vec![HalfClose::Early, HalfClose::Late]);
    (
        0_usize..40_000,
        1_usize..9_000,
        1_usize..9_000,
        0_u64..300,
        half_close,
    )
        .prop_map(
            |(octets, piece, read_piece, rest, half_close)| Application {
                octets,
                // Steps are bounded, so that a case is.
                piece: piece.max(octets / 60),
                read_piece: read_piece.max(700),
                rest: Duration::from_millis(rest),
                half_close,
            },
        )
}

fn case() -> impl Strategy<Value = Case> {
    let two_hosts = [host_shape(), host_shape()];
    let heals = (0_u64..30_000).prop_map(Duration::from_millis);
    (
        any::<u64>(),
        two_hosts,
        [link(), link()],
        [application(), application()],
        heals,
    )
        .prop_map(|(seed, mut hosts, links, mut applications, heals)| {
            // Two ends that wait for each other's end wait for ever, on real networks too.
            if applications
                .iter()
                .all(|each| each.half_close == HalfClose::Late)
            {
                applications[0].half_close = HalfClose::Early;
            }
            for side in 0..2 {
                // A few hundred windows' worth at most, so that a case stays short.
                let window = applications[1 - side].octets as u32 / 200;
                hosts[side].receive_window = hosts[side].receive_window.max(window);
                let buffer = applications[side].octets as u32 / 200;
                hosts[side].send_buffer = hosts[side].send_buffer.max(buffer);
            }
            Case {
                seed,
                hosts,
                links,
                applications,
                heals,
            }
        })
}

/// The octet at `at` of the stream of side `side`.
fn octet(side: usize, at: usize) -> u8 {
    ((at * 31 + at / 251 * 7) as u8) ^ (side as u8 * 0x55)
}

#[derive(Debug)]
struct Side {
    index: usize,
    host: HostId,
    socket: Option<SocketId>,
    application: Application,
    written: usize,
    received: usize,
    end_seen: bool,
    shut: bool,
    error: Option<SocketError>,
    next_step: SimTime,
}

struct Run {
    net: Network,
    listener: ListenerId,
    sides: [Side; 2],
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    digest: u128,
    at: SimTime,
    received: [usize; 2],
    errors: [Option<SocketError>; 2],
}

/// Once the network has healed, something moves within this: the longest silence that any timer
/// keeps is the cap of the retransmission timeout, 120 s.
const PATIENCE: Duration = Duration::from_secs(300);

fn run(case: &Case) -> Ending {
    let mut run = Run::new(case);
    let mut now = SimTime::START;
    let heals = SimTime::from(case.heals);
    let mut healed = false;
    let (mut progress, mut moved) = (run.progress(), now);
    while !run.is_over() {
        if run.progress() != progress {
            progress = run.progress();
            moved = now;
        }
        assert!(
            now < heals.max(moved) + PATIENCE,
            "nothing may hang once the network has healed: {run:?}"
        );
        let heal = (!healed).then_some(heals);
        let next = run
            .next_step()
            .into_iter()
            .chain(run.net.next_deadline())
            .chain(heal)
            .min();
        now = next.map_or(now, |next| next.max(now));
        run.net.advance(now);
        if !healed && now >= heals {
            healed = true;
            run.heal(case);
        }
        run.accept();
        for side in 0..2 {
            run.step(side, now);
        }
    }
    let ending = run.ending(now);
    run.close(now);
    ending
}

impl Side {
    fn is_over(&self) -> bool {
        self.error.is_some() || (self.end_seen && self.shut)
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.sides.fmt(f)
    }
}

impl Run {
    fn new(case: &Case) -> Self {
        let mut net = Network::new(case.seed, LinkConfig::default(), Capture::new());
        let hosts = [("a", 1), ("b", 2)].map(|(name, number)| {
            let shape = &case.hosts[usize::from(number - 1)];
            net.add_host(StackConfig {
                mss: shape.mss,
                receive_window: shape.receive_window,
                send_buffer: shape.send_buffer,
                ..config(name, number, shape.profile)
            })
        });
        net.set_link(hosts[0], hosts[1], case.links[0]);
        net.set_link(hosts[1], hosts[0], case.links[1]);
        let listener = net.stack_mut(hosts[1]).listen(80, 4).unwrap();
        let remote = SocketAddrV4::new(net.stack(hosts[1]).config().address, 80);
        let opened = net
            .stack_mut(hosts[0])
            .connect(SimTime::START, remote, None)
            .unwrap();
        net.flush(hosts[0], SimTime::START);
        let side = |index: usize, socket| Side {
            index,
            host: hosts[index],
            socket,
            application: case.applications[index].clone(),
            written: 0,
            received: 0,
            end_seen: false,
            shut: false,
            error: None,
            next_step: SimTime::START,
        };
        Self {
            net,
            listener,
            sides: [side(0, Some(opened)), side(1, None)],
        }
    }

    fn next_step(&self) -> Option<SimTime> {
        let active = self
            .sides
            .iter()
            .filter(|side| side.socket.is_some() && !side.is_over());
        active.map(|side| side.next_step).min()
    }

    /// Makes the links perfect; their bandwidth stays.
    fn heal(&mut self, case: &Case) {
        let [a, b] = [self.sides[0].host, self.sides[1].host];
        for (from, to, link) in [(a, b, case.links[0]), (b, a, case.links[1])] {
            let perfect = LinkConfig {
                bandwidth: link.bandwidth,
                ..LinkConfig::default()
            };
            self.net.set_link(from, to, perfect);
        }
    }

    fn accept(&mut self) {
        let side = &mut self.sides[1];
        if side.socket.is_none() {
            let accepted = self
                .net
                .stack_mut(side.host)
                .poll_accept(self.listener, &mut cx());
            side.socket = ready(accepted).and_then(Result::ok);
        }
    }

    /// Both let go; everything that TCP still has to do ends by itself.
    fn close(&mut self, now: SimTime) {
        for side in &self.sides {
            if let Some(socket) = side.socket {
                self.net.stack_mut(side.host).close(now, socket);
                self.net.flush(side.host, now);
            }
        }
        while let Some(at) = self.net.next_deadline() {
            assert!(at < now + 4 * PATIENCE, "every timer ends");
            self.net.advance(at);
        }
        let left = self
            .sides
            .iter()
            .map(|side| self.net.stack(side.host).socket_count());
        assert_eq!(left.sum::<usize>(), 0, "every socket ends");
    }

    /// Both are done, or one has failed: then the other need not learn of it by itself.
    fn is_over(&self) -> bool {
        self.sides.iter().all(Side::is_over) || self.sides.iter().any(|side| side.error.is_some())
    }

    fn progress(&self) -> (usize, usize) {
        let [a, b] = &self.sides;
        (a.written + b.written, a.received + b.received)
    }

    fn step(&mut self, side: usize, now: SimTime) {
        let side = &mut self.sides[side];
        let stack = self.net.stack_mut(side.host);
        let Some(socket) = side
            .socket
            .filter(|_| !side.is_over() && now >= side.next_step)
        else {
            return;
        };
        let mut busy = false;
        if side.written < side.application.octets {
            let end = (side.written + side.application.piece).min(side.application.octets);
            let piece: Vec<u8> = (side.written..end)
                .map(|at| octet(side.index, at))
                .collect();
            match ready(stack.poll_write(now, socket, &mut cx(), &piece)) {
                Some(Ok(count)) => {
                    side.written += count;
                    busy = true;
                }
                Some(Err(error)) => side.error = Some(error),
                None => {}
            }
        }
        let mut buffer = vec![0; side.application.read_piece];
        match ready(stack.poll_read(now, socket, &mut cx(), &mut &mut buffer[..])) {
            Some(Ok(0)) => side.end_seen = true,
            Some(Ok(count)) => {
                let expected = (side.received..).map(|at| octet(1 - side.index, at));
                assert!(
                    buffer[..count].iter().copied().eq(expected.take(count)),
                    "out of order"
                );
                side.received += count;
                busy = true;
            }
            Some(Err(error)) => side.error = Some(error),
            None => {}
        }
        let may_shut = side.application.half_close == HalfClose::Early || side.end_seen;
        if side.written == side.application.octets && !side.shut && may_shut {
            side.shut = stack.shutdown(now, socket).is_ok();
        }
        // A step that did something is followed by a rest, and an idle one by a glance at the next
        // event of the network, but not at once.
        let rest = if busy {
            side.application.rest
        } else {
            Duration::from_millis(1)
        };
        side.next_step = now + rest.max(Duration::from_millis(1));
        self.net.flush(side.host, now);
        if !busy && let Some(next) = self.net.next_deadline() {
            side.next_step = side.next_step.max(next);
        }
    }

    fn ending(&self, at: SimTime) -> Ending {
        Ending {
            digest: self.net.capture().digest(),
            at,
            received: [self.sides[0].received, self.sides[1].received],
            errors: [self.sides[0].error, self.sides[1].error],
        }
    }
}

pub(crate) fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    // The variable replaces proptest's own default of 256, which is how its absence shows.
    let cases = if default.cases == 256 {
        1_000
    } else {
        default.cases
    };
    // Fixed unless PROPTEST_RNG_SEED says otherwise: a build that passed passes again.
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    ProptestConfig {
        cases,
        rng_seed,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..default
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn octets_arrive_in_order_or_somebody_gets_an_error(case in case()) {
        let ending = run(&case);
        if ending.errors == [None, None] {
            let sent = [case.applications[1].octets, case.applications[0].octets];
            prop_assert_eq!(ending.received, sent);
        }
        prop_assert_eq!(&ending, &run(&case), "the same seed gives the same run");
    }
}
