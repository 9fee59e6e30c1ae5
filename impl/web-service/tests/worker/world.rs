//! A worker with a desk in memory and a real folder.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use portcullis_net::{Host, Net, Tasks, TokioNet};
use portcullis_web_service::client::{FarmAddress, FarmClient, Scheme, Terms};
use portcullis_web_service::config::{Account, Config};
use portcullis_web_service::desk::Desk;
use portcullis_web_service::error::UploadRefusal;
use portcullis_web_service::message::{
    Fault, FileName, Guid, JobStatus, RemoteJobStatus, Request, Response, UploadTarget, Violation,
};
use portcullis_web_service::work::{Depot as _, TemporaryFolder};
use portcullis_web_service::{FarmEvent, Observer, worker};
use tokio::sync::mpsc;

use crate::port::free_port;
use crate::raw::Client;

/// The job that takes uploads.
pub(crate) const JOB: &str = "49bebd7d-62d0-4d68-a1f0-9118b3ac4416";

/// A job that takes none any more.
pub(crate) const CLOSED: &str = "00000000-0000-0000-0000-00000000000c";

/// A job that is closed between the question and the record.
pub(crate) const CLOSING: &str = "00000000-0000-0000-0000-0000000000cc";

/// Knows a few jobs, and what was uploaded for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<BTreeMap<(Guid, String), u64>>>);

pub(crate) fn guid(text: &str) -> Guid {
    text.parse().unwrap()
}

impl Memory {
    pub(crate) fn files(&self) -> Vec<(String, u64)> {
        let files = self.0.lock().unwrap();
        let files = files.iter();
        files
            .map(|((_, name), octets)| (name.clone(), *octets))
            .collect()
    }
}

impl Desk for Memory {
    async fn answer(&self, request: Request) -> Result<Response, Fault> {
        match request {
            Request::GetSiteCollectionNames { .. } => {
                let names = ["/", "/sites/news"].map(str::to_owned);
                Ok(Response::GetSiteCollectionNames(names.into()))
            }
            Request::GetJobStatus { job } if job == guid(JOB) => {
                Ok(Response::GetJobStatus(RemoteJobStatus {
                    status: JobStatus::ImportPreparing,
                    error_count: 0,
                    warning_count: 0,
                    imported_object_count: 0,
                    status_message: String::new(),
                }))
            }
            Request::GetRemoteAdminServerUrl { .. } => Err(Violation::Unavailable.into()),
            Request::GetVirtualServersInformation
            | Request::CreateJob(_)
            | Request::RunJob { .. }
            | Request::GetJobStatus { .. }
            | Request::CancelJob { .. }
            | Request::DeleteJob { .. }
            | Request::DeleteImportLogs { .. } => Err(Violation::UnknownJob.into()),
        }
    }

    async fn may_upload(&self, target: &UploadTarget, _: Option<u64>) -> Result<(), UploadRefusal> {
        if target.job == guid(CLOSED) {
            Err(UploadRefusal::JobClosed)
        } else if [JOB, CLOSING].map(guid).contains(&target.job) {
            Ok(())
        } else {
            Err(UploadRefusal::UnknownJob)
        }
    }

    async fn uploaded(&self, target: &UploadTarget, octets: u64) -> Result<(), UploadRefusal> {
        if target.job == guid(CLOSING) {
            return Err(UploadRefusal::JobClosed);
        }
        let key = (target.job, target.file.as_str().to_owned());
        self.0.lock().unwrap().insert(key, octets);
        Ok(())
    }
}

/// A running worker.
pub(crate) struct World {
    pub(crate) port: u16,
    pub(crate) memory: Memory,
    pub(crate) folder: TemporaryFolder,
    pub(crate) root: tempfile::TempDir,
    pub(crate) tasks: Tasks,
    events: Mutex<mpsc::Receiver<FarmEvent>>,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::over(|net| net, change).await
    }

    /// A worker behind another network.
    pub(crate) async fn over<N: Net>(
        adapt: impl FnOnce(TokioNet) -> N,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let port = free_port();
        let mut config = Config::new("wfe1", port, "http://farm.example:8080");
        change(&mut config);
        let root = tempfile::tempdir().unwrap();
        let folder = TemporaryFolder::open(root.path()).unwrap();
        let host = Host::real("wfe1", Ipv4Addr::LOCALHOST.into()).map_net(adapt);
        let (memory, tasks) = (Memory::default(), Tasks::new(&host));
        let (seen, events) = mpsc::channel(100_000);
        let observer = Observer::new(move |event| seen.try_send(event.clone()).unwrap_or_default());
        let started = worker::start(
            &host,
            memory.clone(),
            folder.clone(),
            Arc::new(config),
            observer,
            &tasks,
        );
        assert_eq!(started.await, Ok(port));
        let events = Mutex::new(events);
        Self {
            port,
            memory,
            folder,
            root,
            tasks,
            events,
        }
    }

    /// A raw connection.
    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.port).await
    }

    /// One exchange of raw octets over a connection that the server closes.
    pub(crate) async fn say(&self, octets: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.send(octets).await;
        client.rest().await
    }

    pub(crate) fn client(&self, terms: Terms) -> FarmClient<TokioNet> {
        let host = Host::real("source", Ipv4Addr::LOCALHOST.into());
        let address = FarmAddress {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: self.port,
            scheme: Scheme::Http,
        };
        FarmClient::new(host, address, terms)
    }

    /// What is announced next.
    pub(crate) async fn event(&self) -> FarmEvent {
        std::future::poll_fn(|cx| self.events.lock().unwrap().poll_recv(cx))
            .await
            .unwrap()
    }

    /// Waits until an exchange with this status has been announced, whatever else was.
    pub(crate) async fn answered(&self, status: u16) -> FarmEvent {
        loop {
            let event = self.event().await;
            if matches!(event, FarmEvent::Answered { status: seen, .. } if seen == status) {
                return event;
            }
        }
    }

    /// The names in the folder of the job.
    pub(crate) async fn stored(&self) -> Vec<(String, u64)> {
        let files = self.folder.list(guid(JOB)).await.unwrap().into_iter();
        files
            .map(|file| (file.name.to_string(), file.octets))
            .collect()
    }

    /// Waits until no file lies below the folder: what is given up is removed by a thread.
    pub(crate) async fn is_empty(&self) {
        while self.file_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// How many files lie below the folder, those that arrive included.
    pub(crate) fn file_count(&self) -> usize {
        let mut folders = vec![self.root.path().to_owned()];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with(".lock") {
                    count += 1;
                }
            }
        }
        count
    }
}

/// The target of an upload as octets.
pub(crate) fn target(file: &str) -> String {
    format!("/_admin/Content%20Deployment/DeploymentUpload.aspx?filename={file}&remoteJobId={JOB}")
}

/// The target of an upload as the client has it.
pub(crate) fn upload(file: &str) -> UploadTarget {
    UploadTarget {
        file: FileName::new(file).unwrap(),
        job: guid(JOB),
    }
}

/// The account that tests with credentials use.
pub(crate) fn anna() -> Account {
    Account {
        name: "anna".to_owned(),
        password: "pass:word".to_owned(),
    }
}
