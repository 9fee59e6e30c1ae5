//! The plan: a scenario and a seed, fully resolved.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_net::Randomness;
use portcullis_network::Profile;

use super::amount::{Amount, Unit};
use super::chaos;
use super::clauses::Clauses;
use super::file::Scenario;
use super::protocol::Protocol;
use super::table::Table;

/// How long a run goes on after its last step and its planned work when its file does not say.
pub const GRACE: Duration = Duration::from_secs(2 * 60 * 60);

/// A scenario under one seed: every range drawn, every default filled in, every host addressed.
///
/// It prints as a scenario file without ranges, which loads and plans to the same again.
#[derive(Clone)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// The seed that the ranges were drawn from and that the run uses.
    pub seed: u64,
    /// The protocol.
    pub protocol: &'static dyn Protocol,
    /// All clauses of the protocol.
    pub clauses: Arc<Clauses>,
    /// The file's text, which the places of tables refer to.
    pub text: Arc<str>,
    /// Title, clauses, why.
    pub top: Table,
    /// The hosts in order.
    pub hosts: Vec<PlannedHost>,
    /// `[[link]]`.
    pub links: Vec<Table>,
    /// `[[path]]`.
    pub paths: Vec<Table>,
    /// `[[middlebox]]`.
    pub middleboxes: Vec<Table>,
    /// `[[firewall]]`.
    pub firewall: Vec<Table>,
    /// `[[at]]`, in the order of the file, then the faults that were drawn.
    pub steps: Vec<Table>,
    /// `[[chaos]]`: the spaces that faults were drawn from, as the file has them.
    pub chaos: Vec<Table>,
    /// `[[expect]]`.
    pub expects: Vec<Table>,
    /// `[[bites]]`.
    pub bites: Vec<Table>,
    /// When the run ends at the latest.
    pub ends: Duration,
    /// What the seed decided, one line a drawn value: `link 1 latency = "22.223ms"`.
    pub drawn: Vec<String>,
}

/// One host of a plan.
#[derive(Clone, Debug)]
pub struct PlannedHost {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its keys.
    pub keys: Table,
}

