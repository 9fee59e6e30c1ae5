//! The same documents at the ports of two real agents, one connection each, while a task runs.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use portcullis_agent::codec::{DecodeError, decode, read_unit};
use portcullis_agent::config::{Authentication, Config, EarlierLink, Key, KeyRing, LaterLink};
use portcullis_agent::message::{Body, CommandName, EnvironmentName, Outcome, Product, Reason};
use portcullis_agent::state::Settled;
use portcullis_agent::work::{CommandLine, Files, Processes, Workshop};
use portcullis_agent::{Agent, Observer, Order, SubmitRequest};
use portcullis_net::{Host, Net, TokioNet};
use portcullis_store::SqliteStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::listening::free_port;
use super::table::{hazards, leniencies};

type RealAgent = Agent<TokioNet, SqliteStore, Workshop<Files, Processes>>;

const MINUTE: Duration = Duration::from_secs(60);

/// How long a frame may take here.
const FRAME: Duration = Duration::from_secs(2);

/// What all the hazards together may add to the most memory that this process has had: a frame of
/// the largest kind at each end, and room for what the allocator keeps.
const MEMORY_OCTETS: u64 = 96 << 20;

fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).unwrap()
}

fn command(text: &str) -> CommandName {
    CommandName::new(text).unwrap()
}

async fn start(root: &Path, mut config: Config) -> RealAgent {
    let here = root.join(config.name.as_str());
    std::fs::create_dir_all(&here).unwrap();
    config.timers.frame = FRAME;
    let host = Host::real(config.name.as_str(), Ipv4Addr::LOCALHOST.into());
    let store = SqliteStore::open(&here.join("state.sqlite")).unwrap();
    let sleep = |seconds: &str| CommandLine {
        program: "sleep".into(),
        arguments: vec![seconds.to_owned()],
        directory: None,
    };
    let commands = BTreeMap::from([
        (command("slow"), sleep("3")),
        (command("quick"), sleep("0")),
    ]);
    let work = Workshop {
        payload: Files::new(here.join("inbox")),
        executor: Processes::new(commands),
    };
    Agent::start(host, store, work, config, Observer::none())
        .await
        .unwrap()
}

/// Two environments, and their ports: prod's remote one, dev's local one.
async fn pair(root: &Path, authentication: Authentication) -> ([RealAgent; 2], [u16; 2]) {
    let [remote_port, local_port] = [free_port(), free_port()];
    let product = || Product::new("20.10").unwrap();
    let address = || "127.0.0.1".to_owned();
    let mut dev = Config::new(name("dev"), product());
    dev.later.push(LaterLink {
        name: name("prod"),
        address: address(),
        remote_port,
        local_port,
        authentication: authentication.clone(),
    });
    let mut prod = Config::new(name("prod"), product());
    prod.earlier.push(EarlierLink {
        name: name("dev"),
        address: address(),
        remote_port,
        local_port,
        authentication,
    });
    let agents = [start(root, dev).await, start(root, prod).await];
    (agents, [remote_port, local_port])
}

/// Says `octets` on a connection of their own; returns the one reply, if there was one before the
/// connection ended.
async fn say(port: u16, octets: &[u8]) -> Option<Vec<u8>> {
    let net = TokioNet::new(Ipv4Addr::LOCALHOST.into());
    let mut stream = net.connect("127.0.0.1", port).await.unwrap();
    // What is refused on its length may be refused before all of it is said.
    stream.write_all(octets).await.ok();
    let reply = timeout(MINUTE, read_unit(&mut stream, 1 << 20, async |_| ()));
    let reply = reply.await.expect("every connection ends");
    stream.shutdown().await.ok();
    let mut rest = Vec::new();
    timeout(MINUTE, stream.read_to_end(&mut rest))
        .await
        .expect("every connection ends")
        .ok();
    assert_eq!(rest, b"", "one reply at most");
    reply.ok()?.ok().map(|(document, ())| document)
}

fn unit(document: &[u8]) -> Vec<u8> {
    let length = u32::try_from(document.len() + 4).unwrap();
    [&length.to_be_bytes(), document].concat()
}

