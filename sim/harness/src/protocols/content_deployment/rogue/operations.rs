//! What a rogue answers to calls.

use portcullis_web_service::codec::{self, Call, SoapVersion, Unread};
use portcullis_web_service::config::Compat;
use portcullis_web_service::message::{
    Fault, Guid, JobStatus, NewJob, RemoteJobStatus, Request, Response, Violation, VirtualServer,
};
use tokio::time::sleep;

use super::Rogue;
use super::door::{Asked, Reply};
use super::import::import;
use super::player::{Job, Player, TARDINESS};
use crate::protocols::content_deployment::vocabulary::state;

/// The answer to a call.
pub(super) async fn answer(player: &Player, asked: &Asked) -> Reply {
    let (media, action) = (asked.content_type.as_deref(), asked.action.as_deref());
    let call = match codec::read_request(media, action, &asked.body, Compat::Strict) {
        Ok(call) => call,
        Err(Unread::MediaType) => return Reply::bare(415),
        Err(Unread::Fault(version, fault)) => return refused(version, &fault),
    };
    let Call { version, request } = call;
    let version = match (player.does(Rogue::AnswersInOtherVersion), version) {
        (false, version) => version,
        (true, SoapVersion::V11) => SoapVersion::V12,
        (true, SoapVersion::V12) => SoapVersion::V11,
    };
    match operate(player, request).await {
        Err(violation) => refused(version, &Fault::new(violation)),
        Ok(response) => {
            let mut body = codec::write_response(version, &response);
            if player.does(Rogue::ReportsForeignStatus) {
                body = body.replace(">ImportPreparing<", ">Preparing<");
            }
            let is_empty = response == Response::DeleteImportLogs;
            if is_empty && player.does(Rogue::FillsEmptyResponse) {
                let filled = "><DeletedCount>0</DeletedCount></DeleteImportLogsResponse>";
                body = body.replacen("/>", filled, 1);
            }
            Reply {
                status: 200,
                media: media_type(version),
                body,
            }
        }
    }
}

fn refused(version: SoapVersion, fault: &Fault) -> Reply {
    Reply {
        status: codec::fault_status(version, fault, Compat::Strict),
        media: media_type(version),
        body: codec::write_fault(version, fault),
    }
}

const fn media_type(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V11 => "text/xml; charset=utf-8",
        SoapVersion::V12 => "application/soap+xml; charset=utf-8",
    }
}

async fn operate(player: &Player, request: Request) -> Result<Response, Violation> {
    let part = &player.part;
    let is_open = part.server.is_accepting || player.does(Rogue::AcceptsWhenSwitchedOff);
    let accepting = || is_open.then_some(()).ok_or(Violation::IncomingJobsRefused);
    match request {
        Request::GetVirtualServersInformation => {
            let servers = part
                .web_applications
                .iter()
                .map(|application| VirtualServer {
                    name: application.name.clone(),
                    url: application.url.clone(),
                });
            Ok(Response::GetVirtualServersInformation(servers.collect()))
        }
        Request::GetSiteCollectionNames { .. } => {
            let names = part.web_applications.iter();
            let names = names.flat_map(|application| application.site_collections.iter().cloned());
            Ok(Response::GetSiteCollectionNames(names.collect()))
        }
        Request::GetRemoteAdminServerUrl { .. } => {
            accepting()?;
            Ok(Response::GetRemoteAdminServerUrl(
                part.import_server_url.clone(),
            ))
        }
        Request::CreateJob(order) => {
            accepting()?;
            Ok(create(player, order).await)
        }
        Request::RunJob { job } => {
            accepting()?;
            run(player, job).await
        }
        Request::GetJobStatus { job } => status(player, job),
        Request::CancelJob { job } => cancel(player, job).await,
        Request::DeleteJob { job } => delete(player, job).await,
        Request::DeleteImportLogs { .. } if player.does(Rogue::FaultsOnMissingLogs) => {
            Err(Violation::UnknownJob)
        }
        Request::DeleteImportLogs { .. } => Ok(Response::DeleteImportLogs),
    }
}

/// Records something of a job, before it is answered or afterwards.
async fn record(player: &Player, table: &'static str, job: Guid) {
    if player.does(Rogue::AnswersBeforeRecording) {
        let later = player.clone();
        player.spawn(async move {
            sleep(TARDINESS).await;
            later.write(table, job).await;
        });
    } else {
        player.write(table, job).await;
    }
}

