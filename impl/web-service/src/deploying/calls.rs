//! What is said to the target, and how often.

use std::time::Duration;

use portcullis_net::Net;
use tokio::io::AsyncRead;
use tokio::time::sleep;

use crate::client::{CallError, FarmClient};
use crate::config::Deployments;
use crate::message::{Guid, Request, Response, UploadTarget, Violation};
use crate::state::{DeploymentFailure, DeploymentStep};
use crate::work::Exporter;

/// The version that is told to import farms: any text will do.
const CLIENT_VERSION: &str = "16.0.0.0";

/// Whether an earlier life may have called `RunJob`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    No,
    Perhaps,
}

/// One target, and how patiently it is called.
#[derive(Debug)]
pub(super) struct Calls<N> {
    client: FarmClient<N>,
    attempts_max: u32,
    rest: Duration,
}

impl<N: Net> Calls<N> {
    pub(super) const fn new(client: FarmClient<N>, deployments: &Deployments) -> Self {
        Self {
            client,
            attempts_max: deployments.attempts_max,
            rest: deployments.attempt_rest,
        }
    }

    /// Calls once.
    pub(super) async fn call(&self, request: &Request) -> Result<Response, CallError> {
        self.client.call(request).await
    }

    /// Calls, again while that may help.
    pub(super) async fn insist(&self, request: &Request) -> Result<Response, CallError> {
        let mut attempt = 1;
        loop {
            match self.call(request).await {
                Err(error) if error.may_pass() && attempt < self.attempts_max => {
                    attempt = attempt.saturating_add(1);
                    self.rest().await;
                }
                answer => return answer,
            }
        }
    }

    /// (2): the address of the server that imports (CD-18); CD-54: a farm that takes no incoming
    /// jobs has none.
    pub(super) async fn server_url(&self) -> Result<String, CallError> {
        let request = Request::GetRemoteAdminServerUrl {
            client_version: CLIENT_VERSION.to_owned(),
        };
        let Response::GetRemoteAdminServerUrl(url) = self.insist(&request).await? else {
            // The client has compared the answer with what was asked.
            return Err(CallError::Malformed);
        };
        Ok(url)
    }

    /// `RunJob`, once: called again only after an answer that left it open, and a refusal after
    /// that means that it has taken effect.
    pub(super) async fn run(&self, job: Guid, earlier: Earlier) -> Result<(), CallError> {
        let request = Request::RunJob { job };
        let (mut attempt, mut is_doubtful) = (1, earlier == Earlier::Perhaps);
        loop {
            let Err(error) = self.call(&request).await else {
                return Ok(());
            };
            let may_be_refused_for_that = match &error {
                // A farm that names no rules cannot say why; the polls will tell.
                CallError::Fault(fault) => fault
                    .rule
                    .as_deref()
                    .is_none_or(|rule| rule == Violation::JobRunAlready.name()),
                CallError::Connect(_)
                | CallError::Handshake(_)
                | CallError::TimedOut
                | CallError::Cut
                | CallError::Status(_)
                | CallError::Malformed => false,
            };
            if is_doubtful && may_be_refused_for_that {
                return Ok(());
            }
            if !error.may_pass() || attempt >= self.attempts_max {
                return Err(error);
            }
            is_doubtful |= error.is_doubtful();
            attempt = attempt.saturating_add(1);
            self.rest().await;
        }
    }

    /// CD-43: one request for a package, again while that may help. `open` gives it anew each time.
    pub(super) async fn upload<P, F>(
        &self,
        target: &UploadTarget,
        octets: u64,
        open: impl Fn() -> F + Send,
    ) -> Result<(), String>
    where
        P: AsyncRead + Send + Unpin,
        F: Future<Output = Result<P, String>> + Send,
    {
        let mut attempt = 1;
        loop {
            let package = open().await?;
            let sent = self.client.upload(target, octets, package);
            let Err(error) = sent.await else {
                return Ok(());
            };
            if !error.may_pass() || attempt >= self.attempts_max {
                // CD-45: a failed transfer, whatever the status.
                return Err(error.reason());
            }
            attempt = attempt.saturating_add(1);
            self.rest().await;
        }
    }

    pub(super) async fn rest(&self) {
        sleep(self.rest).await;
    }
}

/// What went wrong, and at which step.
pub(super) fn failed(step: DeploymentStep, reason: impl Into<String>) -> DeploymentFailure {
    DeploymentFailure {
        step,
        reason: reason.into(),
    }
}

/// Keeps the type of a package out of the shells.
pub(super) type Package<E> = <E as Exporter>::Package;
