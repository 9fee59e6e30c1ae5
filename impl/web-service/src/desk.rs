//! What each operation does: the worker's side of the farm, without HTTP.

mod cancel;
mod farm_desk;
mod jobs;
mod uploads;

use std::future::Future;

use crate::deploying::{DeploymentView, DeskRefusal};
use crate::error::UploadRefusal;
use crate::message::{Fault, Request, Response, UploadTarget};

pub use farm_desk::FarmDesk;

/// Answers requests, whoever carries them. The worker process asks it; the real one works on the
/// farm's databases.
pub trait Desk: Clone + Send + Sync + 'static {
    /// Answers a request; durable where the answer says that something has been done.
    ///
    /// # Errors
    /// The fault that is the answer.
    fn answer(&self, request: Request) -> impl Future<Output = Result<Response, Fault>> + Send;

    /// Whether a file may be uploaded for a job now. Asked before the body is read.
    ///
    /// # Errors
    /// Why not.
    fn may_upload(
        &self,
        target: &UploadTarget,
        octets: Option<u64>,
    ) -> impl Future<Output = Result<(), UploadRefusal>> + Send;

    /// Records a file that the depot has; durable when it returns. A job that was closed meanwhile
    /// refuses it.
    ///
    /// # Errors
    /// Why the file does not count.
    fn uploaded(
        &self,
        target: &UploadTarget,
        octets: u64,
    ) -> impl Future<Output = Result<(), UploadRefusal>> + Send;

    /// CD-53: every deployment of this farm as its item says, by name, without its log. A desk that
    /// deploys nothing has none.
    ///
    /// # Errors
    /// When the database does not answer.
    fn deployments(&self) -> impl Future<Output = Result<Vec<DeploymentView>, DeskRefusal>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// The same of one, with its log.
    ///
    /// # Errors
    /// When it is not known, or the database does not answer.
    fn deployment(
        &self,
        _name: &str,
    ) -> impl Future<Output = Result<DeploymentView, DeskRefusal>> + Send {
        std::future::ready(Err(DeskRefusal::UnknownJob))
    }
}
