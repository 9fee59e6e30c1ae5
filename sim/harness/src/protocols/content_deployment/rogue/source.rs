//! Deploying farms that are deliberately wrong: the calls of one deployment, with one mistake.
//!
//! They announce what a real one announces, without its state machine and stores.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_reports::{Event, Source, StateEvent};
use portcullis_web_service::client::{CallError, FarmClient};
use portcullis_web_service::message::{
    FileName, Guid, JobStatus, NewJob, Request, Response, UploadTarget,
};
use tokio::time::{Instant, sleep};

use super::Rogue;
use crate::engine::{Boot, Command, Node, SecuredNet, always};
use crate::protocols::content_deployment::announce::{fields, noted};
use crate::protocols::content_deployment::cast;
use crate::protocols::content_deployment::commands::Known;
use crate::protocols::content_deployment::requests::Address;
use crate::protocols::content_deployment::setting::Deployment;
use crate::protocols::content_deployment::vocabulary::{effect, field, state};
use crate::scenario::{Plan, Table};

/// One deployment of a rogue.
#[derive(Debug)]
struct Player {
    rogue: Rogue,
    alias: String,
    /// Whom the path names, and the farm's servers.
    first: Address,
    servers: Vec<Address>,
    order: NewJob,
    files: Vec<(FileName, Bytes)>,
    planned: Deployment,
}

/// Carries out the step `deploy` as `rogue` does.
pub(in super::super) fn deploying(plan: &Plan, deploy: &Table, rogue: Rogue) -> Command {
    let text = |key| deploy.text(key).unwrap_or_default();
    let (from, alias) = (text("from"), text("as"));
    let address = |to: &str| cast::address(plan, deploy, from, to);
    let servers = cast::setting(plan).servers;
    let planned = cast::setting(plan).deployments;
    let player = Arc::new(Player {
        rogue,
        alias: alias.to_owned(),
        first: address(text("to")),
        servers: servers.keys().map(|name| address(name)).collect(),
        order: cast::new_job(plan, deploy),
        files: cast::packages(plan, deploy),
        planned: *planned.get(alias).expect("every deployment is planned"),
    });
    let run: Boot = Arc::new(move |node: Node| {
        let player = Arc::clone(&player);
        Box::pin(async move {
            let told = Told {
                node: &node,
                player: &player,
            };
            told.carry_out().await;
        })
    });
    always(run)
}

/// A deployment on its way.
struct Told<'p> {
    node: &'p Node,
    player: &'p Player,
}

