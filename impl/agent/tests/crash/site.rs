//! The two environments: where they are, what they are configured with, what there is to do.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_agent::config::{Authentication, Config, EarlierLink, Key, KeyRing, LaterLink};
use portcullis_agent::message::{CommandName, EnvironmentName, Product, TaskId, TaskKind};
use portcullis_agent::retry::{Schedule, Then};
use portcullis_agent::work::CommandLine;
use portcullis_agent::{Order, SubmitRequest};
use portcullis_net::Randomness;

use crate::plan::{Plan, Point, Role};

/// A task of every pair: its id, its kind, and whether it waits for its turn.
pub(crate) struct Planned {
    pub(crate) task: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) independent: bool,
}

/// What is to be done, in the order of submission.
pub(crate) const TASKS: [Planned; 4] = [
    Planned {
        task: "carry",
        kind: "transfer",
        independent: false,
    },
    Planned {
        task: "install",
        kind: "deploy",
        independent: false,
    },
    Planned {
        task: "count",
        kind: "execute",
        independent: false,
    },
    Planned {
        task: "aside",
        kind: "execute",
        independent: true,
    },
];

/// Octets of a part: the project has a manifest and [`BIG`], which makes four parts.
const PART_OCTETS: usize = 4000;
const BIG: usize = 14_000;

const TASK_KINDS: [TaskKind; 3] = [TaskKind::Transfer, TaskKind::Deploy, TaskKind::Execute];

/// One pair: a directory and four ports.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) root: PathBuf,
    pub(crate) address: Ipv4Addr,
    /// Where the destination listens, and what leads there.
    pub(crate) remote: (u16, u16),
    /// Where the originator listens, and what leads there.
    pub(crate) local: (u16, u16),
}

impl Site {
    /// A site of its own below `root`: other pairs run at the same time.
    pub(crate) fn new(root: &Path) -> Self {
        let random = Randomness::from_os();
        let part = || u8::try_from(1 + random.below(250)).expect("an octet");
        // Below what systems hand out to outgoing connections: nothing takes the port of a process
        // that is down.
        let port = u16::try_from(10_000 + 4 * random.below(5000)).expect("a port");
        let address = if cfg!(target_os = "linux") {
            Ipv4Addr::new(127, part(), part(), part())
        } else {
            Ipv4Addr::LOCALHOST
        };
        Self {
            root: root.to_owned(),
            address,
            remote: (port, port + 1),
            local: (port + 2, port + 3),
        }
    }

    /// The command line of one of the processes, less the program.
    pub(crate) fn arguments(&self, plan: &Plan, role: Role, point: Option<Point>) -> Vec<String> {
        vec![
            "child".to_owned(),
            role.name().to_owned(),
            plan.name.clone(),
            point.map_or_else(|| "none".to_owned(), |point| point.to_string()),
            self.root.display().to_string(),
            self.address.to_string(),
            self.remote.0.to_string(),
        ]
    }

    /// What [`Site::arguments`] says after the word `child`.
    pub(crate) fn parse(arguments: &[String]) -> Option<(Self, Plan, Role, Option<Point>)> {
        let [role, plan, point, root, address, port] = arguments else {
            return None;
        };
        let port: u16 = port.parse().ok()?;
        let site = Self {
            root: root.into(),
            address: address.parse().ok()?,
            remote: (port, port + 1),
            local: (port + 2, port + 3),
        };
        Some((
            site,
            Plan::parse(plan)?,
            Role::parse(role)?,
            Point::parse(point),
        ))
    }

    pub(crate) fn ip(&self) -> IpAddr {
        self.address.into()
    }

    pub(crate) fn of(&self, role: Role) -> PathBuf {
        self.root.join(role.name())
    }

    pub(crate) fn store(&self, role: Role) -> PathBuf {
        self.of(role).join("state.sqlite")
    }

