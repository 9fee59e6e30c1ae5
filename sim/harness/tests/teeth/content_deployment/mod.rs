//! The same for import farms: each rogue is caught by the checks named for it, each check catches
//! at least one, and an honest farm and the control pass the same scenes.

mod stage;

use std::collections::BTreeSet;

use portcullis_harness::protocols::content_deployment::invariant::INVARIANTS;
use portcullis_harness::protocols::content_deployment::rogue::Rogue::{self, *};

use stage::{Scene, broken_by, broken_by_farms};

/// One rogue, where it plays, and the checks that catch it.
type Saboteur = (Rogue, Scene, &'static [&'static str]);

/// The table of `SABOTEURS.md`.
const SABOTEURS: &[Saboteur] = &[
    (
        AnswersInOtherVersion,
        Scene::Plain,
        &["answers-match-their-request"],
    ),
    (
        ReportsForeignStatus,
        Scene::Waiting,
        &["answers-are-of-the-schema"],
    ),
    (
        FillsEmptyResponse,
        Scene::Plain,
        &["answers-are-of-the-schema"],
    ),
    (ReusesJobIds, Scene::Waiting, &["job-ids-differ"]),
    (KeepsDeletedJobs, Scene::Plain, &["deleted-jobs-are-gone"]),
    (
        FaultsOnMissingLogs,
        Scene::Plain,
        &["deleting-logs-never-fails"],
    ),
    (
        AcceptsWhenSwitchedOff,
        Scene::SwitchedOff,
        &["refusing-farms-take-nothing"],
    ),
    (LetsAnybodyIn, Scene::NoCredentials, &["callers-are-known"]),
    (
        StartsByItself,
        Scene::Waiting,
        &["nothing-starts-by-itself"],
    ),
    (
        ReportsOldStatus,
        Scene::Waiting,
        &["reported-statuses-are-true"],
    ),
    (ForgetsTheEnd, Scene::Waiting, &["statuses-move-forward"]),
    (
        TurnsCancelledIntoSuccess,
        Scene::Cancelled,
        &["final-states-stay", "statuses-move-forward"],
    ),
    (
        AnswersRunJobWhenDone,
        Scene::Plain,
        &["running-is-answered-at-once"],
    ),
    (
        AdvancesWithEveryPoll,
        Scene::Waiting,
        &["polling-moves-nothing"],
    ),
    (
        AnswersBeforeRecording,
        Scene::Plain,
        &["recorded-before-answered"],
    ),
    (
        AcknowledgesUploadBeforeStoring,
        Scene::Plain,
        &["acknowledged-uploads-are-stored"],
    ),
    (
        StoresOtherOctets,
        Scene::Plain,
        &["stored-files-are-those-sent"],
    ),
    (
        CountsHalfFiles,
        Scene::CutUpload,
        &["half-files-do-not-count"],
    ),
    (
        DecompressesTwice,
        Scene::Plain,
        &["decompression-is-asked-for"],
    ),
    (
        CancelsAfterDecompression,
        Scene::LateCancel,
        &["cancelling-comes-before-decompression"],
    ),
    (PlacesTwice, Scene::Plain, &["objects-are-placed-once"]),
    (
        SucceedsWithoutPlacing,
        Scene::Plain,
        &["success-is-complete"],
    ),
    (NeverEnds, Scene::Waiting, &["imports-come-to-an-end"]),
    (
        MovesOnAfterItsEnd,
        Scene::Deploying,
        &["deployments-move-along-their-table"],
    ),
    (
        RunsBeforeItsUploads,
        Scene::Deploying,
        &["uploads-come-before-runjob"],
    ),
    (
        SendsFilesInPieces,
        Scene::Deploying,
        &["files-go-as-they-are"],
    ),
    (
        PollsTooOften,
        Scene::Deploying,
        &["polls-keep-their-interval"],
    ),
    (
        CreatesWithoutAsking,
        Scene::Deploying,
        &["calls-come-in-their-order"],
    ),
    (
        DeletesBeforeTheEnd,
        Scene::Deploying,
        &["calls-come-in-their-order"],
    ),
    (
        StaysAtTheContactedServer,
        Scene::DeployingToFarms,
        &["the-import-server-is-used"],
    ),
    (
        StartsASecondImport,
        Scene::Deploying,
        &["one-import-is-started"],
    ),
    (
        GivesUpTooSoon,
        Scene::DeployingSlowly,
        &["timeouts-come-when-they-should"],
    ),
    (
        NeverGivesUp,
        Scene::DeployingSlowly,
        &["timeouts-come-when-they-should"],
    ),
    (
        NeverDeletes,
        Scene::Deploying,
        &["ended-imports-are-deleted"],
    ),
    (
        ReportsSuccessOfFailure,
        Scene::DeployingInVain,
        &["success-was-reported"],
    ),
];

#[test]
fn every_saboteur_is_caught_by_the_checks_named_for_it() {
    let mut missed = Vec::new();
    for (rogue, scene, caught_by) in SABOTEURS {
        let broken = broken_by(*rogue, *scene);
        for name in *caught_by {
            if !broken.contains(*name) {
                missed.push(format!("{rogue:?}: not by {name}, but by {broken:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "not caught:\n{}", missed.join("\n"));
}

/// The first and the last cell of each row of the page: the saboteur and the checks that catch it.
#[test]
fn the_page_has_the_same_table() {
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scenarios/content-deployment/SABOTEURS.md"
    );
    let page = std::fs::read_to_string(page).expect("the page is there");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let said: Vec<String> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            format!("{} {}", cells[0], cells[2])
        })
        .collect();
    let tried: Vec<String> = SABOTEURS
        .iter()
        .map(|(rogue, _, caught_by)| {
            let checks = caught_by.iter().map(|name| format!("`{name}`"));
            format!("`{rogue:?}` {}", checks.collect::<Vec<_>>().join(", "))
        })
        .collect();
    assert_eq!(said, tried);
}

#[test]
fn every_check_catches_a_saboteur() {
    let caught: BTreeSet<_> = SABOTEURS
        .iter()
        .flat_map(|(_, _, caught_by)| *caught_by)
        .copied()
        .collect();
    let all: BTreeSet<_> = INVARIANTS.iter().map(|invariant| invariant.name).collect();
    assert_eq!(caught, all);
}

#[test]
fn honest_farms_and_the_control_pass_wherever_saboteurs_are_caught() {
    for scene in Scene::ALL {
        assert_eq!(
            broken_by_farms(scene),
            BTreeSet::new(),
            "a farm in {scene:?}"
        );
        // The rogue that does nothing wrong: it is not its being a rogue that is seen.
        assert_eq!(
            broken_by(Nothing, scene),
            BTreeSet::new(),
            "the control in {scene:?}"
        );
    }
}
