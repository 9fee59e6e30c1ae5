//! Keys and certificates: what a configuration says about them, and what comes of it.

use std::fs;
use std::time::Duration;

use crate::certificates::{Certificates, today};
use crate::site::{Site, logged};

/// What the link of `dev` and that of `prod` begin with.
const LINKS: [(&str, &str); 2] = [
    ("dev", "[[later]]\nname = \"prod\"\n"),
    ("prod", "[[earlier]]\nname = \"dev\"\n"),
];

/// A site whose link has a shared secret.
async fn authenticated() -> Site {
    let site = Site::new();
    site.new_key("first.key").await;
    for (name, link) in LINKS {
        let keys = "authentication = \"mac\"\nkey_files = [\"first.key\"]\n";
        site.replace(&format!("{name}.toml"), link, &format!("{link}{keys}"));
    }
    site
}

/// What `serve` complains about when the configuration of dev says `keys` of its link.
async fn complaint(site: &Site, keys: &str) -> String {
    let (_, link) = LINKS[0];
    site.replace("dev.toml", link, &format!("{link}{keys}"));
    let serve = ["serve", "agent", "--config", "dev.toml"];
    assert_eq!(site.start("dev.log", &serve).ends_with(2).await, "");
    fs::read_to_string(site.path("dev.log")).expect("a log")
}

#[tokio::test]
async fn a_link_with_a_shared_secret_may_listen_beyond_loopback() {
    let site = authenticated().await;
    for name in ["dev", "prod"] {
        let file = format!("{name}.toml");
        site.replace(&file, "product", "listen = \"0.0.0.0\"\nproduct");
    }
    let _prod = site.serve("prod", "prod.log").await;
    let dev = site.submit("dev.log", &["--id", "t1", "deploy", "list"]);
    assert!(dev.ends_with(0).await.ends_with("t1 completed"));
}

#[tokio::test]
async fn a_peer_with_another_secret_is_told_apart_from_a_closed_port() {
    let site = authenticated().await;
    site.new_key("other.key").await;
    site.replace("prod.toml", "first.key", "other.key");
    let prod = site.serve("prod", "prod.log").await;
    let mut dev = site.submit("dev.log", &["--id", "t1", "deploy", "list"]);
    // ET-78: the class reaches whoever waits for the task.
    dev.says(": auth, ").await;
    let preflight = ["preflight", "--config", "dev.toml"];
    let said = site.start("preflight.log", &preflight).ends_with(1).await;
    assert!(said.contains("closed (auth)"), "{said}");
    assert!(said.contains("no rule is missing"), "{said}");
    assert!(logged(&prod.log(), "task", &["work started"]).is_empty());
}

#[tokio::test]
async fn keys_are_renewed_while_work_runs() {
    let site = authenticated().await;
    let prod = site.serve("prod", "prod.log").await;
    let dev = site.serve("dev", "dev.log").await;
    let mut submit = site.submit("submit.log", &["--id", "t1", "deploy", "wait"]);
    submit.says("t1 accepted").await;
    let work = site.running_work().await;

    site.new_key("second.key").await;
    let mut before = "[\"first.key\"]";
    for step in [
        "[\"first.key\", \"second.key\"]",
        "[\"second.key\", \"first.key\"]",
        "[\"second.key\"]",
    ] {
        for name in ["dev", "prod"] {
            let file = format!("{name}.toml");
            site.replace(&file, before, step);
            let renew = ["renew-keys", "--config", &file];
            let said = site.start("renew.log", &renew).ends_with(0).await;
            assert!(said.contains("are renewed"), "{said}");
            // Between any two renewals both ends still understand each other.
            let query = ["query", "--config", "dev.toml", "t1"];
            let said = site.start("query.log", &query).ends_with(3).await;
            assert_eq!(said, "t1 destination: running");
        }
        before = step;
    }
    fs::remove_file(site.path("first.key")).expect("it is not needed any more");
    drop(work);
    assert!(submit.ends_with(0).await.ends_with("t1 completed"));
    assert_eq!(logged(&prod.log(), "task", &["work started"]), ["t1"]);
    assert!(!dev.log().contains("not-authenticated"), "{}", dev.log());

    // A key that cannot be read changes nothing, and is named.
    site.replace("dev.toml", "second.key", "third.key");
    let renew = ["renew-keys", "--config", "dev.toml"];
    site.start("renew.log", &renew).ends_with(2).await;
    let log = fs::read_to_string(site.path("renew.log")).expect("a log");
    assert!(log.contains("cannot read the key file"), "{log}");
}

