//! What the client of this crate sees.

use std::io::Cursor;
use std::time::Duration;

use portcullis_web_service::client::{CallError, FarmAddress, FarmClient, Terms, UploadError};
use portcullis_web_service::codec::SoapVersion;
use portcullis_web_service::message::{Request, Response};
use tokio::io::AsyncReadExt as _;

use crate::port::free_port;
use crate::world::{JOB, World, anna, guid, upload};

fn names() -> Request {
    Request::GetSiteCollectionNames {
        virtual_server_url: "http://farm.example".to_owned(),
    }
}

fn terms(version: SoapVersion) -> Terms {
    Terms {
        version,
        ..Terms::default()
    }
}

#[tokio::test]
async fn calls_are_answered_in_both_versions() {
    let world = World::open().await;
    for version in [SoapVersion::V11, SoapVersion::V12] {
        let client = world.client(terms(version));
        let answer = client.call(&names()).await;
        let expected = ["/", "/sites/news"].map(str::to_owned);
        assert_eq!(
            answer,
            Ok(Response::GetSiteCollectionNames(expected.into()))
        );
        let status = client.call(&Request::GetJobStatus { job: guid(JOB) }).await;
        assert!(
            matches!(status, Ok(Response::GetJobStatus(_))),
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn faults_are_told_with_their_rule() {
    let world = World::open().await;
    for version in [SoapVersion::V11, SoapVersion::V12] {
        let client = world.client(terms(version));
        let unknown = guid("00000000-0000-0000-0000-000000000001");
        let answer = client.call(&Request::RunJob { job: unknown }).await;
        let Err(CallError::Fault(fault)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(fault.rule.as_deref(), Some("unknown-job"));
    }
    world.answered(500).await;
    world.answered(400).await;
}

#[tokio::test]
async fn a_file_is_sent_and_is_in_the_folder() {
    let world = World::open().await;
    let client = world.client(Terms::default());
    let octets: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let length = u64::try_from(octets.len()).unwrap();
    for file in ["Exported Files.cab", "ü&=%+#.cab", "empty.cab"] {
        let length = if file == "empty.cab" { 0 } else { length };
        let sent = client
            .upload(&upload(file), length, Cursor::new(&octets))
            .await;
        assert_eq!(sent, Ok(()), "{file}");
        let stored = std::fs::read(world.folder.of_job(guid(JOB)).join(file)).unwrap();
        assert!(
            stored == octets[..usize::try_from(length).unwrap()],
            "{file}"
        );
    }
    let mut files = world.memory.files();
    files.sort();
    assert_eq!(files, world.stored().await);
}

#[tokio::test]
async fn an_early_refusal_is_told_whether_the_client_asks_first_or_not() {
    let world = World::with(|config| config.limits.upload_octets_max = 1000).await;
    for expect_continue in [None, Some(Duration::from_secs(10))] {
        let client = world.client(Terms {
            expect_continue,
            ..Terms::default()
        });
        let source = tokio::io::repeat(7);
        let sent = client.upload(&upload("a.cab"), 64 << 20, source).await;
        assert_eq!(sent, Err(UploadError::Status(404)));
    }
    assert_eq!(world.file_count(), 0);
}

#[tokio::test]
async fn a_source_that_ends_early_leaves_nothing() {
    let world = World::open().await;
    let client = world.client(Terms::default());
    let source = tokio::io::repeat(7).take(1 << 20);
    let sent = client.upload(&upload("a.cab"), 2 << 20, source).await;
    assert_eq!(sent, Err(UploadError::Source));
    world.answered(400).await;
    world.is_empty().await;
}

#[tokio::test]
async fn credentials_open_the_gate() {
    let world = World::with(|config| config.authentication.accounts = vec![anna()]).await;
    let stranger = world.client(Terms::default());
    assert_eq!(stranger.call(&names()).await, Err(CallError::Status(401)));
    let sent = stranger
        .upload(&upload("a.cab"), 3, Cursor::new(b"abc"))
        .await;
    assert_eq!(sent, Err(UploadError::Status(401)));
    let client = world.client(Terms {
        account: Some(anna()),
        ..Terms::default()
    });
    assert!(client.call(&names()).await.is_ok());
    let sent = client
        .upload(&upload("a.cab"), 3, Cursor::new(b"abc"))
        .await;
    assert_eq!(sent, Ok(()));
}

#[tokio::test]
async fn who_is_not_there_cannot_be_called() {
    let world = World::open().await;
    let host = portcullis_net::Host::real("source", std::net::Ipv4Addr::LOCALHOST.into());
    let address: FarmAddress = format!("http://127.0.0.1:{}", free_port()).parse().unwrap();
    let client = FarmClient::new(host, address, Terms::default());
    let refused = std::io::ErrorKind::ConnectionRefused;
    assert_eq!(
        client.call(&names()).await,
        Err(CallError::Connect(refused))
    );
    drop(world);
}
