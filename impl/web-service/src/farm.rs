//! One server of an import farm: worker and timer service behind one handle.

use std::sync::Arc;

use portcullis_net::{Host, Net, Tasks};
use portcullis_store::Store;

use crate::config::Config;
use crate::desk::FarmDesk;
use crate::error::StartError;
use crate::observe::Observer;
use crate::services::{Part, Services};
use crate::timer_service::TimerService;
use crate::work::{Depot, Importer};
use crate::worker;

/// The two databases of a farm. Worker and timer service communicate through them only.
#[derive(Clone, Debug)]
pub struct Databases<S> {
    /// The configuration database: timer jobs.
    pub configuration: S,
    /// The content database of Central Administration: import jobs, reports, logs.
    pub content: S,
}

/// A running server of an import farm. Clones are handles to the same one, which runs on when they
/// are dropped: it ends with its host or with [`ImportFarm::stop`].
#[derive(Clone, Debug)]
pub struct ImportFarm {
    port: u16,
    tasks: Tasks,
}

impl ImportFarm {
    /// Starts the worker, and the timer service where this is the import server.
    ///
    /// Databases that do not answer are no reason not to start: what needs them is refused or waits
    /// until they do.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn start<N: Net, S: Store, D: Depot, I: Importer>(
        host: Host<N>,
        databases: Databases<S>,
        depot: D,
        importer: I,
        config: Config,
        observer: Observer,
    ) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let tasks = Tasks::new(&host);
        let desk = FarmDesk::new(
            &host,
            databases.clone(),
            depot.clone(),
            Arc::clone(&config),
            observer.clone(),
        );
        let port = worker::start(
            &host,
            desk,
            depot.clone(),
            Arc::clone(&config),
            observer.clone(),
            &tasks,
        )
        .await?;
        if config.is_import_server {
            let part = Part::TimerService;
            let services = Services::new(part, &host, databases, config, observer);
            TimerService::start(services, depot, importer, tasks.clone());
        }
        Ok(Self { port, tasks })
    }

    /// The port on which Central Administration is served.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server: no new connection, requests and import phases are given up where they are.
    /// Returns when nothing of it runs.
    pub async fn stop(&self) {
        self.tasks.stop().await;
    }
}
