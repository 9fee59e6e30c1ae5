//! One server of an import farm: worker and timer service behind one handle.

use portcullis_net::{Host, Net};
use portcullis_store::Store;

use crate::config::Config;
use crate::error::StartError;
use crate::observe::Observer;
use crate::work::{Depot, Importer};

/// The two databases of a farm. Worker and timer service communicate through them only.
#[derive(Clone, Debug)]
pub struct Databases<S> {
    /// The configuration database: timer jobs.
    pub configuration: S,
    /// The content database of Central Administration: import jobs, reports, logs.
    pub content: S,
}

/// A running server of an import farm. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct ImportFarm {
    port: u16,
}

impl ImportFarm {
    /// Starts the worker, and the timer service where this is the import server.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn start<N: Net, S: Store, D: Depot, I: Importer>(
        _host: Host<N>,
        _databases: Databases<S>,
        _depot: D,
        _importer: I,
        _config: Config,
        _observer: Observer,
    ) -> Result<Self, StartError> {
        todo!()
    }

    /// The port on which Central Administration is served.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server: no new connection, requests and import phases are given up where they are.
    pub async fn stop(&self) {
        todo!()
    }
}
