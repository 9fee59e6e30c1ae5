//! The pages as text, and what they make of hostile names.

use super::*;
use crate::deploying::{LineView, Severity};
use crate::message::{Guid, JobStatus};
use crate::state::{DeploymentOutcome, DeploymentStatus};
use crate::work::JobKind;

const ORDERED_MS: i64 = 1_257_258_300_000;

fn now() -> Timestamp {
    Timestamp::from_millisecond(ORDERED_MS + 75_000).unwrap()
}

fn view(name: &str, progress: Option<DeploymentProgress>) -> DeploymentView {
    let status = progress.as_ref().map(DeploymentProgress::status);
    DeploymentView {
        id: Guid::NIL,
        name: name.to_owned(),
        path: "to production".to_owned(),
        is_path_disabled: false,
        kind: JobKind::Full,
        due_ms: None,
        run_number: u64::from(progress.is_some()),
        status: status.unwrap_or(DeploymentStatus::NotAvailable),
        ordered_ms: progress.as_ref().map(|_| ORDERED_MS),
        progress,
        polled_ms: None,
        imported_object_count: 0,
        remote_message: String::new(),
        is_leaving: false,
        lines: Vec::new(),
    }
}

fn uploading() -> DeploymentProgress {
    DeploymentProgress {
        state: DeploymentState::Uploading,
        files: 7,
        uploaded: 3,
        started_ms: Some(ORDERED_MS + 1000),
        ..DeploymentProgress::default()
    }
}

fn importing() -> DeploymentView {
    let progress = DeploymentProgress {
        state: DeploymentState::Importing,
        uploaded: 7,
        remote_status: Some(JobStatus::ImportInProgress),
        ..uploading()
    };
    let line = |at_ms, severity, text: &str| LineView {
        at_ms,
        severity,
        text: text.to_owned(),
    };
    DeploymentView {
        polled_ms: Some(ORDERED_MS + 63_000),
        imported_object_count: 120,
        remote_message: "placing".to_owned(),
        lines: vec![
            line(ORDERED_MS, Severity::Message, "the deployment is ordered"),
            line(
                ORDERED_MS + 9000,
                Severity::Warning,
                "a <package> & \"more\"",
            ),
        ],
        ..view("nightly", Some(progress))
    }
}

#[test]
fn the_page_of_a_run_shows_status_progress_times_and_log() {
    insta::assert_snapshot!(
        "one-job",
        JobPage {
            view: &importing(),
            now: now()
        }
        .to_string()
    );
}

#[test]
fn the_list_has_a_row_for_each_job() {
    let ended = DeploymentProgress {
        state: DeploymentState::TimedOut,
        outcome: Some(DeploymentOutcome::NotChanged),
        ended_ms: Some(ORDERED_MS + 70_000),
        ..uploading()
    };
    let views = [
        view("all", Some(uploading())),
        view("news & sports", Some(ended)),
        view("quick", None),
    ];
    let list = JobList {
        views: &views,
        now: now(),
    };
    insta::assert_snapshot!("list", list.to_string());
}

#[test]
fn a_disabled_path_is_seen_in_the_list_and_where_a_job_is_due() {
    let view = DeploymentView {
        is_path_disabled: true,
        due_ms: Some(ORDERED_MS),
        ..view("nightly", Some(uploading()))
    };
    let page = JobPage {
        view: &view,
        now: now(),
    };
    let page = page.to_string();
    assert!(page.contains("<th>Due next</th><td>not while its path is disabled</td>"));
    let list = JobList {
        views: slice::from_ref(&view),
        now: now(),
    };
    for page in [page, list.to_string()] {
        assert!(
            page.contains("<td>to production (disabled), full</td>"),
            "{page}"
        );
    }
}

#[test]
fn a_page_is_loaded_anew_only_while_a_run_goes_on() {
    let page = |view: &DeploymentView| JobPage { view, now: now() }.to_string();
    assert!(page(&importing()).contains("http-equiv=\"refresh\""));
    assert!(!page(&view("quick", None)).contains("http-equiv=\"refresh\""));
}

#[test]
fn no_name_or_message_ends_an_attribute_or_begins_a_tag() {
    let hostile = "\"'><script>alert(1)</script>&amp;";
    let mut view = view(hostile, Some(uploading()));
    hostile.clone_into(&mut view.path);
    hostile.clone_into(&mut view.remote_message);
    view.lines = vec![LineView {
        at_ms: ORDERED_MS,
        severity: Severity::Error,
        text: hostile.to_owned(),
    }];
    let one = JobPage {
        view: &view,
        now: now(),
    }
    .to_string();
    let list = JobList {
        views: slice::from_ref(&view),
        now: now(),
    }
    .to_string();
    for page in [one, list] {
        assert!(!page.contains("<script") && !page.contains("'>"), "{page}");
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;"),
            "{page}"
        );
    }
}

#[test]
fn a_link_of_the_list_names_its_job() {
    for name in ["nightly", "news & sports", "a=b&c", "50 % off", "Käse+"] {
        let query = write_deployment(name);
        let read = super::super::read_deployment_query(&query);
        assert_eq!(read.as_deref(), Ok(name));
    }
}
