use std::sync::mpsc;

use super::*;

/// Polls `tasks` on a paused runtime until nothing is ready, and gives the failure if there is one.
fn run(tasks: &mut Tasks) -> Option<TaskFailure> {
    loop {
        match tasks.poll_batch(|_| true) {
            Batch::Idle => return None,
            Batch::Polled => {}
            Batch::Failed(failure) => return Some(failure),
        }
    }
}

fn on_runtime<R>(test: impl FnOnce() -> R) -> R {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing")
        .block_on(async { test() })
}

fn spawn(tasks: &Tasks, host: usize, future: impl Future<Output = ()> + Send + 'static) {
    let life = Life {
        host: HostIndex(host),
        incarnation: 0,
    };
    tasks
        .queue()
        .spawn(life, Arc::from("task"), Box::pin(future));
}

/// Tells its name to the test once its task is dropped.
struct Goodbye(&'static str, mpsc::Sender<&'static str>);

impl Drop for Goodbye {
    fn drop(&mut self) {
        self.1.send(self.0).ok();
    }
}

#[test]
fn tasks_run_in_the_order_of_their_waking() {
    on_runtime(|| {
        let mut tasks = Tasks::new(Queue::new());
        let (told, heard) = mpsc::channel();
        let gates = ["first", "second", "third"].map(|name| {
            let (open, gate) = tokio::sync::oneshot::channel::<()>();
            let told = told.clone();
            spawn(&tasks, 0, async move {
                gate.await.ok();
                told.send(name).ok();
            });
            open
        });
        assert!(run(&mut tasks).is_none());
        let [first, second, third] = gates;
        for open in [third, first, second] {
            open.send(()).ok();
        }
        assert!(run(&mut tasks).is_none());
        assert_eq!(
            heard.try_iter().collect::<Vec<_>>(),
            ["third", "first", "second"]
        );
    });
}

#[test]
fn a_crash_drops_the_tasks_of_one_host_only() {
    on_runtime(|| {
        let mut tasks = Tasks::new(Queue::new());
        let (told, heard) = mpsc::channel();
        for (host, name) in [(0, "a"), (1, "b"), (0, "c")] {
            let goodbye = Goodbye(name, told.clone());
            spawn(&tasks, host, async move {
                let _held = goodbye;
                std::future::pending::<()>().await;
            });
        }
        assert!(run(&mut tasks).is_none());
        tasks.drop_host(HostIndex(0));
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["a", "c"]);
        drop(tasks);
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["b"]);
    });
}

#[test]
fn a_task_spawned_for_a_life_that_is_over_never_runs() {
    on_runtime(|| {
        let mut tasks = Tasks::new(Queue::new());
        let (told, heard) = mpsc::channel();
        spawn(&tasks, 0, async move {
            told.send("ran").ok();
        });
        assert!(matches!(tasks.poll_batch(|_| false), Batch::Polled));
        assert!(heard.try_recv().is_err());
    });
}

#[test]
fn a_paused_host_runs_nothing_until_it_resumes() {
    on_runtime(|| {
        let mut tasks = Tasks::new(Queue::new());
        let (told, heard) = mpsc::channel();
        tasks.pause(HostIndex(0));
        spawn(&tasks, 0, async move {
            told.send("ran").ok();
        });
        assert!(run(&mut tasks).is_none());
        assert!(heard.try_recv().is_err());
        tasks.resume(HostIndex(0));
        assert!(run(&mut tasks).is_none());
        assert_eq!(heard.try_recv(), Ok("ran"));
    });
}

#[test]
fn a_panic_is_told_with_its_message() {
    on_runtime(|| {
        let mut tasks = Tasks::new(Queue::new());
        spawn(&tasks, 0, async { panic!("the {} broke", "wheel") });
        let failure = run(&mut tasks).expect("the task panicked");
        assert_eq!(
            failure.into_error("cart"),
            EngineError::Panicked {
                host: "cart".into(),
                task: "task".into(),
                message: "the wheel broke".into(),
            }
        );
    });
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test does what the ban prevents, to see it noticed"
)]
fn a_bare_tokio_spawn_is_noticed() {
    on_runtime(|| {
        let mut tasks = Tasks::new(Queue::new());
        spawn(&tasks, 0, async {
            tokio::spawn(async {});
        });
        let failure = run(&mut tasks).expect("the task spawned");
        let call = "tokio::spawn";
        assert!(matches!(failure.kind, FailureKind::BareSpawn { call: it } if it == call));
    });
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test does what the ban prevents, to see it noticed"
)]
fn a_blocking_thread_is_noticed() {
    on_runtime(|| {
        let mut tasks = Tasks::new(Queue::new());
        spawn(&tasks, 0, async {
            tokio::task::spawn_blocking(|| {});
        });
        let failure = run(&mut tasks).expect("the task started a thread");
        assert!(matches!(failure.kind, FailureKind::BareSpawn { .. }));
    });
}
