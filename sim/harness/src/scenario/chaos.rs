//! `[[chaos]]`: faults that the seed draws from a space that the file declares.
//!
//! Every decision has a stream of its own, and words and hosts are chosen by comparing a draw for
//! each, so that a word more in a list changes only the faults that choose it.

mod fault;
mod sense;

use portcullis_net::Randomness;

use super::amount::{Amount, Unit};
use super::file::Scenario;
use super::keys;
use super::table::{Table, Value};
use fault::{Fault, Moment};
pub(super) use sense::check;

/// How often a fault is drawn anew when it meets another at the same host or on the same way.
const ATTEMPTS: u32 = 16;

/// Faults begin and end at whole milliseconds, so that drawn times stay readable.
const GRAIN: u64 = 1_000_000;

/// What a seed makes of the spaces of a file.
#[derive(Debug, Default)]
pub(super) struct Chaos {
    /// The steps that begin and end each fault.
    pub(super) steps: Vec<Table>,
    /// What was drawn, one line a decision.
    pub(super) drawn: Vec<String>,
}

/// What connects the hosts of a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways<'p> {
    pub(super) links: &'p [Table],
    pub(super) paths: &'p [Table],
}

/// Draws the faults of `scenario` under the seed of `random`.
pub(super) fn draw(scenario: &Scenario, ways: Ways<'_>, random: &Randomness) -> Chaos {
    let mut chaos = Chaos::default();
    let mut faults: Vec<Fault> = Vec::new();
    let mut number = 0;
    for (index, space) in scenario.chaos.iter().enumerate() {
        let random = random.fork(&index.to_string());
        let count = amount(space, "faults", &random);
        let line = format!("chaos {} faults = {count}", index + 1);
        chaos.drawn.push(line);
        for nth in 0..count {
            number += 1;
            let name = format!("chaos-{number}");
            let random = random.fork(&format!("fault {nth}"));
            let fault = (0..ATTEMPTS).find_map(|attempt| {
                let random = random.fork(&format!("attempt {attempt}"));
                let fault = drawn(scenario, space, &random)?;
                let is_free = !faults.iter().any(|other| other.conflicts(&fault));
                is_free.then_some(fault)
            });
            let Some(fault) = fault else {
                let line = format!("{name} = nothing: no host and no time were left");
                chaos.drawn.push(line);
                continue;
            };
            chaos.drawn.push(format!("{name} = {fault}"));
            chaos.steps.extend(fault.steps(&name, space, ways));
            faults.push(fault);
        }
    }
    chaos
}

/// One fault of `space`; `None` when no hosts fit the kind.
fn drawn(scenario: &Scenario, space: &Table, random: &Randomness) -> Option<Fault> {
    let kinds: Vec<_> = space.texts("kinds").iter().map(String::as_str).collect();
    let kind = choose(&random.fork("kind"), &kinds)?;
    let allowed = allowed(scenario, space);
    let (host, peer) = if keys::PAIRED.contains(&kind) {
        let pairs = pairs(scenario, &allowed);
        let labels: Vec<_> = pairs.iter().map(|(a, b)| format!("{a} {b}")).collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let chosen = choose(&random.fork("pair"), &labels)?;
        let (host, peer) = pairs[labels.iter().position(|label| *label == chosen)?];
        if random.fork("side").below(2) == 0 {
            (host, peer)
        } else {
            (peer, host)
        }
    } else {
        (choose(&random.fork("host"), &allowed)?, "")
    };
    let outages = scenario.protocol.keys().outages;
    Some(Fault {
        kind: kind.to_owned(),
        outage: outages.iter().find(|outage| outage.begin == kind).copied(),
        host: host.to_owned(),
        peer: peer.to_owned(),
        moment: moment(space, random)?,
        random: random.fork("particulars"),
    })
}

fn moment(space: &Table, random: &Randomness) -> Option<Moment> {
    let lasts = amount(space, "lasts", random).max(GRAIN);
    if space.has("until") {
        let (from, until) = (
            amount(space, "from", random),
            amount(space, "until", random),
        );
        // Room for the shortest fault is left before the end.
        let steps = until.checked_sub(from)? / GRAIN;
        let begins = from + random.fork("begins").below(steps) * GRAIN;
        let ends = (begins.saturating_add(lasts) / GRAIN * GRAIN).min(until);
        return Some(Moment::Between(begins, ends));
    }
    let events = space.tables("after");
    let labels: Vec<_> = (0..events.len()).map(|index| index.to_string()).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let chosen = choose(&random.fork("event"), &labels)?;
    let event = events.get(chosen.parse::<usize>().ok()?)?;
    let delay = amount(space, "delay", random);
    Some(Moment::After {
        event: event.draw(&random.fork("event").fork("nth")),
        delay,
        until: delay.saturating_add(lasts / GRAIN * GRAIN),
    })
}

/// The quantity that `random` draws for a key of `space`.
fn amount(space: &Table, key: &str, random: &Randomness) -> u64 {
    let drawn = space.amount(key).map(|it| it.draw(&random.fork(key)).low);
    drawn.unwrap_or_default()
}

/// The word with the highest draw.
fn choose<'w>(random: &Randomness, words: &[&'w str]) -> Option<&'w str> {
    let chosen = words.iter().max_by_key(|word| random.fork(word).next_u64());
    chosen.copied()
}

/// The hosts that a space may hit.
fn allowed<'s>(scenario: &'s Scenario, space: &'s Table) -> Vec<&'s str> {
    if space.has("hosts") {
        return space.texts("hosts").iter().map(String::as_str).collect();
    }
    let hosts = scenario.hosts.iter();
    hosts.map(|(name, _)| name.as_str()).collect()
}

/// Pairs of those hosts that are linked; any two of them in a file without such links.
fn pairs<'s>(scenario: &'s Scenario, allowed: &[&'s str]) -> Vec<(&'s str, &'s str)> {
    let mut pairs = Vec::new();
    for link in &scenario.links {
        if let (Some(from), Some(to)) = (link.text("from"), link.text("to"))
            && allowed.contains(&from)
            && allowed.contains(&to)
            && from != to
            && !pairs.contains(&(from, to))
        {
            pairs.push((from, to));
        }
    }
    if pairs.is_empty() {
        for (index, one) in allowed.iter().enumerate() {
            let others = allowed.iter().skip(index + 1);
            pairs.extend(others.map(|other| (*one, *other)));
        }
    }
    pairs
}

fn time(nanoseconds: u64) -> Value {
    Value::Amount(Amount::fixed(Unit::Nanosecond, nanoseconds))
}

#[cfg(test)]
mod tests;
