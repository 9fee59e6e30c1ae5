//! Certificates and keys that cannot be used say so, with the name of the file.

use std::error::Error;
use std::fs;

use portcullis_net::Objection;
use portcullis_tls::{Identity, IdentityProblem};

use crate::site::{MARGIN, authority, span};

#[test]
fn the_name_is_a_dns_name_that_means_one_host() -> Result<(), Box<dyn Error>> {
    let authority = authority("the authority");
    let own = authority.certificate_pem();
    let read = |name| {
        let (certificate, key) = authority.issue_pem(name, span());
        Identity::from_pem(certificate.as_bytes(), key.as_bytes(), own.as_bytes())
    };
    let identity = read("dev")?;
    assert_eq!(identity.names(), ["dev"]);
    assert_eq!(format!("{identity:?}"), "Identity { names: [\"dev\"], .. }");
    let problem = read("*.dev").map(|_| ()).map_err(|error| error.problem);
    assert!(
        matches!(problem, Err(IdentityProblem::Nameless)),
        "{problem:?}"
    );
    Ok(())
}

#[test]
fn a_certificate_whose_time_is_not_now_is_known_to_its_owner() -> Result<(), Box<dyn Error>> {
    let ours = authority("the authority");
    // Whoever issued it need not be trusted here.
    let identity = ours.issue("dev", span(), &authority("another"));
    let now = span().start + MARGIN;
    assert_eq!(identity.untimely(now), None);
    let long = 2 * MARGIN;
    assert_eq!(identity.untimely(now + long), Some(Objection::Expired));
    assert_eq!(identity.untimely(now - long), Some(Objection::NotYetValid));
    Ok(())
}

/// Certificate, key and authorities; what is wrong, in which file, and why.
const CASES: &str = "
absent dev.key dev.pem | certificate | absent | cannot be read
empty dev.key dev.pem | certificate | empty | no certificate in it
broken dev.key dev.pem | certificate | broken | not PEM
nonsense dev.key dev.pem | certificate | nonsense | cannot be used
dev.pem absent dev.pem | private key | absent | cannot be read
dev.pem empty dev.pem | private key | empty | no private key in it
dev.pem dev.pem dev.pem | private key | dev.pem | no private key in it
dev.pem other.key dev.pem | private key | other.key | cannot be used with
dev.pem dev.key empty | authorities | empty | no certificate in it
dev.pem dev.key nonsense | authorities | nonsense | cannot be used
";

#[test]
fn a_problem_is_told_with_its_file() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = |name: &str| directory.path().join(name);
    let authority = authority("the authority");
    let (certificate, key) = authority.issue_pem("dev", span());
    let (_, other_key) = authority.issue_pem("prod", span());
    let broken = certificate.replace("-----END CERTIFICATE-----", "");
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let files = [
        ("dev.pem", certificate.as_str()),
        ("dev.key", &key),
        ("other.key", &other_key),
        ("empty", "nothing of the kind\n"),
        ("broken", &broken),
        ("nonsense", nonsense),
    ];
    for (name, text) in files {
        fs::write(path(name), text)?;
    }
    for case in CASES.trim().lines() {
        let mut columns = case.split(" | ");
        let mut column = || columns.next().unwrap_or_default();
        let (given, part, file, reason) = (column(), column(), column(), column());
        let given: Vec<_> = given.split(' ').map(path).collect();
        let [certificate, key, authorities] = given.as_slice() else {
            return Err(format!("three files, not {given:?}").into());
        };
        let read = Identity::from_pem_files(certificate, key, authorities);
        let told = read.map(|_| ()).map_err(|error| error.to_string());
        let told = told.expect_err("one of the files is bad");
        let place = format!("{part} in {} ", path(file).display());
        assert!(
            told.starts_with(&place),
            "{told} does not start with {place}"
        );
        assert!(told.contains(reason), "{told} does not say: {reason}");
    }
    Ok(())
}
