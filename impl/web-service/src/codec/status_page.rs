//! The pages that show a user how deployments go: made of their items alone (CD-53).

use std::fmt;
use std::slice;

use jiff::Timestamp;

use super::page::{Escaped, STYLE};
use super::query::write_deployment;
use crate::deploying::DeploymentView;
use crate::message::{DEPLOYMENT_LIST_PATH, DEPLOYMENT_PATH};
use crate::state::{DeploymentProgress, DeploymentState};

/// What these pages need besides.
const OWN_STYLE: &str = "\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;\
border-bottom:1px solid #8885;overflow-wrap:break-word}\
progress{width:100%}.error{color:#b00020}.warning{color:#8a5a00}\
@media(max-width:40rem){thead{display:none}tr{display:block;padding:.5rem 0;\
border-bottom:1px solid #8885}td,tbody th{display:block;border:0;padding:.1rem 0}}\
@media(prefers-color-scheme:dark){.error{color:#ff8a80}.warning{color:#ffca66}}";

/// How often the page of a run that goes on is loaded anew, in seconds: the timer service looks at
/// a target every 10 s.
const REFRESH_SECONDS: u32 = 5;

/// See [`deployment_list_page`](super::deployment_list_page).
pub(super) struct JobList<'a> {
    pub(super) views: &'a [DeploymentView],
    pub(super) now: Timestamp,
}

/// See [`deployment_page`](super::deployment_page).
pub(super) struct JobPage<'a> {
    pub(super) view: &'a DeploymentView,
    pub(super) now: Timestamp,
}

impl fmt::Display for JobList<'_> {
    fn fmt(&self, page: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_top(page, "Content deployment jobs", Refresh::of(self.views))?;
        if self.views.is_empty() {
            page.write_str("<p>No job is defined.</p>\n")?;
        } else {
            page.write_str(
                "<table>\n<thead><tr><th>Job</th><th>Path</th><th>Status</th><th>Progress</th>\
                 <th>Ended</th></tr></thead>\n<tbody>\n",
            )?;
            for view in self.views {
                write_row(page, view)?;
            }
            page.write_str("</tbody>\n</table>\n")?;
        }
        write_end(page, self.now)
    }
}

fn write_row(page: &mut fmt::Formatter<'_>, view: &DeploymentView) -> fmt::Result {
    let query = write_deployment(&view.name);
    let name = Escaped(&view.name);
    let path = view.path_words();
    let path = Escaped(&path);
    let (kind, status) = (view.kind.name(), view.status.name());
    let words = view.words();
    let words = Escaped(&words);
    let ended = Moment(view.progress.as_ref().and_then(|of| of.ended_ms));
    writeln!(
        page,
        "<tr><th><a href=\"{DEPLOYMENT_PATH}?{query}\">{name}</a></th><td>{path}, {kind}</td>\
         <td>{status}</td><td>{words}</td><td>{ended}</td></tr>"
    )
}

impl fmt::Display for JobPage<'_> {
    fn fmt(&self, page: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.view;
        write_top(page, &view.name, Refresh::of(slice::from_ref(view)))?;
        let words = view.words();
        let (status, words) = (view.status.name(), Escaped(&words));
        writeln!(page, "<p id=\"status\"><b>{status}</b>: {words}</p>")?;
        if let Some(progress) = &view.progress {
            write_bar(page, progress)?;
        }
        write_facts(page, view, self.now)?;
        write_log(page, view)?;
        writeln!(
            page,
            "<p><a href=\"{DEPLOYMENT_LIST_PATH}\">All jobs</a></p>"
        )?;
        write_end(page, self.now)
    }
}

/// How much is done; of an import nobody knows, so its bar only says that it goes on.
fn write_bar(page: &mut fmt::Formatter<'_>, progress: &DeploymentProgress) -> fmt::Result {
    if progress.state.is_final() {
        return Ok(());
    }
    if progress.state == DeploymentState::Uploading {
        let (uploaded, files) = (progress.uploaded, progress.files);
        return writeln!(
            page,
            "<p><progress value=\"{uploaded}\" max=\"{files}\">{uploaded} of {files}</progress></p>"
        );
    }
    page.write_str("<p><progress></progress></p>\n")
}

