//! What is at the other end of a connection, and is not the peer. ET-72, ET-73

use std::net::Ipv4Addr;
use std::time::Duration;

use portcullis_agent::codec::{decode, encode, read_unit};
use portcullis_agent::config::{Authentication, EarlierLink};
use portcullis_agent::error::{Failure, StartError};
use portcullis_agent::message::{Body, Message, MessageId, Product, Reason};
use portcullis_agent::observe::Phase;
use portcullis_agent::work::{Script, Shelf, SimulatedExecutor, SimulatedPayload, Workshop};
use portcullis_agent::{Agent, AgentEvent, Config, Observer};
use portcullis_net::{HandshakeError, Host, Listener, Net, Objection, Randomness};
use portcullis_store::{Disk, SimStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{MINUTE, ask, deploy, failed, later, message, noted, reason, refused, signed};
use crate::world::{World, authentication, config, key, link_key, name};

/// A peer that answers every request with what `answer` makes of it.
fn impostor(world: &World, answer: impl Fn(&Message) -> Vec<u8> + Send + 'static) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let net = world.wires.of("prod");
    tasks.spawn(async move {
        let mut listener = net.bind(6102).await.unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            let unit = read_unit(&mut stream, 1 << 20, async |_| ()).await.unwrap();
            let Ok((document, ())) = unit else { continue };
            let request = decode(&document).unwrap();
            stream.write_all(&answer(&request)).await.unwrap();
            // The opener closes first.
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        }
    });
    tasks
}

fn reply_to(request: &Message, at: i64, body: Body) -> Message {
    let mut reply = later(&message("prod", "dev", body), at);
    reply.header.relates_to = Some(request.header.id.clone());
    reply
}

/// What somebody who sits on the port, or on the path, can make a task do: wait.
#[tokio::test(start_paused = true)]
async fn replies_that_prove_nothing_decide_nothing() {
    let hello = || Body::HelloAck(Product::new("20.10").unwrap());
    let refusal = |reason| Body::Rejection {
        reason,
        product: Product::new("20.10").unwrap(),
    };
    let link = || link_key("dev", "prod");
    let unread = move |_: &Message| {
        let mut reply = message("prod", "dev", refusal(Reason::Malformed));
        reply.header.relates_to = Some(MessageId::unreadable());
        signed(&reply, &link())
    };
    type Answers = Box<dyn Fn(&Message) -> Vec<u8> + Send>;
    let answers: [(Answers, Failure); 6] = [
        (
            Box::new(move |request| encode(&reply_to(request, 0, hello())).unwrap()),
            Failure::NotAuthenticated,
        ),
        (
            Box::new(move |request| signed(&reply_to(request, 0, hello()), &key("stranger"))),
            Failure::NotAuthenticated,
        ),
        (
            Box::new(move |request| {
                encode(&reply_to(request, 0, refusal(Reason::Version))).unwrap()
            }),
            Failure::NotAuthenticated,
        ),
        (
            Box::new(move |request| signed(&reply_to(request, 9999, hello()), &link())),
            Failure::Stale,
        ),
        // Whoever sends anything to the true peer gets these two from it, signed.
        (
            Box::new(move |request| {
                signed(
                    &reply_to(request, 0, refusal(Reason::NotAuthenticated)),
                    &link(),
                )
            }),
            Failure::Refused(Reason::NotAuthenticated),
        ),
        (Box::new(unread), Failure::Unread),
    ];
    for (answer, failure) in answers {
        let world = World::chain(&["dev", "prod"]).await;
        world.crash("prod").await;
        let _impostor = impostor(&world, answer);
        world.deploy("dev", "prod", "t1", MINUTE).await;
        sleep(2 * MINUTE).await;
        assert_eq!(world.states("dev", "t1"), ["prepared"], "{failure}");
        let attempts = world.count(
            |_, event| matches!(event, AgentEvent::AttemptFailed { failure: f, .. } if *f == failure),
        );
        assert!(attempts >= 2, "{failure}: {}", world.transcript());
    }
}

