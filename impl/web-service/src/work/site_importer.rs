//! The real importer: packages below the temporary folder, sites in directories.
//!
//! What blocks runs on the runtime's threads for that, one phase in one call.

#![expect(
    clippy::disallowed_types,
    reason = "the side of the work seam that has real files"
)]

mod packages;
mod site;
mod working;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::blocking::{Stopped, blocking};
use super::manifest::ContentObject;
use super::turns::Turns;
use super::{ImportFailure, ImportOrder, Importer};
use crate::config::normal_url;
use crate::message::{Guid, NewJob};
use packages::Packages;
use site::{PlaceProblem, Site};
use working::WorkingFolder;

/// How much the packages of one job may declare. What is above fails the job before anything of it
/// is decompressed. All of them are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportLimits {
    /// Files in all packages. Default 100,000.
    pub files_max: u32,
    /// Files in one package. Default 65,535, which is what the header of a cabinet can say.
    pub files_per_package_max: u32,
    /// Octets of one file. Default 2 GiB, which is what a folder of a cabinet can hold.
    pub file_octets_max: u64,
    /// Octets of all files. Default 16 GiB.
    pub octets_max: u64,
    /// Octets of the names of all files in the packages. Default 8 MiB.
    pub names_octets_max: u64,
    /// Octets of a package's files for each octet of the package. Default 1,100: no deflate stream
    /// has more than 1,032.
    pub ratio_max: u64,
    /// Octets of the manifest, which is read as a whole and needs about five times as much memory.
    /// Default 16 MiB, beyond which nothing takes effect.
    pub manifest_octets_max: u64,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            files_max: 100_000,
            files_per_package_max: 65_535,
            file_octets_max: 2 << 30,
            octets_max: 16 << 30,
            names_octets_max: 8 << 20,
            ratio_max: 1_100,
            manifest_octets_max: 16 << 20,
        }
    }
}

/// A site collection of the farm: the address of its web application, and its path there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteName {
    web_application: String,
    site_collection: String,
}

impl SiteName {
    /// The site collection `path` of the web application at `url`, which are compared as
    /// [`Config::web_application`](crate::Config::web_application) does.
    #[must_use]
    pub fn new(url: &str, path: &str) -> Self {
        Self {
            web_application: normal_url(url),
            site_collection: path.to_owned(),
        }
    }

    /// Where `order` imports to.
    pub(crate) fn of(order: &NewJob) -> Self {
        Self::new(
            &order.destination_server_url,
            &order.destination_site_collection,
        )
    }
}

/// Imports packages that lie in `<root>/<job>/` under the names with which they were uploaded, and
/// places objects below the directory of their site.
///
/// Packages are decompressed into `<root>/<job>.work/`. That folder need not survive the loss of
/// power: each file of it is compared with its digest when it is placed, and the folder is made
/// again from the packages when something is missing.
///
/// Within the default limits no packages need more than 24 MiB of memory, whatever they declare;
/// the manifest needs more, for as long as it is read.
#[derive(Clone, Debug)]
pub struct SiteImporter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    sites: BTreeMap<SiteName, Site>,
    limits: ImportLimits,
    /// The jobs whose working folders are in use. A phase that is given up goes on until it sees
    /// that, and the next one waits for it here.
    busy: Turns<Guid>,
}

impl SiteImporter {
    /// An importer of packages below `root` into `sites`, whose directories are made when they are
    /// first needed.
    #[must_use]
    pub fn new(
        root: impl Into<PathBuf>,
        sites: BTreeMap<SiteName, PathBuf>,
        limits: ImportLimits,
    ) -> Self {
        let site = |(name, directory)| (name, Site::new(directory));
        Self(Arc::new(Shared {
            root: root.into(),
            sites: sites.into_iter().map(site).collect(),
            limits,
            busy: Turns::default(),
        }))
    }
}

impl Importer for SiteImporter {
    async fn verify(&self, order: &ImportOrder) -> Result<(), ImportFailure> {
        let (shared, order) = (Arc::clone(&self.0), order.clone());
        blocking(move |stopped| shared.packages(&order, stopped).verify()).await
    }

    async fn decompress(&self, order: &ImportOrder) -> Result<u32, ImportFailure> {
        let (shared, order) = (Arc::clone(&self.0), order.clone());
        blocking(move |stopped| {
            let work = || shared.decompress(&order, stopped);
            shared.busy.alone(order.job, work)
        })
        .await
    }

    async fn place(&self, order: &ImportOrder, number: u32) -> Result<(), ImportFailure> {
        let (shared, order) = (Arc::clone(&self.0), order.clone());
        blocking(move |stopped| {
            let work = || shared.place(&order, number, stopped);
            shared.busy.alone(order.job, work)
        })
        .await
    }

    async fn clean(&self, job: Guid) {
        let shared = Arc::clone(&self.0);
        let cleaned = blocking(move |_| {
            let removed = shared.busy.alone(job, || {
                let removed = WorkingFolder::of(&shared.root, job).remove();
                for site in shared.sites.values() {
                    site.clean(job);
                }
                removed
            });
            removed.map_err(storage)
        });
        // What is left is found again when the job's folder is looked for: nothing depends on it.
        let _left_over = cleaned.await.is_err();
    }
}

impl Shared {
    fn packages<'a>(&'a self, order: &'a ImportOrder, stopped: &'a Stopped) -> Packages<'a> {
        Packages {
            order,
            folder: self.root.join(order.job.to_string()),
            limits: &self.limits,
            stopped,
        }
    }

    /// Begins from an empty working folder, whatever an earlier attempt has left.
    fn decompress(&self, order: &ImportOrder, stopped: &Stopped) -> Result<u32, ImportFailure> {
        let working = WorkingFolder::of(&self.root, order.job);
        working.begin().map_err(storage)?;
        let files = self.packages(order, stopped).extract(&working)?;
        stopped.check()?;
        working.list(files, self.limits.files_max)
    }

    fn place(
        &self,
        order: &ImportOrder,
        number: u32,
        stopped: &Stopped,
    ) -> Result<(), ImportFailure> {
        let site = self.sites.get(&SiteName::of(&order.order));
        let site = site.ok_or(ImportFailure::UnknownSite)?;
        let working = WorkingFolder::of(&self.root, order.job);
        let place = || -> Result<(), PlaceProblem> {
            let object: ContentObject = working.object(number)?;
            site.place(order.job, &object, &working, stopped)
        };
        match place() {
            // The working folder did not survive; the packages have.
            Err(PlaceProblem::Lost) => {
                self.decompress(order, stopped)?;
                Ok(place()?)
            }
            placed => Ok(placed?),
        }
    }
}

/// What the operating system said is for the log: it is of little use to whoever reads a job's
/// report, and paths are not for callers.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn storage(error: io::Error) -> ImportFailure {
    tracing::warn!("an import: {error}");
    ImportFailure::Storage
}
