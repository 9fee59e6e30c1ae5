//! Farms of content deployment on real sockets, as processes of the program.
//!
//! curl, openssl and Chromium are the independent peers. Where one is not installed the trials that
//! need it report themselves as ignored, and their names say why.

#[cfg(test)]
mod deploying;
#[cfg(test)]
mod secure;
#[cfg(test)]
mod town;

use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Trial};

/// A trial: its name, the programs of others that it needs, and what happens in it.
type Story = (&'static str, &'static [&'static str], fn());

const STORIES: &[Story] = &[
    (
        "https_with_basic_authentication_lets_in_who_has_the_password",
        &["curl", "openssl"],
        secure::passwords,
    ),
    (
        "https_with_certificates_lets_in_whose_name_is_listed",
        &["curl", "openssl"],
        secure::certificates,
    ),
    (
        "a_farm_that_requires_a_secure_connection_refuses_plain_http_with_a_fault",
        &["curl"],
        secure::required,
    ),
    (
        "a_farm_deploys_over_https_to_whom_the_address_names",
        &["openssl"],
        deploying::over_https,
    ),
    (
        "a_farm_behind_https_deploys_to_one_without",
        &["curl", "openssl"],
        deploying::from_https,
    ),
    (
        "what_the_disk_refuses_is_in_the_log_with_its_path_and_nowhere_else",
        &[],
        deploying::with_a_disk_that_refuses,
    ),
    (
        "a_browser_shows_how_a_deployment_went",
        &["chromium"],
        deploying::in_a_browser,
    ),
];

fn main() {
    let trials = STORIES.iter().map(|(name, needs, play)| {
        let missing = needs.iter().find(|program| !is_installed(program));
        let shown = match missing {
            Some(program) => format!("{name} ({program} is not installed)"),
            None => (*name).to_owned(),
        };
        let play = *play;
        Trial::test(shown, move || {
            play();
            Ok(())
        })
        .with_ignored_flag(missing.is_some())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    // openssl has a command where others have an option.
    let argument = if program == "openssl" {
        "version"
    } else {
        "--version"
    };
    let output = (Stdio::null(), Stdio::null());
    let status = command.arg(argument).stdout(output.0).stderr(output.1);
    status.status().is_ok_and(|status| status.success())
}
