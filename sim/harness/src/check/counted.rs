//! The expectation of how many events of one kind happen, and when.

use std::time::Duration;

use portcullis_reports::timeline::time;
use portcullis_reports::{Entry, Event};

use super::expectation::{Expectation, Outcome};
use crate::engine::{Aliases, EventKind, EventPattern};
use crate::scenario::Count;

/// The largest number of entries that a finding points at.
const SHOWN: usize = 8;

/// So many events that match, from the start of the run or from an event, and by when.
#[derive(Clone, Debug)]
pub struct Counted {
    /// What is counted.
    pub pattern: EventPattern,
    /// How many there must be.
    pub count: Count,
    /// When counting starts.
    pub window: Window,
    /// What is counted, in words.
    pub words: String,
    seen: Vec<(usize, Duration)>,
    total: u64,
    /// The last entry in the window: where an explanation ends when the bound passes.
    last: Option<usize>,
    /// The first that matches when the window is over.
    late: Option<(usize, Duration)>,
    /// For a move of a state machine: the same machine's moves into any state.
    any_move: Option<EventPattern>,
    /// The last of those moves: which entry, when, and the state entered.
    state: Option<(usize, Duration, String)>,
}

/// The part of a run during which events count.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// It opens with this event; with the run when there is none.
    pub after: Option<EventPattern>,
    /// The event that opens it, in words.
    pub after_words: String,
    /// It closes so long after it opened; with the run when there is no bound.
    pub within: Option<Duration>,
    opened: Option<(Option<usize>, Duration)>,
    matched: u32,
}

impl Window {
    /// A window that opens with `after`, or with the run, and closes after `within`.
    #[must_use]
    pub fn new(after: Option<EventPattern>, after_words: String, within: Option<Duration>) -> Self {
        let opened = after.is_none().then_some((None, Duration::ZERO));
        Self {
            after,
            after_words,
            within,
            opened,
            matched: 0,
        }
    }

    /// Takes in the next entry; whether it counts.
    pub fn admits(&mut self, index: usize, entry: &Entry, aliases: &Aliases) -> bool {
        if self.opened.is_some() {
            return !self.is_over(entry.at);
        }
        if let Some(after) = &self.after
            && after.matches_with(entry, aliases)
        {
            self.matched += 1;
            if self.matched >= after.occurrence.max(1) {
                self.opened = Some((Some(index), entry.at));
            }
        }
        false
    }

    /// When it opened; `None` while it has not.
    #[must_use]
    pub fn opened(&self) -> Option<Duration> {
        self.opened.map(|(_, at)| at)
    }

    /// The entry that opened it, when one did.
    #[must_use]
    pub fn opener(&self) -> Option<usize> {
        self.opened.and_then(|(index, _)| index)
    }

    /// Whether it has opened and closed again before `now`.
    #[must_use]
    pub fn is_over(&self, now: Duration) -> bool {
        match (self.opened(), self.within) {
            (Some(opened), Some(within)) => now > opened + within,
            _ => false,
        }
    }

    /// Why nothing can be said of the whole of it yet when the run ended at `end`; `None` when it
    /// was over by then, or lasts as long as the run.
    #[must_use]
    pub fn cut_short(&self, end: Duration) -> Option<String> {
        let closes = self.opened()?.saturating_add(self.within?);
        let end = (end < closes).then(|| time(end))?;
        Some(format!("the run ended at {end}, before {}", time(closes)))
    }

    /// The bounds in words, to follow what is expected; empty when there are none.
    #[must_use]
    pub fn in_words(&self) -> String {
        let within = self.within.map(|bound| format!(" within {}", time(bound)));
        let after = match (&self.after, &self.within) {
            (Some(_), Some(_)) => format!(" of {}", self.after_words),
            (Some(_), None) => format!(" after {}", self.after_words),
            (None, _) => String::new(),
        };
        format!("{}{after}", within.unwrap_or_default())
    }
}

impl Counted {
    /// Expects `count` events that match `pattern` in `window`.
    #[must_use]
    pub fn new(pattern: EventPattern, count: Count, window: Window, words: String) -> Self {
        Self {
            any_move: any_move(&pattern),
            pattern,
            count,
            window,
            words,
            seen: Vec::new(),
            total: 0,
            last: None,
            late: None,
            state: None,
        }
    }

    /// How many count so far: an `nth` in the pattern skips those before.
    const fn counted(&self) -> u64 {
        let skipped = self.pattern.occurrence.saturating_sub(1) as u64;
        self.total.saturating_sub(skipped)
    }

