//! Two farms that share a machine: `source` deploys to `target`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::site::{PATIENCE, Program, Site, free_port};

/// Their configurations and processes, in a directory of their own.
pub(crate) struct Farms {
    pub(crate) site: Site,
    pub(crate) source_port: u16,
    pub(crate) target_port: u16,
}

impl Farms {
    /// Farms with a content tree of two files; `deployments` are further keys of that table.
    pub(crate) fn new(deployments: &str) -> Self {
        let farms = Self {
            site: Site::new(),
            source_port: free_port(),
            target_port: free_port(),
        };
        farms.site.write("content/index.html", "<p>welcome</p>");
        farms.site.write("content/news/today.html", "<p>today</p>");
        let port = farms.source_port;
        farms.site.write(
            "source.toml",
            format!(
                "server = \"source\"\nstate = \"source\"\nport = {port}\n\
                 [[source]]\nname = \"staging\"\ndirectory = \"content\"\n\
                 [timers]\ntimer_service = \"50ms\"\n\
                 [deployments]\npolling_interval = \"100ms\"\nattempt_rest = \"100ms\"\n\
                 {deployments}"
            ),
        );
        farms.configure_target("50ms");
        farms
    }

    /// Writes the target's configuration: imports begin within `timer_service`.
    pub(crate) fn configure_target(&self, timer_service: &str) {
        let port = self.target_port;
        self.site.write(
            "target.toml",
            format!(
                "server = \"target\"\nstate = \"target\"\nport = {port}\n\
                 accept_incoming_jobs = true\n\
                 [[web_application]]\nname = \"Intranet\"\nurl = \"http://intranet\"\n\
                 [[site_collection]]\nweb_application = \"Intranet\"\npath = \"/sites/news\"\n\
                 directory = \"sites/news\"\n\
                 [timers]\ntimer_service = \"{timer_service}\"\n"
            ),
        );
    }

    /// Starts `serve web-service` and waits until it is ready.
    pub(crate) async fn serve(&self, name: &str) -> Program {
        let config = format!("{name}.toml");
        let log = format!("{name}.log");
        let mut program = self
            .site
            .start(&log, &["serve", "web-service", "--config", &config]);
        program.says("is ready").await;
        program
    }

    /// Starts `deployment` of the source.
    pub(crate) fn command(&self, arguments: &[&str]) -> Program {
        let mut all = vec!["deployment", "--config", "source.toml"];
        all.extend(arguments);
        self.site.start("command.log", &all)
    }

    /// The same, to its end with exit code `code`: what it said.
    pub(crate) async fn ends(&self, code: i32, arguments: &[&str]) -> String {
        self.command(arguments).ends_with(code).await
    }

    /// What the last command complained of.
    pub(crate) fn complaint(&self) -> String {
        std::fs::read_to_string(self.site.path("command.log")).expect("a log")
    }

    /// Defines the path `production`, with `rest`.
    pub(crate) async fn define_path(&self, rest: &[&str]) {
        let target = self.target_url();
        let mut path = vec!["define-path", "production", "--source", "staging"];
        path.extend(["--to", &target, "--web-application", "http://intranet"]);
        path.extend(["--site-collection", "/sites/news"]);
        path.extend(rest);
        self.ends(0, &path).await;
    }

    /// The same, and along it the job `nightly`.
    pub(crate) async fn define(&self, rest: &[&str]) {
        self.define_path(rest).await;
        self.ends(0, &["define-job", "nightly", "--path", "production"])
            .await;
    }

    /// Waits until `status nightly`, which ends with `code`, says `words`.
    pub(crate) async fn shows(&self, code: i32, words: &str) -> String {
        let start = Instant::now();
        loop {
            let (ended, said) = self.command(&["status", "nightly"]).ends().await;
            if ended == code && said.contains(words) {
                return said;
            }
            assert!(start.elapsed() < PATIENCE, "{words} in {said}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn target_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.target_port)
    }
}
