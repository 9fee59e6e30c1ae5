//! What an administrator reads about one direction of a link.

use anstyle::{AnsiColor, Style};
use portcullis_agent::error::FailureClass;
use portcullis_agent::preflight::Direction;

use super::rules::Lines;
use super::{Found, Tried};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const HEAD: Style = Style::new().bold();

/// What to print about `tried`.
pub(super) fn lines(tried: &Tried) -> Vec<String> {
    let flow = &tried.flow;
    let (opener, acceptor, port) = (&flow.opener, &flow.acceptor, flow.port);
    let mut lines = heading(tried);
    match tried.found {
        Found::Open => lines.push(format!("  {GOOD}open{GOOD:#}: {}", what_proves_it(tried))),
        Found::Untried => lines.push(format!(
            "  not tried: {opener} can only be asked over the other direction; open that one, then \
             run this again"
        )),
        Found::NoTls | Found::Tls => {
            lines.push(format!("  {BAD}no agreement{BAD:#}: {}", tried.words));
            lines.push(tls_advice(tried));
        }
        Found::Closed(_) | Found::Elsewhere if tried.own_port.is_some() => {
            lines.extend(other_port(tried));
        }
        Found::Elsewhere => {
            lines.push(format!("  {BAD}answered by somebody else{BAD:#}"));
            lines.push(format!(
                "  {opener} reached an agent called {acceptor} at {} port {port}, but it is not \
                 this one.",
                flow.destination
            ));
            lines.push(format!(
                "  Correct `address` or `local_port` in the configuration of {opener}."
            ));
        }
        Found::Silent => {
            lines.push(format!("  {BAD}no answer{BAD:#}: {}", tried.words));
            lines.push(format!(
                "  A connection came about, so no rule is known to be missing: the agent {acceptor} \
                 hangs, or another service listens on port {port}, or something on the way \
                 swallows or cuts what is said."
            ));
        }
        Found::Closed(class) => {
            let (name, words) = (class.name(), &tried.words);
            lines.push(format!("  {BAD}closed{BAD:#} ({name}): {words}"));
            lines.push(format!("  {}", advice(class, tried)));
            if needs_rule(class) {
                lines.extend(rule(tried));
            }
        }
    }
    if let Some(own) = &tried.own_address
        && tried.found != Found::Untried
    {
        lines.push(format!(
            "  Note: {opener} is configured to connect to {}, but this host's address towards \
             {opener} is {own}: right only where an address translation leads here.",
            flow.destination
        ));
    }
    lines.push(String::new());
    lines
}

/// Which direction, and from where to where.
fn heading(tried: &Tried) -> Vec<String> {
    let flow = &tried.flow;
    let (opener, acceptor, port) = (&flow.opener, &flow.acceptor, flow.port);
    let purpose = match tried.direction {
        Direction::Forward => "forward, for greetings, tasks and queries",
        Direction::Reverse => "reverse, for completions",
    };
    let source = flow.source.as_ref().map(|source| format!(" {source}"));
    // Without an address it is called by the environment's name.
    let destination = Some(&flow.destination).filter(|destination| *destination != acceptor);
    let destination = destination.map(|destination| format!(" {destination}"));
    let ports = match flow.source_ports {
        Some((low, high)) => format!("dynamic ports {low}-{high}"),
        None => "any dynamic port".to_owned(),
    };
    vec![
        format!("{HEAD}{opener} -> {acceptor}: {purpose}{HEAD:#}"),
        format!(
            "  from {opener}{}, {ports}, to {acceptor}{} port {port}",
            source.unwrap_or_default(),
            destination.unwrap_or_default(),
        ),
    ]
}

/// Where only one of the two ends speaks TLS, no rule is missing.
fn tls_advice(tried: &Tried) -> String {
    let flow = &tried.flow;
    let (opener, acceptor, port) = (&flow.opener, &flow.acceptor, flow.port);
    let compare = "Compare `authentication` of the link in both files.";
    if tried.found == Found::Tls {
        format!(
            "  The way is open, and no rule is missing: {acceptor} speaks TLS at port {port}, and \
             {opener} does not. {compare}"
        )
    } else {
        format!(
            "  A connection came about, so no rule is known to be missing: {acceptor} does not \
             speak TLS at port {port}, and {opener} does. {compare} If both say \"tls\", another \
             service listens there, or something on the way cuts what is said."
        )
    }
}

