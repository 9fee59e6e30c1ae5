//! A scripted deploying farm: the calls of one deployment in their order.
//!
//! It stands for the source side as far as an import farm can tell (CD-47 to CD-52).

use std::time::Duration;

use portcullis_reports::Source;
use portcullis_web_service::codec::{self, Answer, SoapVersion};
use portcullis_web_service::message::{
    FileName, Guid, JobStatus, NewJob, Request, Response, UploadTarget,
};
use tokio::time::{Instant, sleep};

use super::announce::noted;
use super::cast;
use super::commands::Known;
use super::line::Visit;
use super::requests::{self, Address, Quotes};
use super::vocabulary::{effect, field};
use crate::engine::Node;
use crate::scenario::{Plan, Table};

/// How long a caller waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How often a call that may be repeated without harm is made in a row.
const ATTEMPTS: u32 = 5;

/// How long it rests in between.
const REST: Duration = Duration::from_secs(5);

/// One deployment, as a scenario plans it.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    /// What the scenario calls the job.
    alias: String,
    address: Address,
    /// How the import server is reached, by its host's name.
    servers: Vec<Address>,
    version: SoapVersion,
    order: NewJob,
    files: Vec<(FileName, Vec<u8>)>,
    poll: Duration,
    timeout: Duration,
    runs: bool,
    deletes: bool,
}

/// Why a deployment was given up: at which step, and why.
struct GivenUp(&'static str, String);

/// Why a call has no response.
pub(super) enum Failed {
    /// The farm says so.
    Refused(String),
    /// There was no answer, or none that can be read.
    Silent(&'static str),
    /// The farm's own trouble, which may pass.
    Troubled,
}

impl Failed {
    /// In words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Refused(why) => why.clone(),
            Self::Silent(ending) => format!("no answer: {ending}"),
            Self::Troubled => "the farm cannot answer at present".to_owned(),
        }
    }
}

/// The version of SOAP that a step of the scenario speaks.
pub(super) fn version(table: &Table) -> SoapVersion {
    match table.text("soap") {
        Some("1.2") => SoapVersion::V12,
        _ => SoapVersion::V11,
    }
}

/// Calls an operation once.
pub(super) async fn ask(
    node: &Node,
    address: &Address,
    version: SoapVersion,
    request: &Request,
) -> Result<Response, Failed> {
    let visit = Visit::asking(requests::call(address, version, request), PATIENCE);
    let net = &node.host.net;
    let (heard, ending) = visit.make(net, &address.host, address.port, || {}).await;
    if !heard.is_whole() {
        return Err(Failed::Silent(ending.name()));
    }
    match codec::read_answer(&heard.body) {
        Ok((_, Answer::Response(response))) => Ok(response),
        Ok((_, Answer::Fault(fault))) => match fault.rule.as_deref() {
            Some("unavailable") => Err(Failed::Troubled),
            _ => Err(Failed::Refused(fault.rule.unwrap_or(fault.text))),
        },
        Err(_) => Err(Failed::Refused(heard.code.to_string())),
    }
}

impl Deployment {
    /// The deployment in the table `deploy` of a step.
    pub(super) fn of(plan: &Plan, deploy: &Table) -> Self {
        let text = |key| deploy.text(key).unwrap_or_default();
        let (from, alias) = (text("from"), text("as"));
        let size = deploy.quantity("size").unwrap_or_default();
        let count = deploy.quantity("files").unwrap_or_default();
        let files = (1..=count).map(|number| {
            let name = format!("ExportedFiles{number}.cab");
            let content = cast::content(plan, &format!("{alias} {number}"), size);
            (FileName::new(&name).expect("a word with a number is a name"), content)
        });
        let servers = plan.hosts.iter().filter(|host| {
            host.keys.text("role") == Some(super::IMPORT_FARM)
        });
        Self {
            alias: alias.to_owned(),
            address: cast::address(plan, from, text("to")),
            servers: servers.map(|server| cast::address(plan, from, &server.name)).collect(),
            version: version(deploy),
            order: cast::new_job(plan, deploy),
            files: files.collect(),
            poll: deploy.duration("poll").unwrap_or_default(),
            timeout: deploy.duration("timeout").unwrap_or_default(),
            runs: deploy.flag("run"),
            deletes: deploy.flag("delete"),
        }
    }

    /// Carries it out, and tells how it ended.
    pub(super) async fn carry_out(&self, node: &Node) {
        let event = match self.steps(node).await {
            Ok(status) => noted(
                effect::DEPLOYMENT_ENDED,
                [
                    (field::JOB, Some(self.alias.clone())),
                    (field::STATUS, status.map(|status| status.name().to_owned())),
                ],
            ),
            Err(GivenUp(step, why)) => noted(
                effect::DEPLOYMENT_FAILED,
                [
                    (field::JOB, Some(self.alias.clone())),
                    (field::STEP, Some(step.to_owned())),
                    (field::REASON, Some(why)),
                ],
            ),
        };
        node.recorder.record(Source::Harness, event);
    }