async fn settled(dev: &RealAgent, name_of: &str) -> Settled {
    let order = Order::Execute {
        command: command(name_of),
    };
    let request = SubmitRequest::new(name("prod"), order);
    let task = dev.submit(request).await.unwrap();
    timeout(MINUTE, dev.wait(&task)).await.unwrap().unwrap()
}

/// The most memory that this process has had, where the system says so.
fn peak_octets() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// What each document is answered with: a refusal that names it, as far as it has a name.
async fn refuse_everything(port: u16, authentication: &Authentication) {
    let is_sealed = *authentication != Authentication::None;
    for row in hazards().into_iter().chain(leniencies()) {
        for hostile in row.documents {
            let reply = say(port, &unit(&hostile.octets)).await;
            let reply = decode(&reply.expect(row.name)).expect("our own reply is good");
            let refused = decode(&hostile.octets).expect_err(row.name);
            let reason = match hostile.error {
                _ if is_sealed && refused.header.is_some() => Reason::NotAuthenticated,
                DecodeError::Xml(_) => Reason::Malformed,
                DecodeError::UnknownKind => Reason::UnknownKind,
                DecodeError::Version | DecodeError::UnknownTaskKind => panic!("no such row"),
            };
            let Body::Rejection { reason: said, .. } = reply.body else {
                panic!("{}: {reply:?}", row.name);
            };
            assert_eq!(said, reason, "{}", row.name);
            let named = refused.header.map(|header| header.id.to_string());
            let relates_to = reply.header.relates_to.map(|id| id.to_string());
            let named = named.unwrap_or_else(|| "unreadable".to_owned());
            assert_eq!(relates_to, Some(named), "{}", row.name);
        }
    }
}

/// Section 5.3, and a stream that ends or rests inside its frame: nothing is said, and it ends.
async fn close_without_a_word(port: u16) {
    for octets in [
        b"\0\0\0\0".as_slice(),
        b"\0\0\0\x04",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: prod\r\n\r\n",
        b"POST /soap HTTP/1.1\r\n\r\n",
        b"<?xml version=\"1.0\"?><hello/>",
        b"\xef\xbb\xbf<hello/>",
        b"\xff\xff\xff\xff<hello/>",
        // Slow arrival: the frame timer ends it.
        b"\0\x0f\xff\xff<hello",
        b"\0",
    ] {
        assert_eq!(say(port, octets).await, None, "{octets:?}");
    }
}

async fn meet_everything(authentication: Authentication) {
    let root = tempfile::tempdir().unwrap();
    let ([dev, prod], ports) = pair(root.path(), authentication.clone()).await;
    assert_eq!(
        settled(&dev, "quick").await,
        Settled::Ended(Outcome::Succeeded)
    );
    let before = peak_octets();
    let hostile = async {
        for port in ports {
            refuse_everything(port, &authentication).await;
            close_without_a_word(port).await;
        }
    };
    // Work that runs meanwhile comes to its end, and its completion arrives.
    let (slow, ()) = tokio::join!(settled(&dev, "slow"), hostile);
    assert_eq!(slow, Settled::Ended(Outcome::Succeeded));
    assert_eq!(
        settled(&dev, "quick").await,
        Settled::Ended(Outcome::Succeeded)
    );
    // Nothing of what was refused has left a task.
    assert_eq!(prod.received().await.len(), 3);
    if let (Some(before), Some(after)) = (before, peak_octets()) {
        assert!(after - before < MEMORY_OCTETS, "{before} to {after}");
    }
    dev.stop().await;
    prod.stop().await;
}

#[tokio::test]
async fn agents_without_secrets_refuse_every_hazard_and_go_on() {
    meet_everything(Authentication::None).await;
}

#[tokio::test]
async fn agents_with_secrets_refuse_every_hazard_and_go_on() {
    let key = Key::from_octets(&[5; 32]).unwrap();
    meet_everything(Authentication::Mac(KeyRing::new(key, None))).await;
}
