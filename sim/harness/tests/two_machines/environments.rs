//! What happens between two environments.

use std::fs;
use std::path::Path;
use std::time::Duration;

use portcullis_net::{Host, Randomness};
use portcullis_tls::simulated::Authority;

use crate::Story;
use crate::lab::{Lab, Running, run};

pub(crate) const STORIES: &[Story] = &[
    (
        "an_administrator_is_told_each_missing_rule_and_then_transfers_deploys_and_executes",
        rule_by_rule,
    ),
    (
        "certificates_of_both_machines_serve_as_well_as_a_shared_key",
        with_certificates,
    ),
    (
        "an_address_translation_and_a_wrong_key_are_not_taken_for_a_missing_rule",
        not_a_missing_rule,
    ),
];

const FORWARD: &str = "dev -> prod: forward";
const REVERSE: &str = "prod -> dev: reverse";

/// Both environments with the sample of the README; no agent runs yet.
fn environments() -> Lab {
    let lab = Lab::new(["dev", "prod"]);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../impl/agent/examples");
    for name in ["dev", "prod"] {
        let file = format!("{name}.toml");
        let sample = examples.join("two-machines").join(&file);
        let mut text = fs::read_to_string(sample).expect("the sample");
        // A closed port is found in seconds: nobody waits longer for a test than for a rule.
        text.push_str("[timers]\nconnect = \"4s\"\nprobe = \"5s\"\n");
        fs::write(lab.path(name).join(file), text).expect("written");
    }
    let (project, dev) = (examples.join("project"), lab.path("dev"));
    let [from, to] = [&project, &dev].map(|path| path.to_str().expect("text"));
    run("cp", &["-r", from, to]);
    lab
}

/// Starts the agent of a machine.
fn serve(lab: &Lab, machine: &str) -> Running {
    lab.serve(machine, "agent", &[])
}

/// The key of the link, made at dev and carried to prod, as the README says.
fn exchange_keys(lab: &Lab) {
    let (code, said) = lab.portcullis("dev", &["new-key", "dev-prod.key"]);
    assert_eq!(code, 0, "{said}");
    lab.shell("dev", "cp -p dev-prod.key ../prod/");
}

/// What preflight says at `machine`, and its exit code.
fn preflight(lab: &Lab, machine: &str) -> (i32, String) {
    let config = format!("{machine}.toml");
    lab.portcullis(machine, &["preflight", "--config", &config])
}

/// What was said about one direction.
fn about<'s>(said: &'s str, direction: &str) -> &'s str {
    let start = said
        .find(direction)
        .unwrap_or_else(|| panic!("{direction} in {said}"));
    let rest = &said[start..];
    let other = if direction == FORWARD {
        REVERSE
    } else {
        FORWARD
    };
    rest.split(other).next().unwrap_or(rest)
}

/// Runs each nftables line that was printed, exactly as it was, at the place it was printed for.
fn obey(lab: &Lab, said: &str) {
    let mut place = None;
    let mut obeyed = Vec::new();
    for line in said.lines() {
        let line = line.trim();
        if let Some(named) = line.strip_prefix("nftables, on ") {
            let machine = ["dev", "prod"]
                .into_iter()
                .find(|name| named.starts_with(name));
            place = Some(machine.unwrap_or("between"));
        } else if line.starts_with("nft ") {
            let place = place.expect("a line has a place");
            lab.shell(place, line);
            obeyed.push(place);
        }
    }
    obeyed.sort_unstable();
    assert_eq!(obeyed, ["between", "dev", "prod"], "{said}");
}

/// The three orders of the README's sample.
fn transfer_deploy_and_execute(lab: &Lab) {
    for order in [
        &["transfer", "project"][..],
        &["deploy", "list-tables"],
        &["execute", "count-rows"],
    ] {
        let head = ["submit", "--config", "dev.toml", "--log", "info"];
        let (code, said) = lab.portcullis("dev", &[&head, order].concat());
        assert_eq!(code, 0, "{said}\n{}", lab.log("prod"));
        assert!(said.contains(" completed"), "{said}");
        // ET-17: by a connection that prod opened to the local port.
        assert!(said.contains("local=192.0.2.10:16101"), "{said}");
    }
    let received = lab.path("prod").join("state/received/dev");
    assert_eq!(fs::read_dir(received).expect("received").count(), 1);
}

