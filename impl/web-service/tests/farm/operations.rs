//! Which operation is allowed when, and what it answers.

use std::fmt::Write as _;
use std::time::Duration;

use insta::assert_snapshot;
use portcullis_web_service::config::Config;
use portcullis_web_service::message::{Guid, NewJob, Operation, Request, Response, Violation};
use portcullis_web_service::work::{FailsIn, ScriptedImport};
use tokio::time::sleep;

use crate::world::{ANY, DatabaseServer, SITE, SOURCE, Server, World, config, new_job, seconds};

/// A job in one situation, and how to bring it there.
#[derive(Clone, Copy)]
struct Situation {
    name: &'static str,
    script: ScriptedImport,
    run: bool,
    cancelled: bool,
    /// How long after the last call.
    after: Duration,
}

const QUICK: ScriptedImport = ScriptedImport {
    verify: Duration::ZERO,
    decompress: Duration::ZERO,
    place: Duration::ZERO,
    objects: 1,
    fails: None,
};

/// Every phase takes a hundred seconds.
const SLOW: ScriptedImport = ScriptedImport {
    verify: seconds(100),
    decompress: seconds(100),
    place: seconds(100),
    ..QUICK
};

fn situations() -> Vec<Situation> {
    let created = Situation {
        name: "created",
        script: SLOW,
        run: false,
        cancelled: false,
        after: Duration::ZERO,
    };
    let run = |name, after| Situation {
        name,
        run: true,
        after,
        ..created
    };
    let quick = |name, fails| Situation {
        name,
        script: ScriptedImport { fails, ..QUICK },
        run: true,
        after: seconds(10),
        ..created
    };
    vec![
        created,
        run("due", Duration::ZERO),
        run("verifying", seconds(50)),
        run("decompressing", seconds(150)),
        run("placing", seconds(250)),
        quick("succeeded", None),
        quick("failed", Some(FailsIn::Decompress)),
        Situation {
            name: "cancelled",
            cancelled: true,
            ..created
        },
        run("timed out", seconds(350)),
    ]
}

async fn farm(
    script: ScriptedImport,
    adjust: impl FnOnce(&mut Config),
) -> (World, DatabaseServer, Server) {
    let world = World::new(script);
    let served = world.serve_databases();
    let mut config = config("wfe1");
    adjust(&mut config);
    let server = world.start(config, &served.databases).await;
    (world, served, server)
}

impl Situation {
    async fn job(&self, server: &Server) -> Guid {
        let job = server.prepared(ANY).await;
        if self.run {
            server.run(job).await.unwrap();
        }
        if self.cancelled {
            server.cancel(job).await.unwrap();
        }
        sleep(self.after).await;
        job
    }
}

fn said<T: std::fmt::Debug>(answer: Result<T, Violation>) -> String {
    match answer {
        Ok(_) => "done".to_owned(),
        Err(violation) => format!("fault {}", violation.name()),
    }
}

/// The table of `SPEC.md`: each operation, alone, in each situation of a job.
#[tokio::test(start_paused = true)]
async fn each_operation_in_each_situation() {
    let mut table = String::new();
    for situation in situations() {
        writeln!(table, "{}", situation.name).unwrap();
        for operation in ["GetJobStatus", "RunJob", "CancelJob", "DeleteJob", "upload"] {
            let timed_out = |config: &mut Config| {
                config.timers.import = (situation.name == "timed out").then_some(seconds(300));
            };
            let (_world, _served, server) = farm(situation.script, timed_out).await;
            let job = situation.job(&server).await;
            let answer = match operation {
                "GetJobStatus" => server.word(job).await.name().to_owned(),
                "RunJob" => said(server.run(job).await),
                "CancelJob" => said(server.cancel(job).await),
                "DeleteJob" => said(server.delete(job).await),
                _ => match server.upload(job, "Second.cab", b"MSCF").await {
                    Ok(()) => "done".to_owned(),
                    Err(refusal) => format!("refused: {refusal}"),
                },
            };
            let after = server.status(job).await;
            let after = after.map_or("gone", |status| status.status.name());
            writeln!(table, "    {operation}: {answer}; then {after}").unwrap();
        }
    }
    assert_snapshot!(table);
}

fn operations_on(job: Guid) -> Vec<Request> {
    let everything = vec![
        Request::GetVirtualServersInformation,
        Request::GetSiteCollectionNames {
            virtual_server_url: SITE.to_owned(),
        },
        Request::GetRemoteAdminServerUrl {
            client_version: "12.0.0.0".to_owned(),
        },
        Request::CreateJob(new_job(ANY)),
        Request::RunJob { job },
        Request::GetJobStatus { job },
        Request::CancelJob { job },
        Request::DeleteJob { job },
        Request::DeleteImportLogs { source_job: SOURCE },
    ];
    assert_eq!(everything.len(), Operation::ALL.len());
    everything
}

