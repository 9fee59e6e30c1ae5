//! What a user may do with jobs and paths, and when.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_net::{Host, Randomness};
use portcullis_store::{Disk, SimStore, Stored};

use super::*;
use crate::message::{Guid, JobStatus, RemoteJobStatus};
use crate::records::{DeploymentItem, DeploymentReport, DeploymentTimerJob};
use crate::services::{Part, Services, Unmoved};
use crate::state::{DeploymentEvent, DeploymentFailure, DeploymentStep};
use crate::work::JobKind;
use crate::{Config, Databases, Observer};

/// A desk, and the services of the timer service beside it.
struct Farm {
    desk: DeploymentDesk<SimStore>,
    services: Services<SimStore>,
}

impl Farm {
    /// With the jobs `nightly` and `weekly` along one path.
    async fn new() -> Self {
        let host = Host::real("source", Ipv4Addr::LOCALHOST.into());
        let database = |seed| {
            let disk = Disk::new(&Randomness::from_seed(seed), Duration::ZERO);
            SimStore::open(&disk, &host.spawner)
        };
        let databases = Databases {
            configuration: database(1),
            content: database(2),
        };
        let config = Arc::new(Config::new("source", 0, "http://localhost"));
        let none = Observer::none;
        let desk = DeploymentDesk::new(&host, databases.clone(), Arc::clone(&config), none());
        let services = Services::new(Part::Deployments, &host, databases, config, none());
        let farm = Self { desk, services };
        farm.define_path(|_| {}).await;
        for name in ["nightly", "weekly"] {
            farm.define(name).await.unwrap();
        }
        farm
    }

    async fn define_path(&self, change: impl FnOnce(&mut DeploymentPath)) {
        let target = TargetSite {
            server_url: "http://intranet".to_owned(),
            site_collection: "/".to_owned(),
        };
        let mut path = DeploymentPath::new("production", "staging", "http://target:8080", target);
        change(&mut path);
        self.desk.define_path(path).await.unwrap();
    }

    async fn define(&self, name: &str) -> Result<Guid, DeskRefusal> {
        self.desk.define_job(job(name)).await
    }

    /// Runs a job to its end: nothing had to be deployed.
    async fn run(&self, name: &str) {
        let run = self.desk.run(name).await.unwrap();
        let mut item = self.item(name).await;
        for event in [
            DeploymentEvent::PickedUp,
            DeploymentEvent::Exported { files: 0 },
        ] {
            let moving = self.services.move_run(&mut item, &event, None);
            moving.await.unwrap();
        }
        let key = DeploymentReport::key_of(run);
        let batch = self.services.batch().await.unwrap();
        let batch = batch.delete::<DeploymentTimerJob>(&key);
        let committing = self.services.commit::<DeploymentTimerJob>(batch);
        committing.await.unwrap();
    }

    async fn item(&self, name: &str) -> Stored<DeploymentItem> {
        self.services.deployment(name).await.unwrap().unwrap()
    }

    /// How many reports and timer jobs there are.
    async fn counts(&self) -> (u64, u64) {
        let reports = self.services.count::<DeploymentReport>().await;
        let timer_jobs = self.services.count::<DeploymentTimerJob>().await;
        (reports.unwrap(), timer_jobs.unwrap())
    }

    async fn delete(&self, logs: TargetLogs) -> Result<Deletion, DeskRefusal> {
        self.desk.delete_job("nightly", logs).await
    }
}

/// A job without a schedule.
fn job(name: &str) -> NewDeploymentJob {
    NewDeploymentJob {
        name: name.to_owned(),
        id: None,
        path: "production".to_owned(),
        kind: JobKind::Full,
        schedule: None,
    }
}