impl PlannedHost {
    /// The host's TCP: its profile, with what its keys change of it.
    ///
    /// # Panics
    /// When the key tables and the network disagree about the names of profiles.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let named = self.keys.text("profile").and_then(Profile::named);
        let mut profile = named.expect("the loader admits the profiles of the network");
        if let Some(ports) = self.keys.ports("dynamic_ports") {
            profile = profile.with_ports(*ports.start(), *ports.end());
        }
        if let Some(time_wait) = self.keys.duration("time_wait") {
            profile = profile.with_time_wait(time_wait);
        }
        profile
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.name)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Draws what `scenario` leaves to the seed.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let random = Randomness::from_seed(seed).fork("plan");
        let drawn = |section: &str, tables: &[Table]| -> Vec<Table> {
            let random = random.fork(section);
            let tables = tables.iter().enumerate();
            tables
                .map(|(index, table)| table.draw(&random.fork(&index.to_string())))
                .collect()
        };
        let hosts = scenario.hosts.iter().zip(1..);
        let hosts = hosts.map(|((name, keys), number)| PlannedHost {
            name: name.clone(),
            address: address(number),
            keys: keys.draw(&random.fork("hosts").fork(name)),
        });
        let mut plan = Self {
            name: scenario.name.clone(),
            seed,
            protocol: scenario.protocol,
            clauses: Arc::clone(&scenario.clauses),
            text: Arc::clone(&scenario.text),
            top: scenario.top.draw(&random),
            hosts: hosts.collect(),
            links: drawn("link", &scenario.links),
            paths: drawn("path", &scenario.paths),
            middleboxes: drawn("middlebox", &scenario.middleboxes),
            firewall: drawn("firewall", &scenario.firewall),
            steps: drawn("at", &scenario.steps),
            chaos: scenario.chaos.clone(),
            expects: drawn("expect", &scenario.expects),
            bites: drawn("bites", &scenario.bites),
            ends: Duration::ZERO,
            drawn: Vec::new(),
        };
        plan.drawn = plan.drawn_lines(scenario);
        let ways = chaos::Ways {
            links: &plan.links,
            paths: &plan.paths,
        };
        let chaos = chaos::draw(scenario, ways, &random.fork("chaos"));
        plan.steps.extend(chaos.steps);
        plan.drawn.extend(chaos.drawn);
        plan.ends = plan.top.duration("ends").unwrap_or_else(|| {
            let work = plan.protocol.planned_work(&plan);
            plan.last_moment()
                .saturating_add(work)
                .saturating_add(GRACE)
        });
        plan
    }

    /// The claim.
    #[must_use]
    pub fn title(&self) -> &str {
        self.top.text("title").unwrap_or_default()
    }

    /// The clauses that the claim rests on.
    #[must_use]
    pub fn clause_ids(&self) -> &[String] {
        self.top.texts("clauses")
    }

    /// The address of a host; `None` for a name that the plan does not have.
    #[must_use]
    pub fn address(&self, host: &str) -> Option<Ipv4Addr> {
        self.hosts
            .iter()
            .find(|known| known.name == host)
            .map(|known| known.address)
    }

    /// The host with an address; `None` for an address that nobody has.
    #[must_use]
    pub fn host_at(&self, address: Ipv4Addr) -> Option<&str> {
        self.hosts
            .iter()
            .find(|known| known.address == address)
            .map(|known| known.name.as_str())
    }

    /// The line of the file on which a table starts, from 1.
    #[must_use]
    pub fn line(&self, table: &Table) -> usize {
        let before = self.text.get(..table.span.start).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    fn drawn_lines(&self, scenario: &Scenario) -> Vec<String> {
        let mut lines = Vec::new();
        for (host, (_, ranges)) in self.hosts.iter().zip(&scenario.hosts) {
            host.keys.describe_draws(ranges, &host.name, &mut lines);
        }
        let sections = [
            ("link", &self.links, &scenario.links),
            ("path", &self.paths, &scenario.paths),
            ("middlebox", &self.middleboxes, &scenario.middleboxes),
            ("firewall", &self.firewall, &scenario.firewall),
            ("at", &self.steps, &scenario.steps),
            ("expect", &self.expects, &scenario.expects),
            ("bites", &self.bites, &scenario.bites),
        ];
        for (name, drawn, ranges) in sections {
            for (number, (drawn, ranges)) in (1..).zip(drawn.iter().zip(ranges)) {
                drawn.describe_draws(ranges, &format!("{name} {number}"), &mut lines);
            }
        }
        lines
    }

    /// The last moment that the file names: `ends` when it is there, else the last step or bound.
    ///
    /// What counts from an event counts from the start here: when the event happens is not known
    /// before the run.
    #[must_use]
    pub fn last_moment(&self) -> Duration {
        if let Some(ends) = self.top.duration("ends") {
            return ends;
        }
        let sum = |table: &Table, keys: [&str; 2]| -> Duration {
            keys.iter().filter_map(|key| table.duration(key)).sum()
        };
        let steps = self.steps.iter().map(|step| sum(step, ["time", "delay"]));
        let bounds = self
            .expects
            .iter()
            .map(|expect| sum(expect, ["within", "delay"]));
        steps.chain(bounds).max().unwrap_or_default()
    }
}

/// The address of the `number`th host, counted from 1: 10.0.0.1 and so on.
const fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {} with seed {}", self.name, self.seed)?;
        for line in &self.drawn {
            writeln!(f, "# drawn: {line}")?;
        }
        write_keys(f, &self.top)?;
        if !self.top.has("ends") {
            let nanoseconds = u64::try_from(self.ends.as_nanos()).unwrap_or(u64::MAX);
            writeln!(
                f,
                "ends = \"{}\"",
                Amount::fixed(Unit::Nanosecond, nanoseconds)
            )?;
        }
        for host in &self.hosts {
            writeln!(f, "\n[hosts.{}] # {}", host.name, host.address)?;
            write_keys(f, &host.keys)?;
        }
        let sections = [
            ("link", &self.links),
            ("path", &self.paths),
            ("middlebox", &self.middleboxes),
            ("firewall", &self.firewall),
            ("at", &self.steps),
            ("expect", &self.expects),
            ("bites", &self.bites),
        ];
        for (name, tables) in sections {
            for table in tables {
                writeln!(f, "\n[[{name}]]")?;
                write_keys(f, table)?;
            }
        }
        Ok(())
    }
}

fn write_keys(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    for (key, located) in table.iter() {
        writeln!(f, "{key} = {}", located.value)?;
    }
    Ok(())
}
