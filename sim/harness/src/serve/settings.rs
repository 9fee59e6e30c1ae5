//! An environment's configuration file, read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_agent::config::{
    Authentication, Config, ConfigProblem, EarlierLink, LaterLink, Timers,
};
use portcullis_agent::message::{CommandName, EnvironmentName, Product, TaskKind};
use portcullis_agent::retry::Schedule;
use portcullis_agent::work::CommandLine;
use thiserror::Error;

use super::keys::ENVIRONMENT;
use crate::scenario::{Amount, Ink, Problems, ScenarioError, Table, Unit, read_settings};

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file says something that cannot be.
    #[error(transparent)]
    Wrong(#[from] ScenarioError),
}

impl SettingsError {
    /// Everything that is wrong, with the lines concerned.
    #[must_use]
    pub fn render(&self, ink: Ink) -> String {
        match self {
            Self::Unreadable { source, .. } => format!("{self}: {source}\n"),
            Self::Wrong(error) => error.render(ink),
        }
    }
}

/// Everything that a configuration file decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the agent is configured with.
    pub agent: Config,
    /// The address of every listener.
    pub listen: IpAddr,
    /// The directory of this environment's store, staged parts and received files.
    pub state: PathBuf,
    /// The commands that tasks may name.
    pub commands: BTreeMap<CommandName, CommandLine>,
}

impl Settings {
    /// Reads the file at `path`; relative paths in it are relative to its directory.
    ///
    /// # Errors
    /// [`SettingsError`], with all problems of the file at once.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let unreadable = |source| SettingsError::Unreadable {
            path: path.into(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let file = std::path::absolute(path).map_err(unreadable)?;
        let base = file.parent().unwrap_or(Path::new("/"));
        Ok(Self::parse(&path.display().to_string(), &text, base)?)
    }

    /// Reads a file's text; `base` is the directory that relative paths start from.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(path: &str, text: &str, base: &Path) -> Result<Self, ScenarioError> {
        let what = "a configuration";
        read_settings(what, path, text, ENVIRONMENT, |table, problems| {
            build(table, base, problems)
        })
    }
}

fn build(table: &Table, base: &Path, problems: &mut Problems) -> Option<Settings> {
    let name: Option<EnvironmentName> = token(table, "name", problems);
    let product = Product::new(table.text("product")?).ok();
    if product.is_none() {
        let help = "at most 64 visible ASCII characters";
        problems.report(table.span_of("product"), "no product version", "here", help);
    }
    let listen = loopback(table, "listen", problems);
    let mut agent = Config::new(name?, product?);
    for link in table.tables("later") {
        agent.later.extend(later(link, listen, problems));
    }
    for link in table.tables("earlier") {
        agent.earlier.extend(earlier(link, listen, problems));
    }
    agent.restartable = restartable(table);
    agent.timers = timers(table);
    retries(table, &mut agent, problems);
    agent.dynamic_ports = dynamic_ports();
    report_contradictions(table, &agent, problems);
    let commands = commands(table, base, problems);
    Some(Settings {
        agent,
        listen: listen?,
        state: base.join(table.text("state")?),
        commands,
    })
}

fn token<T: std::str::FromStr>(table: &Table, key: &str, problems: &mut Problems) -> Option<T> {
    let token = table.text(key)?.parse().ok();
    if token.is_none() {
        problems.report(
            table.span_of(key),
            format!("`{key}` is not a name"),
            "here",
            "letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 64",
        );
    }
    token
}

/// A loopback address: until peers are authenticated (ET-72), no other machine may be one.
fn loopback(table: &Table, key: &str, problems: &mut Problems) -> Option<IpAddr> {
    let text = table.text(key)?;
    let literal = if text == "localhost" {
        "127.0.0.1"
    } else {
        text
    };
    match literal.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => Some(address),
        _ => {
            problems.report(
                table.span_of(key),
                format!("`{key}` is not a loopback address"),
                "not on this machine",
                "peers are not authenticated yet, so only 127.0.0.0/8 and ::1 may be configured",
            );
            None
        }
    }
}

fn later(link: &Table, listen: Option<IpAddr>, problems: &mut Problems) -> Option<LaterLink> {
    let (address, remote_port, local_port) = ends(link, listen, problems)?;
    Some(LaterLink {
        name: token(link, "name", problems)?,
        address,
        remote_port,
        local_port,
        authentication: Authentication::None,
    })
}

fn earlier(link: &Table, listen: Option<IpAddr>, problems: &mut Problems) -> Option<EarlierLink> {
    let (address, remote_port, local_port) = ends(link, listen, problems)?;
    Some(EarlierLink {
        name: token(link, "name", problems)?,
        address,
        remote_port,
        local_port,
        authentication: Authentication::None,
    })
}

