//! What a watcher is shown: a progress bar on a terminal, plain lines in a pipe.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};
use portcullis_agent::message::TaskId;

use super::sight::{Sight, Standing, outcome_words, standing_words};
use super::{Exit, say};

/// Shows one task.
#[derive(Debug)]
pub(super) struct Screen {
    task: TaskId,
    /// Made when there are parts to count, and standard error is a terminal.
    bar: Option<ProgressBar>,
    last: Option<Standing>,
    /// What the destination was last heard to say.
    heard: Option<Sight>,
}

impl Screen {
    /// A screen for `task`.
    pub(super) const fn new(task: TaskId) -> Self {
        Self {
            task,
            bar: None,
            last: None,
            heard: None,
        }
    }

    /// Which one.
    pub(super) const fn task(&self) -> &TaskId {
        &self.task
    }

    /// Shows one sight.
    pub(super) fn show(&mut self, sight: &Sight) {
        if let Sight::Progress(standing) = sight {
            self.show_progress(*standing);
            return;
        }
        if self.heard.replace(sight.clone()).as_ref() == Some(sight) {
            return;
        }
        match sight {
            Sight::Progress(_) => {}
            Sight::Recorded(recorded) => {
                let state = recorded.state.name();
                match recorded.outcome {
                    None => self.line(&format!("destination: {state}")),
                    Some(outcome) => {
                        let outcome = outcome_words(outcome);
                        self.line(&format!("destination: {state}, {outcome}"));
                    }
                }
            }
            Sight::Trouble { words } => self.line(words),
            Sight::NotSent => say(&format!("no task {} was sent from here", self.task)),
            Sight::NotRecorded => self.line("destination: unknown task"),
            Sight::NoAnswer { why } => self.line(&format!("destination: no answer, {why}")),
        }
    }

    fn show_progress(&mut self, standing: Standing) {
        let before = self.last.replace(standing);
        let state = standing.state.name();
        if self.bar.is_none() && standing.parts > 0 && std::io::stderr().is_terminal() {
            self.bar = Some(new_bar(&self.task, standing.parts));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(standing.parts_done.into());
            bar.set_message(state);
        } else if standing.parts_done > 0
            && before.is_none_or(|before| before.parts_done != standing.parts_done)
        {
            self.line(&format!(
                "part {} of {}",
                standing.parts_done, standing.parts
            ));
        }
        if before.is_none_or(|before| before.state != standing.state) {
            self.line(&standing_words(standing));
        }
    }

    fn line(&self, words: &str) {
        let line = format!("{} {words}", self.task);
        match &self.bar {
            Some(bar) => bar.suspend(|| say(&line)),
            None => say(&line),
        }
    }

    /// What the last sight means for the exit code.
    pub(super) fn exit(&self) -> Exit {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let settled = self.last.and_then(|standing| standing.settled);
        settled.map_or(Exit::InDoubt, Exit::of)
    }
}

fn new_bar(task: &TaskId, parts: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} parts, {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(parts.into()).with_style(style);
    bar.with_prefix(task.to_string())
}
