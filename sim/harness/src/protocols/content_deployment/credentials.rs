//! How callers of simulated farms show who they are.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use portcullis_net::Randomness;
use portcullis_web_service::config::Account;

use crate::scenario::{Plan, PlannedHost, Table};

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
