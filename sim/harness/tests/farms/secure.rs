//! HTTPS, passwords and certificates, as curl sees them.

use crate::town::Town;

/// What every caller asks.
const CALL: &str = "GetVirtualServersInformation";

/// An authority, a certificate for the server, and two for callers.
pub(crate) fn town_with_certificates() -> Town {
    let town = Town::new();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    town.run(
        "openssl",
        &format!(
            "req -x509 {key} -subj /CN=authority -keyout authority.key -out authority.pem \
             -addext keyUsage=critical,keyCertSign"
        ),
    );
    for (name, names) in [
        ("localhost", "DNS:localhost,IP:127.0.0.1"),
        ("deployer", "DNS:deployer"),
        ("stranger", "DNS:stranger"),
    ] {
        town.run(
            "openssl",
            &format!(
                "req -x509 {key} -subj /CN={name} -keyout {name}.key -out {name}.pem \
                 -CA authority.pem -CAkey authority.key -addext subjectAltName={names} \
                 -addext extendedKeyUsage=serverAuth,clientAuth \
                 -addext basicConstraints=critical,CA:FALSE"
            ),
        );
    }
    town
}

/// The keys for the certificate of `localhost`.
pub(crate) const TLS: &str = "[tls]\ncertificate = \"localhost.pem\"\nkey = \"localhost.key\"\n";

/// curl's options for the authority.
const BELIEVE: [&str; 2] = ["--cacert", "authority.pem"];

pub(crate) fn passwords() {
    let town = town_with_certificates();
    town.write("password", "correct horse\n");
    let more = "[[account]]\nname = \"deployer\"\npassword_file = \"password\"\n";
    let port = town.target(
        "target",
        &format!("require_secure_connection = true\n{more}{TLS}"),
    );
    let _farm = town.serve("target");
    let url = format!("https://localhost:{port}");
    let ask = |options: &[&str]| town.curl(&url, CALL, &[&BELIEVE, options].concat());

    let (status, body) = ask(&["--user", "deployer:correct horse"]);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("http://intranet"), "{body}");
    for options in [
        &[][..],
        &["--user", "deployer:wrong horse"],
        &["--user", "somebody:correct horse"],
        &["--header", "Authorization: Basic ====="],
    ] {
        let (status, body) = ask(options);
        assert_eq!(
            (status, body.contains("intranet")),
            (401, false),
            "{options:?}"
        );
    }
    // Who does not believe the authority hears nothing, and TLS is not skipped.
    assert_eq!(
        town.curl(&url, CALL, &["--user", "deployer:correct horse"])
            .0,
        0
    );
    let plain = url.replace("https", "http");
    assert_eq!(
        town.curl(&plain, CALL, &["--user", "deployer:correct horse"])
            .0,
        0
    );
}

pub(crate) fn certificates() {
    let town = town_with_certificates();
    let more = "authorities = \"authority.pem\"\ncallers = [\"deployer\"]\n";
    let port = town.target("target", &format!("{TLS}{more}"));
    let _farm = town.serve("target");
    let url = format!("https://localhost:{port}");
    let show = |name: &str| {
        let files = [format!("{name}.pem"), format!("{name}.key")];
        let options = ["--cert", &files[0], "--key", &files[1]];
        town.curl(&url, CALL, &[&BELIEVE[..], &options].concat())
    };
    let (status, body) = show("deployer");
    assert_eq!(status, 200, "{body}");
    assert_eq!(show("stranger").0, 403);
    // Without a certificate there is no way to say who one is.
    let (status, body) = town.curl(&url, CALL, &BELIEVE);
    assert!(matches!(status, 0 | 403), "{status} {body}");
}

pub(crate) fn required() {
    let town = Town::new();
    let port = town.target("target", "require_secure_connection = true");
    let _farm = town.serve("target");
    let (status, body) = town.curl(&format!("http://127.0.0.1:{port}"), CALL, &[]);
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("rule=\"insecure-connection\""), "{body}");
}
