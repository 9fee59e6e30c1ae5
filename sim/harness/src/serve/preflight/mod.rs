//! `portcullis preflight`: which direction of a link is closed, and what rule would open it. ET-81
//!
//! # Module map
//! - [`Report`], [`survey`]: what was found, as values that also cross the control channel.
//! - `rules`: the firewall rules that a direction needs. `words`: what is printed.

mod rules;
mod words;

use std::net::{IpAddr, UdpSocket};

use portcullis_agent::Agent;
use portcullis_agent::codec::FrameError;
use portcullis_agent::config::Config;
use portcullis_agent::error::{Failure, FailureClass};
use portcullis_agent::message::EnvironmentName;
use portcullis_agent::preflight::{Direction, Finding, Preflight, Way};
use portcullis_agent::work::Work;
use portcullis_net::{HandshakeError, Net};
use portcullis_store::Store;
use serde::{Deserialize, Serialize};

use super::control::{Answer, Ask};
use super::owner::Owner;
use super::remote;
use super::settings::Settings;
use super::{Exit, complain, say};
use rules::Flow;

/// What was found out about the links of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    /// Direction by direction.
    tried: Vec<Tried>,
}

/// What was found out about one direction of one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tried {
    direction: Direction,
    flow: Flow,
    found: Found,
    /// What the failure was, in words; empty when there was none.
    words: String,
    /// This host's own address towards the acceptor's, when the opener is told another one.
    own_address: Option<String>,
    /// This host's own local port, when the opener is told another one.
    own_port: Option<u16>,
}

/// What came of trying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Found {
    Open,
    Elsewhere,
    Untried,
    /// A connection came about, and nothing useful over it.
    Silent,
    /// The opener speaks TLS, and who answers does not.
    NoTls,
    /// The opener does not speak TLS, and who answers does.
    Tls,
    Closed(FailureClass),
}

impl Report {
    /// 0 when every direction is open, else 1.
    fn exit(&self) -> Exit {
        if self.tried.iter().all(|tried| tried.found == Found::Open) {
            Exit::Completed
        } else {
            Exit::Failed
        }
    }

    fn show(&self) -> Exit {
        for tried in &self.tried {
            for line in words::lines(tried) {
                say(&line);
            }
        }
        self.exit()
    }
}

/// Asks the process that owns the store, and shows what it found.
pub(super) async fn remote(settings: &Settings, to: Option<EnvironmentName>) -> Exit {
    match remote::first_answer(settings, &Ask::Preflight(to)).await {
        Ok(Answer::Preflight(report)) => report.show(),
        Ok(Answer::Refused(why)) => complain(&why),
        Ok(_) => complain("the agent answered something else"),
        Err(exit) => exit,
    }
}

/// The same where nobody owns the store: the listeners are this process's for as long as it takes.
pub(super) async fn foreground(
    owner: Owner,
    settings: &Settings,
    to: Option<EnvironmentName>,
) -> Exit {
    let exit = super::foreground::until_signal(async {
        match survey(&owner.agent, &settings.agent, to.as_ref()).await {
            Ok(report) => report.show(),
            Err(why) => complain(&why),
        }
    })
    .await;
    owner.stop().await;
    exit
}

/// Tries the links with `to`, or every link.
///
/// # Errors
/// In words, when there is no such link.
pub(super) async fn survey<N: Net, S: Store, W: Work>(
    agent: &Agent<N, S, W>,
    config: &Config,
    to: Option<&EnvironmentName>,
) -> Result<Report, String> {
    let later = config.later.iter().map(|link| &link.name);
    let mut peers: Vec<_> = later
        .chain(config.earlier.iter().map(|link| &link.name))
        .filter(|name| to.is_none_or(|to| to == *name))
        .collect();
    peers.dedup();
    let mut tried = Vec::new();
    for peer in peers {
        for preflight in agent.preflight(peer).await {
            tried.extend(read(config, &preflight).await);
        }
    }
    match to {
        Some(to) if tried.is_empty() => Err(format!("there is no link with {to}")),
        None if tried.is_empty() => Err("this environment has no link".into()),
        _ => Ok(Report { tried }),
    }
}

