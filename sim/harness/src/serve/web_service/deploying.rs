//! The deploying farm beside the import farm.

use std::sync::Arc;

use portcullis_net::{Host, TokioNet};
use portcullis_tls::{Endpoint, IdentityError, Tls};
use portcullis_web_service::client::Terms;
use portcullis_web_service::deploying::{DeployingFarm, DeploymentDesk, Targets};
use portcullis_web_service::work::TreeExporter;
use portcullis_web_service::{Config, Databases, Observer};

use super::FarmError;
use super::FarmSettings;
use super::database::Database;
use super::deployment::FarmClerk;
use crate::serve::control::ControlChannel;
use crate::serve::state_directory::StateDirectory;

/// How the targets of a farm are reached from `host`.
pub(super) fn targets(
    settings: &FarmSettings,
    host: &Host<TokioNet>,
) -> Result<Targets<Tls<TokioNet>>, IdentityError> {
    let plain = host.clone().map_net(Tls::off);
    let secure = match &settings.deploying.authorities {
        Some(authorities) => {
            let own = settings.tls.as_ref();
            let endpoint = Endpoint::calling(authorities, own, host.wall.clone())?;
            host.clone().map_net(|net| Tls::new(net, endpoint))
        }
        // Nobody is believed: a client refuses a connection that proves nothing.
        None => plain.clone(),
    };
    Ok(Targets {
        plain,
        secure,
        terms: Terms::default(),
        accounts: settings.deploying.accounts.clone(),
    })
}

/// What deploys, and how administrators reach it.
pub(super) struct Deploying {
    /// None where there is nothing to deploy.
    farm: Option<DeployingFarm>,
    control: ControlChannel,
}

impl Deploying {
    pub(super) async fn start(
        settings: &FarmSettings,
        host: &Host<TokioNet>,
        databases: &Databases<Database>,
        observer: &Observer,
    ) -> Result<Self, FarmError> {
        let config: Arc<Config> = Arc::new(settings.farm.clone());
        let sources = settings.deploying.sources.clone();
        let exporter = if sources.is_empty() {
            None
        } else {
            let folder = settings.state.join("exports");
            let opened = TreeExporter::open(folder.clone(), sources);
            let opened = opened.map_err(|source| FarmError::Directory {
                path: folder.display().to_string(),
                source,
            });
            Some(opened?)
        };
        let clerk = FarmClerk {
            desk: DeploymentDesk::new(
                host,
                databases.clone(),
                Arc::clone(&config),
                observer.clone(),
            ),
            exporter: exporter.clone(),
        };
        let targets = targets(settings, host)?;
        let start = |exporter| {
            let (databases, observer) = (databases.clone(), observer.clone());
            let host = host.clone().map_net(Tls::off);
            DeployingFarm::start(&host, databases, exporter, targets, config, observer)
        };
        let farm = exporter.map(start);
        let directory = StateDirectory::at(&settings.state);
        let control = ControlChannel::open(clerk, &directory, &host.spawner);
        Ok(Self {
            farm,
            control: control.await.map_err(FarmError::Control)?,
        })
    }

    /// Leaves the runs where they are, and answers nobody any more.
    pub(super) async fn stop(self) {
        self.control.close().await;
        if let Some(farm) = self.farm {
            farm.stop().await;
        }
    }
}
