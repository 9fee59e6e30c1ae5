//! Preflight, through the process that owns the store and without one.

use std::fs;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::site::Site;

const DEV: [&str; 3] = ["preflight", "--config", "dev.toml"];

#[tokio::test]
async fn both_directions_are_tried_in_the_foreground_and_by_the_owner() {
    let site = Site::new();
    let said = site.start("preflight.log", &DEV).ends_with(1).await;
    assert!(said.contains("closed (refused)"), "{said}");
    for words in [
        "nobody listens, or a firewall rejects",
        "nft insert rule inet filter input",
        "netsh advfirewall firewall add rule",
        "New-NetFirewallRule",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }

    let prod = site.serve("prod", "prod.log").await;
    let foreground = site.start("preflight.log", &DEV).ends_with(0).await;
    assert_eq!(foreground.matches("  open: ").count(), 2, "{foreground}");
    let _dev = site.serve("dev", "dev.log").await;
    let by_owner = site.start("preflight.log", &DEV).ends_with(0).await;
    assert_eq!(by_owner, foreground);
    // In a pipe there are no colours.
    assert!(!by_owner.contains('\u{1b}'), "{by_owner}");

    // The later environment tries its own direction.
    let at_prod = ["preflight", "--config", "prod.toml", "--to", "dev"];
    let said = site.start("preflight.log", &at_prod).ends_with(0).await;
    assert!(said.starts_with("prod -> dev: reverse"), "{said}");
    assert!(!said.contains("dev -> prod"), "{said}");
    let nobody = ["preflight", "--config", "dev.toml", "--to", "test"];
    site.start("preflight.log", &nobody).ends_with(2).await;
    let log = fs::read_to_string(site.path("preflight.log")).expect("a log");
    assert!(log.contains("there is no link with test"), "{log}");
    // ET-82: a probe is a connection like any other.
    assert!(prod.log().contains("phase=\"probe\""), "{}", prod.log());
}

#[tokio::test]
async fn a_local_port_that_something_else_holds_is_named() {
    let site = Site::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, site.local_port)).await;
    let _taken = taken.expect("free");
    site.start("preflight.log", &DEV).ends_with(2).await;
    let log = fs::read_to_string(site.path("preflight.log")).expect("a log");
    assert!(log.contains(&format!("port {}", site.local_port)), "{log}");
}

#[tokio::test]
async fn another_service_at_the_port_is_not_taken_for_a_firewall() {
    let site = Site::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, site.remote_port)).await;
    let listener = listener.expect("free");
    let web = async {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut request = [0; 16];
        stream.read_exact(&mut request).await.expect("octets");
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(answer).await.expect("sent");
        // Whoever has asked closes.
        stream.read_to_end(&mut Vec::new()).await.ok();
    };
    let preflight = site.start("preflight.log", &DEV);
    let (said, ()) = tokio::join!(preflight.ends_with(1), web);
    assert!(said.contains("closed (protocol)"), "{said}");
    assert!(said.contains("no rule is missing"), "{said}");
    assert!(!said.contains("nft "), "{said}");
}
