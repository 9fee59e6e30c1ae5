//! What a target offers, and paths that lead to it.

use portcullis_net::Host;
use portcullis_web_service::client::{CallError, FarmAddress, Scheme};
use portcullis_web_service::config::Account;
use portcullis_web_service::deploying::{DeploymentPath, Offer, TargetSite, offers};

use super::args::PathArgs;
use crate::output::visible;
use crate::scenario::nearest;
use crate::serve::web_service::FarmSettings;
use crate::serve::web_service::deploying::targets;
use crate::serve::{Exit, complain, say, words_of};

/// Prints what the farm at `url` offers.
pub(super) async fn show_offers(settings: &FarmSettings, url: &str) -> Exit {
    let offers = match address(url) {
        Ok(address) => ask(settings, address).await,
        Err(why) => Err(why),
    };
    match offers {
        Ok(offers) => {
            say(&listed(&offers));
            Exit::Completed
        }
        Err(why) => complain(&why),
    }
}

/// The path that the command line describes, unless the target does not offer it.
///
/// # Errors
/// Why not, in words.
pub(super) async fn path(
    settings: &FarmSettings,
    args: PathArgs,
) -> Result<DeploymentPath, String> {
    let sources = &settings.deploying.sources;
    if !sources.contains_key(&args.source) {
        let known: Vec<&str> = sources.keys().map(String::as_str).collect();
        let why = format!("there is no `[[source]]` named {}", args.source);
        return Err(with_hint(why, &args.source, &known));
    }
    let address = address(&args.to)?;
    let web_application = args.web_application.trim_end_matches('/');
    let target = TargetSite {
        server_url: web_application.to_owned(),
        site_collection: args.site_collection.clone(),
    };
    if !args.unchecked {
        let offers = ask(settings, address.clone()).await?;
        is_offered(&offers, &target)?;
    }
    warn_of_timeout(settings, &args);
    let path = DeploymentPath::new(&args.name, &args.source, &address.to_string(), target);
    Ok(DeploymentPath {
        include_security: args.security.into(),
        include_user_info_date_time: args.user_info.into(),
        enable_event_receivers: !args.no_event_receivers,
        file_compression: !args.no_compression,
        keep_packages: args.keep_packages.into(),
        polling_interval: args.polling_interval,
        timeout: args.timeout,
        is_enabled: !args.disabled,
        ..path
    })
}

/// Nothing forbids it, and nobody wants it.
fn warn_of_timeout(settings: &FarmSettings, args: &PathArgs) {
    let deployments = &settings.farm.deployments;
    let interval = args.polling_interval;
    let interval = interval.unwrap_or(deployments.polling_interval);
    let timeout = args.timeout.unwrap_or(deployments.timeout);
    if interval >= timeout {
        complain(&format!(
            "warning: the status is asked for every {interval:?}, and a run times out after \
             {timeout:?} without an answer: before it has asked once"
        ));
    }
}

fn address(url: &str) -> Result<FarmAddress, String> {
    let parsed = url.trim_end_matches('/').parse::<FarmAddress>();
    parsed.map_err(|problem| format!("{url} {problem}; write it as http://host:port"))
}

async fn ask(settings: &FarmSettings, address: FarmAddress) -> Result<Vec<Offer>, String> {
    if address.scheme == Scheme::Https && settings.deploying.authorities.is_none() {
        return Err(format!(
            "{address}: nobody says whose certificates are believed: add `authorities` to \
             `[deployments]`"
        ));
    }
    let host = Host::real(&settings.farm.server, settings.listen);
    let targets = targets(settings, &host).map_err(|error| words_of(&error))?;
    let asked = offers(&targets, address.clone()).await;
    let account = targets.account(&address.to_string());
    asked.map_err(|error| why_not(&address, account, &error))
}

/// Why the farm at `address`, called as `account`, does not say what it offers; in words.
fn why_not(address: &FarmAddress, account: Option<&Account>, error: &CallError) -> String {
    match (error, account) {
        (CallError::Status(401), None) => {
            format!("{address} does not know who calls: add a `[[target]]` with an account")
        }
        (CallError::Status(401), Some(account)) => format!(
            "{address} does not let {} in: name or password of its `[[target]]` is wrong",
            account.name
        ),
        (CallError::Status(403), _) => format!(
            "{address} lets nobody in by name and password: it wants a certificate that it knows, \
             which would be that of `[tls]`"
        ),
        (error, _) => format!("{address}: {}", visible(&error.to_string())),
    }
}