/// The two files name different local ports, so no rule for the one that is tried would help.
fn other_port(tried: &Tried) -> Vec<String> {
    let flow = &tried.flow;
    let what = if let Found::Closed(class) = tried.found {
        format!("closed{BAD:#} ({}): {}", class.name(), tried.words)
    } else {
        format!("answered by somebody else{BAD:#}")
    };
    let own = tried.own_port.unwrap_or(flow.port);
    vec![
        format!("  {BAD}{what}"),
        format!(
            "  {} sends completions to port {}, but `local_port` here is {own}: make both files \
             agree, then run this again.",
            flow.opener, flow.port
        ),
    ]
}

fn what_proves_it(tried: &Tried) -> &'static str {
    match tried.direction {
        Direction::Forward => "the greeting was answered, and the versions agree",
        Direction::Reverse => "a real connection to the local port was answered",
    }
}

/// Whether a firewall rule may be what is missing: no connection came about, or none that lasted.
const fn needs_rule(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::Refused
            | FailureClass::TimedOut
            | FailureClass::UnreachableHost
            | FailureClass::UnreachableNetwork
            | FailureClass::Reset
            | FailureClass::CallbackUnreachable
    )
}

fn advice(class: FailureClass, tried: &Tried) -> String {
    let flow = &tried.flow;
    let (opener, acceptor, port) = (&flow.opener, &flow.acceptor, flow.port);
    let key = match tried.direction {
        Direction::Forward => "remote_port",
        Direction::Reverse => "local_port",
    };
    match class {
        FailureClass::TimedOut | FailureClass::CallbackUnreachable => format!(
            "Either a firewall drops the connection, or nothing listens on port {port} of \
             {acceptor} and its host hides that. If the agent {acceptor} runs, this rule is \
             missing:"
        ),
        FailureClass::Refused => format!(
            "Either the agent {acceptor} does not run, or `{key}` is not {port} there, or a \
             firewall rejects. If it is the firewall, this rule is missing:"
        ),
        FailureClass::UnreachableHost | FailureClass::UnreachableNetwork => format!(
            "Either there is no route from {opener} to {}, or a firewall prohibits. If it is the \
             firewall, this rule is missing:",
            flow.destination
        ),
        FailureClass::Reset => format!(
            "Something cut the connection: another service at port {port} of {acceptor}, or a \
             firewall. If it is the firewall, this rule is missing:"
        ),
        FailureClass::Auth => format!(
            "The way is open, and no rule is missing: {opener} and {acceptor} do not recognise \
             each other. Compare the names, the keys or certificates, and the clocks of both."
        ),
        FailureClass::Version => format!(
            "The way is open, and no rule is missing: {opener} and {acceptor} are of different \
             versions. Compare `product` in both configurations."
        ),
        FailureClass::Truncated | FailureClass::Protocol => format!(
            "The way is open, and no rule is missing: what answers at port {port} is not what \
             should. Is it another service, or are `remote_port` and `local_port` exchanged in one \
             of the configurations?"
        ),
        FailureClass::LocalResource => format!(
            "{opener} could not try: its host knows no such address, or has no port or descriptor \
             left. No rule is known to be missing."
        ),
    }
}

/// The rule that is missing: as a table, and as lines to be run.
fn rule(tried: &Tried) -> Vec<String> {
    let flow = &tried.flow;
    let rows = flow.rows();
    let widest = |cell: fn(&super::rules::Row) -> &str, head: &str| {
        let cells = rows.iter().map(cell).chain([head]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let host = widest(|row| &row.host, "HOST");
    let source = widest(|row| &row.source, "SOURCE");
    let destination = widest(|row| &row.destination, "DESTINATION");
    let line = |[a, b, c, d, only]: [&str; 5]| {
        let line = format!("    {a:host$}  {b:9}  {c:source$}  {d:destination$}  {only}");
        line.trim_end().to_owned()
    };
    let mut lines = vec![
        String::new(),
        line(["HOST", "DIRECTION", "SOURCE", "DESTINATION", ""]),
    ];
    lines.extend(rows.iter().map(|row| {
        line([
            &row.host,
            row.direction,
            &row.source,
            &row.destination,
            row.only,
        ])
    }));
    for Lines { place, lines: own } in flow.nftables().into_iter().chain(flow.windows()) {
        lines.push(String::new());
        lines.push(format!("  {place}:"));
        lines.extend(own.into_iter().map(|line| format!("    {line}")));
    }
    lines.push(String::new());
    // Row 8 of the failure table: the misconception that the vendor names.
    lines.push(format!(
        "  The source port is another one in every connection: a rule from configured port to \
         configured port matches none of them, only {} is fixed.",
        flow.port
    ));
    if tried.direction == Direction::Reverse {
        lines.push(
            "  A completion is a new connection: an open forward direction does not let it pass."
                .into(),
        );
    }
    lines
}
