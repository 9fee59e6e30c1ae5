//! The part of the file that says what is deployed from here, and to whom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_tls::Authorities;
use portcullis_web_service::client::{FarmAddress, Scheme};
use portcullis_web_service::config::{Account, Deployments};
use portcullis_web_service::state::AfterTimeout;

use super::{number, password};
use crate::scenario::{Problems, Table};

/// What can be deployed, and as whom targets are called.
#[derive(Clone, Debug, Default)]
pub struct Deploying {
    /// The content trees, by name.
    pub sources: BTreeMap<String, PathBuf>,
    /// As whom, by the address of a target's Central Administration.
    pub accounts: BTreeMap<String, Account>,
    /// Whose certificates are believed; without any, no target is reached by `https`.
    pub authorities: Option<Authorities>,
}

impl Deploying {
    pub(super) fn read(table: &Table, base: &Path, problems: &mut Problems) -> Self {
        let sources = table.tables("source").iter();
        let sources = sources.filter_map(|source| {
            let name = source.text("name")?.to_owned();
            Some((name, base.join(source.text("directory")?)))
        });
        let authorities = authorities(table, base, problems);
        Self {
            sources: sources.collect(),
            accounts: accounts(table, base, problems),
            authorities,
        }
    }
}

fn authorities(table: &Table, base: &Path, problems: &mut Problems) -> Option<Authorities> {
    let table = table.table("deployments")?;
    let file = base.join(table.text("authorities")?);
    let report = |error: portcullis_tls::IdentityError| {
        let help = "a PEM file, relative to this one";
        problems.report(
            table.span_of("authorities"),
            error.to_string(),
            "here",
            help,
        );
    };
    Authorities::from_pem_file(&file).map_err(report).ok()
}

fn accounts(table: &Table, base: &Path, problems: &mut Problems) -> BTreeMap<String, Account> {
    let deployments = table.table("deployments");
    let has_authorities = deployments.is_some_and(|table| table.has("authorities"));
    let mut accounts = BTreeMap::new();
    for target in table.tables("target") {
        let (Some(url), Some(name)) = (target.text("administration_url"), target.text("account"))
        else {
            continue;
        };
        let span = target.span_of("administration_url");
        let address = match url.trim_end_matches('/').parse::<FarmAddress>() {
            Ok(address) => address,
            Err(problem) => {
                let message = format!("the address of a Central Administration {problem}");
                let help = "write it as \"http://host:port\" or \"https://host:port\"";
                problems.report(span, message, "here", help);
                continue;
            }
        };
        if address.scheme == Scheme::Https && !has_authorities {
            let message = "nobody says whose certificates are believed";
            let help = "add `authorities` to `[deployments]`";
            problems.report(span.clone(), message, "reached by https", help);
        }
        let Some(password) = password(target, base, problems) else {
            continue;
        };
        let account = Account {
            name: name.to_owned(),
            password,
        };
        if accounts.insert(address.to_string(), account).is_some() {
            let help = "each target has one account";
            problems.report(span, "two targets with one address", "the second one", help);
        }
    }
    accounts
}

/// How this farm deploys; what the file does not say is the farm's default.
pub(super) fn deployments(table: &Table, problems: &mut Problems) -> Deployments {
    let mut deployments = Deployments::default();
    let Some(table) = table.table("deployments") else {
        return deployments;
    };
    deployments.is_export_server = table.flag("export_server");
    deployments.hosts_administration = table.flag("central_administration");
    deployments.blocks_jobs_of_one_path = table.flag("block_jobs_of_one_path");
    if table.flag("delete_after_timeout") {
        deployments.after_timeout = AfterTimeout::Delete;
    }
    let set = |timer: &mut Duration, key| *timer = table.duration(key).unwrap_or(*timer);
    set(&mut deployments.polling_interval, "polling_interval");
    set(&mut deployments.timeout, "timeout");
    set(&mut deployments.attempt_rest, "attempt_rest");
    for (key, timer) in [
        ("polling_interval", deployments.polling_interval),
        ("timeout", deployments.timeout),
    ] {
        if timer.is_zero() {
            let message = format!("`{key}` is nothing");
            problems.report(table.span_of(key), message, "here", "give it a length");
        }
    }
    let package = number(table, "package_max");
    deployments.package_octets_max = package.unwrap_or(deployments.package_octets_max);
    if deployments.package_octets_max == 0 {
        let help = "the product's is 10 MB";
        let span = table.span_of("package_max");
        problems.report(span, "no package can be that small", "here", help);
    }
    deployments.attempts_max = number(table, "attempts").unwrap_or(deployments.attempts_max);
    deployments
}
