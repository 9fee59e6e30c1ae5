//! Preflight, through the process that owns the store and without one.

use std::fs;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::certificates::Certificates;
use crate::site::{Site, free_port};

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

/// What is said about one direction by the preflight of `name`.
async fn about(site: &Site, name: &str, direction: &str) -> String {
    let config = format!("{name}.toml");
    let preflight = ["preflight", "--config", &config];
    let said = site.start("preflight.log", &preflight).ends_with(1).await;
    let start = said.find(direction).expect("the direction is tried");
    said[start..]
        .split("\n\n")
        .next()
        .expect("some text")
        .to_owned()
}

#[tokio::test]
async fn tls_at_one_end_only_is_called_by_its_name() {
    const FORWARD: &str = "dev -> prod: forward";
    const REVERSE: &str = "prod -> dev: reverse";
    for with_tls in ["dev", "prod"] {
        let site = Site::new();
        site.new_key("link.key").await;
        let certificates = Certificates::of("one");
        for name in ["dev", "prod"] {
            if name == with_tls {
                certificates.give(&site, name);
            } else {
                site.secure(
                    name,
                    "authentication = \"mac\"\nkey_files = [\"link.key\"]\n",
                );
            }
        }
        let _prod = site.serve("prod", "prod.log").await;
        let _dev = site.serve("dev", "dev.log").await;
        for (from, to, direction) in [("dev", "prod", FORWARD), ("prod", "dev", REVERSE)] {
            let said = about(&site, from, direction).await;
            let verdict = if to == with_tls {
                format!("{to} speaks TLS at port")
            } else {
                format!("{to} does not speak TLS at port")
            };
            assert!(said.contains(&verdict), "{with_tls}, {from}: {said}");
            let compare = "Compare `authentication` of the link in both files";
            assert!(said.contains(compare), "{said}");
            assert!(!said.contains("nft "), "{said}");
        }
        let log = fs::read_to_string(site.path("prod.log")).expect("a log");
        let told = if with_tls == "prod" {
            "not-tls"
        } else {
            "tls-record"
        };
        assert!(log.contains(told), "{log}");
    }
}

#[tokio::test]
async fn local_ports_that_differ_are_compared() {
    let site = Site::new();
    let own = free_port();
    let there = site.local_port;
    site.replace(
        "dev.toml",
        &format!("local_port = {there}"),
        &format!("local_port = {own}"),
    );
    let _prod = site.serve("prod", "prod.log").await;
    let said = about(&site, "dev", "prod -> dev: reverse").await;
    let differ = format!(
        "prod sends completions to port {there}, but `local_port` here is {own}: make both files \
         agree"
    );
    assert!(said.contains("closed (refused)"), "{said}");
    assert!(said.contains(&differ), "{said}");
    assert!(!said.contains("nft "), "{said}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_not_printed_twice() {
    let site = Site::new();
    site.new_key("link.key").await;
    let keys = "authentication = \"mac\"\nkey_files = [\"link.key\"]\n";
    site.secure("dev", &format!("{keys}address = \"prod.invalid\"\n"));
    let said = about(&site, "dev", "dev -> prod: forward").await;
    assert!(said.contains("the peer's address is not known"), "{said}");
    let said = about(&site, "dev", "prod -> dev: reverse").await;
    let port = site.local_port;
    assert!(said.contains(&format!("to dev port {port}")), "{said}");
}
