//! The expectation that events happen in a given order.

use std::time::Duration;

use portcullis_reports::Entry;
use portcullis_reports::timeline::time;

use super::counted::Window;
use super::expectation::{Expectation, Outcome};
use crate::engine::{Aliases, EventPattern};

/// Events in this order, each looked for after the one before it.
///
/// Other events may lie between them, and the same event may also have happened earlier.
#[derive(Clone, Debug)]
pub struct Ordered {
    steps: Vec<(EventPattern, String)>,
    window: Window,
    found: Vec<(usize, Duration)>,
    matched: u32,
    /// For each step its last match that came before it was looked for.
    early: Vec<Option<(usize, Duration)>>,
}

impl Ordered {
    /// Expects `steps`, each with its words, one after the other in `window`.
    #[must_use]
    pub fn new(steps: Vec<(EventPattern, String)>, window: Window) -> Self {
        Self {
            early: vec![None; steps.len()],
            steps,
            window,
            found: Vec::new(),
            matched: 0,
        }
    }
}

impl Expectation for Ordered {
    fn expected(&self) -> String {
        let steps: Vec<_> = self.steps.iter().map(|(_, words)| words.as_str()).collect();
        format!("{}{}", steps.join(", then "), self.window.in_words())
    }

    fn observe(&mut self, index: usize, entry: &Entry, aliases: &Aliases) {
        if !self.window.admits(index, entry, aliases) {
            return;
        }
        let next = self.found.len();
        for (step, (pattern, _)) in self.steps.iter().enumerate().skip(next) {
            if !pattern.matches_with(entry, aliases) {
                continue;
            }
            if step > next {
                if let Some(early) = self.early.get_mut(step) {
                    *early = Some((index, entry.at));
                }
                continue;
            }
            self.matched += 1;
            if self.matched >= pattern.occurrence.max(1) {
                self.found.push((index, entry.at));
                self.matched = 0;
            }
        }
    }

    fn holds_open(&self, now: Duration) -> bool {
        self.found.len() < self.steps.len() && !self.window.is_over(now)
    }

    fn conclude(&self, end: Duration) -> Outcome {
        let missing = self.found.len();
        let Some((_, words)) = self.steps.get(missing) else {
            return Outcome::Holds;
        };
        let mut entries: Vec<_> = self.found.iter().map(|(index, _)| *index).collect();
        let before = match (missing.checked_sub(1), self.found.last()) {
            (Some(step), Some((_, at))) => {
                format!(" after {} at {}", self.steps[step].1, time(*at))
            }
            _ => String::new(),
        };
        let early = self.early.get(missing).copied().flatten();
        let early = early.map(|(index, at)| {
            entries.push(index);
            format!(", only before it at {}", time(at))
        });
        entries.sort_unstable();
        let early = early.unwrap_or_default();
        if let Some(cut) = self.window.cut_short(end) {
            let reason = format!("no {words}{before}{early}, and {cut}: lengthen `ends`");
            return Outcome::Unknown { reason };
        }
        let seen = format!("until {} no {words}{before}{early}", time(end));
        Outcome::broken(seen, entries)
    }
}