/// Whether `target` is among `offers`.
fn is_offered(offers: &[Offer], target: &TargetSite) -> Result<(), String> {
    let urls: Vec<&str> = offers
        .iter()
        .map(|offer| offer.application.url.as_str())
        .collect();
    let wanted = target.server_url.as_str();
    let mut found = offers.iter();
    let same = |url: &str| url.trim_end_matches('/').eq_ignore_ascii_case(wanted);
    let Some(offer) = found.find(|offer| same(&offer.application.url)) else {
        let why = format!("the target has no web application {wanted}");
        return Err(with_offers(&with_hint(why, wanted, &urls), offers));
    };
    let wanted = target.site_collection.as_str();
    if offer.site_collections.iter().any(|name| name == wanted) {
        return Ok(());
    }
    let known: Vec<&str> = offer.site_collections.iter().map(String::as_str).collect();
    let why = format!("{} has no site collection {wanted}", offer.application.url);
    Err(with_offers(&with_hint(why, wanted, &known), offers))
}

fn with_hint(why: String, wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => format!("{why}; did you mean {name}?"),
        None => why,
    }
}

fn with_offers(why: &str, offers: &[Offer]) -> String {
    format!("{}\nit offers:\n{}", visible(why), listed(offers))
}

fn listed(offers: &[Offer]) -> String {
    if offers.is_empty() {
        return "no web application".to_owned();
    }
    let lines = offers.iter().flat_map(|offer| {
        let application = &offer.application;
        let head = format!(
            "{} ({})",
            visible(&application.url),
            visible(&application.name)
        );
        let names = offer.site_collections.iter();
        std::iter::once(head).chain(names.map(|name| format!("    {}", visible(name))))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use portcullis_web_service::message::VirtualServer;

    use super::*;

    fn offers_of_a_farm() -> Vec<Offer> {
        vec![Offer {
            application: VirtualServer {
                name: "Intranet".to_owned(),
                url: "http://intranet".to_owned(),
            },
            site_collections: vec!["/".to_owned(), "/sites/news".to_owned()],
        }]
    }

    fn site(server_url: &str, site_collection: &str) -> TargetSite {
        TargetSite {
            server_url: server_url.to_owned(),
            site_collection: site_collection.to_owned(),
        }
    }

    #[test]
    fn only_what_is_offered_can_be_deployed_to() {
        let offers = offers_of_a_farm();
        assert_eq!(
            is_offered(&offers, &site("HTTP://Intranet", "/sites/news")),
            Ok(())
        );
        let all = "it offers:\nhttp://intranet (Intranet)\n    /\n    /sites/news";
        assert_eq!(
            is_offered(&offers, &site("http://intranet", "/sites/new")),
            Err(format!(
                "http://intranet has no site collection /sites/new; did you mean /sites/news?\n{all}"
            ))
        );
        assert_eq!(
            is_offered(&offers, &site("http://elsewhere.example", "/")),
            Err(format!(
                "the target has no web application http://elsewhere.example\n{all}"
            ))
        );
    }

    #[test]
    fn who_is_not_let_in_is_told_what_would_help() {
        let address: FarmAddress = "http://target:8080".parse().unwrap();
        let account = Account {
            name: "deployer".to_owned(),
            password: "wrong horse".to_owned(),
        };
        for (status, account, words) in [
            (401, None, "add a `[[target]]`"),
            (
                401,
                Some(&account),
                "does not let deployer in: name or password",
            ),
            (403, None, "by name and password"),
            (403, Some(&account), "by name and password"),
            (404, Some(&account), "answered with status 404"),
        ] {
            let why = why_not(&address, account, &CallError::Status(status));
            assert!(why.contains(words), "{status}: {why}");
            assert!(!why.contains("horse"), "{why}");
        }
    }

    #[test]
    fn what_is_offered_commands_no_terminal() {
        let hostile = "/sites/new\n\u{9b}2J\u{202e}";
        let mut offers = offers_of_a_farm();
        hostile.clone_into(&mut offers[0].application.name);
        offers[0].site_collections = vec![hostile.to_owned()];
        let refused = is_offered(&offers, &site("http://intranet", "/sites/news"));
        for (shown, lines) in [(listed(&offers), 2), (refused.unwrap_err(), 4)] {
            assert_eq!(shown.lines().count(), lines, "{shown}");
            assert!(!shown.contains(['\u{9b}', '\u{202e}']), "{shown}");
        }
    }
}
