//! The links of a configuration file: where the neighbour is, and how it proves who it is.

use std::net::IpAddr;
use std::path::Path;

use portcullis_agent::config::{Authentication, EarlierLink, KeyRing, LaterLink};

use super::token;
use crate::scenario::{Problems, Table};
use crate::serve::secret;

/// What links are read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'c> {
    /// Where relative paths start.
    pub(super) base: &'c Path,
    /// Where this environment listens, when that could be read.
    pub(super) listen: Option<IpAddr>,
    /// Whether the file says how to speak TLS.
    pub(super) has_tls: bool,
}

/// The address to listen on.
pub(in crate::serve) fn listen(table: &Table, problems: &mut Problems) -> Option<IpAddr> {
    let text = table.text("listen")?;
    let literal = if text == "localhost" {
        "127.0.0.1"
    } else {
        text
    };
    let address = literal.parse().ok();
    if address.is_none() {
        problems.report(
            table.span_of("listen"),
            "`listen` is not an address",
            "here",
            "write an IPv4 or IPv6 address of this host, or 0.0.0.0 for all of them",
        );
    }
    address
}

/// A link to an environment that this one sends tasks to.
pub(super) fn later(
    link: &Table,
    context: Surroundings<'_>,
    problems: &mut Problems,
) -> Option<LaterLink> {
    let (address, remote_port, local_port) = ends(link, context.listen, problems)?;
    Some(LaterLink {
        name: token(link, "name", problems)?,
        authentication: authentication(link, &address, context, problems)?,
        address,
        remote_port,
        local_port,
    })
}

/// A link from an environment that sends tasks to this one.
pub(super) fn earlier(
    link: &Table,
    context: Surroundings<'_>,
    problems: &mut Problems,
) -> Option<EarlierLink> {
    let (address, remote_port, local_port) = ends(link, context.listen, problems)?;
    Some(EarlierLink {
        name: token(link, "name", problems)?,
        authentication: authentication(link, &address, context, problems)?,
        address,
        remote_port,
        local_port,
    })
}

fn ends(
    link: &Table,
    listen: Option<IpAddr>,
    problems: &mut Problems,
) -> Option<(String, u16, u16)> {
    let address = host(link, problems)?;
    let (remote_port, local_port) = (link.port("remote_port")?, link.port("local_port")?);
    // ET-8: two environments on one address share its ports.
    if remote_port == local_port && listen.is_some() && address.parse().ok() == listen {
        problems.report(
            link.span_of("local_port"),
            format!("`remote_port` and `local_port` are both {local_port} on {address}"),
            "the same port",
            "environments that share an address need different listener ports",
        );
    }
    Some((address, remote_port, local_port))
}

/// The neighbour's address, or its host's name.
fn host(link: &Table, problems: &mut Problems) -> Option<String> {
    let text = link.text("address")?;
    let is_name = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        (1..=253).contains(&text.len()) && text.chars().all(allowed)
    };
    match text {
        "localhost" => Some("127.0.0.1".into()),
        _ if is_name(text) || text.parse::<IpAddr>().is_ok() => Some(text.into()),
        _ => {
            problems.report(
                link.span_of("address"),
                format!("`{text}` is neither an address nor the name of a host"),
                "here",
                "without port and without brackets: both ports of the link have keys of their own",
            );
            None
        }
    }
}

/// ET-72: how the link's messages are authenticated. Without, it stays on this machine.
fn authentication(
    link: &Table,
    address: &str,
    context: Surroundings<'_>,
    problems: &mut Problems,
) -> Option<Authentication> {
    let kind = link.text("authentication").unwrap_or("none");
    let files = link.texts("key_files");
    if kind != "mac" && !files.is_empty() {
        problems.report(
            link.span_of("key_files"),
            format!("`key_files` without use: `authentication` is \"{kind}\""),
            "here",
            "write `authentication = \"mac\"`, or remove the key",
        );
        return None;
    }
    match kind {
        "mac" => key_ring(link, files, context.base, problems).map(Authentication::Mac),
        "tls" if context.has_tls => Some(Authentication::Connection),
        "tls" => {
            let help = "add a table [tls] with `certificate`, `key` and `authorities`";
            let message = "`authentication = \"tls\"` without a certificate to show";
            problems.report(link.span_of("authentication"), message, "here", help);
            None
        }
        _ => unauthenticated(link, address, context.listen, problems),
    }
}

/// Nothing beyond loopback without authentication, neither as a listener nor as a destination.
fn unauthenticated(
    link: &Table,
    address: &str,
    listen: Option<IpAddr>,
    problems: &mut Problems,
) -> Option<Authentication> {
    let name = link.text("name").unwrap_or_default();
    let away = if listen.is_some_and(|listen| !listen.is_loopback()) {
        listen.map(|listen| format!("`listen` is {listen}"))
    } else {
        let address = address.parse::<IpAddr>().ok();
        let here = address.is_some_and(|address| address.is_loopback());
        (!here).then(|| "its `address` is not this machine".to_owned())
    };
    let Some(away) = away else {
        return Some(Authentication::None);
    };
    problems.report(
        link.span_of("authentication"),
        format!("the link with {name} is not authenticated, but {away}"),
        "no authentication",
        "write `authentication = \"mac\"` with `key_files`, or `authentication = \"tls\"`; without \
         one of them only loopback addresses can be used",
    );
    None
}

/// The link's secret, and during a rotation the other one as well. ET-73
fn key_ring(
    link: &Table,
    files: &[String],
    base: &Path,
    problems: &mut Problems,
) -> Option<KeyRing> {
    let mut keys = Vec::new();
    for file in files {
        match secret::read(&base.join(file)) {
            Ok(key) => keys.push(key),
            Err(error) => problems.report(
                link.span_of("key_files"),
                error.to_string(),
                "here",
                error.help(),
            ),
        }
    }
    if keys.len() < files.len() {
        return None;
    }
    let mut keys = keys.into_iter();
    match (keys.next(), keys.next(), keys.next()) {
        (Some(first), second, None) => Some(KeyRing::new(first, second)),
        _ => {
            let help = "one file, or two during a rotation: the first one signs, both are accepted";
            let count = files.len();
            let message = format!("{count} key files");
            let span = link.span_of(if count == 0 {
                "authentication"
            } else {
                "key_files"
            });
            problems.report(span, message, "here", help);
            None
        }
    }
}
