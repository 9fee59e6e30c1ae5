//! The import server crashes at each durable write of a whole job, in either database, before the
//! writer is answered; or everything crashes, databases and all, at any moment. A new life takes up
//! what the databases hold.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_store::{Disk, Row, Write};
use portcullis_web_service::config::Config;
use portcullis_web_service::error::UploadRefusal;
use portcullis_web_service::message::{
    Guid, JobStatus, RemoteJobStatus, Request, Response, Violation,
};
use portcullis_web_service::work::{ImportFailure, ScriptedImport};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::world::{ANY, DatabaseServer, Server, Tasks, World, config, new_job, seconds};

const OBJECTS: u32 = 3;

const SCRIPT: ScriptedImport = ScriptedImport {
    verify: seconds(3),
    decompress: seconds(3),
    place: Duration::from_millis(300),
    objects: OBJECTS,
    fails: None,
};

/// What the client wants of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// That it is imported.
    Import,
    /// That it is cancelled this long after it was run.
    Cancel(Duration),
    /// That it is cancelled without being run.
    CancelUnrun,
}

/// Ends the server at write number `at`, counted from 1 over both databases.
#[derive(Clone)]
struct Trap {
    at: usize,
    writes: Arc<AtomicUsize>,
    victim: Arc<Mutex<Option<Tasks>>>,
    sprung: Arc<Notify>,
}

impl Trap {
    /// With `at` 0 it is never sprung.
    fn set(at: usize, disks: [&Disk; 2]) -> Self {
        let trap = Self {
            at,
            writes: Arc::default(),
            victim: Arc::default(),
            sprung: Arc::default(),
        };
        for disk in disks {
            let trap = trap.clone();
            disk.on_write(Arc::new(move |_: Write| trap.written()));
        }
        trap
    }

    fn written(&self) {
        let number = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        if number == self.at
            && let Some(tasks) = &*self.victim.lock().unwrap()
        {
            tasks.lock().unwrap().abort_all();
            self.sprung.notify_one();
        }
    }
}

/// What crashes, and when.
#[derive(Clone, Copy, Debug)]
enum Crash {
    /// The server, at this durable write.
    AtWrite(usize),
    /// The server and both databases. A sync that is under way then, which takes a while here, may
    /// turn out to have been done or not.
    OfAll(Duration),
}

/// A farm that is started again three seconds after it has crashed.
struct Farm {
    world: World,
    crash: Crash,
    served: Mutex<Arc<DatabaseServer>>,
    trap: Trap,
    server: Mutex<Server>,
}

impl Farm {
    async fn start(crash: Crash, seed: u64) -> Self {
        let (at, sync) = match crash {
            Crash::AtWrite(at) => (at, Duration::from_millis(1)),
            Crash::OfAll(_) => (0, Duration::from_millis(100)),
        };
        let world = World::with_sync(SCRIPT, sync, seed);
        let trap = Trap::set(at, [&world.configuration, &world.content]);
        let served = Arc::new(world.serve_databases());
        let server = world.start(Self::config(), &served.databases).await;
        *trap.victim.lock().unwrap() = Some(Arc::clone(&server.tasks));
        Self {
            world,
            crash,
            served: Mutex::new(served),
            trap,
            server: Mutex::new(server),
        }
    }

    /// Interrupted creations and deletions are swept soon.
    fn config() -> Config {
        let mut config = config("wfe1");
        config.temporary_files_kept = seconds(100);
        config
    }

    /// Crashes once and comes back.
    async fn crash_and_restart(&self) {
        let mut served = Arc::clone(&self.served.lock().unwrap());
        match self.crash {
            Crash::AtWrite(_) => {
                self.trap.sprung.notified().await;
                self.server().crash().await;
                sleep(seconds(3)).await;
            }
            Crash::OfAll(at) => {
                sleep(at).await;
                self.server().crash().await;
                served.crash().await;
                sleep(seconds(3)).await;
                served = Arc::new(self.world.serve_databases());
            }
        }
        let restarted = self.world.start(Self::config(), &served.databases).await;
        *self.served.lock().unwrap() = served;
        *self.server.lock().unwrap() = restarted;
        std::future::pending::<()>().await;
    }

    fn server(&self) -> Server {
        self.server.lock().unwrap().clone()
    }

    /// What the client learns in the end; the restart happens beside it.
    async fn carry_out(&self, plan: Plan) -> JobStatus {
        let done = timeout(seconds(24 * 3600), async {
            tokio::select! {
                biased;
                () = self.crash_and_restart() => unreachable!("it never returns"),
                status = self.client(plan) => status,
            }
        });
        done.await.expect("the client gets to its end")
    }

    /// A client that repeats what was not answered.
    async fn client(&self, plan: Plan) -> JobStatus {
        let job = loop {
            match self.server().ask(Request::CreateJob(new_job(ANY))).await {
                Ok(Response::CreateJob(job)) => break job,
                Err(Violation::Unavailable) => sleep(seconds(1)).await,
                other => panic!("{other:?}"),
            }
        };
        for file in ["A.cab", "B.cab"] {
            while let Err(refusal) = self.server().upload(job, file, b"MSCF").await {
                assert_eq!(refusal, UploadRefusal::Unavailable);
                sleep(seconds(1)).await;
            }
        }
        if plan != Plan::CancelUnrun {
            self.repeat(Request::RunJob { job }, Violation::JobRunAlready)
                .await;
        }
        match plan {
            Plan::Import => {}
            Plan::Cancel(after) => {
                sleep(after).await;
                self.repeat(Request::CancelJob { job }, Violation::UnknownJob)
                    .await;
            }
            Plan::CancelUnrun => {
                self.repeat(Request::CancelJob { job }, Violation::UnknownJob)
                    .await;
            }
        }
        let status = self.ended(job).await;
        assert_eq!(status.error_count, 0, "{status:?}");
        self.verify_site(job, status.status);
        // The first answer may have been lost.
        self.repeat(Request::DeleteJob { job }, Violation::UnknownJob)
            .await;
        sleep(seconds(210)).await;
        self.verify_tidiness(job);
        status.status
    }