#[tokio::test]
async fn no_run_begins_along_a_disabled_path_and_one_that_is_ordered_goes_on() {
    let farm = Farm::new().await;
    farm.desk.run("weekly").await.unwrap();
    farm.define_path(|path| path.is_enabled = false).await;
    assert_eq!(farm.desk.run("nightly").await, Err(DeskRefusal::Disabled));
    let item = farm.item("nightly").await;
    let ordered = farm.services.order_run(&item).await;
    assert_eq!(ordered, Ok(None), "nor by its schedule");
    assert_eq!(farm.counts().await, (1, 1));
    for view in farm.desk.views().await.unwrap() {
        assert!(view.is_path_disabled, "{}", view.name);
    }
    assert!(farm.desk.view("nightly").await.unwrap().is_path_disabled);
    let mut item = farm.item("weekly").await;
    let event = DeploymentEvent::PickedUp;
    let moving = farm.services.move_run(&mut item, &event, None);
    moving.await.unwrap();
    farm.define_path(|_| {}).await;
    farm.run("nightly").await;
    assert!(!farm.desk.view("nightly").await.unwrap().is_path_disabled);
}

#[tokio::test]
async fn a_job_that_runs_is_given_another_schedule_and_nothing_else() {
    let farm = Farm::new().await;
    farm.desk.run("nightly").await.unwrap();
    let before = farm.item("nightly").await.record;
    let schedule = Some(Schedule {
        every: Duration::from_secs(60),
    });
    let by_the_minute = NewDeploymentJob {
        schedule,
        ..job("nightly")
    };
    let other = NewDeploymentJob {
        kind: JobKind::Incremental,
        ..by_the_minute.clone()
    };
    let refused = farm.desk.define_job(other).await;
    assert_eq!(refused, Err(DeskRefusal::Running));
    farm.desk.define_job(by_the_minute).await.unwrap();
    let after = farm.item("nightly").await.record;
    assert!(after.due_ms.is_some());
    let expected = DeploymentItem {
        schedule,
        due_ms: after.due_ms,
        ..before
    };
    assert_eq!(after, expected);
    farm.define("nightly").await.unwrap();
    assert_eq!(farm.item("nightly").await.record.due_ms, None);
}

#[tokio::test]
async fn a_job_goes_with_the_reports_of_its_runs_and_nothing_else_does() {
    let farm = Farm::new().await;
    for name in ["nightly", "weekly", "nightly"] {
        farm.run(name).await;
    }
    assert_eq!(farm.counts().await, (3, 0));
    assert_eq!(farm.delete(TargetLogs::Delete).await, Ok(Deletion::Ordered));
    // Until the target has answered all of it is there.
    assert_eq!(farm.counts().await, (3, 1));
    let item = farm.item("nightly").await;
    farm.services.forget(&item).await.unwrap();
    assert_eq!(farm.counts().await, (1, 1));
    let views = farm.desk.views().await.unwrap();
    let names: Vec<_> = views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, ["weekly"]);
    assert_eq!(
        farm.delete(TargetLogs::Delete).await,
        Err(DeskRefusal::UnknownJob)
    );
}

#[tokio::test]
async fn a_job_that_is_to_go_neither_runs_nor_changes_and_is_asked_to_go_once() {
    let farm = Farm::new().await;
    farm.run("nightly").await;
    for _ in 0..2 {
        assert_eq!(farm.delete(TargetLogs::Delete).await, Ok(Deletion::Ordered));
    }
    assert_eq!(farm.counts().await, (1, 1));
    assert_eq!(farm.desk.run("nightly").await, Err(DeskRefusal::Leaving));
    assert_eq!(farm.define("nightly").await, Err(DeskRefusal::Leaving));
    let cancelled = farm.desk.cancel("nightly").await;
    assert_eq!(cancelled, Err(DeskRefusal::NotRunning));
    let item = farm.item("nightly").await;
    assert_eq!(
        farm.services.order_run(&item).await,
        Err(Unmoved::Illegal),
        "nor by its schedule"
    );
    let view = farm.desk.view("nightly").await.unwrap();
    assert!(view.is_open());
    assert_eq!(view.words(), "is being deleted");
    // Who does not want to wait for the target any more.
    assert_eq!(farm.delete(TargetLogs::Leave).await, Ok(Deletion::Done));
    assert_eq!(farm.counts().await, (0, 1));
}