    async fn steps(&self, node: &Node) -> Result<Option<JobStatus>, GivenUp> {
        let import_server = self.import_server(node).await?;
        let request = Request::CreateJob(self.order.clone());
        let job = match self.insist(node, &import_server, "create", 1, &request).await? {
            Response::CreateJob(job) => job,
            other => return Err(unexpected("create", &other)),
        };
        Known::of(node).learn(node, &self.alias, job);
        for (name, content) in &self.files {
            self.upload(node, &import_server, job, name, content).await?;
        }
        if !self.runs {
            return Ok(None);
        }
        let run = Request::RunJob { job };
        self.insist(node, &import_server, "run", 1, &run).await?;
        let status = self.watch(node, &import_server, job).await?;
        if self.deletes {
            let delete = Request::DeleteJob { job };
            self.insist(node, &import_server, "delete", ATTEMPTS, &delete).await?;
        }
        Ok(Some(status))
    }

    /// CD-47: first of all, which server imports.
    async fn import_server(&self, node: &Node) -> Result<Address, GivenUp> {
        let request = Request::GetRemoteAdminServerUrl {
            client_version: "16.0".to_owned(),
        };
        let url = match self.insist(node, &self.address, "ask", ATTEMPTS, &request).await? {
            Response::GetRemoteAdminServerUrl(url) => url,
            other => return Err(unexpected("ask", &other)),
        };
        let mut servers = self.servers.iter();
        let found = servers.find(|server| url == format!("http://{}:{}", server.host, server.port));
        found.cloned().ok_or_else(|| GivenUp("ask", format!("{url} is nowhere")))
    }

    /// Calls an operation, again while the farm is in trouble or does not answer.
    async fn insist(
        &self,
        node: &Node,
        address: &Address,
        step: &'static str,
        attempts: u32,
        request: &Request,
    ) -> Result<Response, GivenUp> {
        let mut attempt = 1;
        loop {
            match ask(node, address, self.version, request).await {
                Ok(response) => return Ok(response),
                Err(Failed::Silent(_) | Failed::Troubled) if attempt < attempts => {
                    attempt += 1;
                    sleep(REST).await;
                }
                Err(failed) => return Err(GivenUp(step, failed.reason())),
            }
        }
    }

    /// CD-43: one request for each file, again until it is taken.
    async fn upload(
        &self,
        node: &Node,
        address: &Address,
        job: Guid,
        name: &FileName,
        content: &[u8],
    ) -> Result<(), GivenUp> {
        let file = name.clone();
        let target = UploadTarget { file, job };
        let octets = requests::upload(address, &target, content, Quotes::None);
        let visit = Visit::asking(octets, PATIENCE);
        let mut attempt = 1;
        loop {
            let net = &node.host.net;
            let (heard, ending) = visit.make(net, &address.host, address.port, || {}).await;
            match heard.code {
                200..=299 if heard.is_whole() => return Ok(()),
                0 | 503 if attempt < ATTEMPTS => {
                    attempt += 1;
                    sleep(REST).await;
                }
                0 => return Err(GivenUp("upload", format!("no answer: {}", ending.name()))),
                // CD-45: a failed transfer, whatever the code.
                code => return Err(GivenUp("upload", code.to_string())),
            }
        }
    }

    /// CD-49, CD-50: asks for the status until it is final or has not changed for too long.
    async fn watch(
        &self,
        node: &Node,
        address: &Address,
        job: Guid,
    ) -> Result<JobStatus, GivenUp> {
        let request = Request::GetJobStatus { job };
        let (mut last, mut changed) = (None, Instant::now());
        loop {
            sleep(self.poll).await;
            match ask(node, address, self.version, &request).await {
                Ok(Response::GetJobStatus(now)) => {
                    if now.status.is_final() {
                        return Ok(now.status);
                    }
                    if last != Some(now.status) {
                        (last, changed) = (Some(now.status), Instant::now());
                    }
                }
                Ok(other) => return Err(unexpected("poll", &other)),
                // A poll that fails is one poll less.
                Err(Failed::Silent(_) | Failed::Troubled) => {}
                Err(refused) => return Err(GivenUp("poll", refused.reason())),
            }
            if changed.elapsed() >= self.timeout {
                return Err(GivenUp("poll", "timeout".to_owned()));
            }
        }
    }
}

fn unexpected(step: &'static str, response: &Response) -> GivenUp {
    GivenUp(step, format!("{}Response", response.operation().name()))
}
