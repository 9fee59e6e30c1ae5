//! Who is believed, and what is kept of what was said.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_reports::{ConnectionPhase, Passage};

use crate::engine::Aliases;
use crate::protocols::environment_transfer::invariant::Breach;
use crate::protocols::environment_transfer::reading::{Moved, Reading, Said};
use crate::protocols::environment_transfer::vocabulary::{effect, field, kind, state};
use crate::run::EPOCH;

/// ET-72, ET-73: whatever an environment sends carries the code of its link. An outsider with the
/// keys decides it.
pub(crate) fn messages_are_authentic(reading: &Reading<'_>) -> Vec<Breach> {
    // Who was led to another environment signs for the one that it means.
    let is_led = |said: &Said<'_>| {
        let host = reading.setting.name_of(said.message.destination);
        host.is_some_and(|host| reading.led_to(host, said.position).is_some())
    };
    let unsigned = reading
        .sent()
        .filter(|said| !said.is_authentic() && !is_led(said));
    unsigned
        .map(|said| {
            Breach::at(
                said.position,
                format!("{} carries the right code of its link", said.kind()),
                "it carries none, or another",
            )
        })
        .collect()
}

/// ET-72, ET-73: a destination takes on a task only on word that carries the code of the link.
pub(crate) fn tasks_come_from_the_peer(reading: &Reading<'_>) -> Vec<Breach> {
    let taken = taken_on(reading);
    let breaches = taken.filter_map(|moved| {
        let task = moved.state.id.as_str();
        let mut told = told(reading, moved).peekable();
        let is_forged = told.peek().is_some() && !told.any(|said| said.is_authentic());
        is_forged.then(|| {
            Breach::at(
                moved.position,
                format!("{task} is taken on after an authentic message"),
                format!("{} took it on without one", moved.host),
            )
        })
    });
    breaches.collect()
}

/// ET-74: what was recorded on the way and sent again later starts nothing.
///
/// Tasks are judged that nobody but strangers sent, as their stamps are what the scenario says;
/// between environments whose clocks disagree it is the receiver that knows.
pub(crate) fn stale_messages_have_no_effect(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for moved in taken_on(reading) {
        let environment = reading.setting.environments.get(moved.host);
        let Some(environment) = environment else {
            continue;
        };
        let honest = |said: &Said<'_>| reading.setting.name_of(said.message.source).is_some();
        let fresh = |said: &Said<'_>| {
            let clock = true_time(said.at) + environment.clock_ahead;
            let sent = said.field(field::SENT_AT).parse::<Timestamp>();
            let apart = sent.map(|sent| clock.duration_since(sent).unsigned_abs());
            apart.is_ok_and(|apart| apart <= environment.tolerance + TRAVEL)
        };
        // What is not authentic is the business of `tasks_come_from_the_peer`.
        let mut authentic = told(reading, moved).filter(Said::is_authentic).peekable();
        let is_judged = authentic.peek().is_some();
        if is_judged && !authentic.any(|said| honest(&said) || fresh(&said)) {
            breaches.push(Breach::at(
                moved.position,
                format!(
                    "{} is taken on within {:?}",
                    moved.state.id, environment.tolerance
                ),
                "every message that gave it was older",
            ));
        }
    }
    breaches
}

/// How long a message may travel.
const TRAVEL: Duration = Duration::from_secs(60);

fn true_time(at: Duration) -> Timestamp {
    let elapsed = SignedDuration::try_from(at).unwrap_or(SignedDuration::MAX);
    let start = Timestamp::from_second(EPOCH).unwrap_or(Timestamp::UNIX_EPOCH);
    start.checked_add(elapsed).unwrap_or(Timestamp::MAX)
}

/// Where tasks enter the records of a destination.
fn taken_on<'r>(reading: &'r Reading<'_>) -> impl Iterator<Item = &'r Moved<'r>> {
    reading.moves.iter().filter(|moved| {
        moved.state.machine == state::DESTINATION && moved.state.to == state::RECORDED
    })
}

/// The messages that gave a task to its destination before it was taken on.
fn told<'r>(reading: &'r Reading<'_>, moved: &'r Moved<'_>) -> impl Iterator<Item = Said<'r>> {
    reading.messages.iter().copied().filter(|said| {
        said.kind() == kind::TASK
            && said.position < moved.position
            && said.message.passage == Passage::Delivered
            && said.field(field::TASK) == moved.state.id
            && reading.setting.name_of(said.message.destination) == Some(moved.host)
    })
}

/// ET-76: a refusal says why, in a word of the protocol, and who refuses, with its own version.
/// The message has no other place for what was received.
pub(crate) fn refusals_echo_nothing(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for said in reading.sent().filter(|said| said.kind() == kind::REJECTION) {
        let name = reading.setting.name_of(said.message.source);
        let environment = name.and_then(|name| reading.setting.environments.get(name));
        let own = environment.map_or("", |environment| environment.product.as_str());
        if said.field(field::PRODUCT) != own {
            breaches.push(Breach::at(
                said.position,
                format!("the refuser's own version, {own}"),
                format!("`{}`", said.field(field::PRODUCT)),
            ));
        }
    }
    breaches
}

/// ET-19, ET-21, ET-23: an acceptor that has a whole request does not close before it has answered,
/// also when the opener has closed its own direction.
pub(crate) fn requests_are_answered(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (id, life) in &reading.connections {
        let Some(acceptor) = reading.setting.name_of(life.acceptor) else {
            continue;
        };
        let on = |said: &&Said<'_>| said.message.connection == *id;
        let mut said = reading.messages.iter().filter(on);
        let request =
            said.find(|said| said.by_opener(life) && said.message.passage == Passage::Delivered);
        let closed = life
            .phases
            .iter()
            .find(|(_, _, host, phase)| *host == acceptor && *phase == ConnectionPhase::FinSent);
        let (Some(request), Some((closed, ..))) = (request, closed) else {
            continue;
        };
        // What is no data unit is closed without an answer (ET-26).
        if request.kind() == kind::UNDECODABLE {
            continue;
        }
        let mut answers = reading.messages.iter().filter(on);
        let is_answered = answers.any(|said| !said.by_opener(life) && said.position < *closed);
        let is_excused = reading.was_away(acceptor, life.opened()..=*closed);
        if !is_answered && !is_excused && request.position < *closed {
            breaches.push(Breach::at(
                *closed,
                format!("{acceptor} answers the {}", request.kind()),
                "it closed without an answer",
            ));
        }
    }
    breaches
}

/// ET-32: what a transfer puts in place is what was read at its source.
pub(crate) fn placed_files_equal_their_source(reading: &Reading<'_>) -> Vec<Breach> {
    let aliases = Aliases::of(reading.entries);
    let mut breaches = Vec::new();
    let placed = reading.effects.iter();
    for placed in placed.filter(|noted| noted.name == effect::FILES_PLACED) {
        let task = placed.field(field::TASK);
        let equal = reading.effects.iter().any(|read| {
            read.name == effect::FILES_READ
                && read.position < placed.position
                && aliases.value(read.field(field::FILES)) == Some(task)
                && read.field(field::DIGEST) == placed.field(field::DIGEST)
        });
        if !equal {
            breaches.push(Breach::at(
                placed.position,
                format!("the files of {task} as their originator read them"),
                format!("others at {}", placed.host),
            ));
        }
    }
    breaches
}
