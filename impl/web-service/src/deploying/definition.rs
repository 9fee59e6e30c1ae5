//! What a user defines: paths and jobs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::{FarmAddress, FarmAddressProblem};
use crate::codec::SoapVersion;
use crate::message::{Guid, IncludeSecurity, UserInfoDateTime};
use crate::work::JobKind;

/// How long names and texts may be, in octets.
const NAME_OCTETS_MAX: usize = 128;

/// A content deployment path: from content here to a site collection there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentPath {
    /// Its name, unique in the farm.
    pub name: String,
    /// The content, as the exporter knows it.
    pub source: String,
    /// Where the import farm's Central Administration is, as `http://host:port`.
    pub administration_url: String,
    /// The site collection there.
    pub target: TargetSite,
    /// What is imported of security. Default: nothing.
    pub include_security: IncludeSecurity,
    /// What becomes of authors and time stamps. Default: they are new.
    pub include_user_info_date_time: UserInfoDateTime,
    /// Whether event receivers are called during the import. Default: yes.
    pub enable_event_receivers: bool,
    /// Whether packages are compressed. Default: yes.
    pub file_compression: bool,
    /// When the packages stay after a run. Default: never.
    pub keep_packages: KeepPackages,
    /// Which SOAP is spoken. Default: 1.1.
    pub soap: SoapVersion,
    /// The polling interval on this path, where it is not the farm's (CD-49).
    pub polling_interval: Option<Duration>,
    /// The timeout on this path, where it is not the farm's (CD-50).
    pub timeout: Option<Duration>,
    /// Whether runs may begin along it, by hand or by schedule; one that has begun goes on.
    /// Default: yes.
    pub is_enabled: bool,
}

/// A site collection of an import farm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSite {
    /// The web application's address.
    pub server_url: String,
    /// The site collection, as `GetSiteCollectionNames` names it.
    pub site_collection: String,
}

impl DeploymentPath {
    /// A path with every default.
    #[must_use]
    pub fn new(name: &str, source: &str, administration_url: &str, target: TargetSite) -> Self {
        Self {
            name: name.to_owned(),
            source: source.to_owned(),
            administration_url: administration_url.to_owned(),
            target,
            include_security: IncludeSecurity::None,
            include_user_info_date_time: UserInfoDateTime::None,
            enable_event_receivers: true,
            file_compression: true,
            keep_packages: KeepPackages::default(),
            soap: SoapVersion::V11,
            polling_interval: None,
            timeout: None,
            is_enabled: true,
        }
    }

    /// Whether it can be used.
    pub(super) fn check(&self) -> Result<(), DefinitionProblem> {
        check_name(&self.name)?;
        let address = self.administration_url.parse::<FarmAddress>();
        address.map_err(DefinitionProblem::Address)?;
        let is_zero = |timer: Option<Duration>| timer.is_some_and(|timer| timer.is_zero());
        if is_zero(self.polling_interval) || is_zero(self.timeout) {
            return Err(DefinitionProblem::Zero);
        }
        Ok(())
    }
}

/// When the packages of a run stay: the product's `KeepTemporaryFiles`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepPackages {
    /// Never.
    #[default]
    Never,
    /// When the run did not succeed.
    OnFailure,
    /// Always.
    Always,
}

/// When a job runs without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How often; at least [`Schedule::EVERY_MIN`]. The first time is one such span after its
    /// definition.
    pub every: Duration,
}

impl Schedule {
    /// A faster one is refused: a second, which is how often timer services look by default.
    pub const EVERY_MIN: Duration = Duration::from_secs(1);
}

/// A content deployment job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDeploymentJob {
    /// Its name, unique in the farm.
    pub name: String,
    /// Its id, by which import farms file the logs of its imports (CD-37), where it is to have a
    /// certain one; a job that is defined anew keeps the one that it has.
    pub id: Option<Guid>,
    /// The path's name.
    pub path: String,
    /// How much is exported.
    pub kind: JobKind,
    /// When it runs without being told, if it does.
    pub schedule: Option<Schedule>,
}

impl NewDeploymentJob {
    pub(super) fn check(&self) -> Result<(), DefinitionProblem> {
        check_name(&self.name)?;
        if self
            .schedule
            .is_some_and(|schedule| schedule.every < Schedule::EVERY_MIN)
        {
            return Err(DefinitionProblem::Schedule);
        }
        Ok(())
    }
}

/// Why a path or a job cannot be defined like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionProblem {
    /// The name is empty, too long, or has control characters.
    #[error("a name has 1 to {NAME_OCTETS_MAX} octets and no control characters")]
    Name,
    /// The address is none.
    #[error("the address of the Central Administration {0}")]
    Address(FarmAddressProblem),
    /// A timer of zero length.
    #[error("polling interval and timeout are longer than nothing")]
    Zero,
    /// A schedule that is too fast.
    #[error("a schedule is at least a second long")]
    Schedule,
}

fn check_name(name: &str) -> Result<(), DefinitionProblem> {
    let is_long = name.is_empty() || name.len() > NAME_OCTETS_MAX;
    if is_long || name.chars().any(char::is_control) {
        return Err(DefinitionProblem::Name);
    }
    Ok(())
}
