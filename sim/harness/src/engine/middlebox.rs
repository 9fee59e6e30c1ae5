//! Middleboxes, as a run names them and as both simulated networks put them up.

use std::net::SocketAddrV4;
use std::ops::RangeInclusive;
use std::time::Duration;

use portcullis_network::{
    Forward, HostId, HostSet, Idle, MiddleboxId, NatConfig, Pickup, Unsolicited, Wire,
};

use super::net::Names;
use super::outcome::EngineError;
use super::tasks::HostIndex;

/// A stateful packet filter on the paths between two sets of hosts.
#[derive(Clone, Debug)]
pub struct MiddleboxSpec {
    /// Its name; rules are added to it by steps at time zero.
    pub name: String,
    /// The hosts on its first side; for its rules, `Out` is away from here.
    pub first: Vec<String>,
    /// The hosts on its other side.
    pub second: Vec<String>,
    /// How it treats flows that are silent for long; none are forgotten when none.
    pub idle: Option<Idle>,
    /// What packets from the middle of unknown flows meet.
    pub pickup: Pickup,
    /// How many flows it can remember; no limit when none.
    pub table_size: Option<usize>,
    /// How it hides its first side, if it does.
    pub nat: Option<NatSpec>,
}

/// How a middlebox hides the hosts of its first side behind its own address.
#[derive(Clone, Debug)]
pub struct NatSpec {
    /// The outside ports that connections of inside hosts are given.
    pub ports: RangeInclusive<u16>,
    /// The ports that are forwarded.
    pub forwards: Vec<ForwardSpec>,
    /// How long an established connection may be silent.
    pub established_timeout: Duration,
    /// How long one that is opening or closing may.
    pub transitory_timeout: Duration,
    /// What a SYN meets that nothing asked for.
    pub unsolicited: Unsolicited,
}

/// One port forward.
#[derive(Clone, Debug)]
pub struct ForwardSpec {
    /// The port of the middlebox's address.
    pub port: u16,
    /// The inside host.
    pub to: String,
    /// Its port.
    pub to_port: u16,
}

/// The host as the network core names it.
pub(crate) fn host_id(host: HostIndex) -> HostId {
    HostId::new(u32::try_from(host.0).unwrap_or(u32::MAX))
}

/// The middlebox called `name`.
pub(crate) fn find(wire: &Wire, name: &str) -> Result<MiddleboxId, EngineError> {
    let found = wire.middlebox_named(name);
    found.ok_or_else(|| EngineError::refused("no such middlebox", name))
}

/// Puts up a middlebox.
///
/// # Errors
/// When it names a host that the run does not have.
pub(crate) fn put_up(
    wire: &mut Wire,
    spec: &MiddleboxSpec,
    names: &Names,
) -> Result<(), EngineError> {
    let host = |name: &String| -> Result<(HostId, std::net::Ipv4Addr), EngineError> {
        let index = names
            .position(name)
            .ok_or_else(|| EngineError::UnknownHost { name: name.clone() })?;
        Ok((host_id(HostIndex(index)), names.address(index)))
    };
    let side = |hosts: &[String]| -> Result<HostSet, EngineError> {
        let ids = hosts.iter().map(|name| host(name).map(|(id, _)| id));
        ids.collect()
    };
    let id = wire.add_middlebox(&spec.name, side(&spec.first)?, side(&spec.second)?);
    let firewall = wire.middlebox_mut(id);
    firewall.set_idle(spec.idle);
    firewall.set_pickup(spec.pickup);
    firewall.set_table_size(spec.table_size);
    if let Some(nat) = &spec.nat {
        let inside: Result<Vec<_>, _> = spec.first.iter().map(host).collect();
        let mut config = NatConfig::new(inside?);
        config.ports = nat.ports.clone();
        config.established_timeout = nat.established_timeout;
        config.transitory_timeout = nat.transitory_timeout;
        config.unsolicited = nat.unsolicited;
        for forward in &nat.forwards {
            let (_, address) = host(&forward.to)?;
            let to = SocketAddrV4::new(address, forward.to_port);
            let port = forward.port;
            config.forwards.push(Forward { port, to });
        }
        wire.set_nat(id, config);
    }
    Ok(())
}
