//! Which crate may depend on which (ARCHITECTURE.md draws the same picture).

use cargo_metadata::{DependencyKind, MetadataCommand};

use super::{assert_none, files, root};

/// Each crate with the crates of this project that it may depend on. What is not here is forbidden.
const ARROWS: &[(&str, &[&str])] = &[
    ("portcullis-net", &[]),
    ("portcullis-xml", &[]),
    ("portcullis-network", &[]),
    ("portcullis-reports", &[]),
    ("portcullis-store", &["portcullis-net"]),
    ("portcullis-tls", &["portcullis-net"]),
    (
        "portcullis-agent",
        &["portcullis-net", "portcullis-store", "portcullis-xml"],
    ),
    (
        "portcullis-web-service",
        &["portcullis-net", "portcullis-store", "portcullis-xml"],
    ),
    (
        "portcullis-harness",
        &[
            "portcullis-agent",
            "portcullis-net",
            "portcullis-network",
            "portcullis-reports",
            "portcullis-store",
            "portcullis-tls",
            "portcullis-web-service",
            "portcullis-xml",
        ],
    ),
    (
        "portcullis-fuzz",
        &[
            "portcullis-agent",
            "portcullis-harness",
            "portcullis-network",
            "portcullis-web-service",
            "portcullis-xml",
        ],
    ),
    (
        "portcullis-scenarios",
        &["portcullis-harness", "portcullis-reports"],
    ),
    (
        "portcullis-benches",
        &[
            "portcullis-agent",
            "portcullis-harness",
            "portcullis-net",
            "portcullis-network",
            "portcullis-reports",
            "portcullis-store",
            "portcullis-xml",
        ],
    ),
];

/// Libraries that only the named crates may use; benches compare, so they may name both.
const DOORS: &[(&str, &[&str])] = &[
    ("turmoil", &["portcullis-harness", "portcullis-benches"]),
    ("quick-xml", &["portcullis-xml", "portcullis-benches"]),
    ("rusqlite", &["portcullis-store"]),
    ("rustls", &["portcullis-tls"]),
    ("tokio-rustls", &["portcullis-tls"]),
    ("tokio-postgres", &["portcullis-store"]),
];

/// What is wrong with the dependency of `from` on `to`, if anything.
fn complaint(from: &str, to: &str) -> Option<String> {
    if let Some((_, users)) = DOORS.iter().find(|(library, _)| *library == to) {
        return (!users.contains(&from))
            .then(|| format!("{from} names {to}: only {} may", users.join(" and ")));
    }
    if !to.starts_with("portcullis-") {
        return None;
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
        return Some(format!(
            "{from} is a new crate: draw its arrows here and in ARCHITECTURE.md"
        ));
    };
    (!allowed.contains(&to)).then(|| format!("{from} may not depend on {to}"))
}

#[test]
fn every_dependency_follows_an_arrow() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace");
    assert_eq!(
        metadata.packages.len(),
        ARROWS.len(),
        "a crate without arrows, or arrows without crate"
    );
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            if dependency.kind != DependencyKind::Development {
                complaints.extend(complaint(&package.name, &dependency.name));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn a_forbidden_arrow_is_noticed() {
    assert!(complaint("portcullis-agent", "portcullis-network").is_some());
    assert!(complaint("portcullis-agent", "turmoil").is_some());
    assert!(complaint("portcullis-harness", "rustls").is_some());
    assert!(complaint("portcullis-new", "portcullis-net").is_some());
    assert_eq!(complaint("portcullis-harness", "turmoil"), None);
}

/// The parts of the harness that serve every protocol alike.
const GENERAL: &[&str] = &["engine", "scenario", "check", "run"];

/// Words that only an adapter module may use.
const PROTOCOL_WORDS: &[&str] = &[
    "portcullis_agent",
    "environment_transfer",
    "web_service",
    "mesh",
];

#[test]
fn engines_scenarios_checks_and_runs_name_no_protocol() {
    let mut complaints = Vec::new();
    for file in files("rs") {
        let Some(rest) = file.path.strip_prefix("sim/harness/src/") else {
            continue;
        };
        let module = rest.split(['/', '.']).next().unwrap_or_default();
        if !GENERAL.contains(&module) {
            continue;
        }
        for (index, line) in file.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(word) = PROTOCOL_WORDS.iter().find(|word| code.contains(**word)) {
                let path = &file.path;
                complaints.push(format!(
                    "{path}:{}: `{word}` belongs in src/protocols",
                    index + 1
                ));
            }
        }
    }
    assert_none(&complaints);
}

/// The first release without RUSTSEC-2026-0194 and RUSTSEC-2026-0195.
const QUICK_XML_MINOR_MIN: u32 = 41;

#[test]
fn quick_xml_is_at_or_above_the_fixed_version() {
    // ET-70: read from the lock file, which decides what is built.
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock is committed");
    let versions: Vec<&str> = lock
        .split("[[package]]")
        .filter(|package| package.contains("name = \"quick-xml\""))
        .filter_map(|package| package.split("version = \"").nth(1)?.split('"').next())
        .collect();
    assert!(!versions.is_empty(), "quick-xml is not in the lock file");
    for version in versions {
        let mut numbers = version
            .split('.')
            .map(|number| number.parse::<u32>().unwrap_or(0));
        let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        assert!(
            major > 0 || minor >= QUICK_XML_MINOR_MIN,
            "quick-xml {version} is vulnerable"
        );
    }
}
