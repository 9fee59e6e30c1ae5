//! An independent reader of our captures: tshark agrees about every packet.
//!
//! Where tshark is not installed the trial reports itself as ignored, and its name says why.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use portcullis_network::{
    Capture, Fate, HostId, HostSet, Latency, LinkConfig, NatConfig, Network, Observation, Observer,
    PcapNg, Probability, Profile, Rule, SimTime, SocketId, StackConfig, Verdict,
};

fn main() {
    let arguments = Arguments::from_args();
    let installed = Command::new("tshark").arg("--version").output().is_ok();
    let name = if installed {
        "tshark_agrees_with_the_exported_capture"
    } else {
        "tshark_agrees_with_the_exported_capture (tshark is not installed)"
    };
    let trial = Trial::test(name, || agree().map_err(Failed::from)).with_ignored_flag(!installed);
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

/// A port that no dissector of tshark claims: what it calls malformed is then ours.
const PORT: u16 = 6_102;

/// Counts what tshark is asked to count as well.
#[derive(Clone, Default)]
struct Count(std::sync::Arc<std::sync::Mutex<(usize, usize)>>);

impl Observer for Count {
    fn observe(&mut self, observation: &Observation<'_>) {
        if observation.fate == Fate::Sent
            && let Ok(mut counts) = self.0.lock()
        {
            counts.0 += 1;
            let reset = observation
                .packet
                .tcp()
                .is_some_and(|segment| segment.flags.rst());
            counts.1 += usize::from(reset);
        }
    }
}

fn agree() -> Result<(), String> {
    let (pcapng, count) = (PcapNg::new(), Count::default());
    let mut capture = Capture::new();
    capture.add(pcapng.clone());
    capture.add(count.clone());
    let retransmissions = play(capture)?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = directory.path().join("run.pcapng");
    std::fs::write(&path, pcapng.export("")).map_err(|error| error.to_string())?;
    let path = path.to_str().ok_or("the path is text")?;
    let (packets, resets) = *count.0.lock().map_err(|error| error.to_string())?;

    expect("packets", matching(path, "ip")?, packets)?;
    expect("malformed packets", matching(path, "_ws.malformed")?, 0)?;
    let bad = "ip.checksum.status == 0 || tcp.checksum.status == 0 || icmp.checksum.status == 0";
    expect("bad checksums", matching(path, bad)?, 0)?;
    let good = "ip.checksum.status == 1 && (tcp.checksum.status == 1 || icmp)";
    expect("good checksums", matching(path, good)?, packets)?;
    expect(
        "RST segments",
        matching(path, "tcp.flags.reset == 1")?,
        resets,
    )?;
    let again = matching(path, "tcp.analysis.retransmission")?;
    expect("retransmissions", again, retransmissions)?;
    let scaled = matching(
        path,
        "tcp.options.wscale.shift == 3 && tcp.options.mss_val == 1460",
    )?;
    expect(
        "SYNs with both options",
        scaled,
        matching(path, "tcp.flags.syn == 1")?,
    )?;
    let comment = "frame.comment contains \"dropped at b by closed\"";
    if matching(path, comment)? == 0 {
        return Err("no comment names the rule".to_owned());
    }
    let inside = "ip.src == 10.0.0.3 && frame.interface_name == \"c\" \
                  && frame.comment contains \"translated at nat\"";
    expect("SYNs before the NAT", matching(path, inside)?, 1)?;
    let beyond = "ip.src == 10.255.255.2 && frame.interface_name == \"nat\"";
    expect("SYNs behind the NAT", matching(path, beyond)?, 1)?;
    Ok(())
}

fn expect(what: &str, found: usize, expected: usize) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("tshark sees {found} {what} and we sent {expected}"))
    }
}

/// How many packets of the capture match tshark's display filter.
fn matching(path: &str, filter: &str) -> Result<usize, String> {
    let output = Command::new("tshark")
        .args([
            "-r",
            path,
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
        ])
        .args(["-Y", filter, "-T", "fields", "-e", "frame.number"])
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().count())
}

