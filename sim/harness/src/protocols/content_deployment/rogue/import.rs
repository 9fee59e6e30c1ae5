//! How a rogue imports.

use portcullis_web_service::message::Guid;
use portcullis_web_service::work::{FailsIn, ScriptedImport};
use tokio::time::sleep;

use super::Rogue;
use super::player::Player;
use crate::protocols::content_deployment::announce::noted;
use crate::protocols::content_deployment::vocabulary::{effect, field, state};

/// Imports a job from its beginning to its end.
pub(super) async fn import(player: &Player, job: Guid) {
    let Some(known) = player.job(job) else {
        return;
    };
    let script = player.part.imports.get(&known.description).copied();
    let script = script.unwrap_or_default();
    player.write("timer-job", job).await;
    player.move_to(job, state::VERIFYING);
    sleep(script.verify).await;
    if is_cancelled(player, job) {
        return;
    }
    if script.fails == Some(FailsIn::Verify) || known.files.is_empty() {
        return player.move_to(job, state::FAILED);
    }
    if player.does(Rogue::NeverEnds) {
        return;
    }
    player.move_to(job, state::DECOMPRESSING);
    decompress(player, job);
    sleep(script.decompress).await;
    if player.does(Rogue::DecompressesTwice) {
        decompress(player, job);
    }
    if is_cancelled(player, job) {
        return;
    }
    if script.fails == Some(FailsIn::Decompress) {
        return player.move_to(job, state::FAILED);
    }
    player.move_to(job, state::PLACING);
    if place(player, job, &script).await {
        player.write("import-job", job).await;
        player.move_to(job, state::SUCCEEDED);
    } else if !is_cancelled(player, job) {
        player.move_to(job, state::FAILED);
    }
}

fn is_cancelled(player: &Player, job: Guid) -> bool {
    let known = player.job(job);
    known.is_none_or(|known| known.state == state::CANCELLED)
}

fn decompress(player: &Player, job: Guid) {
    let job = (field::JOB, Some(job.to_string()));
    player.tell(noted(effect::DECOMPRESSION_STARTED, [job]));
}

/// Places every object; whether it came to the end.
async fn place(player: &Player, job: Guid, script: &ScriptedImport) -> bool {
    if player.does(Rogue::SucceedsWithoutPlacing) {
        return true;
    }
    let times = if player.does(Rogue::PlacesTwice) {
        2
    } else {
        1
    };
    for number in 0..script.objects {
        sleep(script.place).await;
        if script.fails == Some(FailsIn::Place(number)) || is_cancelled(player, job) {
            return false;
        }
        if let Some(known) = player.memory().jobs.get_mut(&job) {
            known.placed += 1;
        }
        for _ in 0..times {
            let particulars = [
                (field::JOB, Some(job.to_string())),
                (field::NUMBER, Some(number.to_string())),
                (field::COUNT, Some(script.objects.to_string())),
            ];
            player.tell(noted(effect::PLACED, particulars));
        }
    }
    true
}
