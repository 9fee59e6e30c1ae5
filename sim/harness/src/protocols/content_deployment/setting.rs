//! Who takes part in a run, as the checks need to know it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portcullis_web_service::config::Account;

/// The farms of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// The servers of import farms, by name, which is also the name of the host.
    pub servers: BTreeMap<String, Server>,
    /// What the imports of a run's jobs are planned to be, by the jobs' descriptions.
    pub imports: BTreeMap<String, Planned>,
    /// What deployments are planned to be, by the names of their jobs.
    pub deployments: BTreeMap<String, Deployment>,
}

/// What the checks need to know about one server of an import farm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The host's address.
    pub address: Ipv4Addr,
    /// Where its Central Administration listens.
    pub port: u16,
    /// Whether its farm takes incoming jobs at the start of the run (CD-3).
    pub is_accepting: bool,
    /// The host whose timer service runs the imports.
    pub import_server: String,
    /// The host that has the farm's databases.
    pub databases: String,
    /// Who may use the service; nobody is asked without.
    pub account: Option<Account>,
    /// How often its timer service looks for timer jobs.
    pub timer_service: Duration,
    /// Whether its connections are TLS.
    pub is_tls: bool,
}

/// An import as it goes when nothing interrupts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// How long it takes.
    pub lasts: Duration,
    /// How many objects its packages have.
    pub objects: u32,
}

/// A deployment as a scenario orders it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// How many files it uploads.
    pub files: u64,
    /// How many octets each has.
    pub size: u64,
    /// How often it asks for the status.
    pub poll: Duration,
    /// After how long without a change it times out.
    pub timeout: Duration,
    /// Whether it sends `DeleteJob` after that.
    pub deletes_after_timeout: bool,
}

impl Setting {
    /// The server whose Central Administration is at `address`, with its name.
    #[must_use]
    pub fn server_at(&self, address: SocketAddrV4) -> Option<(&str, &Server)> {
        let mut servers = self.servers.iter();
        servers
            .find(|(_, server)| (server.address, server.port) == (*address.ip(), address.port()))
            .map(|(name, server)| (name.as_str(), server))
    }
}