/// Why a deployment was given up.
struct GivenUp(&'static str, String);

impl Told<'_> {
    fn is(&self, rogue: Rogue) -> bool {
        self.player.rogue == rogue
    }

    async fn carry_out(&self) {
        self.moves("", "preparing");
        self.moves("preparing", "exporting");
        self.moves("exporting", "asking");
        match self.steps().await {
            Ok(status) => {
                let is_success =
                    status == JobStatus::Success || self.is(Rogue::ReportsSuccessOfFailure);
                let to = if is_success {
                    state::SUCCEEDED
                } else {
                    state::FAILED
                };
                self.moves("deleting", to);
                self.ends(effect::DEPLOYMENT_ENDED, field::STATUS, status.name());
                if self.is(Rogue::MovesOnAfterItsEnd) {
                    self.moves(to, "importing");
                }
            }
            Err(GivenUp(from, why)) => {
                let to = if why == "timeout" {
                    state::TIMED_OUT
                } else {
                    state::FAILED
                };
                self.moved(from, to, &why);
                self.ends(effect::DEPLOYMENT_FAILED, field::REASON, &why);
            }
        }
    }

    async fn steps(&self) -> Result<JobStatus, GivenUp> {
        let told = self.player.first.client(self.node);
        let known = if self.is(Rogue::CreatesWithoutAsking) {
            None
        } else {
            let request = Request::GetRemoteAdminServerUrl {
                client_version: String::new(),
            };
            let asked = told.call(&request).await;
            let answer = asked.map_err(|error| given_up("asking", &error))?;
            if let Response::GetRemoteAdminServerUrl(url) = answer {
                url.parse().ok()
            } else {
                None
            }
        };
        let mut servers = self.player.servers.iter();
        let named = servers.find(|server| Some(&server.farm) == known.as_ref());
        let import = match named {
            Some(server) if !self.is(Rogue::StaysAtTheContactedServer) => server.client(self.node),
            Some(_) | None => told,
        };
        self.moves("asking", "creating");
        let job = self.create(&import).await?;
        self.moves("creating", "uploading");
        self.upload(&import, job).await;
        self.moves("uploading", "starting");
        self.run(&import, job).await?;
        if self.is(Rogue::StartsASecondImport) {
            let second = self.create(&import).await?;
            self.upload(&import, second).await;
            self.run(&import, second).await?;
        }
        self.moves("starting", "importing");
        let status = self.watch(&import, job).await?;
        self.moves("importing", "deleting");
        if !self.is(Rogue::NeverDeletes) {
            import.call(&Request::DeleteJob { job }).await.ok();
        }
        Ok(status)
    }

    async fn create(&self, import: &FarmClient<SecuredNet>) -> Result<Guid, GivenUp> {
        let request = Request::CreateJob(self.player.order.clone());
        let created = import.call(&request).await;
        let Response::CreateJob(job) = created.map_err(|error| given_up("creating", &error))?
        else {
            return Err(GivenUp("creating", "another answer".to_owned()));
        };
        Known::of(self.node).learn(self.node, &self.player.alias, job);
        self.note(
            effect::REMOTE_JOB,
            [
                (field::DEPLOYMENT, Some(self.player.alias.clone())),
                (field::JOB, Some(job.to_string())),
            ],
        );
        Ok(job)
    }

    async fn upload(&self, import: &FarmClient<SecuredNet>, job: Guid) {
        let files = self.player.files.iter();
        let skipped = usize::from(self.is(Rogue::RunsBeforeItsUploads));
        for (file, octets) in files.skip(skipped) {
            let half = octets.len() / 2;
            let pieces = if self.is(Rogue::SendsFilesInPieces) {
                vec![octets.slice(..half), octets.slice(half..)]
            } else {
                vec![octets.clone()]
            };
            for (number, piece) in pieces.into_iter().enumerate() {
                let name = format!("{number}-{file}");
                let name = if number == 0 {
                    Ok(file.clone())
                } else {
                    FileName::new(&name)
                };
                let file = name.expect("a name with a number before it is one");
                let target = UploadTarget { file, job };
                let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                // A target that refuses is found out by its import.
                import.upload(&target, length, piece.as_ref()).await.ok();
            }
        }
    }

    async fn run(&self, import: &FarmClient<SecuredNet>, job: Guid) -> Result<(), GivenUp> {
        let started = import.call(&Request::RunJob { job }).await;
        started.map_err(|error| given_up("starting", &error))?;
        Ok(())
    }

    async fn watch(
        &self,
        import: &FarmClient<SecuredNet>,
        job: Guid,
    ) -> Result<JobStatus, GivenUp> {
        let poll = if self.is(Rogue::PollsTooOften) {
            Duration::from_secs(1)
        } else {
            self.player.planned.poll
        };
        let timeout = if self.is(Rogue::GivesUpTooSoon) {
            self.player.planned.timeout / 2
        } else if self.is(Rogue::NeverGivesUp) {
            Duration::MAX
        } else {
            self.player.planned.timeout
        };
        let (mut last, mut changed) = (None, Instant::now());
        if self.is(Rogue::DeletesBeforeTheEnd) {
            import.call(&Request::DeleteJob { job }).await.ok();
        }
        loop {
            let left = timeout.saturating_sub(changed.elapsed());
            sleep(poll.min(left)).await;
            if left <= poll {
                return Err(GivenUp("importing", "timeout".to_owned()));
            }
            let Ok(Response::GetJobStatus(told)) =
                import.call(&Request::GetJobStatus { job }).await
            else {
                continue;
            };
            if told.status.is_final() {
                return Ok(told.status);
            }
            if last.is_some_and(|last| last != told.status) {
                changed = Instant::now();
            }
            last = Some(told.status);
        }
    }

    fn moves(&self, from: &'static str, to: &'static str) {
        self.moved(from, to, "");
    }

    fn moved(&self, from: &'static str, to: &'static str, reason: &str) {
        let reason = (!reason.is_empty()).then(|| reason.to_owned());
        let event = Event::State(StateEvent {
            machine: Cow::Borrowed(state::DEPLOYMENT),
            id: self.player.alias.clone(),
            from: Cow::Borrowed(from),
            to: Cow::Borrowed(to),
            fields: fields([
                (field::DEPLOYMENT, Some(self.player.alias.clone())),
                (field::REASON, reason),
            ]),
        });
        self.node.recorder.record(Source::Inside, event);
    }

    fn ends(&self, name: &'static str, particular: &'static str, value: &str) {
        self.note(
            name,
            [
                (field::JOB, Some(self.player.alias.clone())),
                (particular, Some(value.to_owned())),
            ],
        );
    }

    fn note<const N: usize>(&self, name: &'static str, pairs: [(&'static str, Option<String>); N]) {
        self.node
            .recorder
            .record(Source::Inside, noted(name, pairs));
    }
}

fn given_up(at: &'static str, error: &CallError) -> GivenUp {
    GivenUp(at, error.reason())
}
