//! How deployments look: a progress bar on a terminal, plain lines in a pipe, tables.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use portcullis_web_service::deploying::{DeploymentPath, DeploymentView, LineView};
use portcullis_web_service::state::DeploymentState;

use crate::output::visible;
use crate::serve::{Exit, say};

/// Shows one run.
#[derive(Debug)]
pub(super) struct Screen {
    job: String,
    /// Which run, where it is not the newest.
    run: Option<u64>,
    /// Made when there is something to count, and standard error is a terminal.
    bar: Option<ProgressBar>,
    last: Option<DeploymentView>,
}

impl Screen {
    pub(super) fn new(job: &str, run: Option<u64>) -> Self {
        Self {
            job: job.to_owned(),
            run,
            bar: None,
            last: None,
        }
    }

    /// Shows how the run is.
    pub(super) fn show(&mut self, view: DeploymentView) {
        let words = words_of(&view);
        let state = state_of(&view);
        let (before, before_words) = match &self.last {
            Some(last) => (state_of(last), words_of(last)),
            None => (None, String::new()),
        };
        if std::io::stderr().is_terminal() && view.is_open() {
            let bar = self.bar.get_or_insert_with(|| new_bar(&self.job));
            advance(bar, &view, &words);
        }
        // A bar counts by itself.
        let is_news = if self.bar.is_some() {
            before != state
        } else {
            before_words != words
        };
        if is_news {
            let line = format!("{} {words}", self.job);
            match &self.bar {
                Some(bar) => bar.suspend(|| say(&line)),
                None => say(&line),
            }
        }
        self.last = Some(view);
    }

    /// What the last sight means for the exit code.
    pub(super) fn exit(&self) -> Exit {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let last = self.last.as_ref();
        let last = last.filter(|view| self.run.is_none_or(|run| view.run_number == run));
        last.map_or(Exit::InDoubt, exit_of)
    }
}

/// What the newest run of a job means for the exit code.
pub(super) fn exit_of(view: &DeploymentView) -> Exit {
    match state_of(view) {
        Some(DeploymentState::Succeeded) => Exit::Completed,
        Some(DeploymentState::Failed | DeploymentState::Cancelled | DeploymentState::TimedOut) => {
            Exit::Failed
        }
        Some(
            DeploymentState::Preparing
            | DeploymentState::Exporting
            | DeploymentState::Asking
            | DeploymentState::Creating
            | DeploymentState::Uploading
            | DeploymentState::Starting
            | DeploymentState::Importing
            | DeploymentState::Cancelling
            | DeploymentState::Deleting,
        )
        | None => Exit::InDoubt,
    }
}

fn state_of(view: &DeploymentView) -> Option<DeploymentState> {
    view.progress.as_ref().map(|progress| progress.state)
}

/// How the run is; a target has part in it.
fn words_of(view: &DeploymentView) -> String {
    visible(&view.words())
}

fn new_bar(job: &str) -> ProgressBar {
    let bar = ProgressBar::no_length().with_style(style(SPINNER));
    bar.with_prefix(job.to_owned())
}

/// How packages are shown, which are counted to their number.
const COUNTED: &str = "{prefix} {bar:30} {msg}";

/// How the rest is shown: of an import nobody knows how much it is.
const SPINNER: &str = "{prefix} {spinner} {msg}";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn advance(bar: &ProgressBar, view: &DeploymentView, words: &str) {
    let uploading = view.progress.as_ref();
    let uploading = uploading.filter(|progress| progress.state == DeploymentState::Uploading);
    if let Some(progress) = uploading {
        bar.set_style(style(COUNTED));
        bar.set_length(progress.files.into());
        bar.set_position(progress.uploaded.into());
    } else {
        bar.set_style(style(SPINNER));
    }
    bar.set_message(words.to_owned());
    bar.tick();
}