fn write_facts(
    page: &mut fmt::Formatter<'_>,
    view: &DeploymentView,
    now: Timestamp,
) -> fmt::Result {
    let progress = view.progress.as_ref();
    page.write_str("<table>\n")?;
    let path = view.path_words();
    let (path, kind) = (Escaped(&path), view.kind.name());
    writeln!(page, "<tr><th>Path</th><td>{path}, {kind}</td></tr>")?;
    if let Some(next) = view.next_run(now.as_millisecond()) {
        let due = next.words(|due_ms| Moment(Some(due_ms)).to_string());
        writeln!(page, "<tr><th>Due next</th><td>{due}</td></tr>")?;
    }
    if view.run_number > 0 {
        writeln!(page, "<tr><th>Run</th><td>{}</td></tr>", view.run_number)?;
    }
    for (what, at_ms) in [
        ("Ordered", view.ordered_ms),
        ("Started", progress.and_then(|progress| progress.started_ms)),
        ("Ended", progress.and_then(|progress| progress.ended_ms)),
    ] {
        if at_ms.is_some() {
            let at = Moment(at_ms);
            writeln!(page, "<tr><th>{what}</th><td>{at}</td></tr>")?;
        }
    }
    if let Some(progress) = progress.filter(|progress| progress.files > 0) {
        let (uploaded, files) = (progress.uploaded, progress.files);
        writeln!(
            page,
            "<tr><th>Packages</th><td>{uploaded} of {files} uploaded</td></tr>"
        )?;
    }
    if let Some(polled_ms) = view.polled_ms {
        // CD-53: this page asks nobody, so it says how old its knowledge is.
        let at = Moment(Some(polled_ms));
        let ago = now.as_millisecond().saturating_sub(polled_ms).max(0) / 1000;
        let count = view.imported_object_count;
        writeln!(
            page,
            "<tr><th>Target last told its status</th><td>{at} ({ago} s ago)</td></tr>\n\
             <tr><th>Objects imported by then</th><td>{count}</td></tr>"
        )?;
    }
    if !view.remote_message.is_empty() {
        let message = Escaped(&view.remote_message);
        writeln!(page, "<tr><th>Target said</th><td>{message}</td></tr>")?;
    }
    page.write_str("</table>\n")
}

fn write_log(page: &mut fmt::Formatter<'_>, view: &DeploymentView) -> fmt::Result {
    if view.lines.is_empty() {
        return Ok(());
    }
    page.write_str("<h2>Log</h2>\n<table>\n")?;
    for line in &view.lines {
        let (at, text) = (Moment(Some(line.at_ms)), Escaped(&line.text));
        let severity = line.severity.name();
        writeln!(
            page,
            "<tr class=\"{severity}\"><td>{at}</td><td>{severity}</td><td>{text}</td></tr>"
        )?;
    }
    page.write_str("</table>\n")
}

/// Whether a page is loaded anew by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    Soon,
    Never,
}

impl Refresh {
    fn of(views: &[DeploymentView]) -> Self {
        if views.iter().any(DeploymentView::is_open) {
            Self::Soon
        } else {
            Self::Never
        }
    }
}

fn write_top(page: &mut fmt::Formatter<'_>, title: &str, refresh: Refresh) -> fmt::Result {
    let title = Escaped(title);
    page.write_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")?;
    if refresh == Refresh::Soon {
        writeln!(
            page,
            "<meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\">"
        )?;
    }
    writeln!(
        page,
        "<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    )
}

fn write_end(page: &mut fmt::Formatter<'_>, now: Timestamp) -> fmt::Result {
    let now = Moment(Some(now.as_millisecond()));
    write!(
        page,
        "<p><small>As this farm knew it at {now}. No target was asked for this page.</small></p>\n\
         </body>\n</html>\n"
    )
}

/// A point in time, in milliseconds since 1970; nothing where there is none.
struct Moment(Option<i64>);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self
            .0
            .and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
        match moment {
            Some(moment) => write!(f, "{}", moment.strftime("%Y-%m-%d %H:%M:%S UTC")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