    /// The final status, whichever life of the server tells it.
    async fn ended(&self, job: Guid) -> RemoteJobStatus {
        loop {
            match self.server().status(job).await {
                Ok(status) if status.status.is_final() => return status,
                Ok(_) | Err(Violation::Unavailable) => sleep(seconds(10)).await,
                Err(violation) => panic!("{violation}"),
            }
        }
    }

    /// Asks until it is answered; `lost` is what a repetition may be told when the first was done.
    async fn repeat(&self, request: Request, lost: Violation) {
        let mut is_first = true;
        loop {
            match self.server().ask(request.clone()).await {
                Ok(_) => return,
                Err(Violation::Unavailable) => sleep(seconds(1)).await,
                Err(violation) if violation == lost && !is_first => return,
                Err(violation) => panic!("{request:?}: {violation}"),
            }
            is_first = false;
        }
    }

    fn verify_site(&self, job: Guid, status: JobStatus) {
        let placed = self.world.shelf.placed(job);
        if status == JobStatus::Cancelled {
            assert!(placed.is_empty(), "{placed:?}");
            return;
        }
        assert_eq!(status, JobStatus::Success);
        assert!(placed.keys().copied().eq(0..OBJECTS), "{placed:?}");
        // Once more at most for one crash.
        assert!(
            placed.values().all(|times| (1..=2).contains(times)),
            "{placed:?}"
        );
    }

    /// Nothing is left of the job but its log (CD-32), and nothing but a failure of a job whose
    /// creation was not answered.
    fn verify_tidiness(&self, job: Guid) {
        let world = &self.world;
        for table in ["uploaded-file", "file-number", "cancel-request", "removal"] {
            assert_eq!(world.content.durable_rows(table), [], "{table}");
        }
        let name = job.to_string();
        for table in ["import-job", "job-report"] {
            let rows = world.content.durable_rows(table);
            assert!(rows.iter().all(|row| row.key != name), "{table}: {rows:?}");
            let is_expired = |row: &Row| row.value.contains(&ImportFailure::Expired.to_string());
            assert!(
                rows.iter()
                    .all(|row| table == "import-job" || is_expired(row)),
                "{rows:?}"
            );
            assert!(rows.len() <= 1, "{rows:?}");
        }
        let timer_jobs = world.configuration.durable_rows("timer-job");
        assert!(
            timer_jobs.iter().all(|row| row.value.contains("withdrawn")),
            "{timer_jobs:?}"
        );
        assert_eq!(world.shelf.folders(), []);
        assert!(!world.shelf.is_working(job));
        let logs = world.content.durable_rows("import-logs");
        assert_eq!(logs.len(), 1);
        assert_eq!(logs[0].value.matches(&name).count(), 1, "{logs:?}");
    }
}

/// Plays `plan` with a crash at each write; how many writes it has.
async fn crash_at_each_write(plan: Plan, allowed: &[JobStatus]) -> usize {
    let mut at = 1;
    loop {
        let farm = Farm::start(Crash::AtWrite(at), 7).await;
        let status = farm.carry_out(plan).await;
        assert!(allowed.contains(&status), "crash at write {at}: {status:?}");
        let writes = farm.trap.writes.load(Ordering::Relaxed);
        if writes < at {
            return at - 1;
        }
        at += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn an_import_survives_a_crash_at_each_durable_write() {
    let writes = crash_at_each_write(Plan::Import, &[JobStatus::Success]).await;
    assert!(writes > 30, "{writes}");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_stays_cancelled_through_a_crash_at_each_durable_write() {
    let unrun = crash_at_each_write(Plan::CancelUnrun, &[JobStatus::Cancelled]).await;
    assert!(unrun > 15, "{unrun}");
    // A crash may delay the cancel until decompression has begun.
    let either = [JobStatus::Cancelled, JobStatus::Success];
    let early = crash_at_each_write(Plan::Cancel(seconds(2)), &either).await;
    assert!(early > 15, "{early}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_too_late_loses_nothing_in_a_crash_at_any_write() {
    crash_at_each_write(Plan::Cancel(seconds(8)), &[JobStatus::Success]).await;
}

/// Some of these moments are in the middle of a sync, whose batch is then there or not.
#[tokio::test(start_paused = true)]
async fn an_import_survives_a_crash_of_everything_at_any_moment() {
    for (seed, ms) in (0_u64..).zip((0..17_000).step_by(270)) {
        let crash = Crash::OfAll(Duration::from_millis(ms));
        let farm = Farm::start(crash, seed).await;
        let status = farm.carry_out(Plan::Import).await;
        assert_eq!(status, JobStatus::Success, "{crash:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_survives_a_crash_of_everything_at_any_moment() {
    for (seed, ms) in (0_u64..).zip((0..2_000).step_by(50)) {
        let crash = Crash::OfAll(Duration::from_millis(ms));
        let farm = Farm::start(crash, seed).await;
        let status = farm.carry_out(Plan::CancelUnrun).await;
        assert_eq!(status, JobStatus::Cancelled, "{crash:?}");
    }
}