async fn on_proven_connections(dev: &[&str], prod: &[&str]) -> World {
    let world = World::chain_with(&["dev", "prod"], |config| {
        let later = config.later.iter_mut().map(|link| &mut link.authentication);
        let earlier = config
            .earlier
            .iter_mut()
            .map(|link| &mut link.authentication);
        later
            .chain(earlier)
            .for_each(|of_link| *of_link = Authentication::Connection);
    })
    .await;
    world.wires.prove("dev", dev);
    world.wires.prove("prod", prod);
    world
}

#[tokio::test(start_paused = true)]
async fn connections_that_prove_their_names_carry_tasks() {
    let world = on_proven_connections(&["dev"], &["prod", "prod.example"]).await;
    let id = world.deploy("dev", "prod", "t1", MINUTE).await;
    world.ended("dev", &id).await;
    assert_eq!(world.states("dev", "t1").last(), Some(&"completed"));
}

/// ET-72: the opener says nothing to a stranger.
#[tokio::test(start_paused = true)]
async fn an_opener_says_nothing_to_who_is_not_the_peer() {
    let world = on_proven_connections(&["dev"], &["prod.example"]).await;
    world.deploy("dev", "prod", "t1", MINUTE).await;
    sleep(5 * MINUTE).await;
    assert_eq!(world.states("dev", "t1"), ["prepared"]);
    let stranger = HandshakeError::Peer(Objection::WrongName);
    assert!(failed(&world, Phase::Establish, Failure::Handshake(stranger)) > 3);
    // Nothing reached the other side: it never had a request to refuse.
    assert_eq!(refused(&world, Reason::NotAuthenticated), 0);
}

/// ET-72: the acceptor reads nothing from a stranger, and answers nothing.
#[tokio::test(start_paused = true)]
async fn an_acceptor_reads_nothing_from_who_is_not_the_peer() {
    let world = on_proven_connections(&["dev"], &["prod"]).await;
    let unit = encode(&deploy("t1")).unwrap();
    // The stranger's connection proves nothing at all, then something else, then this.
    assert_eq!(ask(&world, ("prod", 6102), &unit).await, None);
    world.wires.prove("stranger", &["stranger", "prod"]);
    assert_eq!(ask(&world, ("prod", 6102), &unit).await, None);
    let stranger = HandshakeError::Peer(Objection::WrongName);
    assert_eq!(noted(&world, stranger.name()), 2);
    world.wires.prove("stranger", &["dev"]);
    assert_eq!(
        ask(&world, ("prod", 6102), &unit).await.unwrap().kind(),
        "accepted"
    );
    // A code that nobody here can check is no proof.
    let unit = signed(&deploy("t2"), &key("stranger"));
    let reply = ask(&world, ("prod", 6102), &unit).await;
    assert_eq!(reason(reply.as_ref()), Some(Reason::NotAuthenticated));
}

/// ET-72: without authentication, nothing listens beyond loopback.
#[tokio::test]
async fn a_listener_that_others_can_reach_needs_authentication() {
    let started = async |net: Ipv4Addr, authentication: Authentication| {
        let mut config: Config = config(&["dev"], 0);
        config.earlier.push(EarlierLink {
            name: name("lab"),
            address: "127.0.0.1".to_owned(),
            remote_port: 0,
            local_port: 1,
            authentication,
        });
        let host = Host::real("dev", net.into());
        let disk = Disk::new(&Randomness::from_seed(1), Duration::ZERO);
        let store = SimStore::open(&disk, &host.spawner);
        let script = Script::default();
        let work = Workshop {
            payload: SimulatedPayload::new(1, Shelf::default(), script.clone(), Duration::ZERO),
            executor: SimulatedExecutor::new(script),
        };
        let agent = Agent::start(host, store, work, config, Observer::none()).await?;
        agent.stop().await;
        Ok(())
    };
    for unsafe_address in [Ipv4Addr::UNSPECIFIED] {
        let refused: Result<(), StartError> = started(unsafe_address, Authentication::None).await;
        assert!(
            matches!(refused, Err(StartError::Unauthenticated { address, .. }) if address == unsafe_address),
            "{refused:?}"
        );
        started(unsafe_address, authentication("lab", "dev"))
            .await
            .unwrap();
        started(unsafe_address, Authentication::Connection)
            .await
            .unwrap();
    }
    started(Ipv4Addr::LOCALHOST, Authentication::None)
        .await
        .unwrap();
}
