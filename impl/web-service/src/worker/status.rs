//! The pages that show how this farm's deployments go.

use hyper::StatusCode;

use super::exchange::Worker;
use super::reply::Reply;
use crate::codec;
use crate::deploying::DeskRefusal;
use crate::desk::Desk;

/// What the observer is told that was asked for.
pub(super) const PAGE: &str = "status-page";

/// CD-53: read here, whatever the targets do; reading changes nothing.
pub(super) async fn list<K: Desk, D>(worker: &Worker<K, D>) -> Reply {
    match worker.desk.deployments().await {
        Ok(views) => page(codec::deployment_list_page(&views, worker.wall.now())),
        Err(why) => refused(why),
    }
}

/// The page of the job that `query` names.
pub(super) async fn show<K: Desk, D>(worker: &Worker<K, D>, query: &str) -> Reply {
    let name = match codec::read_deployment_query(query) {
        Ok(name) => name,
        Err(why) => return Reply::refusal(PAGE, StatusCode::BAD_REQUEST, "query").because(&why),
    };
    match worker.desk.deployment(&name).await {
        Ok(view) => page(codec::deployment_page(&view, worker.wall.now())),
        Err(why) => refused(why),
    }
}

fn page(text: String) -> Reply {
    Reply::empty(PAGE, StatusCode::OK).with("text/html; charset=utf-8", text)
}

fn refused(why: DeskRefusal) -> Reply {
    let (status, rule) = match why {
        DeskRefusal::UnknownJob => (StatusCode::NOT_FOUND, "unknown-job"),
        // A desk that only reads has no other refusal.
        DeskRefusal::Unavailable
        | DeskRefusal::Definition(_)
        | DeskRefusal::UnknownPath
        | DeskRefusal::IdTaken
        | DeskRefusal::Running
        | DeskRefusal::NotRunning
        | DeskRefusal::Leaving
        | DeskRefusal::Disabled => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    Reply::refusal(PAGE, status, rule).because(&why)
}