    fn is_exceeded(&self) -> bool {
        self.count.max.is_some_and(|max| self.counted() > max)
    }

    fn described(&self) -> String {
        let times: Vec<_> = self.seen.iter().map(|(_, at)| time(*at)).collect();
        match (self.counted(), times.as_slice()) {
            (0, _) if self.count.min > 0 => self.instead(),
            (0, _) => "none".to_owned(),
            (count, times) if count > times.len() as u64 => {
                format!("{count}, the last of them at {}", times.join(", "))
            }
            (count, times) => {
                let late = self
                    .late
                    .map(|(_, at)| format!(", the next not until {}", time(at)));
                format!(
                    "{count}, at {}{}",
                    times.join(", "),
                    late.unwrap_or_default()
                )
            }
        }
    }

    /// What there was when none counts.
    fn instead(&self) -> String {
        if let Some((_, at)) = self.late {
            return format!("none, not until {}", time(at));
        }
        match &self.state {
            Some((_, at, state)) => format!("none, but {state} at {}", time(*at)),
            None => "none".to_owned(),
        }
    }

    /// Notes what an explanation tells when not enough count.
    fn note(&mut self, index: usize, entry: &Entry, aliases: &Aliases) {
        if self.late.is_none()
            && self.window.is_over(entry.at)
            && self.pattern.matches_with(entry, aliases)
        {
            self.late = Some((index, entry.at));
        }
        if let Event::State(entered) = &entry.event
            && let Some(any) = &self.any_move
            && any.matches_with(entry, aliases)
        {
            self.state = Some((index, entry.at, entered.to.to_string()));
        }
    }
}

/// The moves into any state that `pattern`, a move of a certain machine, is one of.
fn any_move(pattern: &EventPattern) -> Option<EventPattern> {
    let mut any = pattern.clone();
    any.fields.retain(|(name, _)| name != "entered");
    let is_certain = any.fields.iter().any(|(name, _)| name != "host");
    (pattern.kind == EventKind::State && is_certain).then_some(any)
}

impl Expectation for Counted {
    fn expected(&self) -> String {
        let bounds = self.window.in_words();
        match self.count {
            Count::SOME => format!("{}{bounds}", self.words),
            Count { max: Some(0), .. } => format!("never {}{bounds}", self.words),
            count => format!("{count} times {}{bounds}", self.words),
        }
    }

    fn observe(&mut self, index: usize, entry: &Entry, aliases: &Aliases) {
        self.note(index, entry, aliases);
        if !self.window.admits(index, entry, aliases) {
            return;
        }
        if !matches!(entry.event, Event::Packet(_)) {
            self.last = Some(index);
        }
        if self.pattern.matches_with(entry, aliases) {
            self.total += 1;
            if self.seen.len() == SHOWN {
                self.seen.remove(0);
            }
            self.seen.push((index, entry.at));
        }
    }

    fn holds_open(&self, now: Duration) -> bool {
        if self.is_exceeded() || self.window.is_over(now) {
            return false;
        }
        // Too many can only be ruled out by waiting, which is worth it up to a stated bound.
        let bounded = self.window.within.is_some() && self.count.max.is_some();
        self.counted() < self.count.min || (bounded && self.window.opened().is_some())
    }

    fn conclude(&self, end: Duration) -> Outcome {
        let entries = || {
            let opener = self.window.opener();
            let seen = self.seen.iter().map(|(index, _)| *index);
            let late = self.late.filter(|_| !self.is_exceeded());
            let late = late.map(|(index, _)| index);
            opener
                .into_iter()
                .chain(seen)
                .chain(late)
                .collect::<Vec<_>>()
        };
        if self.is_exceeded() {
            return Outcome::broken(self.described(), entries());
        }
        if self.window.opened().is_none() {
            let reason = format!("{} never happened", self.window.after_words);
            return if self.count.min > 0 {
                Outcome::broken(reason, Vec::new())
            } else {
                // What never began cannot be said to have been kept.
                Outcome::Unknown { reason }
            };
        }
        // What there is enough of stays enough, unless there may yet be too many.
        let is_enough = self.count.admits(self.counted());
        if is_enough && self.count.max.is_none() {
            return Outcome::Holds;
        }
        if let Some(cut) = self.window.cut_short(end) {
            let reason = format!("{}, and {cut}: lengthen `ends`", self.described());
            return Outcome::Unknown { reason };
        }
        if is_enough {
            return Outcome::Holds;
        }
        let mut shown = entries();
        if self.window.within.is_some() {
            shown.extend(self.last);
        }
        Outcome::broken(self.described(), shown)
    }
}