/// One job.
pub(super) fn job(view: &DeploymentView) -> String {
    let mut facts = vec![
        ("job", view.name.clone()),
        (
            "path",
            format!("{}, {}", view.path_words(), view.kind.name()),
        ),
        ("status", view.status.name().to_owned()),
        ("progress", view.words()),
    ];
    if let Some(next) = view.next_run(Timestamp::now().as_millisecond()) {
        facts.push(("due next", next.words(moment)));
    }
    let progress = view.progress.as_ref();
    let moments = [
        ("ordered", view.ordered_ms),
        ("started", progress.and_then(|progress| progress.started_ms)),
        ("ended", progress.and_then(|progress| progress.ended_ms)),
        ("last told", view.polled_ms),
    ];
    for (what, at_ms) in moments {
        facts.extend(at_ms.map(|at_ms| (what, moment(at_ms))));
    }
    if !view.remote_message.is_empty() {
        facts.push(("target", view.remote_message.clone()));
    }
    let lines = facts
        .into_iter()
        .map(|(what, value)| format!("{what:<10}{}", visible(&value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// One line of a log.
pub(super) fn line(line: &LineView) -> String {
    format!(
        "{} {:<8}{}",
        moment(line.at_ms),
        line.severity.name(),
        visible(&line.text)
    )
}

/// All jobs.
pub(super) fn jobs(views: &[DeploymentView]) -> String {
    let mut rows = vec![["JOB", "PATH", "KIND", "STATUS", "PROGRESS"].map(str::to_owned)];
    rows.extend(views.iter().map(|view| {
        [
            view.name.clone(),
            view.path_words(),
            view.kind.name().to_owned(),
            view.status.name().to_owned(),
            view.words(),
        ]
    }));
    table(&rows)
}

/// All paths.
pub(super) fn paths(paths: &[DeploymentPath]) -> String {
    let mut rows = vec![["PATH", "SOURCE", "TARGET", "SITE COLLECTION", ""].map(str::to_owned)];
    rows.extend(paths.iter().map(|path| {
        let is_enabled = if path.is_enabled { "" } else { "disabled" };
        [
            path.name.clone(),
            path.source.clone(),
            path.administration_url.clone(),
            format!("{}{}", path.target.server_url, path.target.site_collection),
            is_enabled.to_owned(),
        ]
    }));
    table(&rows)
}

/// Columns as wide as their widest cell.
fn table(rows: &[[String; 5]]) -> String {
    let rows = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| visible(cell)));
    let rows: Vec<[String; 5]> = rows.collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(column, cell)| {
            let width = width(column).unwrap_or_default();
            format!("{cell:<width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn moment(at_ms: i64) -> String {
    match Timestamp::from_millisecond(at_ms) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_web_service::deploying::Severity;
    use portcullis_web_service::message::Guid;
    use portcullis_web_service::state::{
        DeploymentFailure, DeploymentOutcome, DeploymentProgress, DeploymentStatus, DeploymentStep,
    };
    use portcullis_web_service::work::JobKind;

    use super::*;

    /// Would pass for a line of the log, and for one of the facts.
    const FORGED: &str = "no\r\n1970-01-01 00:00:00 UTC message the end\u{9b}2K\u{202e}";

    fn failed_view() -> DeploymentView {
        let why = DeploymentFailure {
            step: DeploymentStep::Create,
            reason: FORGED.to_owned(),
        };
        DeploymentView {
            id: Guid::NIL,
            name: "nightly".to_owned(),
            path: "production".to_owned(),
            is_path_disabled: false,
            kind: JobKind::Full,
            due_ms: None,
            run_number: 1,
            status: DeploymentStatus::Failure,
            progress: Some(DeploymentProgress {
                state: DeploymentState::Failed,
                outcome: Some(DeploymentOutcome::Failed(why)),
                ..DeploymentProgress::default()
            }),
            ordered_ms: None,
            polled_ms: None,
            imported_object_count: 0,
            remote_message: FORGED.to_owned(),
            is_leaving: false,
            lines: Vec::new(),
        }
    }

    #[test]
    fn what_a_target_says_forges_no_line_and_commands_no_terminal() {
        let view = failed_view();
        let line = line(&LineView {
            at_ms: 0,
            severity: Severity::Error,
            text: FORGED.to_owned(),
        });
        let table = jobs(std::slice::from_ref(&view));
        for (shown, lines) in [(job(&view), 5), (line, 1), (table, 2), (words_of(&view), 1)] {
            assert_eq!(shown.lines().count(), lines, "{shown}");
            assert!(!shown.contains(['\r', '\u{9b}', '\u{202e}']), "{shown}");
            assert!(shown.contains("the end\\u{9b}2K"), "{shown}");
        }
    }
}