/// A preflight of this environment's, with what this host knows besides.
async fn read(config: &Config, preflight: &Preflight) -> Vec<Tried> {
    // The earlier environment tries both directions, the later one only its own.
    let is_earlier = preflight.ways.len() > 1;
    let (address, local_port) = if is_earlier {
        let mut links = config.later.iter();
        let link = links.find(|link| link.name == preflight.peer);
        let port = link.map(|link| link.local_port);
        (link.map(|link| &link.address), port)
    } else {
        let mut links = config.earlier.iter();
        let link = links.find(|link| link.name == preflight.peer);
        (link.map(|link| &link.address), None)
    };
    let here = Here {
        name: config.name.to_string(),
        peer: preflight.peer.to_string(),
        is_earlier,
        local_port,
        ends: match address {
            Some(address) => ends(address).await,
            None => None,
        },
    };
    preflight.ways.iter().map(|way| here.tried(way)).collect()
}

/// What this host knows of a link.
struct Here {
    name: String,
    peer: String,
    is_earlier: bool,
    /// The port where it listens for completions, if this is where they come to.
    local_port: Option<u16>,
    /// Its own address towards the neighbour, and the neighbour's.
    ends: Option<(IpAddr, IpAddr)>,
}

impl Here {
    fn tried(&self, way: &Way) -> Tried {
        let opened_here = match way.direction {
            Direction::Forward => self.is_earlier,
            Direction::Reverse => !self.is_earlier,
        };
        let (own, theirs) = match self.ends {
            Some((own, theirs)) => (Some(own.to_string()), Some(theirs.to_string())),
            None => (None, None),
        };
        let (opener, source, acceptor, destination) = if opened_here {
            (&self.name, own.clone(), &self.peer, theirs)
        } else {
            (
                &self.peer,
                theirs,
                &self.name,
                way.address.clone().or(own.clone()),
            )
        };
        let is_other = |own: &String| !opened_here && destination.as_ref() != Some(own);
        let ports = way.source_ports.as_ref();
        Tried {
            direction: way.direction,
            own_address: own.filter(is_other),
            own_port: self
                .local_port
                .filter(|port| way.direction == Direction::Reverse && *port != way.port),
            flow: Flow {
                opener: opener.clone(),
                source,
                source_ports: ports.map(|ports| (*ports.start(), *ports.end())),
                acceptor: acceptor.clone(),
                destination: destination
                    .or_else(|| way.address.clone())
                    .unwrap_or_else(|| acceptor.clone()),
                port: way.port,
            },
            found: match way.finding {
                Finding::Open => Found::Open,
                Finding::Failed(failure) => found(failure),
                Finding::Reported(class) => Found::Closed(class),
                Finding::Elsewhere => Found::Elsewhere,
                Finding::Untried => Found::Untried,
            },
            words: match way.finding {
                Finding::Failed(failure) => super::words_of(&failure),
                Finding::Reported(class) => class.words().to_owned(),
                Finding::Open | Finding::Elsewhere | Finding::Untried => String::new(),
            },
        }
    }
}

/// This host's address towards `address`, and what that resolves to. Nothing is sent.
async fn ends(address: &str) -> Option<(IpAddr, IpAddr)> {
    // Any port: the system only looks for a route.
    let theirs = tokio::net::lookup_host((address, 9)).await.ok()?.next()?;
    let any: IpAddr = match theirs.ip() {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(theirs).ok()?;
    Some((socket.local_addr().ok()?.ip(), theirs.ip()))
}

/// What a failure of this side's shows.
fn found(failure: Failure) -> Found {
    match failure {
        Failure::Handshake(HandshakeError::Unanswered(_)) => Found::NoTls,
        Failure::Frame(FrameError::Tls) => Found::Tls,
        // There was a connection, which then gave no answer: no rule for new connections helps.
        Failure::Stream(_) | Failure::RequestTimeout | Failure::ReplyTimeout => Found::Silent,
        Failure::Connect(_)
        | Failure::Handshake(_)
        | Failure::Unencodable
        | Failure::Frame(_)
        | Failure::Decode(_)
        | Failure::Unrelated
        | Failure::Misdirected
        | Failure::NotAuthenticated
        | Failure::Stale
        | Failure::Unread
        | Failure::Refused(_)
        | Failure::Store => Found::Closed(failure.class()),
    }
}
