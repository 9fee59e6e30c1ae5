//! Transfers that are much larger than the memory they may take, and that are cut in the middle.

use std::fs;

use portcullis_net::Randomness;

use crate::proxy::Proxy;
use crate::site::Site;

const MIB: u64 = 1024 * 1024;

/// The most that a process may have at a time.
const MEMORY_MAX: u64 = 64 * MIB;

/// Octets of a part, by default.
const PART: u64 = MIB;

/// How many parts are under way at a time, by default.
const AT_A_TIME: u64 = 4;

/// Writes a file that no layer can make smaller, in a directory to transfer.
fn plant(site: &Site, octets: u64) -> Vec<u8> {
    let noise = Randomness::from_seed(octets);
    let words = std::iter::repeat_with(|| noise.next_u64().to_le_bytes());
    let words = words.take(usize::try_from(octets / 8).expect("fits"));
    let content: Vec<u8> = words.flatten().collect();
    site.write("project/large", &content);
    content
}

fn received(site: &Site) -> Vec<u8> {
    fs::read(site.path("prod/received/dev/t1/large")).expect("it arrived")
}

/// What crosses for a transfer of `octets`: base64 makes four octets of three, and each message
/// says a little more than its part.
fn on_the_wire(octets: u64) -> u64 {
    octets * 134 / 100
}

const TRANSFER: [&str; 4] = ["--id", "t1", "transfer", "project"];

/// Neither side's memory grows with what is transferred.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_large_transfer_takes_little_memory_at_both_ends() {
    let site = Site::new();
    let content = plant(&site, 96 * MIB);
    let prod = site.serve("prod", "prod.log").await;
    let dev = site.serve("dev", "dev.log").await;
    let said = site.submit("submit.log", &TRANSFER).ends_with(0).await;
    assert!(said.ends_with("t1 completed"), "{said}");
    let (sent, arrived) = (dev.peak_memory(), prod.peak_memory());
    assert!(sent < MEMORY_MAX, "the originator had {} MiB", sent / MIB);
    assert!(
        arrived < MEMORY_MAX,
        "the destination had {} MiB",
        arrived / MIB
    );
    assert!(received(&site) == content, "the files differ");
}

const SIZE: u64 = 24 * MIB;

/// Where it is cut: about in the middle.
const CUT: u64 = SIZE * 4 / 3 / 2;

/// Only what was under way when it was cut crosses twice.
fn assert_resumed(site: &Site, network: &Proxy, content: &[u8]) {
    assert!(received(site) == content, "the files differ");
    let all = on_the_wire(SIZE);
    let most = all + on_the_wire(PART * AT_A_TIME * 2);
    let octets = network.octets();
    assert!(
        (all * 99 / 100..most).contains(&octets),
        "{octets} octets of {all}"
    );
}

#[tokio::test]
async fn a_transfer_goes_on_where_the_network_cut_it() {
    let site = Site::new();
    let content = plant(&site, SIZE);
    let network = Proxy::before(site.remote_port).await;
    site.reroute(network.port);
    network.cut_at(CUT);
    let _prod = site.serve("prod", "prod.log").await;
    let dev = site.submit("dev.log", &TRANSFER);
    network.passed(CUT).await;
    network.mend();
    dev.ends_with(0).await;
    assert_resumed(&site, &network, &content);
}

#[tokio::test]
async fn a_killed_originator_sends_only_the_parts_that_are_missing() {
    let site = Site::new();
    let content = plant(&site, SIZE);
    let network = Proxy::before(site.remote_port).await;
    site.reroute(network.port);
    let _prod = site.serve("prod", "prod.log").await;
    let dev = site.submit("dev.log", &TRANSFER);
    network.passed(CUT).await;
    dev.kill().await;
    site.submit("resumed.log", &["resume"]).ends_with(0).await;
    assert_resumed(&site, &network, &content);
}

#[tokio::test]
async fn a_killed_destination_has_kept_every_part_that_it_acknowledged() {
    let site = Site::new();
    let content = plant(&site, SIZE);
    let network = Proxy::before(site.remote_port).await;
    site.reroute(network.port);
    let prod = site.serve("prod", "prod.log").await;
    let dev = site.submit("dev.log", &TRANSFER);
    network.passed(CUT).await;
    prod.kill().await;
    let _prod = site.serve("prod", "restarted.log").await;
    dev.ends_with(0).await;
    assert_resumed(&site, &network, &content);
}
