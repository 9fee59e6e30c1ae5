//! What is done to one pair of environments, drawn from a seed or named: who dies when.

use std::fmt;
use std::time::Duration;

use portcullis_net::Randomness;

/// One of the two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// `dev`: sends the tasks.
    Originator,
    /// `prod`: does the work.
    Destination,
}

impl Role {
    pub(crate) const BOTH: [Self; 2] = [Self::Originator, Self::Destination];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Originator => "dev",
            Self::Destination => "prod",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|role| role.name() == name)
    }
}

/// Where at a durable operation a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// Nothing of the operation has been asked for.
    Before,
    /// It was asked for, and so much time has passed.
    During(Duration),
    /// It is durable, and nobody knows yet.
    After,
}

impl When {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During(_) => "during",
            Self::After => "after",
        }
    }
}

/// A durable operation of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Counted from 1 since the start of the process.
    Number(u32),
    /// The one that puts a transfer in place: its steps are many, and all inside.
    Place,
}

/// Where a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) operation: Operation,
    pub(crate) when: When,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Operation::Number(number) => write!(f, "{number}-{}", self.when.name())?,
            Operation::Place => write!(f, "place-{}", self.when.name())?,
        }
        match self.when {
            When::During(time) => write!(f, "-{}", time.as_micros()),
            When::Before | When::After => Ok(()),
        }
    }
}

impl Point {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split('-');
        let operation = match words.next()? {
            "place" => Operation::Place,
            number => Operation::Number(number.parse().ok()?),
        };
        let when = match (words.next()?, words.next()) {
            ("before", None) => When::Before,
            ("after", None) => When::After,
            ("during", Some(time)) => When::During(Duration::from_micros(time.parse().ok()?)),
            _ => return None,
        };
        Some(Self { operation, when })
    }
}

/// A way to be wrong, to show that the checks notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Nothing is.
    Nothing,
    /// The store answers before the record is durable.
    EarlyStore,
    /// The payload answers before the part is durable.
    EarlyStage,
    /// Interrupted work is begun again although nobody allowed it.
    Restarts,
    /// Work that is reported as interrupted goes on.
    GoesOn,
}

impl Wrong {
    pub(crate) const ALL: [Self; 5] = [
        Self::Nothing,
        Self::EarlyStore,
        Self::EarlyStage,
        Self::Restarts,
        Self::GoesOn,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::EarlyStore => "early-store",
            Self::EarlyStage => "early-stage",
            Self::Restarts => "restarts",
            Self::GoesOn => "goes-on",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wrong| wrong.name() == name)
    }
}

/// One pair of environments, and what is done to it. Its name is all that it takes to repeat it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) wrong: Wrong,
    /// The kinds whose work may be begun again (ET-54).
    pub(crate) restartable: Vec<&'static str>,
    /// Whether the attempts at a task end soon, so that tasks come into doubt.
    pub(crate) doubts: bool,
    /// How long the commands run.
    pub(crate) work: Duration,
    /// Where the processes kill themselves: each start of a role takes its next point.
    pub(crate) points: Vec<(Role, Point)>,
    /// What is killed from outside, each so long after the one before.
    pub(crate) timed: Vec<(Vec<Role>, Duration)>,
}

const RESTARTABLE: [&[&str]; 4] = [&[], &["deploy"], &["transfer", "deploy", "execute"], &[]];

impl Plan {
    /// No kill at all: how many durable operations are there?
    pub(crate) fn quiet() -> Self {
        Self {
            name: "quiet".to_owned(),
            wrong: Wrong::Nothing,
            restartable: Vec::new(),
            doubts: false,
            work: Duration::from_millis(40),
            points: Vec::new(),
            timed: Vec::new(),
        }
    }

    /// `role` dies at `point`, and once more soon after it came up again.
    pub(crate) fn boundary(role: Role, point: Point) -> Self {
        let name = format!("boundary/{}/{point}", role.name());
        let random = Randomness::from_seed(1).fork(&name);
        let again = Point {
            operation: Operation::Number(1 + draw(&random, 6)),
            when: draw_when(&random),
        };
        Self {
            name,
            restartable: RESTARTABLE[pick(&random, RESTARTABLE.len())].to_vec(),
            doubts: random.below(3) == 0,
            work: Duration::from_millis(20 + random.below(150)),
            points: vec![(role, point), (role, again)],
            ..Self::quiet()
        }
    }

    /// Some of everything.
    pub(crate) fn random(seed: u64) -> Self {
        let random = Randomness::from_seed(seed).fork("crash plan");
        let mut points = Vec::new();
        let mut timed = Vec::new();
        for _ in 0..2 + random.below(4) {
            let role = Role::BOTH[pick(&random, 2)];
            if random.below(2) == 0 {
                let operation = Operation::Number(1 + draw(&random, 12));
                let when = draw_when(&random);
                points.push((role, Point { operation, when }));
            } else {
                let roles = if random.below(4) == 0 {
                    Role::BOTH.to_vec()
                } else {
                    vec![role]
                };
                timed.push((roles, Duration::from_millis(random.below(250))));
            }
        }
        Self {
            name: format!("random/{seed}"),
            restartable: RESTARTABLE[pick(&random, RESTARTABLE.len())].to_vec(),
            doubts: random.below(3) == 0,
            work: Duration::from_millis(20 + random.below(150)),
            points,
            timed,
            ..Self::quiet()
        }
    }

    pub(crate) fn may_restart(&self, kind: &str) -> bool {
        self.restartable.contains(&kind)
    }

    /// The same, with something wrong.
    pub(crate) fn with(self, wrong: Wrong) -> Self {
        // What goes on has to outlive the next start, however busy the machine is.
        let work = match wrong {
            Wrong::GoesOn => Duration::from_millis(1500),
            Wrong::Nothing | Wrong::EarlyStore | Wrong::EarlyStage | Wrong::Restarts => self.work,
        };
        Self {
            name: format!("{}/{}", self.name, wrong.name()),
            wrong,
            work,
            ..self
        }
    }

    /// The plan of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let words: Vec<&str> = name.split('/').collect();
        let (plan, wrong) = match words.as_slice() {
            ["quiet", wrong @ ..] => (Self::quiet(), wrong),
            ["random", seed, wrong @ ..] => (Self::random(seed.parse().ok()?), wrong),
            ["boundary", role, point, wrong @ ..] => {
                let plan = Self::boundary(Role::parse(role)?, Point::parse(point)?);
                (plan, wrong)
            }
            _ => return None,
        };
        match wrong {
            [] => Some(plan),
            [wrong] => Some(plan.with(Wrong::parse(wrong)?)),
            _ => None,
        }
    }
}

fn draw(random: &Randomness, bound: u32) -> u32 {
    u32::try_from(random.below(u64::from(bound))).unwrap_or(0)
}

fn pick(random: &Randomness, bound: usize) -> usize {
    usize::try_from(random.below(u64::try_from(bound).unwrap_or(1))).unwrap_or(0)
}

fn draw_when(random: &Randomness) -> When {
    match random.below(3) {
        0 => When::Before,
        1 => When::After,
        _ => When::During(Duration::from_micros(random.below(3000))),
    }
}
