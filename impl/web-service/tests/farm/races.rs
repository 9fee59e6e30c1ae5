//! Calls that race with each other and with the import, at any distance in time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_web_service::FarmEvent;
use portcullis_web_service::error::UploadRefusal;
use portcullis_web_service::message::{Guid, JobStatus, Response, Violation};
use portcullis_web_service::work::ScriptedImport;
use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::{ANY, Server, Way, World, config, seconds};

/// One race: when each call is made, and how long the phases take.
#[derive(Clone, Debug)]
struct Race {
    script: ScriptedImport,
    /// Each at one of two servers.
    runs: [Duration; 2],
    cancels: Vec<Duration>,
    deletes: Vec<Duration>,
    uploads: Vec<Duration>,
    /// The import server crashes then, and is back two seconds later.
    crash: Option<Duration>,
    /// From both servers to the databases.
    way: Way,
}

/// Any time, or a coincidence: with a round of the timer service, or with the other calls.
fn moment() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => (0_u64..6000).prop_map(Duration::from_millis),
        1 => (0_u64..6, 0_u64..12).prop_map(|(s, ms)| Duration::from_millis(s * 1000 + ms)),
        2 => (0_u64..3).prop_map(|ms| Duration::from_millis(500 + ms)),
    ]
}

fn script() -> impl Strategy<Value = ScriptedImport> {
    (moment(), moment(), 0_u64..400, 0_u32..5).prop_map(|(verify, decompress, place, objects)| {
        ScriptedImport {
            verify: verify / 2,
            decompress: decompress / 2,
            place: Duration::from_millis(place),
            objects,
            fails: None,
        }
    })
}

fn race() -> impl Strategy<Value = Race> {
    use proptest::collection::vec;
    let calls = (
        [moment(), moment()],
        vec(moment(), 0..3),
        vec(moment(), 0..2),
        vec(moment(), 0..4),
    );
    let crash = proptest::option::weighted(0.3, moment());
    let way = prop_oneof![Just(Way::Open), Just(Way::Slow)];
    (script(), calls, crash, way).prop_map(
        |(script, (runs, cancels, deletes, uploads), crash, way)| Race {
            script,
            runs,
            cancels,
            deletes,
            uploads,
            crash,
            way,
        },
    )
}

/// What the callers were told.
#[derive(Debug, Default)]
struct Told {
    runs: Vec<Result<Response, Violation>>,
    cancels: Vec<Result<Response, Violation>>,
    deletes: Vec<Result<Response, Violation>>,
    uploads: Vec<Result<(), UploadRefusal>>,
    /// Each status that a poller saw, when it was another than the one before.
    statuses: Vec<JobStatus>,
}

/// What came of a race.
struct Outcome {
    world: World,
    job: Guid,
    told: Told,
    /// The final status; none when the job was deleted.
    end: Option<JobStatus>,
}

/// One call after a while, on a task of its own; what it was told goes where `told` says.
fn call<T: Send + 'static>(
    calls: &mut JoinSet<()>,
    at: Duration,
    answer: impl Future<Output = T> + Send + 'static,
    told: &Arc<Mutex<Told>>,
    keep: impl FnOnce(&mut Told, T) + Send + 'static,
) {
    let told = Arc::clone(told);
    calls.spawn(async move {
        sleep(at).await;
        let answer = answer.await;
        keep(&mut told.lock().unwrap(), answer);
    });
}

async fn play(race: Race) -> Outcome {
    let world = World::new(race.script);
    let served = world.serve_databases();
    let importing = world.start(config("wfe1"), &served.databases).await;
    let mut other = config("wfe2");
    other.is_import_server = false;
    let other = world.start(other, &served.databases).await;
    let job = importing.prepared(ANY).await;
    for server in [&importing, &other] {
        server.ways.configuration.set(race.way);
        server.ways.content.set(race.way);
    }
    let told = Arc::new(Mutex::new(Told::default()));
    let mut calls = JoinSet::new();
    for (at, server) in race.runs.into_iter().zip([&importing, &other]) {
        let server = server.clone();
        let run = async move { server.run(job).await };
        call(&mut calls, at, run, &told, |told, answer| {
            told.runs.push(answer);
        });
    }
    for at in race.cancels {
        let server = other.clone();
        let cancel = async move { server.cancel(job).await };
        call(&mut calls, at, cancel, &told, |told, answer| {
            told.cancels.push(answer);
        });
    }
    for at in race.deletes {
        let server = other.clone();
        let delete = async move { server.delete(job).await };
        call(&mut calls, at, delete, &told, |told, answer| {
            told.deletes.push(answer);
        });
    }
    for (number, at) in race.uploads.into_iter().enumerate() {
        let server = importing.clone();
        let upload = async move { server.upload(job, &format!("{number}.cab"), b"MSCF").await };
        call(&mut calls, at, upload, &told, |told, answer| {
            told.uploads.push(answer);
        });
    }
    let watching = other.clone();
    let watched = Arc::clone(&told);
    let mut watch = JoinSet::new();
    watch.spawn(async move { poll(&watching, job, &watched).await });
    let mut restarted = None;
    if let Some(at) = race.crash {
        sleep(at).await;
        importing.crash().await;
        sleep(seconds(2)).await;
        restarted = Some(world.start(config("wfe1"), &served.databases).await);
    }
    while calls.join_next().await.is_some() {}
    sleep(seconds(35)).await;
    watch.shutdown().await;
    let end = match other.status(job).await {
        Ok(status) => Some(status.status),
        Err(Violation::UnknownJob) => None,
        Err(violation) => panic!("{violation}"),
    };
    drop(restarted);
    let told = std::mem::take(&mut *told.lock().unwrap());
    Outcome {
        world,
        job,
        told,
        end,
    }
}

