//! A scripted deploying farm: the calls of one deployment in their order.
//!
//! It stands for the source side as far as an import farm can tell (CD-47 to CD-52).

use std::time::Duration;

use bytes::Bytes;
use portcullis_reports::Source;
use portcullis_web_service::client::{FarmAddress, FarmClient};
use portcullis_web_service::message::{
    FileName, Guid, JobStatus, NewJob, Request, Response, UploadTarget,
};
use tokio::time::{Instant, sleep};

use super::announce::noted;
use super::cast;
use super::commands::Known;
use super::requests::Address;
use super::vocabulary::{effect, field};
use crate::engine::{Node, SecuredNet};
use crate::scenario::{Plan, Table};

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
    /// How each server of a farm is reached.
    servers: Vec<Address>,
    order: NewJob,
    files: Vec<(FileName, Bytes)>,
    poll: Duration,
    timeout: Duration,
    end: End,
}

/// With what a deployment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With the uploads.
    Uploaded,
    /// With the last status.
    Ended,
    /// With `DeleteJob`.
    Deleted,
}

/// Why a deployment was given up: at which step, and why.
struct GivenUp(&'static str, String);

impl Deployment {
    /// The deployment in the table `drive` of a step.
    pub(super) fn of(plan: &Plan, deploy: &Table) -> Self {
        let text = |key| deploy.text(key).unwrap_or_default();
        let (from, alias) = (text("from"), text("as"));
        let servers = plan
            .hosts
            .iter()
            .filter(|host| host.keys.text("role") == Some(super::IMPORT_FARM));
        let end = match (deploy.flag("run"), deploy.flag("delete")) {
            (false, _) => End::Uploaded,
            (true, false) => End::Ended,
            (true, true) => End::Deleted,
        };
        let address = |to: &str| cast::address(plan, deploy, from, to);
        Self {
            alias: alias.to_owned(),
            address: address(text("to")),
            servers: servers.map(|server| address(&server.name)).collect(),
            order: cast::new_job(plan, deploy),
            files: cast::packages(plan, deploy),
            poll: deploy.duration("poll").unwrap_or_default(),
            timeout: deploy.duration("timeout").unwrap_or_default(),
            end,
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
        let farm = self.import_server(node).await?;
        let request = Request::CreateJob(self.order.clone());
        let Response::CreateJob(job) = insist(&farm, "create", 1, &request).await? else {
            return Err(unexpected("create"));
        };
        Known::of(node).learn(node, &self.alias, job);
        for (file, content) in &self.files {
            let file = file.clone();
            upload(&farm, &UploadTarget { file, job }, content).await?;
        }
        if self.end == End::Uploaded {
            return Ok(None);
        }
        // CD-48: only now.
        insist(&farm, "run", 1, &Request::RunJob { job }).await?;
        let status = self.watch(&farm, job).await?;
        if self.end == End::Deleted {
            let delete = Request::DeleteJob { job };
            insist(&farm, "delete", ATTEMPTS, &delete).await?;
        }
        Ok(Some(status))
    }

    /// CD-47: first of all, which server imports.
    async fn import_server(&self, node: &Node) -> Result<FarmClient<SecuredNet>, GivenUp> {
        let request = Request::GetRemoteAdminServerUrl {
            client_version: "16.0".to_owned(),
        };
        let first = self.address.client(node);
        let answer = insist(&first, "ask", ATTEMPTS, &request).await?;
        let Response::GetRemoteAdminServerUrl(url) = answer else {
            return Err(unexpected("ask"));
        };
        let nowhere = || GivenUp("ask", format!("{url} is nowhere"));
        let told: FarmAddress = url.parse().map_err(|_| nowhere())?;
        let mut servers = self.servers.iter();
        let found = servers.find(|server| server.farm == told);
        found.map(|server| server.client(node)).ok_or_else(nowhere)
    }

    /// CD-49, CD-50: asks for the status until it is final or has not changed for too long.
    async fn watch(&self, farm: &FarmClient<SecuredNet>, job: Guid) -> Result<JobStatus, GivenUp> {
        let request = Request::GetJobStatus { job };
        let (mut last, mut changed) = (None, Instant::now());
        loop {
            sleep(self.poll).await;
            match farm.call(&request).await {
                Ok(Response::GetJobStatus(now)) if now.status.is_final() => {
                    return Ok(now.status);
                }
                Ok(Response::GetJobStatus(now)) if last != Some(now.status) => {
                    (last, changed) = (Some(now.status), Instant::now());
                }
                Ok(Response::GetJobStatus(_)) => {}
                Ok(_) => return Err(unexpected("poll")),
                // A poll that fails is one poll less.
                Err(error) if error.may_pass() => {}
                Err(error) => return Err(GivenUp("poll", error.reason())),
            }
            if changed.elapsed() >= self.timeout {
                return Err(GivenUp("poll", "timeout".to_owned()));
            }
        }
    }
}

/// Calls an operation, again while the farm is in trouble or does not answer.
async fn insist(
    farm: &FarmClient<SecuredNet>,
    step: &'static str,
    attempts: u32,
    request: &Request,
) -> Result<Response, GivenUp> {
    let mut attempt = 1;
    loop {
        match farm.call(request).await {
            Ok(response) => return Ok(response),
            Err(error) if error.may_pass() && attempt < attempts => {
                attempt += 1;
                sleep(REST).await;
            }
            Err(error) => return Err(GivenUp(step, error.reason())),
        }
    }
}

/// CD-43: one request for each file, again until it is taken.
async fn upload(
    farm: &FarmClient<SecuredNet>,
    target: &UploadTarget,
    content: &[u8],
) -> Result<(), GivenUp> {
    let octets = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let mut attempt = 1;
    loop {
        let error = match farm.upload(target, octets, content).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if !error.may_pass() || attempt == ATTEMPTS {
            // CD-45: a failed transfer, whatever the status.
            return Err(GivenUp("upload", error.reason()));
        }
        attempt += 1;
        sleep(REST).await;
    }
}

/// The client has compared answers with what was asked, so this does not happen.
fn unexpected(step: &'static str) -> GivenUp {
    GivenUp(step, "another answer".to_owned())
}