fn ends(
    link: &Table,
    listen: Option<IpAddr>,
    problems: &mut Problems,
) -> Option<(String, u16, u16)> {
    let address = loopback(link, "address", problems)?;
    let (remote_port, local_port) = (link.port("remote_port")?, link.port("local_port")?);
    // ET-8: two environments on one address share its ports.
    if remote_port == local_port && Some(address) == listen {
        problems.report(
            link.span_of("local_port"),
            format!("`remote_port` and `local_port` are both {local_port} on {address}"),
            "the same port",
            "environments that share an address need different listener ports",
        );
    }
    Some((address.to_string(), remote_port, local_port))
}

fn restartable(table: &Table) -> BTreeSet<TaskKind> {
    let kind = |name: &String| match name.as_str() {
        "transfer" => TaskKind::Transfer,
        "deploy" => TaskKind::Deploy,
        _ => TaskKind::Execute,
    };
    table.texts("restartable").iter().map(kind).collect()
}

fn timers(table: &Table) -> Timers {
    let mut timers = Timers::default();
    if let Some(table) = table.table("timers") {
        let set = |timer: &mut Duration, key| {
            *timer = table.duration(key).unwrap_or(*timer);
        };
        set(&mut timers.connect, "connect");
        set(&mut timers.frame, "frame");
        set(&mut timers.acknowledgement, "acknowledgement");
        set(&mut timers.linger, "linger");
        set(&mut timers.task_deadline, "task_deadline");
    }
    timers
}

fn retries(table: &Table, agent: &mut Config, problems: &mut Problems) {
    let Some(table) = table.table("retries") else {
        return;
    };
    let mut set = |schedule: &mut Schedule, key| {
        let waits = table.texts(key).iter();
        let waits: Result<Vec<_>, _> = waits
            .map(|wait| Amount::parse(wait, Unit::Nanosecond).map(|wait| wait.duration()))
            .collect();
        match waits {
            Ok(waits) if waits.is_empty() => {}
            Ok(waits) => schedule.waits = waits,
            Err(error) => problems.report(
                table.span_of(key),
                format!("a wait of `{key}` {error}"),
                "here",
                "write durations such as [\"1s\", \"30s\", \"5m\"]",
            ),
        }
    };
    set(&mut agent.retries.request, "request");
    set(&mut agent.retries.task, "task");
    set(&mut agent.retries.completion, "completion");
    set(&mut agent.retries.status, "status");
}

fn commands(
    table: &Table,
    base: &Path,
    problems: &mut Problems,
) -> BTreeMap<CommandName, CommandLine> {
    let mut commands = BTreeMap::new();
    for command in table.tables("command") {
        let [program, arguments @ ..] = command.texts("argv") else {
            let help = "write the program and its arguments, such as [\"./deploy\", \"--all\"]";
            problems.report(
                command.span_of("argv"),
                "`argv` names no program",
                "empty",
                help,
            );
            continue;
        };
        // A name without a slash is looked up in PATH, as a shell would.
        let program = if program.contains('/') {
            base.join(program)
        } else {
            program.into()
        };
        let line = CommandLine {
            program,
            arguments: arguments.to_vec(),
            directory: command
                .text("directory")
                .map(|directory| base.join(directory)),
        };
        if let Some(name) = token(command, "name", problems) {
            commands.insert(name, line);
        }
    }
    commands
}

/// What only the agent's own check finds: names and ports across links.
fn report_contradictions(table: &Table, agent: &Config, problems: &mut Problems) {
    for problem in agent.problems() {
        let links = || table.tables("later").iter().chain(table.tables("earlier"));
        let span = match &problem {
            ConfigProblem::LinkToItself => table.span_of("name"),
            ConfigProblem::LinkTwice(name) => {
                let mut named = links().filter(|link| link.text("name") == Some(name.as_str()));
                named.next_back().map_or(0..0, |link| link.span_of("name"))
            }
            ConfigProblem::PortTwice(port) => {
                let later = table
                    .tables("later")
                    .iter()
                    .map(|link| (link, "local_port"));
                let earlier = table
                    .tables("earlier")
                    .iter()
                    .map(|link| (link, "remote_port"));
                let mut on_port = later
                    .chain(earlier)
                    .filter(|(link, key)| link.port(key) == Some(*port));
                on_port
                    .next_back()
                    .map_or(0..0, |(link, key)| link.span_of(key))
            }
        };
        let help = "each link has a listener of its own on this environment";
        problems.report(span, problem.to_string(), "here", help);
    }
}