/// Notes each change of status, for ever.
async fn poll(server: &Server, job: Guid, told: &Mutex<Told>) {
    loop {
        if let Ok(status) = server.status(job).await {
            let mut told = told.lock().unwrap();
            if told.statuses.last() != Some(&status.status) {
                told.statuses.push(status.status);
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// How far a status is on the way from creation to end.
fn rank(status: JobStatus) -> u32 {
    match status {
        JobStatus::ImportPreparing => 0,
        JobStatus::ImportInProgress => 1,
        JobStatus::CancelInProgress => 2,
        JobStatus::Success
        | JobStatus::Failure
        | JobStatus::Cancelled
        | JobStatus::ImportTimedOut => 3,
    }
}

/// What must hold, whoever was first.
fn verify(race: &Race, outcome: &Outcome) -> Result<(), TestCaseError> {
    let Outcome {
        world,
        job,
        told,
        end,
    } = outcome;
    let placed = world.shelf.placed(*job);
    let decompressions =
        world.count(|_, event| matches!(event, FarmEvent::DecompressionStarted { .. }));
    let run = told.runs.iter().filter(|answer| answer.is_ok()).count();
    let deleted = told.deletes.iter().filter(|answer| answer.is_ok()).count();
    let cancelled = told.statuses.contains(&JobStatus::Cancelled);

    // CD-22: run once. A crash may take the answer away, and the caller does not repeat it here.
    prop_assert!(run <= 1, "{told:?}");
    prop_assert!(deleted <= 1);
    if race.crash.is_none() && deleted == 0 && !cancelled {
        prop_assert_eq!(run, 1, "{:?}", told);
    }
    // CD-29: cancelled and decompressed exclude each other.
    prop_assert!(!cancelled || decompressions == 0, "{told:?}");
    prop_assert!(placed.is_empty() || !cancelled, "{told:?}");
    // CD-28: an answered cancel has been handled.
    if !told.cancels.is_empty() && told.cancels.iter().all(Result::is_ok) && deleted == 0 {
        prop_assert!(*end != Some(JobStatus::CancelInProgress));
        prop_assert!(*end != Some(JobStatus::ImportPreparing), "{told:?}");
    }
    // CD-27: the status never goes back, and a final one stays.
    let ranks: Vec<_> = told.statuses.iter().map(|status| rank(*status)).collect();
    prop_assert!(ranks.is_sorted_by(|a, b| a < b), "{told:?}");
    // What ran to its end is whole.
    if *end == Some(JobStatus::Success) {
        prop_assert_eq!(placed.len(), usize::try_from(race.script.objects).unwrap());
    } else {
        let unrun = run == 0 && *end == Some(JobStatus::ImportPreparing);
        prop_assert!(
            matches!(end, None | Some(JobStatus::Cancelled)) || unrun,
            "{:?} {:?}",
            end,
            told
        );
    }
    // A file counts exactly when its upload was acknowledged; a lost answer leaves it open.
    if decompressions > 0 {
        let acknowledged = told.uploads.iter().filter(|answer| answer.is_ok()).count();
        let unknown = [Err(UploadRefusal::Unavailable)];
        let lost = told
            .uploads
            .iter()
            .filter(|answer| unknown.contains(answer))
            .count();
        let files = world.shelf.decompressed(*job).len().saturating_sub(1);
        prop_assert!(
            (acknowledged..=acknowledged + lost).contains(&files),
            "{told:?} {files}"
        );
    }
    // A job that was run is deleted after it has ended, not instead.
    if run == 1 && deleted == 1 {
        let states = world.states(*job);
        let has_ended = |state: &&str| ["succeeded", "cancelled"].contains(state);
        prop_assert!(states.iter().any(has_ended), "{states:?}");
    }
    // CD-31: nothing runs of what is gone.
    if end.is_none() {
        prop_assert_eq!(deleted, 1);
        prop_assert_eq!(world.shelf.folders(), []);
        prop_assert_eq!(world.configuration.durable_rows("timer-job"), []);
        prop_assert_eq!(world.content.durable_rows("uploaded-file"), []);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whoever_is_first_the_farm_stays_consistent(race in race()) {
        verify(&race, &run(&race))?;
    }
}

/// Plays a race on a runtime of its own.
fn run(race: &Race) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(play(race.clone()))
}

/// Each step of a call takes a millisecond: the ways in which the steps of two calls can mix.
#[test]
fn two_calls_at_the_same_instant_leave_the_farm_consistent() {
    let moment = |ms: u64| Duration::from_millis(500 + ms);
    let never = seconds(5);
    for (first, second) in (0..6).flat_map(|first| (0..6).map(move |second| (first, second))) {
        let alone = Race {
            script: ScriptedImport::default(),
            runs: [moment(first), never],
            cancels: Vec::new(),
            deletes: Vec::new(),
            uploads: Vec::new(),
            crash: None,
            way: Way::Slow,
        };
        let second = moment(second);
        let races = [
            Race {
                runs: [moment(first), second],
                ..alone.clone()
            },
            Race {
                cancels: vec![second],
                ..alone.clone()
            },
            Race {
                deletes: vec![second],
                ..alone.clone()
            },
            Race {
                uploads: vec![second],
                ..alone.clone()
            },
            Race {
                runs: [never, never],
                cancels: vec![moment(first)],
                deletes: vec![second],
                ..alone
            },
        ];
        for race in races {
            verify(&race, &run(&race)).unwrap();
        }
    }
}