    pub(crate) fn inbox(&self) -> PathBuf {
        self.of(Role::Destination).join("inbox")
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.root.join("project")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// The files that are transferred.
    pub(crate) fn files() -> [(&'static str, Vec<u8>); 4] {
        let big = (0..BIG).map(|n| u8::try_from(n * 7 % 251).expect("an octet"));
        [
            ("empty", Vec::new()),
            ("a/big", big.collect()),
            ("a/b/small", b"hello".to_vec()),
            ("z", b"!".to_vec()),
        ]
    }

    /// Makes the directories, and the files to transfer.
    pub(crate) fn build(&self) -> std::io::Result<()> {
        for role in Role::BOTH {
            std::fs::create_dir_all(self.of(role))?;
        }
        for (path, content) in Self::files() {
            let path = self.source().join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(path, content)?;
        }
        Ok(())
    }

    pub(crate) fn config(&self, role: Role, plan: &Plan) -> Config {
        let product = Product::new("20.10").expect("a version");
        let mut config = Config::new(name(role), product);
        let address = self.address.to_string();
        let key = Key::from_octets(&[7; 32]).expect("long enough");
        let authentication = Authentication::Mac(KeyRing::new(key, None));
        match role {
            Role::Originator => config.later.push(LaterLink {
                name: name(Role::Destination),
                address,
                remote_port: self.remote.1,
                local_port: self.local.0,
                authentication,
            }),
            Role::Destination => config.earlier.push(EarlierLink {
                name: name(Role::Originator),
                address,
                remote_port: self.remote.0,
                local_port: self.local.1,
                authentication,
            }),
        }
        let is_allowed = |kind: &TaskKind| {
            plan.wrong == crate::plan::Wrong::Restarts || plan.may_restart(kind.name())
        };
        config.restartable = TASK_KINDS.into_iter().filter(is_allowed).collect();
        config.limits.part_octets = PART_OCTETS;
        config.timers.connect = Duration::from_secs(2);
        config.timers.acknowledgement = Duration::from_secs(2);
        config.timers.linger = Duration::from_millis(100);
        let soon = |then| Schedule {
            waits: [5, 10, 20, 40].map(Duration::from_millis).to_vec(),
            then,
            jitter_percent: 20,
        };
        config.retries.request = soon(Then::Repeat);
        config.retries.status = soon(Then::Repeat);
        config.retries.completion = soon(Then::RepeatWithin(Duration::from_secs(3600)));
        config.retries.task = soon(Then::Repeat);
        if plan.doubts {
            config.retries.task = soon(Then::Stop);
            config.timers.task_deadline = Duration::from_millis(150);
        }
        config
    }

    pub(crate) fn requests(&self) -> Vec<SubmitRequest> {
        let request = |planned: &Planned| {
            let command = CommandName::new(planned.task).expect("a name");
            let order = match planned.kind {
                "transfer" => Order::Transfer {
                    source: self.source().display().to_string(),
                },
                "deploy" => Order::Deploy { command },
                _ => Order::Execute { command },
            };
            SubmitRequest {
                id: Some(TaskId::new(planned.task).expect("an id")),
                independent: planned.independent,
                ..SubmitRequest::new(name(Role::Destination), order)
            }
        };
        TASKS.iter().map(request).collect()
    }

    /// The commands of the destination: this program again.
    pub(crate) fn commands(
        &self,
        plan: &Plan,
    ) -> std::io::Result<BTreeMap<CommandName, CommandLine>> {
        let program = std::env::current_exe()?;
        let line = CommandLine {
            program,
            arguments: vec![
                "work".to_owned(),
                self.journal().display().to_string(),
                plan.work.as_millis().to_string(),
            ],
            directory: None,
        };
        let named = |planned: &Planned| {
            let name = CommandName::new(planned.task).expect("a name");
            (name, line.clone())
        };
        Ok(TASKS.iter().map(named).collect())
    }
}

pub(crate) fn name(role: Role) -> EnvironmentName {
    EnvironmentName::new(role.name()).expect("a name")
}