#[tokio::test]
async fn a_restart_with_another_key_loses_nothing() {
    let site = authenticated().await;
    let _prod = site.serve("prod", "prod.log").await;
    let mut submit = site.submit("submit.log", &["--id", "t1", "deploy", "wait"]);
    submit.says("t1 accepted").await;
    let work = site.running_work().await;
    submit.terminate().await;
    submit.ends_with(3).await;
    site.new_key("second.key").await;
    let both = "[\"first.key\", \"second.key\"]";
    site.replace("prod.toml", "[\"first.key\"]", both);
    let renew = ["renew-keys", "--config", "prod.toml"];
    site.start("renew.log", &renew).ends_with(0).await;
    drop(work);
    // dev comes back with both, the new one first.
    let both = "[\"second.key\", \"first.key\"]";
    site.replace("dev.toml", "[\"first.key\"]", both);
    let resumed = site.submit("resumed.log", &["resume"]);
    let said = resumed.ends_with(0).await;
    assert!(said.ends_with("t1 completed"), "{said}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_secret_that_others_can_read_is_refused_by_file_line_and_key() {
    use std::os::unix::fs::PermissionsExt as _;

    let site = Site::new();
    site.new_key("open.key").await;
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(site.path("open.key"), open).expect("ours");
    let keys = "authentication = \"mac\"\nkey_files = [\"open.key\"]\n";
    let log = complaint(&site, keys).await;
    assert!(log.contains("is open to others (mode 644)"), "{log}");
    assert!(
        log.contains("dev.toml:7:13") && log.contains("chmod 600"),
        "{log}"
    );
}

#[tokio::test]
async fn keys_and_certificates_that_cannot_be_meant_are_refused() {
    for (keys, words) in [
        ("authentication = \"mac\"\n", "0 key files"),
        ("key_files = [\"a.key\"]\n", "`key_files` without use"),
        (
            "authentication = \"mac\"\nkey_files = [\"no.key\"]\n",
            "cannot read the key file",
        ),
        (
            "authentication = \"tls\"\n",
            "without a certificate to show",
        ),
        ("authentication = \"mad\"\n", "`mac`"),
    ] {
        let log = complaint(&Site::new(), keys).await;
        assert!(log.contains(words), "{keys}: {log}");
    }
}

/// What `dev` finds out about `prod`, which serves; and what prod logs.
async fn refused_certificate(site: &Site) -> (String, String) {
    let prod = site.serve("prod", "prod.log").await;
    let preflight = ["preflight", "--config", "dev.toml"];
    let said = site.start("preflight.log", &preflight).ends_with(1).await;
    assert!(!said.contains("nft "), "{said}");
    (said, prod.log())
}

#[tokio::test]
async fn an_expired_certificate_is_told_by_who_has_it_and_by_who_refuses_it() {
    let site = Site::new();
    let certificates = Certificates::of("one");
    certificates.give(&site, "dev");
    let over = today().start..today().start + Duration::from_secs(60);
    certificates.give_for(&site, "prod", over);
    let (said, log) = refused_certificate(&site).await;
    let verdict = "closed (auth): the peer's certificate has expired, by this host's clock";
    assert!(said.contains(verdict), "{said}");
    let own = "this environment's certificate has expired, by this host's clock";
    assert!(log.contains(own), "{log}");
    assert!(log.contains("own-certificate-expired"), "{log}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_told_from_an_expired_one() {
    let site = Site::new();
    Certificates::of("one").give(&site, "dev");
    Certificates::of("another").give(&site, "prod");
    let (said, log) = refused_certificate(&site).await;
    let verdict = "the peer's certificate is from an authority that is not trusted here";
    assert!(said.contains(verdict), "{said}");
    assert!(
        log.contains("own-certificate-of-unknown-authority"),
        "{log}"
    );
    assert!(!log.contains("has expired"), "{log}");
}
