//! How simulated farms and their callers show who they are.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use portcullis_net::{Host, Randomness};
use portcullis_tls::simulated::Authority;
use portcullis_tls::{Identity, IdentityError, Reach};
use portcullis_web_service::config::Account;

use super::cast;
use crate::engine::{Node, SecuredNet};
use crate::scenario::{Plan, PlannedHost, Table};

/// How long certificates are valid before the start of a run and after it.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 3600);

/// The value of `Authorization` for Basic authentication.
pub(super) fn basic(account: &Account) -> String {
    let pair = format!("{}:{}", account.name, account.password);
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// The account with which a server's farm is used, if it asks who its callers are.
///
/// The password follows from the seed, so that whoever knows it need not be told.
pub(super) fn account(plan: &Plan, server: &PlannedHost) -> Option<Account> {
    let name = server.keys.text("account")?;
    let random = Randomness::from_seed(plan.seed)
        .fork("passwords")
        .fork(name);
    Some(Account {
        name: name.to_owned(),
        password: format!("{:016x}", random.next_u64()),
    })
}

/// What the host `from` shows to the server `to`.
pub(super) fn shown(plan: &Plan, from: &str, to: &PlannedHost) -> Option<Account> {
    let account = account(plan, to)?;
    let is_link =
        |link: &&Table| (link.text("from"), link.text("to")) == (Some(from), Some(&to.name));
    let link = plan.links.iter().find(is_link);
    match link.and_then(|link| link.text("credentials")) {
        Some("none") => None,
        Some("wrong-password") => Some(Account {
            password: "guessed".to_owned(),
            ..account
        }),
        Some("unknown-name") => Some(Account {
            name: "somebody".to_owned(),
            ..account
        }),
        _ => Some(account),
    }
}

/// A certificate, and where TLS is spoken with it. All are issued by one authority, which everybody
/// believes.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    random: Randomness,
    name: String,
    /// Tells connections apart that one host opens: each step has randomness of its own.
    label: String,
    reach: Reach,
}

impl Credentials {
    /// Those of a server; none where it speaks no TLS.
    pub(super) fn of_server(plan: &Plan, server: &PlannedHost) -> Option<Self> {
        let reach = Reach::Only {
            listens: BTreeSet::from([cast::port(server)]),
            opens: BTreeSet::new(),
        };
        let is_secure = server.keys.flag("secure");
        is_secure.then(|| Self::of(plan, &server.name, "server", reach))
    }

    /// Those of who calls from the host `from` in the step `table`; none where no farm speaks TLS.
    pub(super) fn of_caller(plan: &Plan, from: &str, table: &Table) -> Option<Self> {
        Self::of_opener(plan, from, &format!("step {}", table.span.start))
    }

    fn of_opener(plan: &Plan, from: &str, label: &str) -> Option<Self> {
        let servers = plan.hosts.iter().filter(|host| host.keys.flag("secure"));
        let opens: BTreeSet<(String, u16)> = servers
            .map(|server| (server.name.clone(), cast::port(server)))
            .collect();
        let is_needed = !opens.is_empty();
        let listens = BTreeSet::new();
        let reach = Reach::Only { listens, opens };
        is_needed.then(|| Self::of(plan, from, label, reach))
    }

    /// Those of a deploying farm; none where no farm speaks TLS.
    pub(super) fn of_deploying_farm(plan: &Plan, name: &str) -> Option<Self> {
        Self::of_opener(plan, name, "deployments")
    }

    fn of(plan: &Plan, name: &str, label: &str, reach: Reach) -> Self {
        Self {
            random: Randomness::from_seed(plan.seed).fork("certificates"),
            name: name.to_owned(),
            label: label.to_owned(),
            reach,
        }
    }

    fn identity(&self, epoch: Timestamp) -> Identity {
        let shift = |time: Result<Timestamp, jiff::Error>| time.unwrap_or(epoch);
        let begins = shift(epoch.checked_sub(VALIDITY));
        let span: Range<Timestamp> = begins..shift(epoch.checked_add(VALIDITY));
        let authority = Authority::new("common", span.clone(), &self.random);
        authority.issue(&self.name, span, &authority)
    }
}

/// The host of `node`, which speaks TLS where `credentials` say so.
///
/// # Errors
/// When the certificate cannot be used.
pub(super) fn secured(
    node: &Node,
    credentials: Option<&Credentials>,
) -> Result<Host<SecuredNet>, IdentityError> {
    let Some(credentials) = credentials else {
        return node.secured(None);
    };
    let identity = credentials.identity(node.epoch);
    let mut own = node.clone();
    own.host.random = node.host.random.fork(&credentials.label);
    let host = own.secured(Some((&identity, credentials.reach.clone())))?;
    Ok(Host {
        random: node.host.random.clone(),
        ..host
    })
}
