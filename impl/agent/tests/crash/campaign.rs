//! Many pairs: which, how many at a time, and what is said of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial as Test};
use tokio::task::JoinSet;

use crate::plan::{Operation, Plan, Point, Role, When, Wrong};
use crate::trial::{self, Report};

/// Pairs that run at a time; most of their time is waiting.
const AT_A_TIME: usize = 6;

/// Kills at random, unless `CRASH_KILLS` says otherwise.
const RANDOM_KILLS: u32 = 100;

/// Random plans that something wrong may take until it is noticed, after the directed ones.
const PLANS_UNTIL_NOTICED: u64 = 40;

pub(crate) fn main() {
    let tests = match crate::variable("CRASH_CASE") {
        Some(case) => vec![Test::test(case.clone(), move || repeat(&case))],
        None => {
            let mut tests = vec![
                Test::test(
                    "a_kill_at_every_durable_write_loses_nothing",
                    at_every_boundary,
                ),
                Test::test("kills_at_any_time_lose_nothing", at_any_time),
            ];
            for wrong in Wrong::ALL.into_iter().filter(|w| *w != Wrong::Nothing) {
                let name = format!("{}_is_noticed", wrong.name().replace('-', "_"));
                tests.push(Test::test(name, move || noticed(wrong)));
            }
            tests
        }
    };
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    write!(out, "{text}").expect("somebody listens");
}

/// Runs the plans, a few at a time, until `each` has enough of them.
async fn play(plans: impl IntoIterator<Item = Plan>, mut each: impl FnMut(Plan, Report) -> bool) {
    let mut plans = plans.into_iter();
    let mut running = JoinSet::new();
    let mut is_enough = false;
    loop {
        while !is_enough
            && running.len() < AT_A_TIME
            && let Some(plan) = plans.next()
        {
            running.spawn(async move {
                let report = trial::run(&plan).await;
                (plan, report)
            });
        }
        let Some(ended) = running.join_next().await else {
            return;
        };
        let (plan, report) = ended.expect("a trial does not panic");
        is_enough |= each(plan, report);
    }
}

/// What a campaign came to.
#[derive(Default)]
struct Tally {
    kills: BTreeMap<String, u32>,
    complaints: String,
}

impl Tally {
    fn add(&mut self, plan: &Plan, report: Report) {
        use std::fmt::Write as _;
        for (place, kills) in report.kills {
            *self.kills.entry(place).or_default() += kills;
        }
        if !report.complaints.is_empty() {
            let repeat = "cargo test -p portcullis-agent --test crash";
            writeln!(self.complaints, "CRASH_CASE={} {repeat}", plan.name)
                .expect("a string takes everything");
        }
        for complaint in report.complaints {
            writeln!(self.complaints, "  {complaint}").expect("a string takes everything");
        }
    }

    fn total(&self) -> u32 {
        self.kills.values().sum()
    }

    fn end(self, title: &str) -> Result<(), Failed> {
        let mut table = format!("{title}: {} kills\n", self.total());
        for (place, kills) in &self.kills {
            table.push_str(&format!("{kills:6} {place}\n"));
        }
        say(&table);
        if self.complaints.is_empty() {
            Ok(())
        } else {
            Err(self.complaints.into())
        }
    }
}

fn repeat(case: &str) -> Result<(), Failed> {
    let plan = Plan::parse(case).ok_or("no such case")?;
    let mut tally = Tally::default();
    tally.add(&plan, block_on(trial::run(&plan)));
    tally.end(case)
}

fn at_every_boundary() -> Result<(), Failed> {
    block_on(async {
        let mut tally = Tally::default();
        let mut reached = BTreeMap::new();
        // From the first operation of a process on, until it has no more.
        for when in [When::Before, When::After] {
            for role in Role::BOTH {
                let point = |number| Point {
                    operation: Operation::Number(number),
                    when,
                };
                let plans = (1..).map(|number| Plan::boundary(role, point(number)));
                play(plans, |plan, report| {
                    let fell = report
                        .kills
                        .keys()
                        .any(|place| place.starts_with(role.name()));
                    if fell {
                        *reached.entry(role).or_insert(0) += 1;
                    }
                    tally.add(&plan, report);
                    !fell
                })
                .await;
            }
        }
        // A transfer is put in place in many steps, which are all inside one operation.
        let inside = (0..24).map(|step| Point {
            operation: Operation::Place,
            when: When::During(step * Duration::from_micros(200)),
        });
        let plans = inside.map(|point| Plan::boundary(Role::Destination, point));
        play(plans, |plan, report| {
            tally.add(&plan, report);
            false
        })
        .await;
        if reached.values().any(|points| *points < 30) {
            tally
                .complaints
                .push_str("there are more durable writes than were found\n");
        }
        tally.end("at every durable write")
    })
}

fn at_any_time() -> Result<(), Failed> {
    let wanted = match crate::variable("CRASH_KILLS") {
        Some(kills) => kills.parse().map_err(|_| "CRASH_KILLS is a number")?,
        None => RANDOM_KILLS,
    };
    let mut tally = Tally::default();
    block_on(play((1..).map(Plan::random), |plan, report| {
        tally.add(&plan, report);
        tally.total() >= wanted
    }));
    tally.end("at any time")
}

/// What is wrong on purpose is found by the check that is there for it.
fn noticed(wrong: Wrong) -> Result<(), Failed> {
    let mut noticed = false;
    // While the destination works, which its last twenty writes or so are about.
    let point = |number| Point {
        operation: Operation::Number(number),
        when: When::After,
    };
    let directed = (14..30)
        .rev()
        .map(|number| Plan::boundary(Role::Destination, point(number)));
    let plans = directed.chain((1..PLANS_UNTIL_NOTICED).map(Plan::random));
    block_on(play(plans.map(|plan| plan.with(wrong)), |_, report| {
        noticed |= crate::verdict::is_noticed(wrong, &report.complaints);
        noticed
    }));
    if noticed {
        Ok(())
    } else {
        Err(format!("{} went unnoticed", wrong.name()).into())
    }
}
