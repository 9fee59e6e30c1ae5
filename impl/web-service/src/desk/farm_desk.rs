//! The desk that works on the farm's databases.

use std::fmt;
use std::sync::Arc;

use portcullis_net::Host;
use portcullis_store::Store;

use super::Desk;
use crate::config::Config;
use crate::deploying::{DeploymentView, DeskRefusal};
use crate::error::UploadRefusal;
use crate::farm::Databases;
use crate::message::{Fault, Request, Response, UploadTarget, Violation, VirtualServer};
use crate::observe::Observer;
use crate::services::{Part, Services};
use crate::work::Depot;

/// Answers from the databases of a farm. Any server's desk may answer any request; clones are
/// handles to the same one.
pub struct FarmDesk<S, D>(Arc<Inner<S, D>>);

pub(super) struct Inner<S, D> {
    pub(super) services: Services<S>,
    pub(super) depot: D,
}

impl<S, D> Clone for FarmDesk<S, D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, D> fmt::Debug for FarmDesk<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FarmDesk")
    }
}

impl<S: Store, D: Depot> FarmDesk<S, D> {
    /// The desk of one server. `depot` is used at the import server only.
    #[must_use]
    pub fn new<N>(
        host: &Host<N>,
        databases: Databases<S>,
        depot: D,
        config: Arc<Config>,
        observer: Observer,
    ) -> Self {
        let services = Services::new(Part::Worker, host, databases, config, observer);
        Self(Arc::new(Inner { services, depot }))
    }
}

impl<S: Store, D: Depot> Desk for FarmDesk<S, D> {
    async fn answer(&self, request: Request) -> Result<Response, Fault> {
        self.0.answer(request).await.map_err(Fault::new)
    }

    async fn may_upload(
        &self,
        target: &UploadTarget,
        octets: Option<u64>,
    ) -> Result<(), UploadRefusal> {
        self.0.admit_upload(target, octets.unwrap_or(0)).await
    }

    async fn uploaded(&self, target: &UploadTarget, octets: u64) -> Result<(), UploadRefusal> {
        self.0.record_upload(target, octets).await
    }

    async fn deployments(&self) -> Result<Vec<DeploymentView>, DeskRefusal> {
        Ok(self.0.services.deployment_views().await?)
    }

    async fn deployment(&self, name: &str) -> Result<DeploymentView, DeskRefusal> {
        let view = self.0.services.deployment_view(name).await?;
        view.ok_or(DeskRefusal::UnknownJob)
    }
}

impl<S: Store, D: Depot> Inner<S, D> {
    async fn answer(&self, request: Request) -> Result<Response, Violation> {
        match request {
            Request::GetVirtualServersInformation => self.virtual_servers(),
            Request::GetSiteCollectionNames { virtual_server_url } => {
                self.site_collections(&virtual_server_url)
            }
            // Any version will do: what the product checks could not be read.
            Request::GetRemoteAdminServerUrl { client_version: _ } => self.import_server(),
            Request::CreateJob(order) => self.create(order).await,
            Request::RunJob { job } => self.run(job).await,
            Request::GetJobStatus { job } => self.status(job).await,
            Request::CancelJob { job } => self.cancel(job).await,
            Request::DeleteJob { job } => self.delete(job).await,
            Request::DeleteImportLogs { source_job } => self.delete_logs(source_job).await,
        }
    }

    /// CD-3, CD-54: a farm that takes no jobs tells nothing of itself and starts nothing. What is
    /// there can still be watched, cancelled and removed.
    pub(super) fn accepting(&self) -> Result<(), Violation> {
        if self.services.config.accept_incoming_jobs {
            Ok(())
        } else {
            Err(Violation::IncomingJobsRefused)
        }
    }

    // CD-15
    fn virtual_servers(&self) -> Result<Response, Violation> {
        self.accepting()?;
        let applications = self.services.config.web_applications.iter();
        let servers = applications.map(|application| VirtualServer {
            name: application.name.clone(),
            url: application.url.clone(),
        });
        Ok(Response::GetVirtualServersInformation(servers.collect()))
    }

    // CD-17
    fn site_collections(&self, virtual_server_url: &str) -> Result<Response, Violation> {
        self.accepting()?;
        let application = self.services.config.web_application(virtual_server_url);
        let application = application.ok_or(Violation::VirtualServerUnknown)?;
        let names = application.site_collections.iter().cloned();
        Ok(Response::GetSiteCollectionNames(names.collect()))
    }

    // CD-18, CD-19
    fn import_server(&self) -> Result<Response, Violation> {
        self.accepting()?;
        let url = self.services.config.import_server_url.clone();
        Ok(Response::GetRemoteAdminServerUrl(url))
    }
}