/// The ports that this host hands out to outgoing connections, where it says so (ET-7).
fn dynamic_ports() -> Option<RangeInclusive<u16>> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut bounds = text.split_whitespace().map(str::parse::<u16>);
    let (low, high) = (bounds.next()?.ok()?, bounds.next()?.ok()?);
    Some(low..=high)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "name = \"dev\"\nproduct = \"1.0\"\nstate = \"state/dev\"\n";

    fn parse(rest: &str) -> Result<Settings, ScenarioError> {
        Settings::parse(
            "dev.toml",
            &format!("{LEAST}{rest}"),
            Path::new("/etc/portcullis"),
        )
    }

    fn complaints(rest: &str) -> Vec<String> {
        let error = parse(rest).expect_err("refused");
        error
            .problems
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    }

    #[test]
    fn the_least_that_a_file_says_leaves_every_default_of_the_agent() {
        let settings = parse("").expect("good");
        let name = EnvironmentName::new("dev").expect("a name");
        let mut expected = Config::new(name, Product::new("1.0").expect("a version"));
        expected.dynamic_ports = dynamic_ports();
        assert_eq!(settings.agent, expected);
        assert_eq!(
            parse("[timers]\n[retries]\n").expect("good").agent,
            expected
        );
        assert_eq!(settings.listen.to_string(), "127.0.0.1");
        assert_eq!(settings.state, Path::new("/etc/portcullis/state/dev"));
    }

    #[test]
    fn everything_that_a_file_may_say_is_heard() {
        let settings = parse(
            "listen = \"127.0.0.2\"\nrestartable = [\"transfer\"]\n\
             [[later]]\nname = \"prod\"\naddress = \"::1\"\nremote_port = 6102\nlocal_port = 6101\n\
             [[earlier]]\nname = \"lab\"\nremote_port = 6104\nlocal_port = 6103\n\
             [[command]]\nname = \"c\"\nargv = [\"bin/run\", \"a b\", \"$HOME\"]\n\
             directory = \"work\"\n\
             [[command]]\nname = \"d\"\nargv = \"ls\"\n\
             [timers]\nconnect = \"3s\"\ntask_deadline = \"90m\"\n\
             [retries]\ncompletion = [\"1s\", \"2m\"]\n",
        )
        .expect("good");
        let agent = settings.agent;
        assert_eq!(agent.later[0].address, "::1");
        assert_eq!(
            (agent.later[0].remote_port, agent.later[0].local_port),
            (6102, 6101)
        );
        assert_eq!(agent.earlier[0].name.as_str(), "lab");
        assert!(agent.restartable.contains(&TaskKind::Transfer));
        assert_eq!(agent.timers.connect, Duration::from_secs(3));
        assert_eq!(agent.timers.task_deadline, Duration::from_secs(90 * 60));
        let waits = [Duration::from_secs(1), Duration::from_secs(120)];
        assert_eq!(agent.retries.completion.waits, waits);
        let lines: Vec<&CommandLine> = settings.commands.values().collect();
        assert_eq!(lines[0].program, Path::new("/etc/portcullis/bin/run"));
        assert_eq!(lines[0].arguments, ["a b", "$HOME"], "no shell");
        assert_eq!(
            lines[0].directory.as_deref(),
            Some(Path::new("/etc/portcullis/work"))
        );
        assert_eq!(lines[1].program, Path::new("ls"));
        assert_eq!(lines[1].directory, None);
    }

    #[test]
    fn contradictions_between_links_are_found() {
        let link = |name, remote, local| {
            format!("[[later]]\nname = \"{name}\"\nremote_port = {remote}\nlocal_port = {local}\n")
        };
        let twice = link("prod", 6102, 6101) + &link("prod", 6104, 6103);
        assert_eq!(complaints(&twice), ["two links with prod"]);
        let port = link("prod", 6102, 6101) + &link("test", 6104, 6101);
        assert_eq!(complaints(&port), ["two listeners on port 6101"]);
        let own = link("dev", 6102, 6101);
        assert_eq!(complaints(&own), ["a link of the environment with itself"]);
    }

    #[test]
    fn what_cannot_be_read_as_meant_is_refused() {
        assert_eq!(
            complaints("[[command]]\nname = \"c d\"\nargv = []\n"),
            ["`argv` names no program"]
        );
        assert_eq!(
            complaints("[[command]]\nname = \"c d\"\nargv = [\"x\"]\n"),
            ["`name` is not a name"]
        );
        assert_eq!(
            complaints("[retries]\ntask = [\"5\"]\n"),
            ["a wait of `task` lacks a unit"]
        );
        let twice = "[[command]]\nname = \"c\"\nargv = \"x\"\n".repeat(2);
        assert_eq!(complaints(&twice), ["the command `c` is declared twice"]);
    }
}
