//! The work seam: where uploaded files lie, and what an import and an export do, as three traits,
//! each with a real and a simulated side.
//!
//! [`Depot`] is the temporary folder of the import server: one folder a job. [`Importer`] opens
//! what lies there, decompresses it and places its objects into a site. [`Exporter`] is where all
//! that comes from, at a deploying farm. The state machine above either side is the same.

mod blocking;
pub mod cabinet;
mod disk;
mod export;
mod folder;
mod located;
pub mod manifest;
pub mod pack;
mod simulated;
mod site_importer;
mod turns;

use std::future::Future;

use bytes::Bytes;

use crate::message::{FileName, Guid, NewJob};

pub use export::{
    ExportFailure, ExportOrder, ExportScript, Exporter, JobKind, RunId, ScriptedExport,
    ScriptedExporter, TreeExporter,
};
pub use folder::{Incoming, TemporaryFolder};
pub use simulated::{
    FailsIn, ImportScript, ScriptedImport, ScriptedImporter, Shelf, ShelvedFile, SimulatedDepot,
    SimulatedUpload,
};
pub use site_importer::{ImportLimits, SiteImporter, SiteName};

/// Keeps uploaded files, one folder a job.
pub trait Depot: Clone + Send + Sync + 'static {
    /// A file that arrives.
    type Upload: Upload;

    /// Begins to take a file. Nothing of it is in the job's folder before [`Upload::commit`].
    ///
    /// # Errors
    /// When the disk refuses.
    fn begin(
        &self,
        job: Guid,
        name: &FileName,
    ) -> impl Future<Output = Result<Self::Upload, DepotError>> + Send;

    /// The files in a job's folder, by name.
    ///
    /// # Errors
    /// When the folder cannot be read. A folder that is not there has no files.
    fn list(&self, job: Guid) -> impl Future<Output = Result<Vec<StoredFile>, DepotError>> + Send;

    /// Removes a job's folder with everything in it; durable when it returns. Repeating it is
    /// harmless.
    ///
    /// # Errors
    /// When the disk refuses.
    fn remove(&self, job: Guid) -> impl Future<Output = Result<(), DepotError>> + Send;

    /// The jobs that have a folder.
    ///
    /// # Errors
    /// When the disk refuses.
    fn jobs(&self) -> impl Future<Output = Result<Vec<Guid>, DepotError>> + Send;
}

/// One file that arrives; dropped before [`Upload::commit`], it leaves nothing behind.
pub trait Upload: Send + 'static {
    /// Takes the next octets. Memory does not grow with their number.
    ///
    /// # Errors
    /// When the disk refuses.
    fn write(&mut self, octets: Bytes) -> impl Future<Output = Result<(), DepotError>> + Send;

    /// Puts the file into its folder under its name; durable when it returns (CD-41).
    ///
    /// A file of that name that has the same octets is kept and is [`Kept::Already`].
    ///
    /// # Errors
    /// [`DepotError::Different`] when there is a file of that name with other octets, which stays;
    /// or when the disk refuses.
    fn commit(self) -> impl Future<Output = Result<Kept, DepotError>> + Send;
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The file is there now.
    Now,
    /// The same file was there before.
    Already,
}

/// A file in a job's folder.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredFile {
    /// Its name.
    pub name: FileName,
    /// Its length.
    pub octets: u64,
}

/// Why a file cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DepotError {
    /// Another file of that name is there.
    #[error("another file of that name is there")]
    Different,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The disk refused.
    #[error("the disk refused")]
    Storage,
}

/// What an import job is about, as the importer needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportOrder {
    /// The import job.
    pub job: Guid,
    /// The arguments with which it was created.
    pub order: NewJob,
    /// The files that were uploaded, in the order of their names.
    pub files: Vec<StoredFile>,
}

/// Does the work of an import, phase by phase. Dropping a future stops the phase; every phase may
/// be begun again after a crash.
pub trait Importer: Clone + Send + Sync + 'static {
    /// Reads the tables of contents of all packages, decompressing nothing, and refuses names and
    /// sizes that an import must not have. Until it returns, a job can be cancelled (CD-29).
    ///
    /// # Errors
    /// When a package cannot be imported.
    fn verify(&self, order: &ImportOrder)
    -> impl Future<Output = Result<(), ImportFailure>> + Send;

    /// Decompresses all packages into the job's working folder, and reads the manifest: how many
    /// objects there are to place.
    ///
    /// # Errors
    /// When a package is damaged, or has more than its table of contents says.
    fn decompress(
        &self,
        order: &ImportOrder,
    ) -> impl Future<Output = Result<u32, ImportFailure>> + Send;

    /// Places object number `number`, counted from 0, into the site; durable when it returns.
    /// Repeating it is harmless.
    ///
    /// # Errors
    /// When the object cannot be placed.
    fn place(
        &self,
        order: &ImportOrder,
        number: u32,
    ) -> impl Future<Output = Result<(), ImportFailure>> + Send;

    /// Removes the working folder of a job; harmless when there is none.
    fn clean(&self, job: Guid) -> impl Future<Output = ()> + Send;
}

/// Why an import failed: the job's report says so in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportFailure {
    /// No file was uploaded.
    #[error("no package was uploaded")]
    NoPackage,
    /// A file is no cabinet, or a damaged one.
    #[error("package {0} cannot be read as a cabinet")]
    Unreadable(FileName),
    /// A name in a cabinet may not be used, or is there twice.
    #[error("package {0} has a name that may not be used, or the same name twice")]
    Name(FileName),
    /// A package has more files or octets than the limits allow, or more than it declares.
    #[error("package {0} is beyond the limits of an import")]
    TooLarge(FileName),
    /// The compression is another than the job's `fileCompression` says.
    #[error("package {0} is compressed in another way than the job says")]
    Compression(FileName),
    /// There is no manifest, or it cannot be read, or it does not fit the files.
    #[error("the manifest cannot be read or does not fit the packages")]
    Manifest,
    /// The site has something else where an object belongs.
    #[error("an object cannot be placed: something else is in its place")]
    TargetExists,
    /// The site collection has no directory at this server.
    #[error("the site collection is not one of this farm")]
    UnknownSite,
    /// The disk refused.
    #[error("the disk refused")]
    Storage,
    /// Nobody ran the job as long as its uploaded files are kept.
    #[error("the job was not run as long as uploaded files are kept")]
    Expired,
    /// Only in a simulation: the script says so.
    #[error("the script says that the import fails")]
    Scripted,
}