#[tokio::test]
async fn a_job_that_stays_says_why_and_runs_again() {
    let farm = Farm::new().await;
    farm.run("nightly").await;
    farm.delete(TargetLogs::Delete).await.unwrap();
    let item = farm.item("nightly").await;
    let why = "no answer in time".to_owned();
    farm.services.keep(&item, why).await.unwrap();
    let view = farm.desk.view("nightly").await.unwrap();
    assert_eq!(view.words(), "succeeded");
    let last = view.lines.last().unwrap();
    assert_eq!(last.severity, Severity::Warning);
    let text = "not deleted, import logs may be left at the target: no answer in time";
    assert_eq!(last.text, text);
    // It was moved on meanwhile, by whoever read it before.
    let late = farm.services.forget(&item).await;
    assert_eq!(late, Err(Unmoved::Refused));
    farm.run("nightly").await;
}

#[tokio::test]
async fn a_job_that_runs_stays_and_one_that_never_ran_goes_at_once() {
    let farm = Farm::new().await;
    farm.desk.run("weekly").await.unwrap();
    for logs in [TargetLogs::Delete, TargetLogs::Leave] {
        let refused = farm.desk.delete_job("weekly", logs).await;
        assert_eq!(refused, Err(DeskRefusal::Running));
    }
    assert_eq!(farm.delete(TargetLogs::Delete).await, Ok(Deletion::Done));
    assert_eq!(farm.counts().await, (1, 1));
}

#[tokio::test]
async fn who_reads_that_a_run_has_failed_reads_what_the_status_means() {
    let farm = Farm::new().await;
    farm.desk.run("nightly").await.unwrap();
    let mut item = farm.item("nightly").await;
    let why = DeploymentFailure {
        step: DeploymentStep::Ask,
        reason: "401".to_owned(),
    };
    for event in [
        DeploymentEvent::PickedUp,
        DeploymentEvent::Exported { files: 1 },
        DeploymentEvent::Failed(why),
    ] {
        let moving = farm.services.move_run(&mut item, &event, None);
        moving.await.unwrap();
    }
    let view = farm.desk.view("nightly").await.unwrap();
    assert_eq!(view.words(), "failed (ask): 401 (not authenticated)");
    let line = view.lines.last().unwrap();
    assert_eq!(line.text, "ask: 401 (not authenticated)");
}

#[tokio::test]
async fn what_is_kept_of_a_targets_long_message_has_a_limit() {
    let farm = Farm::new().await;
    farm.desk.run("nightly").await.unwrap();
    let mut item = farm.item("nightly").await;
    let url = "http://target:8080".to_owned();
    for event in [
        DeploymentEvent::PickedUp,
        DeploymentEvent::Exported { files: 1 },
        DeploymentEvent::Told { url },
        DeploymentEvent::Created { job: Guid::NIL },
        DeploymentEvent::Uploaded,
        DeploymentEvent::Started,
    ] {
        let moving = farm.services.move_run(&mut item, &event, None);
        moving.await.unwrap();
    }
    let status = JobStatus::ImportInProgress;
    let polled = RemoteJobStatus {
        status,
        error_count: 0,
        warning_count: 0,
        imported_object_count: 1,
        status_message: "\u{e4}".repeat(200_000),
    };
    let event = DeploymentEvent::Polled { status };
    let moving = farm.services.move_run(&mut item, &event, Some(&polled));
    moving.await.unwrap();
    let view = farm.desk.view("nightly").await.unwrap();
    let line = view.lines.last().unwrap();
    assert!(
        line.text
            .starts_with("the target reports ImportInProgress: ")
    );
    for kept in [&view.remote_message, &line.text] {
        assert!(kept.len() <= 4096 && kept.ends_with('\u{2026}'), "{kept}");
    }
}
