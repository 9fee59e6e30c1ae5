//! One pair of environments from the first start to the last check.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_net::{Spawner, TokioNet};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::journal;
use crate::plan::{Plan, Point, Role, Wrong};
use crate::proxy::{self, Minutes};
use crate::site::Site;
use crate::verdict::{self, Records};

/// How long a pair may take: many times what it needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The signal that nobody can catch.
const SIGKILL: i32 = 9;

/// What came of a pair.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What does not hold.
    pub(crate) complaints: Vec<String>,
    /// How often a process was killed, and where.
    pub(crate) kills: BTreeMap<String, u32>,
}

#[derive(Clone)]
struct Trial {
    site: Site,
    plan: Plan,
    minutes: Minutes,
    report: Arc<Mutex<Report>>,
    complained: Arc<Notify>,
}

/// Carries out the plan.
pub(crate) async fn run(plan: &Plan) -> Report {
    let directory = tempfile::tempdir().expect("a directory");
    let trial = Trial {
        site: Site::new(directory.path()),
        plan: plan.clone(),
        minutes: Minutes::default(),
        report: Arc::default(),
        complained: Arc::default(),
    };
    trial.site.build().expect("the disk has room");
    trial.connect().await;
    let (kill_dev, dev_kills) = mpsc::channel(4);
    let (kill_prod, prod_kills) = mpsc::channel(4);
    let (dev_is_done, dev_done) = watch::channel(false);
    let (prod_is_done, prod_done) = watch::channel(false);
    let finished = async {
        trial.kill_from_outside([&kill_dev, &kill_prod]).await;
        let mut done = [dev_done, prod_done];
        // Both at once: a process that comes up again may have to hear of the end once more.
        while !done.iter().all(|done| *done.borrow()) {
            for done in &mut done {
                done.wait_for(|done| *done).await.expect("is watched");
            }
        }
    };
    let ended = tokio::select! {
        biased;
        ended = timeout(PATIENCE, finished) => ended,
        // What was wrong on purpose may keep the rest from ending.
        () = trial.complained.notified(), if plan.wrong != Wrong::Nothing => Ok(()),
        never = trial.keep_running(Role::Originator, dev_kills, dev_is_done) => match never {},
        never = trial.keep_running(Role::Destination, prod_kills, prod_is_done) => match never {},
    };
    // Both processes ended with what ran them.
    if ended.is_err() {
        trial.complain(["not everything came to its end".to_owned()]);
    }
    trial.judge().await;
    let mut report = trial.report.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *report)
}

impl Trial {
    async fn connect(&self) {
        let net = TokioNet::new(self.site.ip());
        let ways = [
            (Role::Originator, (self.site.remote.1, self.site.remote.0)),
            (Role::Destination, (self.site.local.1, self.site.local.0)),
        ];
        for (opener, ports) in ways {
            let address = self.site.address.to_string();
            let minutes = self.minutes.clone();
            proxy::listen(
                net.clone(),
                address,
                Spawner::tokio(),
                minutes,
                opener,
                ports,
            )
            .await
            .expect("a free port");
        }
    }

    async fn kill_from_outside(&self, kill: [&mpsc::Sender<()>; 2]) {
        for (roles, wait) in &self.plan.timed {
            sleep(*wait).await;
            for role in roles {
                let kill = match role {
                    Role::Originator => kill[0],
                    Role::Destination => kill[1],
                };
                kill.send(()).await.expect("somebody kills");
            }
        }
    }

    /// Starts a role again and again, each time with its next point.
    async fn keep_running(
        &self,
        role: Role,
        mut kills: mpsc::Receiver<()>,
        is_done: watch::Sender<bool>,
    ) -> std::convert::Infallible {
        let points = self.plan.points.iter().filter(|(of, _)| *of == role);
        let mut points = points.map(|(_, point)| *point);
        let mut before = Records::default();
        let mut console = Vec::new();
        loop {
            let (mut child, mut lines) = self.start(role, points.next());
            let mut fell_at = None;
            loop {
                tokio::select! {
                    biased;
                    Some(()) = kills.recv() => {
                        child.start_kill().expect("it is ours");
                        fell_at = Some("from outside".to_owned());
                    }
                    line = lines.next_line() => match line.expect("text") {
                        Some(line) if line == "done" => drop(is_done.send_replace(true)),
                        Some(line) => match line.strip_prefix("dies ") {
                            Some(place) => fell_at = Some(place.to_owned()),
                            None => console.push(line),
                        },
                        None => break,
                    },
                }
            }
            is_done.send_replace(false);
            let status = child.wait().await.expect("it ended");
            match fell_at {
                Some(place) if status.signal() == Some(SIGKILL) => self.count(role, &place),
                place => self.complain([format!("{} ended: {status} {place:?}", role.name())]),
            }
            let now = verdict::records(&self.site, role).await;
            let said = self.minutes.all();
            self.complain(verdict::forgotten(&self.site, role, &now, &said, &console));
            self.complain(verdict::changed(role, &before, &now));
            before = now;
        }
    }

    fn start(&self, role: Role, point: Option<Point>) -> (Child, Lines<BufReader<ChildStdout>>) {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(self.site.arguments(&self.plan, role, point))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("started");
        let out = child.stdout.take().expect("piped");
        (child, BufReader::new(out).lines())
    }

    /// The last look at everything; both processes have been killed.
    async fn judge(&self) {
        let mut records = Vec::new();
        for role in Role::BOTH {
            records.push(self.last_records(role).await);
        }
        let [dev, prod] = records.as_slice() else {
            return;
        };
        // Whatever still runs is given the time to say so.
        let journal = self.site.journal();
        let quiet = async {
            while !journal::alive(&journal::read(&journal)).is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        drop(timeout(2 * self.plan.work, quiet).await);
        let lines = journal::read(&journal);
        let said = self.minutes.all();
        let ended = verdict::at_the_end(&self.site, &self.plan, [dev, prod], &said, &lines);
        self.complain(ended);
    }

    async fn last_records(&self, role: Role) -> Records {
        // The process was killed when its handle was dropped, and may take a moment to go.
        for _ in 0..200 {
            match portcullis_store::SqliteStore::open(&self.site.store(role)) {
                Ok(store) => {
                    store.close().await.expect("the store closes");
                    break;
                }
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        }
        verdict::records(&self.site, role).await
    }

    fn count(&self, role: Role, place: &str) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let place = format!("{} {place}", role.name());
        *report.kills.entry(place).or_default() += 1;
    }

    fn complain(&self, complaints: impl IntoIterator<Item = String>) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.complaints.extend(complaints);
        if !report.complaints.is_empty() {
            self.complained.notify_one();
        }
    }
}
