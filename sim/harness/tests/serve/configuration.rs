//! Configurations that cannot be used: what is said about them.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use crate::site::Site;

/// Starts dev with `from` replaced by `to` in its configuration; what it complains about.
async fn complaint(from: &str, to: &str) -> String {
    let site = Site::new();
    let text = fs::read_to_string(site.path("dev.toml")).expect("the file");
    let ports = [site.remote_port.to_string(), site.local_port.to_string()];
    let place = |text: &str| {
        text.replace("REMOTE", &ports[0])
            .replace("LOCAL", &ports[1])
    };
    let (from, to) = (place(from), place(to));
    assert!(text.contains(&from), "{from}");
    site.write("dev.toml", text.replace(&from, &to));
    let program = site.start("dev.log", &["serve", "agent", "--config", "dev.toml"]);
    assert_eq!(program.ends_with(2).await, "");
    fs::read_to_string(site.path("dev.log")).expect("a log")
}

#[tokio::test]
async fn a_mistyped_key_is_named_with_its_place_and_the_nearest_valid_one() {
    let log = complaint("local_port", "local_prot").await;
    assert!(
        log.contains("local_prot") && log.contains("did you mean `local_port`?"),
        "{log}"
    );
    assert!(log.contains("dev.toml:7:1"), "{log}");
}

#[tokio::test]
async fn every_problem_is_told_at_once() {
    let log = complaint("product = \"1.0\"", "product = 1.0\nlisten = 7").await;
    assert!(
        log.contains("`product`") && log.contains("`listen`"),
        "{log}"
    );
}

#[tokio::test]
async fn no_port_has_a_default() {
    for port in ["remote_port = REMOTE", "local_port = LOCAL"] {
        let log = complaint(port, "").await;
        let key = port.split(' ').next().unwrap_or_default();
        assert!(log.contains(key), "{log}");
    }
}

#[tokio::test]
async fn without_authentication_only_loopback_may_be_configured() {
    for address in ["0.0.0.0", "10.0.0.7", "prod.example.com"] {
        let log = complaint(
            "name = \"prod\"",
            &format!("name = \"prod\"\naddress = \"{address}\""),
        )
        .await;
        assert!(
            log.contains("the link with prod is not authenticated"),
            "{log}"
        );
        assert!(log.contains("dev.toml:4:1"), "{log}");
    }
    let log = complaint("state = ", "listen = \"0.0.0.0\"\nstate = ").await;
    assert!(
        log.contains("not authenticated, but `listen` is 0.0.0.0"),
        "{log}"
    );
    let log = complaint("state = ", "listen = \"here\"\nstate = ").await;
    assert!(log.contains("`listen` is not an address"), "{log}");
}

#[tokio::test]
async fn environments_that_share_an_address_need_different_ports() {
    let log = complaint("local_port = LOCAL", "local_port = REMOTE").await;
    assert!(log.contains("different listener ports"), "{log}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let site = Site::new();
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, site.local_port)).expect("free");
    let program = site.start("dev.log", &["serve", "agent", "--config", "dev.toml"]);
    program.ends_with(2).await;
    let log = fs::read_to_string(site.path("dev.log")).expect("a log");
    assert!(log.contains(&format!("port {}", site.local_port)), "{log}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_listener_among_the_dynamic_ports_is_warned_about() {
    let site = Site::new();
    // The system's own choice is a dynamic port.
    let chosen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = chosen.local_addr().expect("bound").port();
    drop(chosen);
    let text = fs::read_to_string(site.path("dev.toml")).expect("the file");
    site.write(
        "dev.toml",
        text.replace(&site.local_port.to_string(), &port.to_string()),
    );
    let dev = site.serve("dev", "dev.log").await;
    assert!(dev.log().contains("dynamic range"), "{}", dev.log());
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let site = Site::new();
    let program = site.start("dev.log", &["serve", "agent", "--config", "no.toml"]);
    program.ends_with(2).await;
    let log = fs::read_to_string(site.path("dev.log")).expect("a log");
    assert!(log.contains("cannot read no.toml"), "{log}");
}
