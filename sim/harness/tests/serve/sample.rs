//! The sample configuration, as the README runs it.

use std::fs;
use std::path::Path;

use crate::site::Site;

/// Copies a directory of the project into the site, with some texts replaced.
fn copy(site: &Site, from: &Path, to: &str, replaced: &[(&str, String)]) {
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let to = format!("{to}/{name}");
        if path.is_dir() {
            copy(site, &path, &to, replaced);
        } else {
            let text = fs::read_to_string(&path).expect("text");
            site.write(&to, with(text, replaced));
        }
    }
}

fn with(text: String, replaced: &[(&str, String)]) -> String {
    let replaced = replaced.iter();
    replaced.fold(text, |text, (from, to)| text.replace(from, to))
}

#[tokio::test]
async fn the_sample_works_as_printed() {
    let site = Site::new();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ports = [
        ("16102", site.remote_port.to_string()),
        ("16101", site.local_port.to_string()),
    ];
    copy(
        &site,
        &project.join("impl/agent/examples"),
        "examples",
        &ports,
    );
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

/// The arguments of every `portcullis deployment` that the README has, up to where the network is
/// gone.
fn printed(readme: &str) -> Vec<Vec<String>> {
    let readme = readme.replace("\\\n", " ");
    let lines = readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ portcullis "));
    let lines = lines.filter(|line| line.starts_with("deployment "));
    let lines = lines.take_while(|line| !line.contains("--detach"));
    lines
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

#[tokio::test]
async fn two_farms_work_as_printed() {
    let site = Site::new();
    let replaced = [
        ("18080", site.remote_port.to_string()),
        ("18081", site.local_port.to_string()),
        // Nobody wants to wait for it.
        (
            "polling_interval = \"10s\"",
            "polling_interval = \"100ms\"".to_owned(),
        ),
    ];
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    copy(
        &site,
        &project.join("impl/web-service/examples"),
        ".",
        &replaced,
    );
    let mut farms = Vec::new();
    for name in ["target", "source"] {
        let (log, config) = (format!("{name}.log"), format!("{name}.toml"));
        let mut farm = site.start(&log, &["serve", "web-service", "--config", &config]);
        farm.says("is ready").await;
        farms.push(farm);
    }
    let readme = fs::read_to_string(project.join("README.md")).expect("text");
    let commands = printed(&with(readme, &replaced));
    assert_eq!(commands.len(), 4, "{commands:?}");
    for command in commands {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        site.start("command.log", &arguments).ends_with(0).await;
    }
    assert!(site.path("sites/news/news/today.html").exists());
}
