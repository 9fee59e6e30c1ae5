//! Every check has teeth: each rogue environment is caught by the checks named for it, each check
//! catches at least one rogue, and honest environments pass the same scenarios.

mod content_deployment;
mod endings;
mod stage;

use std::collections::BTreeSet;

use portcullis_harness::protocols::environment_transfer::invariant::INVARIANTS;
use portcullis_harness::protocols::environment_transfer::rogue::Rogue::{self, *};

use stage::{Scene, broken_by, broken_by_agents};

/// One rogue: the host it plays, where, and the checks that catch it.
struct Saboteur {
    rogue: Rogue,
    host: &'static str,
    scene: Scene,
    caught_by: &'static [&'static str],
}

const fn saboteur(
    rogue: Rogue,
    host: &'static str,
    scene: Scene,
    caught_by: &'static [&'static str],
) -> Saboteur {
    Saboteur {
        rogue,
        host,
        scene,
        caught_by,
    }
}

/// The table of `SABOTEURS.md`.
const SABOTEURS: &[Saboteur] = &[
    saboteur(
        SendsFromConfiguredPort,
        "dev",
        Scene::Plain,
        &["source-ports-are-dynamic"],
    ),
    saboteur(
        WaitsOnOpenConnection,
        "dev",
        Scene::LongWork,
        &["connections-do-not-wait-for-work"],
    ),
    saboteur(
        SkipsGreeting,
        "dev",
        Scene::Plain,
        &["no-task-before-the-greeting"],
    ),
    saboteur(
        SendsTwiceOnOneConnection,
        "dev",
        Scene::Plain,
        &["one-exchange-a-connection"],
    ),
    saboteur(
        KnocksAtWrongPort,
        "dev",
        Scene::Plain,
        &["connections-follow-the-links"],
    ),
    saboteur(
        Misaddresses,
        "dev",
        Scene::Plain,
        &["messages-are-complete"],
    ),
    saboteur(
        TakesAcceptanceForSuccess,
        "dev",
        Scene::Plain,
        &["success-is-recorded"],
    ),
    saboteur(
        TakesSilenceForFailure,
        "dev",
        Scene::ClosedPort,
        &["silence-is-doubt"],
    ),
    saboteur(
        AcknowledgesResultBeforeStoring,
        "dev",
        Scene::Plain,
        &["results-recorded-before-acknowledged"],
    ),
    saboteur(DoesNotWait, "dev", Scene::Dependent, &["later-steps-wait"]),
    saboteur(
        NeverListens,
        "dev",
        Scene::Plain,
        &["both-ends-agree-in-the-end"],
    ),
    saboteur(
        CompletesOnTaskConnection,
        "prod",
        Scene::Plain,
        &["completions-come-by-callback", "replies-name-their-request"],
    ),
    saboteur(
        RunsDuplicatesTwice,
        "prod",
        Scene::LostAcceptance,
        &["one-execution-a-task"],
    ),
    saboteur(
        AcknowledgesBeforeStoring,
        "prod",
        Scene::Plain,
        &["recorded-before-acknowledged"],
    ),
    saboteur(
        RenamesRetries,
        "prod",
        Scene::LostAcknowledgement,
        &["ids-survive-retries"],
    ),
    saboteur(
        ChangesItsMind,
        "prod",
        Scene::LostAcknowledgement,
        &["one-outcome-a-task"],
    ),
    saboteur(
        RepliesToNothing,
        "prod",
        Scene::Plain,
        &["replies-name-their-request"],
    ),
    saboteur(
        Overtakes,
        "prod",
        Scene::TwoTasks,
        &["tasks-keep-their-order"],
    ),
    saboteur(
        ForgetsAccepted,
        "prod",
        Scene::Plain,
        &["accepted-tasks-are-known"],
    ),
    saboteur(
        ReportsInventedTask,
        "prod",
        Scene::Plain,
        &["completions-answer-a-task"],
    ),
    saboteur(
        ClosesFirst,
        "prod",
        Scene::Plain,
        &["the-opener-closes-first"],
    ),
    saboteur(
        Shouts,
        "prod",
        Scene::Plain,
        &["frames-stay-below-the-cap", "messages-are-complete"],
    ),
    saboteur(Mumbles, "prod", Scene::Plain, &["messages-are-complete"]),
    saboteur(ReopensFinal, "prod", Scene::Plain, &["final-states-stay"]),
    saboteur(
        ClaimsToHaveCalledBack,
        "prod",
        Scene::Preflight,
        &["preflights-are-proven"],
    ),
    saboteur(
        SignsNothing,
        "prod",
        Scene::Plain,
        &["messages-are-authentic"],
    ),
    saboteur(
        SkipsVerification,
        "prod",
        Scene::Stranger,
        &["tasks-come-from-the-peer"],
    ),
    saboteur(
        AcceptsStale,
        "prod",
        Scene::Stranger,
        &["stale-messages-have-no-effect"],
    ),
    saboteur(
        EchoesContent,
        "prod",
        Scene::Plain,
        &["refusals-echo-nothing"],
    ),
    saboteur(
        IgnoresHalfClosed,
        "prod",
        Scene::Stranger,
        &["requests-are-answered"],
    ),
    saboteur(
        TakesSecondMessage,
        "prod",
        Scene::Stranger,
        &["one-exchange-a-connection"],
    ),
    saboteur(
        TrustsSourcePort,
        "prod",
        Scene::Plain,
        &["requests-are-answered"],
    ),
    saboteur(
        PlacesOtherOctets,
        "prod",
        Scene::Transfer,
        &["placed-files-equal-their-source"],
    ),
];

#[test]
fn every_saboteur_is_caught_by_the_checks_named_for_it() {
    let mut missed = Vec::new();
    for saboteur in SABOTEURS {
        let broken = broken_by(saboteur.rogue, saboteur.host, saboteur.scene);
        for name in saboteur.caught_by {
            if !broken.contains(*name) {
                missed.push(format!(
                    "{:?}: not by {name}, but by {broken:?}",
                    saboteur.rogue
                ));
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
        "/../../scenarios/environment-transfer/SABOTEURS.md"
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
        .map(|saboteur| {
            let checks = saboteur.caught_by.iter().map(|name| format!("`{name}`"));
            format!(
                "`{:?}` {}",
                saboteur.rogue,
                checks.collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    assert_eq!(said, tried);
}

#[test]
fn every_check_catches_a_saboteur() {
    let caught: BTreeSet<_> = SABOTEURS
        .iter()
        .flat_map(|saboteur| saboteur.caught_by)
        .copied()
        .collect();
    let all: BTreeSet<_> = INVARIANTS.iter().map(|invariant| invariant.name).collect();
    assert_eq!(caught, all);
}

#[test]
fn honest_environments_pass_wherever_saboteurs_are_caught() {
    for scene in Scene::ALL {
        assert_eq!(
            broken_by_agents(scene),
            BTreeSet::new(),
            "agents in {scene:?}"
        );
    }
    // The rogue that does nothing wrong is the control: it is not its being a rogue that is seen.
    let mut caught = Vec::new();
    for scene in Scene::ALL.into_iter().filter(|scene| scene.is_for_rogues()) {
        for host in ["dev", "prod"] {
            let broken = broken_by(Nothing, host, scene);
            if !broken.is_empty() {
                caught.push(format!("the control at {host} in {scene:?}: {broken:?}"));
            }
        }
    }
    assert!(caught.is_empty(), "caught:\n{}", caught.join("\n"));
}
