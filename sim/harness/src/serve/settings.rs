//! An environment's configuration file, read and checked.
//!
//! # Module map
//! - [`Settings`]: what a file decides.
//! - `links`: the neighbours, and how they prove who they are. `timing`: timers, schedules, limits.
//!   `commands`: what tasks may run.
//!   `tls`: certificates.

mod commands;
mod links;
mod timing;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use portcullis_agent::config::{Authentication, Config, ConfigProblem};
use portcullis_agent::message::{CommandName, EnvironmentName, Product, TaskKind};
use portcullis_agent::work::CommandLine;
use portcullis_tls::Identity;
use thiserror::Error;

use super::keys::ENVIRONMENT;
use crate::scenario::{Ink, Problems, ScenarioError, Table, read_settings};

pub(super) use links::listen;

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
    /// The file.
    pub file: PathBuf,
    /// What the agent is configured with.
    pub agent: Config,
    /// The address of every listener.
    pub listen: IpAddr,
    /// Whom this environment shows itself as to links that use TLS, and whom it believes.
    pub tls: Option<Identity>,
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
        let base = file.parent().unwrap_or(Path::new("/")).to_owned();
        let mut settings = Self::parse(&path.display().to_string(), &text, &base)?;
        settings.file = file;
        Ok(settings)
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

/// Reads the key files of the configuration at `file` again, for the links of a running agent that
/// has `running`; returns whose keys are new. Nothing else of the file has any effect.
///
/// # Errors
/// Everything that is wrong with the file; no key has changed then.
pub(super) fn renew_keys(
    running: &Config,
    file: &Path,
) -> Result<Vec<EnvironmentName>, SettingsError> {
    let fresh = Settings::read(file)?.agent;
    let later = running.later.iter().filter_map(|link| {
        let mut others = fresh.later.iter();
        let other = others.find(|other| other.name == link.name)?;
        Some((&link.name, &link.authentication, &other.authentication))
    });
    let earlier = running.earlier.iter().filter_map(|link| {
        let mut others = fresh.earlier.iter();
        let other = others.find(|other| other.name == link.name)?;
        Some((&link.name, &link.authentication, &other.authentication))
    });
    let mut renewed = Vec::new();
    for (name, held, read) in later.chain(earlier) {
        if let (Authentication::Mac(held), Authentication::Mac(read)) = (held, read)
            && held != read
        {
            held.replace(read);
            renewed.push(name.clone());
        }
    }
    Ok(renewed)
}

fn build(table: &Table, base: &Path, problems: &mut Problems) -> Option<Settings> {
    let name: Option<EnvironmentName> = token(table, "name", problems);
    let product = Product::new(table.text("product")?).ok();
    if product.is_none() {
        let help = "at most 64 visible ASCII characters";
        problems.report(table.span_of("product"), "no product version", "here", help);
    }
    let listen = listen(table, problems);
    let context = links::Surroundings {
        base,
        listen,
        has_tls: table.has("tls"),
    };
    let own_name = name?;
    let mut agent = Config::new(own_name.clone(), product?);
    for link in table.tables("later") {
        agent.later.extend(links::later(link, context, problems));
    }
    for link in table.tables("earlier") {
        agent
            .earlier
            .extend(links::earlier(link, context, problems));
    }
    agent.restartable = restartable(table);
    agent.timers = timing::timers(table);
    agent.limits = timing::limits(table);
    timing::retries(table, &mut agent, problems);
    agent.tolerance = table.duration("tolerance").unwrap_or(agent.tolerance);
    agent.dynamic_ports = table.ports("dynamic_ports").or_else(dynamic_ports);
    report_contradictions(table, &agent, problems);
    let commands = commands::commands(table, base, problems);
    Some(Settings {
        file: PathBuf::new(),
        agent,
        listen: listen?,
        tls: tls::identity(table, base, &own_name, problems),
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

fn restartable(table: &Table) -> BTreeSet<TaskKind> {
    let kind = |name: &String| match name.as_str() {
        "transfer" => TaskKind::Transfer,
        "deploy" => TaskKind::Deploy,
        _ => TaskKind::Execute,
    };
    table.texts("restartable").iter().map(kind).collect()
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
mod tests;