#[tokio::test(start_paused = true)]
async fn an_unknown_job_is_a_fault_on_every_operation_on_jobs() {
    let (_world, _served, server) = farm(QUICK, |_| {}).await;
    for request in operations_on(Guid::NIL) {
        let operation = request.operation();
        let is_about_a_job = request.job().is_some();
        let answer = server.ask(request).await;
        assert_eq!(
            answer == Err(Violation::UnknownJob),
            is_about_a_job,
            "{operation:?}"
        );
        assert_eq!(answer.is_ok(), !is_about_a_job, "{operation:?}: {answer:?}");
    }
}

/// CD-3, CD-19, CD-54: what is there can be watched and removed; nothing new begins.
#[tokio::test(start_paused = true)]
async fn a_farm_that_accepts_no_jobs_begins_nothing_and_tells_nothing() {
    let (world, served, accepting) = farm(QUICK, |_| {}).await;
    let job = accepting.prepared(ANY).await;
    accepting.crash().await;
    let mut refusing = config("wfe1");
    refusing.accept_incoming_jobs = false;
    let server = world.start(refusing, &served.databases).await;
    assert!(server.upload(job, "Second.cab", b"MSCF").await.is_err());
    let mut table = String::new();
    for request in operations_on(job) {
        let name = request.operation().name();
        writeln!(table, "{name}: {}", said(server.ask(request).await)).unwrap();
    }
    assert_snapshot!(table);
}

#[tokio::test(start_paused = true)]
async fn a_job_into_a_site_that_is_not_there_is_not_created() {
    let (world, _served, server) = farm(QUICK, |_| {}).await;
    let elsewhere = NewJob {
        destination_server_url: "http://elsewhere".to_owned(),
        ..new_job(ANY)
    };
    let answer = server.ask(Request::CreateJob(elsewhere)).await;
    assert_eq!(answer, Err(Violation::VirtualServerUnknown));
    let nowhere = NewJob {
        destination_site_collection: "/sites/none".to_owned(),
        ..new_job(ANY)
    };
    let answer = server.ask(Request::CreateJob(nowhere)).await;
    assert_eq!(answer, Err(Violation::SiteCollectionUnknown));
    assert!(world.content.durable_rows("import-job").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_farm_tells_its_web_applications_and_site_collections() {
    let (_world, _served, server) = farm(QUICK, |_| {}).await;
    let names = |virtual_server_url: &str| Request::GetSiteCollectionNames {
        virtual_server_url: virtual_server_url.to_owned(),
    };
    let found = server.ask(names("HTTP://Destination/")).await;
    let expected = vec!["/".to_owned(), "/sites/news".to_owned()];
    assert_eq!(found, Ok(Response::GetSiteCollectionNames(expected)));
    let missing = server.ask(names("http://elsewhere")).await;
    assert_eq!(missing, Err(Violation::VirtualServerUnknown));
    let Ok(Response::GetVirtualServersInformation(servers)) =
        server.ask(Request::GetVirtualServersInformation).await
    else {
        panic!("it is answered");
    };
    assert_eq!(
        servers.first().map(|server| server.url.as_str()),
        Some(SITE)
    );
}

/// CD-23, also after a restart with the same seed.
#[tokio::test(start_paused = true)]
async fn no_two_jobs_have_the_same_identifier() {
    let (world, served, server) = farm(QUICK, |_| {}).await;
    let mut jobs = std::collections::BTreeSet::new();
    for _ in 0..3 {
        assert!(jobs.insert(server.create(ANY).await));
    }
    server.crash().await;
    let server = world.start(config("wfe1"), &served.databases).await;
    for _ in 0..3 {
        assert!(jobs.insert(server.create(ANY).await));
    }
}

#[tokio::test(start_paused = true)]
async fn a_farm_has_only_so_many_jobs() {
    let few = |config: &mut Config| config.limits.jobs_max = 2;
    let (_world, _served, server) = farm(QUICK, few).await;
    let first = server.create(ANY).await;
    server.create(ANY).await;
    let answer = server.ask(Request::CreateJob(new_job(ANY))).await;
    assert_eq!(answer, Err(Violation::Unavailable));
    server.delete(first).await.unwrap();
    server.create(ANY).await;
}
