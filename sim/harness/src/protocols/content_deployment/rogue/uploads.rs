//! What a rogue does with files.

use std::borrow::Cow;

use portcullis_reports::Event;
use portcullis_web_service::codec;
use portcullis_web_service::message::UploadTarget;
use tokio::time::sleep;
use xxhash_rust::xxh3::Xxh3;

use super::Rogue;
use super::door::{Asked, Reply};
use super::player::{Player, TARDINESS};
use crate::protocols::content_deployment::announce::noted;
use crate::protocols::content_deployment::decoder::digest;
use crate::protocols::content_deployment::labour::stored;
use crate::protocols::content_deployment::vocabulary::{effect, field};

/// The head of an upload has come.
pub(super) fn begun(player: &Player, asked: &Asked) {
    if let (true, Ok(target)) = (
        player.does(Rogue::CountsHalfFiles),
        codec::read_upload_query(asked.query()),
    ) {
        count(player, &target, 0);
    }
}

/// All of an upload has come.
pub(super) async fn take(player: &Player, asked: &Asked) -> Reply {
    let Ok(target) = codec::read_upload_query(asked.query()) else {
        return Reply::bare(400);
    };
    if !player.part.server.is_accepting && !player.does(Rogue::AcceptsWhenSwitchedOff) {
        return Reply::bare(403);
    }
    let Some(job) = player.job(target.job) else {
        return Reply::bare(404);
    };
    if job.is_run || job.state != "created" {
        return Reply::bare(409);
    }
    let mut hash = Xxh3::new();
    hash.update(&asked.body);
    if player.does(Rogue::StoresOtherOctets) {
        hash.update(b"!");
    }
    let digest = digest(&hash);
    let known = job.files.get(&target.file.folded());
    if known.is_some_and(|known| *known != digest) {
        return Reply::bare(409);
    }
    let octets = u64::try_from(asked.body.len()).unwrap_or(u64::MAX);
    if player.does(Rogue::AcknowledgesUploadBeforeStoring) {
        let later = player.clone();
        player.spawn(async move {
            sleep(TARDINESS).await;
            store(&later, &target, octets, digest).await;
        });
    } else {
        store(player, &target, octets, digest).await;
    }
    Reply::bare(200)
}

async fn store(player: &Player, target: &UploadTarget, octets: u64, digest: String) {
    let event = stored(target.job, &target.file, octets, digest.clone());
    player.write("import-job", target.job).await;
    player.tell(event);
    player.tell(Event::Write {
        table: Cow::Borrowed("uploaded-file"),
        key: format!("{}/{}", target.job, target.file.folded()),
    });
    if let Some(job) = player.memory().jobs.get_mut(&target.job) {
        job.files.insert(target.file.folded(), digest);
    }
    count(player, target, octets);
}

/// The file counts for its job.
fn count(player: &Player, target: &UploadTarget, octets: u64) {
    player.tell(noted(
        effect::UPLOADED,
        [
            (field::JOB, Some(target.job.to_string())),
            (field::FILE, Some(target.file.to_string())),
            (field::SIZE, Some(octets.to_string())),
        ],
    ));
}
