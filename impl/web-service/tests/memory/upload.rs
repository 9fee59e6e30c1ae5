//! One large upload, both ends in this process.

use std::net::Ipv4Addr;
use std::sync::Arc;

use portcullis_net::{Host, Tasks};
use portcullis_web_service::client::{FarmAddress, FarmClient, Scheme, Terms};
use portcullis_web_service::config::Config;
use portcullis_web_service::desk::Desk;
use portcullis_web_service::error::UploadRefusal;
use portcullis_web_service::message::{
    Fault, FileName, Guid, Request, Response, UploadTarget, Violation,
};
use portcullis_web_service::work::{Depot as _, TemporaryFolder};
use portcullis_web_service::{Observer, worker};

/// Takes every file.
#[derive(Clone, Copy)]
struct Open;

impl Desk for Open {
    async fn answer(&self, _: Request) -> Result<Response, Fault> {
        Err(Violation::Unavailable.into())
    }

    async fn may_upload(&self, _: &UploadTarget, _: Option<u64>) -> Result<(), UploadRefusal> {
        Ok(())
    }

    async fn uploaded(&self, _: &UploadTarget, _: u64) -> Result<(), UploadRefusal> {
        Ok(())
    }
}

/// The most memory that this process has had, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_300_mib_takes_no_more_memory_than_a_small_one() {
    const OCTETS: u64 = 300 << 20;
    let root = tempfile::tempdir().unwrap();
    let folder = TemporaryFolder::open(root.path()).unwrap();
    let host = Host::real("wfe1", Ipv4Addr::LOCALHOST.into());
    let mut config = Config::new("wfe1", 0, "http://farm.example:8080");
    config.limits.upload_octets_max = OCTETS;
    let tasks = Tasks::new(&host);
    let port = worker::start(
        &host,
        Open,
        folder.clone(),
        Arc::new(config),
        Observer::none(),
        &tasks,
    );
    let address = FarmAddress {
        host: Ipv4Addr::LOCALHOST.to_string(),
        port: port.await.unwrap(),
        scheme: Scheme::Http,
    };
    let client = FarmClient::new(host, address, Terms::default());
    let job = Guid::from_bits(1);
    let target = |file: &str| UploadTarget {
        file: FileName::new(file).unwrap(),
        job,
    };
    let source = tokio::io::repeat(7);
    client
        .upload(&target("small.cab"), 1 << 20, source)
        .await
        .unwrap();
    let before = most_memory();
    let source = tokio::io::repeat(7);
    client
        .upload(&target("large.cab"), OCTETS, source)
        .await
        .unwrap();
    // Both ends are in this process.
    let more = most_memory() - before;
    assert!(more < 16 << 10, "{more} KiB more than {before} KiB");
    let stored = folder.list(job).await.unwrap();
    assert_eq!(stored[0].octets, OCTETS);
}
