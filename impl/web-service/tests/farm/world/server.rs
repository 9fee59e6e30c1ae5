//! What a client and an operator do with one server.

use std::time::Duration;

use bytes::Bytes;
use portcullis_web_service::desk::Desk;
use portcullis_web_service::error::UploadRefusal;
use portcullis_web_service::message::{
    Fault, Guid, JobStatus, NewJob, RemoteJobStatus, Request, Response, UploadTarget, Violation,
};
use portcullis_web_service::work::{Depot, DepotError, Kept, Upload};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::{Server, end, new_job, seconds, target};

impl Server {
    /// Ends every task of the server at once.
    pub(crate) async fn crash(&self) {
        end(&self.tasks).await;
    }

    /// Asks on a task of the server's; a crash before the answer is `Unavailable` to the caller.
    pub(crate) async fn ask(&self, request: Request) -> Result<Response, Violation> {
        let desk = self.desk.clone();
        let answer = self.at_server(async move { desk.answer(request).await });
        match answer.await {
            Some(answered) => answered.map_err(|Fault { violation }| violation),
            None => Err(Violation::Unavailable),
        }
    }

    /// What comes of `work` on a task of the server's; none when the server crashes first.
    async fn at_server<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.tasks.lock().unwrap().spawn(async move {
            drop(reply.send(work.await));
        });
        answer.await.ok()
    }

    pub(crate) async fn create(&self, description: &str) -> Guid {
        match self.ask(Request::CreateJob(new_job(description))).await {
            Ok(Response::CreateJob(job)) => job,
            other => panic!("{other:?}"),
        }
    }

    /// Uploads a file as the worker does it.
    pub(crate) async fn upload(
        &self,
        job: Guid,
        file: &str,
        octets: &'static [u8],
    ) -> Result<(), UploadRefusal> {
        self.upload_slowly(job, file, octets, Duration::ZERO).await
    }

    /// The same with a body that takes `lasts` to arrive.
    pub(crate) async fn upload_slowly(
        &self,
        job: Guid,
        file: &str,
        octets: &'static [u8],
        lasts: Duration,
    ) -> Result<(), UploadRefusal> {
        let target = target(job, file);
        let (desk, depot) = (self.desk.clone(), self.depot.clone());
        let uploaded = self.at_server(async move {
            let length = u64::try_from(octets.len()).unwrap();
            desk.may_upload(&target, Some(length)).await?;
            sleep(lasts).await;
            let put = put(&depot, &target, octets).await;
            put.map_err(|error| match error {
                DepotError::Different => UploadRefusal::Different,
                DepotError::Full => UploadRefusal::Full,
                DepotError::Storage => UploadRefusal::Unavailable,
            })?;
            desk.uploaded(&target, length).await
        });
        uploaded.await.unwrap_or(Err(UploadRefusal::Unavailable))
    }

    /// A job with a file.
    /// A job with a file, for another site collection than the first.
    pub(crate) async fn prepared_for(&self, description: &str, site: &str) -> Guid {
        let order = NewJob {
            destination_site_collection: site.to_owned(),
            ..new_job(description)
        };
        let created = self.ask(Request::CreateJob(order)).await.unwrap();
        let Response::CreateJob(job) = created else {
            panic!("{created:?}");
        };
        let uploaded = self.upload(job, "ExportedFiles.cab", b"MSCF").await;
        uploaded.unwrap();
        job
    }

    pub(crate) async fn prepared(&self, description: &str) -> Guid {
        let job = self.create(description).await;
        self.upload(job, "ExportedFiles.cab", b"MSCF")
            .await
            .unwrap();
        job
    }

    pub(crate) async fn run(&self, job: Guid) -> Result<Response, Violation> {
        self.ask(Request::RunJob { job }).await
    }

    pub(crate) async fn cancel(&self, job: Guid) -> Result<Response, Violation> {
        self.ask(Request::CancelJob { job }).await
    }

    pub(crate) async fn delete(&self, job: Guid) -> Result<Response, Violation> {
        self.ask(Request::DeleteJob { job }).await
    }

    pub(crate) async fn status(&self, job: Guid) -> Result<RemoteJobStatus, Violation> {
        let answer = self.ask(Request::GetJobStatus { job }).await?;
        let Response::GetJobStatus(status) = answer else {
            panic!("{answer:?}");
        };
        Ok(status)
    }

    /// How a job that was run has ended, asked for every ten seconds. A day must do.
    pub(crate) async fn ended(&self, job: Guid) -> RemoteJobStatus {
        let ended = timeout(seconds(24 * 3600), async {
            loop {
                match self.status(job).await {
                    Ok(status) if status.status.is_final() => return status,
                    Ok(_) | Err(Violation::Unavailable) => sleep(seconds(10)).await,
                    Err(violation) => panic!("{violation}"),
                }
            }
        });
        ended.await.expect("every import ends")
    }

    /// The status only.
    pub(crate) async fn word(&self, job: Guid) -> JobStatus {
        self.status(job).await.unwrap().status
    }
}

async fn put(
    depot: &impl Depot,
    target: &UploadTarget,
    octets: &'static [u8],
) -> Result<Kept, DepotError> {
    let mut upload = depot.begin(target.job, &target.file).await?;
    upload.write(Bytes::from_static(octets)).await?;
    upload.commit().await
}