/// A transfer over a lossy link, a refused connect, a blocked connect and an aborted connection;
/// says how many segments the stacks sent again.
fn play(capture: Capture) -> Result<usize, String> {
    let link = LinkConfig {
        latency: Latency::Fixed(Duration::from_millis(10)),
        loss: Probability::percent(3),
        ..LinkConfig::default()
    };
    let mut net = Network::new(11, link, capture);
    let [a, b] = [("a", 1), ("b", 2)].map(|(name, number)| {
        let address = Ipv4Addr::new(10, 0, 0, number);
        net.add_host(StackConfig::new(name, address, Profile::LINUX))
    });
    let middlebox =
        net.wire_mut()
            .add_middlebox("fw", HostSet::from_iter([a]), HostSet::from_iter([b]));
    let mut refuses = Rule::new(
        "refuses",
        Verdict::Unreachable(portcullis_network::Unreachable::Host),
    );
    refuses.destination_ports = 6_104..=6_104;
    net.wire_mut().middlebox_mut(middlebox).append(refuses);
    let mut closed = Rule::new("closed", Verdict::Drop);
    closed.destination_ports = 6_105..=6_105;
    net.stack_mut(b).firewall_mut().append(closed);

    let (opened, accepted) = open(&mut net, a, b)?;
    let end = transfer(&mut net, (a, opened), (b, accepted), 300_000)?;
    let mut now = settled(&mut net, end);
    for port in [6_103, 6_104, 6_105] {
        let remote = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), port);
        net.stack_mut(a)
            .connect(now, remote, None)
            .map_err(|error| error.to_string())?;
        net.flush(a, now);
        now = settled(&mut net, now);
    }
    // Unread octets at the close: the peer gets an RST.
    write(&mut net, now, (b, accepted), b"never read")?;
    now = settled(&mut net, now);
    net.stack_mut(a).close(now, opened);
    net.flush(a, now);
    now = settled(&mut net, now);
    connect_through_nat(&mut net, now, b)?;
    let retransmissions = net.stack(a).retransmissions() + net.stack(b).retransmissions();
    usize::try_from(retransmissions).map_err(|error| error.to_string())
}

/// A host behind a NAT is refused: both packets are captured before and behind it.
fn connect_through_nat(net: &mut Network, now: SimTime, b: HostId) -> Result<(), String> {
    let address = Ipv4Addr::new(10, 0, 0, 3);
    let c = net.add_host(StackConfig::new("c", address, Profile::LINUX));
    for (from, to) in [(b, c), (c, b)] {
        net.set_link(from, to, LinkConfig::default());
    }
    let sides = [c, b].map(|host| HostSet::from_iter([host]));
    let [inside, outside] = sides;
    let nat = net.wire_mut().add_middlebox("nat", inside, outside);
    net.wire_mut()
        .set_nat(nat, NatConfig::new(vec![(c, address)]));
    let remote = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 6_106);
    net.stack_mut(c)
        .connect(now, remote, None)
        .map_err(|error| error.to_string())?;
    net.flush(c, now);
    settled(net, now);
    Ok(())
}

fn open(net: &mut Network, a: HostId, b: HostId) -> Result<(SocketId, SocketId), String> {
    let listener = net
        .stack_mut(b)
        .listen(PORT, 4)
        .map_err(|error| error.to_string())?;
    let remote = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), PORT);
    let start = SimTime::START;
    let opened = net
        .stack_mut(a)
        .connect(start, remote, None)
        .map_err(|error| error.to_string())?;
    net.flush(a, start);
    settled(net, start);
    match net
        .stack_mut(b)
        .poll_accept(listener, &mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(Ok(accepted)) => Ok((opened, accepted)),
        Poll::Ready(Err(error)) => Err(error.to_string()),
        Poll::Pending => Err("not connected".to_owned()),
    }
}

fn write(
    net: &mut Network,
    now: SimTime,
    (host, socket): (HostId, SocketId),
    octets: &[u8],
) -> Result<usize, String> {
    let mut cx = Context::from_waker(Waker::noop());
    let written = net.stack_mut(host).poll_write(now, socket, &mut cx, octets);
    net.flush(host, now);
    match written {
        Poll::Ready(result) => result.map_err(|error| error.to_string()),
        Poll::Pending => Ok(0),
    }
}

fn transfer(
    net: &mut Network,
    from: (HostId, SocketId),
    (to, accepted): (HostId, SocketId),
    octets: usize,
) -> Result<SimTime, String> {
    let stream = vec![b'x'; octets];
    let (mut written, mut read, mut now) = (0, 0, SimTime::from_secs(10));
    let mut buffer = [0; 4_096];
    while read < octets {
        if written < octets {
            written += write(
                net,
                now,
                from,
                &stream[written..octets.min(written + 8_192)],
            )?;
        }
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(count) =
            net.stack_mut(to)
                .poll_read(now, accepted, &mut cx, &mut &mut buffer[..])
        {
            read += count.map_err(|error| error.to_string())?;
        }
        net.flush(to, now);
        now = now + Duration::from_millis(7);
        net.advance(now);
    }
    Ok(now)
}

/// Lets everything happen that is still to happen, and gives the time of the last thing.
fn settled(net: &mut Network, mut now: SimTime) -> SimTime {
    while let Some(at) = net.next_deadline() {
        net.advance(at);
        now = now.max(at);
    }
    now
}