/// Rule by rule, from machines that can say nothing to each other to a task that has come home.
fn rule_by_rule() {
    let lab = environments();
    exchange_keys(&lab);
    let _prod = serve(&lab, "prod");

    // Row 8: rules between the two configured ports match no packet of this protocol.
    for (place, chain) in [("prod", "input"), ("dev", "output"), ("between", "forward")] {
        let rule = "tcp sport 16101 tcp dport 16102 accept";
        lab.shell(
            place,
            &format!("nft insert rule inet filter {chain} {rule}"),
        );
    }
    let (code, said) = preflight(&lab, "dev");
    assert_eq!(code, 1, "{said}");
    let forward = about(&said, FORWARD);
    assert!(forward.contains("closed (timed-out)"), "{said}");
    assert!(forward.contains("filtered or not listening"), "{said}");
    assert!(about(&said, REVERSE).contains("not tried"), "{said}");

    obey(&lab, &said);
    let (code, said) = preflight(&lab, "dev");
    assert_eq!(code, 1, "{said}");
    assert!(about(&said, FORWARD).contains("open: "), "{said}");
    let reverse = about(&said, REVERSE);
    assert!(reverse.contains("closed (timed-out)"), "{said}");
    assert!(reverse.contains("to dev 192.0.2.10 port 16101"), "{said}");
    // Without that rule the work is done and nobody hears of it: at prod that shows as well.
    let (code, said_at_prod) = preflight(&lab, "prod");
    assert_eq!(code, 1, "{said_at_prod}");
    assert!(about(&said_at_prod, REVERSE).contains("closed (timed-out)"));

    obey(&lab, &said);
    let (code, said) = preflight(&lab, "dev");
    assert_eq!(code, 0, "{said}");
    transfer_deploy_and_execute(&lab);
}

/// The rules of an open link, without the lines of a preflight.
fn open(lab: &Lab) {
    let forward = "ip saddr 192.0.2.10 tcp dport 16102 accept";
    let reverse = "ip saddr 198.51.100.20 tcp dport 16101 accept";
    for rule in [forward, reverse] {
        for (place, chain) in [
            ("prod", "input"),
            ("prod", "output"),
            ("dev", "input"),
            ("dev", "output"),
            ("between", "forward"),
        ] {
            lab.shell(
                place,
                &format!("nft insert rule inet filter {chain} {rule}"),
            );
        }
    }
}

/// TLS instead of a shared key: the same link with certificates of an authority of its own.
fn with_certificates() {
    let lab = environments();
    open(&lab);
    let now = Host::real("authority", [127, 0, 0, 1].into());
    let now = now.wall.now();
    let span = now..now + Duration::from_secs(24 * 3600);
    let authority = Authority::new("authority", span.clone(), &Randomness::from_os());
    for machine in ["dev", "prod"] {
        let (certificate, key) = authority.issue_pem(machine, span.clone());
        let file = |name: &str| lab.path(machine).join(name);
        fs::write(file("own.pem"), certificate).expect("written");
        fs::write(file("own.key"), key).expect("written");
        fs::write(file("authorities.pem"), authority.certificate_pem()).expect("written");
        lab.shell(machine, "chmod 600 own.key");
        lab.edit(
            machine,
            "authentication = \"mac\"",
            "authentication = \"tls\"",
        );
        lab.edit(machine, "key_files ", "# ");
        lab.edit(
            machine,
            "[timers]",
            "[tls]\ncertificate = \"own.pem\"\nkey = \"own.key\"\nauthorities = \"authorities.pem\"\n\
             [timers]",
        );
    }
    let _prod = serve(&lab, "prod");
    let (code, said) = preflight(&lab, "dev");
    assert_eq!(code, 0, "{said}");
    transfer_deploy_and_execute(&lab);
}

/// What no rule helps against is called by its name.
fn not_a_missing_rule() {
    let lab = environments();
    open(&lab);
    exchange_keys(&lab);
    lab.shell("prod", "rm dev-prod.key");
    let (code, said) = lab.portcullis("prod", &["new-key", "dev-prod.key"]);
    assert_eq!(code, 0, "{said}");
    let prod = serve(&lab, "prod");
    let (code, said) = preflight(&lab, "dev");
    assert_eq!(code, 1, "{said}");
    assert!(about(&said, FORWARD).contains("closed (auth)"), "{said}");
    assert!(said.contains("no rule is missing"), "{said}");
    assert!(!said.contains("nft "), "{said}");
    drop(prod);

    // Row 10: prod knows dev by an address that leads nowhere.
    lab.shell("dev", "cp -p dev-prod.key ../prod/");
    lab.edit("prod", "192.0.2.10", "203.0.113.7");
    let prod = serve(&lab, "prod");
    let (code, said) = preflight(&lab, "dev");
    assert_eq!(code, 1, "{said}");
    assert!(about(&said, FORWARD).contains("open: "), "{said}");
    let reverse = about(&said, REVERSE);
    assert!(reverse.contains("closed ("), "{said}");
    assert!(
        reverse.contains("this host's address towards prod is 192.0.2.10"),
        "{said}"
    );
    drop(prod);

    // Nobody listens, and nothing drops.
    let (code, said) = preflight(&lab, "dev");
    assert_eq!(code, 1, "{said}");
    assert!(about(&said, FORWARD).contains("closed (refused)"), "{said}");
}
