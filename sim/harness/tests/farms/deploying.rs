//! A farm that deploys to another: over HTTPS, and as a browser sees it.

use std::fs;
use std::process::Command;

use crate::secure::{TLS, town_with_certificates};
use crate::town::{Town, free_port};

/// Writes the configuration of a farm that deploys a tree of one file; its port.
fn write_source(town: &Town, more: &str) -> u16 {
    let port = free_port();
    town.write("content/index.html", "<p>welcome</p>");
    let text = format!(
        "server = \"source\"\nstate = \"source\"\nport = {port}\n\
         [[source]]\nname = \"staging\"\ndirectory = \"content\"\n\
         [timers]\ntimer_service = \"50ms\"\n{more}"
    );
    town.write("source.toml", &text);
    port
}

/// Runs a command of the source: its exit code, and everything that it said.
fn deployment(town: &Town, arguments: &[&str]) -> (Option<i32>, String) {
    let all = [&["deployment", "--config", "source.toml"], arguments].concat();
    let output = town.portcullis(&all).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

/// Defines a path to `url`, and along it the job `news & more`.
fn define(town: &Town, url: &str) {
    let path = [
        "define-path",
        "production",
        "--source",
        "staging",
        "--to",
        url,
    ];
    let target = [
        "--web-application",
        "http://intranet",
        "--site-collection",
        "/",
    ];
    let defined = deployment(town, &[&path[..], &target].concat());
    assert_eq!(defined, (Some(0), String::new()));
    let job = deployment(town, &["define-job", "news & more", "--path", "production"]);
    assert_eq!(job.0, Some(0), "{}", job.1);
}

pub(crate) fn over_https() {
    let town = town_with_certificates();
    town.write("password", "correct horse\n");
    // The import server's address has to be one that its certificate names.
    let port = free_port();
    let url = format!("https://localhost:{port}");
    let account = "[[account]]\nname = \"deployer\"\npassword_file = \"password\"\n";
    let more = format!("administration_url = \"{url}\"\n{account}{TLS}");
    town.target_at(port, "target", &more);
    let _target = town.serve("target");
    write_source(
        &town,
        &format!(
            "[deployments]\nauthorities = \"authority.pem\"\npolling_interval = \"100ms\"\n\
             [[target]]\nadministration_url = \"{url}\"\naccount = \"deployer\"\n\
             password_file = \"password\"\n"
        ),
    );
    let _source = town.serve("source");
    define(&town, &url);
    let (code, said) = deployment(&town, &["run", "news & more"]);
    assert_eq!(code, Some(0), "{said}");
    let deployed = fs::read_to_string(town.path("target-site/index.html"));
    assert_eq!(deployed.expect("it is deployed"), "<p>welcome</p>");

    // Another name for the same farm is not in its certificate.
    let (code, said) = deployment(&town, &["offers", &format!("https://127.0.0.1:{port}")]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("does not have the peer's name"), "{said}");
    // The source believes an authority that has not signed it.
    town.run(
        "openssl",
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=other \
         -keyout other.key -out other.pem -addext keyUsage=critical,keyCertSign",
    );
    let text = fs::read_to_string(town.path("source.toml")).expect("a configuration");
    let astray = text.replace("authority.pem", "other.pem");
    town.write("source.toml", &astray);
    let (code, said) = deployment(&town, &["offers", &url]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("an authority that is not trusted"), "{said}");
    // Nobody is let in with another password, or without the account.
    town.write("wrong", "wrong horse\n");
    let (before, after) = text.split_once("[[target]]").expect("a target");
    let after = after.replace("\"password\"", "\"wrong\"");
    town.write("source.toml", &format!("{before}[[target]]{after}"));
    let (code, said) = deployment(&town, &["offers", &url]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("does not let deployer in"), "{said}");
    town.write("source.toml", before);
    let (code, said) = deployment(&town, &["offers", &url]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("does not know who calls"), "{said}");
}

/// A source whose own site is HTTPS deploys to a target without, as users of the product asked.
pub(crate) fn from_https() {
    let town = town_with_certificates();
    let target_port = town.target("target", "");
    let _target = town.serve("target");
    let secure = format!("[deployments]\npolling_interval = \"100ms\"\n{TLS}");
    let port = write_source(&town, &secure);
    let _source = town.serve("source");
    define(&town, &format!("http://127.0.0.1:{target_port}"));
    let (code, said) = deployment(&town, &["run", "news & more"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(town.path("target-site/index.html").exists());
    let page = Command::new("curl")
        .args(["--silent", "--cacert"])
        .arg(town.path("authority.pem"))
        .arg(format!(
            "https://localhost:{port}/_admin/DeploymentJobs.aspx"
        ))
        .output()
        .expect("curl runs");
    let page = String::from_utf8(page.stdout).expect("text");
    assert!(page.contains("succeeded"), "{page}");
}

/// What the disk refuses the target's operator finds in the log, and callers are told no paths.
pub(crate) fn with_a_disk_that_refuses() {
    // A file where a directory belongs stops everybody, root included.
    for (in_place_of, named, told) in [
        (
            "target/temporary/.incoming",
            "target/temporary/.incoming/0.part",
            "503",
        ),
        ("target-site", "target-site/.portcullis", "the disk refused"),
    ] {
        let town = Town::new();
        let target_port = town.target("target", "");
        let _target = town.serve("target");
        write_source(
            &town,
            "[deployments]\npolling_interval = \"100ms\"\nattempts = 1\n",
        );
        let _source = town.serve("source");
        define(&town, &format!("http://127.0.0.1:{target_port}"));
        fs::remove_dir(town.path(in_place_of)).ok();
        town.write(in_place_of, "in the way");

        let (code, said) = deployment(&town, &["run", "news & more"]);
        assert_ne!(code, Some(0), "{said}");
        let (_, status) = deployment(&town, &["status", "news & more"]);
        assert!(status.contains(told), "{status}");
        let log = fs::read_to_string(town.path("target.log")).expect("a log");
        let path = town.path(named).display().to_string();
        assert!(log.contains(&path), "{path}: {log}");
        let here = town.path("target").display().to_string();
        assert!(!(said + &status).contains(&here), "{status}");
    }
}

pub(crate) fn in_a_browser() {
    let town = Town::new();
    let target_port = town.target("target", "");
    let _target = town.serve("target");
    let port = write_source(&town, "[deployments]\npolling_interval = \"100ms\"\n");
    let _source = town.serve("source");
    define(&town, &format!("http://127.0.0.1:{target_port}"));
    let site = format!("http://127.0.0.1:{port}/_admin");
    let list = browse(&town, &format!("{site}/DeploymentJobs.aspx"));
    assert!(list.contains("never run"), "{list}");
    let (code, said) = deployment(&town, &["run", "news & more"]);
    assert_eq!(code, Some(0), "{said}");
    let list = browse(&town, &format!("{site}/DeploymentJobs.aspx"));
    let link = "<a href=\"/_admin/DeploymentJob.aspx?job=news%20%26%20more\">news &amp; more</a>";
    assert!(list.contains(link) && list.contains("succeeded"), "{list}");
    let job = browse(
        &town,
        &format!("{site}/DeploymentJob.aspx?job=news%20%26%20more"),
    );
    for words in [
        "<b>Success</b>",
        "Target last told",
        "the import job is deleted",
    ] {
        assert!(job.contains(words), "{words}: {job}");
    }
}

/// What a browser makes of a page.
fn browse(town: &Town, url: &str) -> String {
    let profile = format!("--user-data-dir={}", town.path("profile").display());
    let options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        &profile,
        "--dump-dom",
    ];
    let output = Command::new("chromium").args(options).arg(url).output();
    let output = output.expect("it runs");
    let page = String::from_utf8(output.stdout).expect("text");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(page.contains("</html>"), "{said}");
    page
}
