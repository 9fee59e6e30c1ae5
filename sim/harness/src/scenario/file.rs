//! A scenario file, loaded and checked.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::chaos;
use super::clauses::Clauses;
use super::key::{Key, ProtocolKeys};
use super::keys;
use super::problem::{Problems, ScenarioError, suggestion};
use super::protocol::Protocol;
use super::sense;
use super::table::Table;
use super::walk::Walk;

/// A scenario: who is there, what they do, what goes wrong and what must hold.
#[derive(Clone)]
pub struct Scenario {
    /// Its path below `scenarios/` without the ending; elsewhere the path as the user gave it.
    pub name: String,
    /// The file as the user named it, for diagnostics.
    pub path: String,
    /// The text that it was read from.
    pub text: Arc<str>,
    /// The protocol that it is about.
    pub protocol: &'static dyn Protocol,
    /// All clauses of the protocol.
    pub clauses: Arc<Clauses>,
    /// The keys outside any section: title, clauses, why, ends.
    pub top: Table,
    /// The hosts by name, in the order of the file.
    pub hosts: Vec<(String, Table)>,
    /// `[[link]]`.
    pub links: Vec<Table>,
    /// `[[path]]`.
    pub paths: Vec<Table>,
    /// `[[middlebox]]`.
    pub middleboxes: Vec<Table>,
    /// `[[firewall]]`: rules that are there from the start.
    pub firewall: Vec<Table>,
    /// `[[at]]`.
    pub steps: Vec<Table>,
    /// `[[chaos]]`: spaces of faults.
    pub chaos: Vec<Table>,
    /// `[[expect]]`.
    pub expects: Vec<Table>,
    /// `[[bites]]`.
    pub bites: Vec<Table>,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The sections of a file, besides the keys at its top.
const SECTIONS: &[&str] = &[
    "hosts",
    "link",
    "path",
    "middlebox",
    "firewall",
    "at",
    "chaos",
    "expect",
    "bites",
];

/// What the loader has to know besides the file.
#[derive(Clone, Copy)]
pub struct Known<'k> {
    /// Every protocol.
    pub protocols: &'k [&'static dyn Protocol],
    /// The clause list of a protocol, by its name.
    pub clauses: &'k dyn Fn(&str) -> Arc<Clauses>,
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Scenario {
    /// Reads the scenario called `name` from `text`.
    ///
    /// # Errors
    /// Everything that is wrong with the file, at once.
    pub fn load(
        name: &str,
        path: &str,
        text: impl Into<Arc<str>>,
        known: Known<'_>,
    ) -> Result<Self, ScenarioError> {
        let text: Arc<str> = text.into();
        let (tree, syntax) = DeTable::parse_recoverable(&text);
        let mut problems = Problems::default();
        for error in syntax {
            let span = error.span().unwrap_or(0..0);
            problems.report(span, error.message(), "not valid TOML", "");
        }
        sense::check_size(tree.get_ref(), &mut problems);
        if !problems.is_empty() {
            return Err(problems.into_error(path, &text));
        }
        let tree = tree.get_ref();
        // Without a protocol no scenario comes of the file; its keys are compared with all of them.
        let protocol = protocol_of(name, tree, known.protocols, &mut problems);
        let candidates = match &protocol {
            Some(protocol) => std::slice::from_ref(protocol),
            None => known.protocols,
        };
        let Some(stand_in) = candidates.first() else {
            report_no_role(&mut problems);
            return Err(problems.into_error(path, &text));
        };
        let contributed: Vec<ProtocolKeys> = candidates.iter().map(|p| p.keys()).collect();
        let keys_of = |core: &'static [Key], added: fn(&ProtocolKeys) -> &'static [Key]| {
            let added = contributed.iter().map(added);
            std::iter::once(core).chain(added).collect::<Vec<_>>()
        };
        let mut walk = Walk::new(contributed.clone());
        walk.problems = problems;
        let top = walk.table_beside("a scenario file", &[keys::SCENARIO], SECTIONS, tree, 0..0);
        let scenario = Self {
            name: name.to_owned(),
            path: path.to_owned(),
            text: Arc::clone(&text),
            protocol: *stand_in,
            clauses: (known.clauses)(stand_in.name()),
            top,
            hosts: hosts(&mut walk, tree, &keys_of(keys::HOST, |p| p.host)),
            links: section(&mut walk, tree, "link", &keys_of(keys::LINK, |p| p.link)),
            paths: section(&mut walk, tree, "path", &[keys::PATH]),
            middleboxes: section(&mut walk, tree, "middlebox", &[keys::MIDDLEBOX]),
            firewall: section(&mut walk, tree, "firewall", &[keys::FIREWALL]),
            steps: section(&mut walk, tree, "at", &keys_of(keys::AT, |p| p.at)),
            chaos: section(&mut walk, tree, "chaos", &[keys::CHAOS]),
            expects: section(
                &mut walk,
                tree,
                "expect",
                &keys_of(keys::EXPECT, |p| p.expect),
            ),
            bites: section(&mut walk, tree, "bites", &keys_of(keys::BITES, |p| p.bites)),
        };
        walk.resolve();
        problems = walk.problems;
        if protocol.is_some() {
            scenario.check_clauses(&mut problems);
        } else if problems.is_empty() {
            report_no_role(&mut problems);
        }
        scenario.check_claim(&mut problems);
        scenario.check_bites(&mut problems);
        sense::check(&scenario, &mut problems);
        chaos::check(&scenario, &mut problems);
        if problems.is_empty() {
            // An adapter may rely on what the core has checked.
            scenario.protocol.validate(&scenario, &mut problems);
        }
        if problems.is_empty() {
            Ok(scenario)
        } else {
            Err(problems.into_error(path, &text))
        }
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

    /// Why the scenario is switched off, when it is.
    #[must_use]
    pub fn disabled(&self) -> Option<&str> {
        self.top.text("disabled")
    }

    /// The file with `problem` about its title, for what only the whole set of files can tell.
    pub(super) fn title_problem(&self, message: String, help: &str) -> ScenarioError {
        let mut problems = Problems::default();
        problems.report(self.top.span_of("title"), message, "not unique", help);
        problems.into_error(&self.path, &self.text)
    }

    fn check_clauses(&self, problems: &mut Problems) {
        let known: Vec<_> = self
            .clauses
            .iter()
            .map(|clause| clause.id.as_str())
            .collect();
        let lists = std::iter::once(&self.top).chain(&self.expects);
        for list in lists.filter(|list| list.has("clauses")) {
            for id in list.texts("clauses") {
                if known.contains(&id.as_str()) {
                    continue;
                }
                let span = list.span_of("clauses");
                let nearest = super::problem::nearest(id, known.iter().copied());
                let help = nearest.map(|id| format!("did you mean `{id}`?"));
                let place = quoted_span(&self.text, span, id);
                problems.report(
                    place,
                    format!("{} has no clause `{id}`", self.protocol.name()),
                    "unknown clause",
                    &help.unwrap_or_default(),
                );
            }
            if list.texts("clauses").is_empty() {
                let span = list.span_of("clauses");
                problems.report(span, "a claim names at least one clause", "empty", "");
            }
        }
    }

    fn check_claim(&self, problems: &mut Problems) {
        if self.expects.is_empty() {
            problems.report(
                self.top.span_of("title"),
                "the scenario expects nothing",
                "a claim that no [[expect]] tests",
                "add an [[expect]] that fails when the claim is wrong",
            );
        }
    }

    /// A fault that may never have happened proves nothing.
    fn check_bites(&self, problems: &mut Problems) {
        let is_asked = self.bites.iter().any(|bite| bite.flag("chaos"));
        if let Some(space) = self.chaos.first().filter(|_| !is_asked) {
            problems.report(
                space.span.clone(),
                "nothing proves that the faults of this space bite",
                "a space of faults",
                "add a [[bites]] with `chaos = true`",
            );
        }
        let Some((span, what)) = self.first_fault() else {
            return;
        };
        if self.bites.is_empty() {
            problems.report(
                span,
                format!("{what} is a fault, and nothing proves that it bites"),
                "a fault",
                "add a [[bites]] such as `rule = \"…\"` with `packets = { min = 1 }`, or \
                 `event = { … }`",
            );
        }
    }

    /// The first thing in the file that can go wrong on purpose.
    fn first_fault(&self) -> Option<(Range<usize>, String)> {
        let hostile = |rule: &&Table| rule.text("verdict").is_some_and(|v| v != "accept");
        let lossy = |table: &&Table| {
            let share = |key: &&str| table.quantity(key).is_some_and(|share| share > 0);
            ["loss", "duplicate", "reorder"].iter().any(share)
        };
        let named = |table: &Table, what: &str| (table.span.clone(), format!("this {what}"));
        if let Some(rule) = self.firewall.iter().find(hostile) {
            return Some(named(rule, "firewall rule"));
        }
        if let Some(link) = self.links.iter().chain(&self.paths).find(lossy) {
            return Some(named(link, "link"));
        }
        if let Some(middlebox) = self.middleboxes.iter().find(|m| m.has("idle_timeout")) {
            return Some(named(middlebox, "middlebox"));
        }
        self.steps.iter().find_map(|step| {
            let added = self.protocol.keys().faults;
            let key = keys::FAULTS.iter().chain(added).find(|key| step.has(key))?;
            let change = step.table("firewall");
            let is_fault = change.is_none_or(|change| change.table("add").iter().any(&hostile));
            is_fault.then(|| (step.span_of(key), format!("`{key}`")))
        })
    }
}

/// Where `text` stands in quotes within `span`, or `span` when it does not.
fn quoted_span(file: &str, span: Range<usize>, text: &str) -> Range<usize> {
    let found = file.get(span.clone()).and_then(|part| part.find(text));
    match found {
        Some(offset) => span.start + offset..span.start + offset + text.len(),
        None => span,
    }
}

/// The protocol, from the directory of the scenario, or else from the role of a host; reports roles
/// that it does not have.
fn protocol_of(
    name: &str,
    tree: &DeTable<'_>,
    protocols: &[&'static dyn Protocol],
    problems: &mut Problems,
) -> Option<&'static dyn Protocol> {
    let directory = name.split('/').next().unwrap_or_default();
    let mut by_name = protocols.iter();
    let by_directory = by_name.find(|protocol| protocol.name() == directory);
    let roles: Vec<(&str, Range<usize>)> = roles(tree);
    let by_role = || {
        let has_one = |protocol: &&&dyn Protocol| {
            let mut roles = roles.iter();
            roles.any(|(role, _)| protocol.roles().contains(role))
        };
        protocols.iter().find(has_one)
    };
    let protocol = by_directory.or_else(by_role).copied();
    let (has, known) = match protocol {
        Some(protocol) => (
            format!("{} does not have", protocol.name()),
            protocol.roles().to_vec(),
        ),
        None => {
            let all = protocols.iter().flat_map(|protocol| protocol.roles());
            ("no protocol has".to_owned(), all.copied().collect())
        }
    };
    // A host without a role is reported when its keys are read.
    for (role, span) in roles.iter().filter(|(role, _)| !known.contains(role)) {
        let message = format!("{has} the role `{role}`");
        let help = suggestion(role, &known);
        problems.report(span.clone(), message, "unknown role", &help);
    }
    protocol
}

fn report_no_role(problems: &mut Problems) {
    problems.report(
        0..0,
        "the file declares no host with a role",
        "",
        "a scenario starts with `[hosts.NAME]` and its `role`",
    );
}

fn roles<'d>(tree: &'d DeTable<'_>) -> Vec<(&'d str, Range<usize>)> {
    let Some(DeValue::Table(hosts)) = find(tree, "hosts") else {
        return Vec::new();
    };
    let role = |host: &'d DeValue<'_>| {
        let DeValue::Table(keys) = host else {
            return None;
        };
        let (_, value) = keys.iter().find(|(name, _)| name.get_ref() == "role")?;
        if let DeValue::String(role) = value.get_ref() {
            Some((role.as_ref(), value.span()))
        } else {
            None
        }
    };
    hosts
        .iter()
        .filter_map(|(_, host)| role(host.get_ref()))
        .collect()
}

