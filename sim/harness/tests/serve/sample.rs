//! The sample configuration, as the README runs it.

use std::fs;
use std::path::Path;

use crate::site::Site;

/// Copies a directory of the project into the site, with the ports of the site.
fn copy(site: &Site, from: &Path, to: &str) {
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let to = format!("{to}/{name}");
        if path.is_dir() {
            copy(site, &path, &to);
        } else {
            let text = fs::read_to_string(&path).expect("text");
            let text = text
                .replace("16102", &site.remote_port.to_string())
                .replace("16101", &site.local_port.to_string());
            site.write(&to, text);
        }
    }
}

#[tokio::test]
async fn the_sample_works_as_printed() {
    let site = Site::new();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    copy(&site, &project.join("impl/agent/examples"), "examples");
    let mut prod = site.start(
        "prod.log",
        &["serve", "agent", "--config", "examples/prod.toml"],
    );
    prod.says("prod is ready").await;
    for order in [
        ["transfer", "examples/project"],
        ["deploy", "list-tables"],
        ["execute", "count-rows"],
    ] {
        let mut arguments = vec!["submit", "--config", "examples/dev.toml"];
        arguments.extend(order);
        let submit = site.start("dev.log", &arguments);
        assert!(submit.ends_with(0).await.ends_with("completed"));
    }
    for (command, rest) in [
        ("submit", &["--id", "nightly", "execute", "count-rows"][..]),
        ("query", &["nightly"][..]),
    ] {
        let mut arguments = vec![command, "--config", "examples/dev.toml"];
        arguments.extend(rest);
        site.start("dev.log", &arguments).ends_with(0).await;
    }
    assert!(
        prod.log().contains("customer.sql"),
        "what the command wrote is logged"
    );
    assert!(site.path("examples/state/prod/received/dev").is_dir());
}