async fn create(player: &Player, order: NewJob) -> Response {
    let job = {
        let mut memory = player.memory();
        memory.created += 1;
        let number = memory.created.to_string();
        let job = match player.does(Rogue::ReusesJobIds) {
            true => Guid::from_bits(1),
            false => Guid::random(&player.node.host.random.fork("jobs").fork(&number)),
        };
        let created = Job {
            description: order.description,
            ..Job::default()
        };
        memory.jobs.insert(job, created);
        job
    };
    record(player, "import-job", job).await;
    player.move_to(job, state::CREATED);
    if player.does(Rogue::StartsByItself) {
        start(player, job);
    }
    Response::CreateJob(job)
}

fn start(player: &Player, job: Guid) {
    let importer = player.clone();
    player.spawn(async move { import(&importer, job).await });
}

async fn run(player: &Player, job: Guid) -> Result<Response, Violation> {
    {
        let mut memory = player.memory();
        let known = memory.jobs.get_mut(&job).ok_or(Violation::UnknownJob)?;
        if known.is_run || known.state == state::CANCELLED {
            return Err(Violation::JobRunAlready);
        }
        known.is_run = true;
    }
    record(player, "timer-job", job).await;
    if player.does(Rogue::AnswersRunJobWhenDone) {
        import(player, job).await;
    } else if !player.does(Rogue::StartsByItself) {
        start(player, job);
    }
    Ok(Response::RunJob)
}

fn status(player: &Player, job: Guid) -> Result<Response, Violation> {
    let mut known = player.job(job).ok_or(Violation::UnknownJob)?;
    if player.does(Rogue::AdvancesWithEveryPoll) && known.state == state::CREATED {
        player.move_to(job, state::VERIFYING);
        known.state = state::VERIFYING;
    }
    let status = match known.state {
        state::VERIFYING | state::DECOMPRESSING | state::PLACING
            if !player.does(Rogue::ReportsOldStatus) =>
        {
            JobStatus::ImportInProgress
        }
        state::CANCEL_IN_PROGRESS => JobStatus::CancelInProgress,
        state::CANCELLED => JobStatus::Cancelled,
        state::FAILED => JobStatus::Failure,
        state::SUCCEEDED if known.is_told && player.does(Rogue::ForgetsTheEnd) => {
            JobStatus::ImportPreparing
        }
        state::SUCCEEDED => JobStatus::Success,
        _ => JobStatus::ImportPreparing,
    };
    if let Some(known) = player.memory().jobs.get_mut(&job) {
        known.is_told |= status.is_final();
    }
    Ok(Response::GetJobStatus(RemoteJobStatus {
        status,
        error_count: 0,
        warning_count: 0,
        imported_object_count: known.placed,
        status_message: String::new(),
    }))
}

async fn cancel(player: &Player, job: Guid) -> Result<Response, Violation> {
    let known = player.job(job).ok_or(Violation::UnknownJob)?;
    let takes_effect = match known.state {
        state::CREATED | state::VERIFYING => true,
        state::DECOMPRESSING | state::PLACING => player.does(Rogue::CancelsAfterDecompression),
        _ => false,
    };
    if !takes_effect {
        return Ok(Response::CancelJob);
    }
    player.write("import-job", job).await;
    player.move_to(job, state::CANCEL_IN_PROGRESS);
    player.move_to(job, state::CANCELLED);
    if player.does(Rogue::TurnsCancelledIntoSuccess) {
        let later = player.clone();
        player.spawn(async move {
            sleep(TARDINESS.saturating_mul(5)).await;
            later.move_to(job, state::SUCCEEDED);
        });
    }
    Ok(Response::CancelJob)
}

async fn delete(player: &Player, job: Guid) -> Result<Response, Violation> {
    let known = player.job(job).ok_or(Violation::UnknownJob)?;
    if known.is_run && !state::is_final(known.state) {
        return Err(Violation::JobBusy);
    }
    record(player, "removal", job).await;
    if !player.does(Rogue::KeepsDeletedJobs) {
        player.move_to(job, "");
        player.memory().jobs.remove(&job);
    }
    Ok(Response::DeleteJob)
}