fn find<'d, 'i>(tree: &'d DeTable<'i>, key: &str) -> Option<&'d DeValue<'i>> {
    tree.iter()
        .find(|(name, _)| name.get_ref() == key)
        .map(|(_, value)| value.get_ref())
}

fn hosts(walk: &mut Walk, tree: &DeTable<'_>, known: &[&'static [Key]]) -> Vec<(String, Table)> {
    let mut hosts = Vec::new();
    match find(tree, "hosts") {
        Some(DeValue::Table(named)) => {
            // The tree is ordered by name; addresses follow the order of the file.
            let mut named: Vec<_> = named.iter().collect();
            named.sort_by_key(|(name, _)| name.span().start);
            for (name, host) in named {
                let DeValue::Table(keys) = host.get_ref() else {
                    walk.problems
                        .report(host.span(), "a host is a table", "not a table", "");
                    continue;
                };
                walk.declare("host", name.get_ref(), &name.span());
                if !is_host_name(name.get_ref()) {
                    walk.problems.report(
                        name.span(),
                        format!("`{}` cannot be the name of a host", name.get_ref()),
                        "lower-case letters, digits and inner hyphens only",
                        "",
                    );
                }
                let table = walk.table("a host", known, keys, name.span());
                hosts.push((name.get_ref().to_string(), table));
            }
        }
        _ => walk
            .problems
            .report(0..0, "the file has no [hosts.NAME]", "", ""),
    }
    hosts
}

fn is_host_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !name.is_empty() && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// The tables of one `[[section]]`.
fn section(
    walk: &mut Walk,
    tree: &DeTable<'_>,
    name: &'static str,
    keys: &[&'static [Key]],
) -> Vec<Table> {
    let mut tables = Vec::new();
    match find(tree, name) {
        None => {}
        Some(DeValue::Array(items)) => {
            for item in items {
                if let DeValue::Table(entries) = item.get_ref() {
                    let what = format!("[[{name}]]");
                    tables.push(walk.table(&what, keys, entries, item.span()));
                } else {
                    walk.problems
                        .report(item.span(), "this is no table", "", "");
                }
            }
        }
        Some(_) => {
            let span = tree
                .iter()
                .find(|(key, _)| key.get_ref() == name)
                .map_or(0..0, |(key, _)| key.span());
            walk.problems.report(
                span,
                format!("`{name}` is a list of tables"),
                "not a list",
                &format!("write [[{name}]], once for each"),
            );
        }
    }
    tables
}
