//! The firewall rules that one direction of a link needs, ready to be written.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// New connections of one direction: from any dynamic port of one host to one port of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flow {
    /// The environment that opens the connections.
    pub(super) opener: String,
    /// Its address, where it is known.
    pub(super) source: Option<String>,
    /// The source ports that its host hands out, where they are known.
    pub(super) source_ports: Option<(u16, u16)>,
    /// The environment that listens.
    pub(super) acceptor: String,
    /// Its address.
    pub(super) destination: String,
    /// The port that it listens on.
    pub(super) port: u16,
}

/// One row of the table of rules.
pub(super) struct Row {
    pub(super) host: String,
    pub(super) direction: &'static str,
    pub(super) source: String,
    pub(super) destination: String,
    /// When this row is needed at all; empty when always.
    pub(super) only: &'static str,
}

/// Lines to be run somewhere.
pub(super) struct Lines {
    /// Where, and with what.
    pub(super) place: String,
    pub(super) lines: Vec<String>,
}

const IF_DENIED: &str = "if it denies outgoing connections";

impl Flow {
    /// Every place that has to let the flow pass.
    pub(super) fn rows(&self) -> [Row; 3] {
        let ports = match self.source_ports {
            Some((low, high)) => format!("ports {low}-{high}"),
            None => "any port".to_owned(),
        };
        let source = format!("{} {ports}", self.source.as_deref().unwrap_or(&self.opener));
        let destination = format!("{} port {}", self.destination, self.port);
        let row = |host: &str, direction, only| Row {
            host: host.to_owned(),
            direction,
            source: source.clone(),
            destination: destination.clone(),
            only,
        };
        [
            row(&self.acceptor, "in", ""),
            row(&self.opener, "out", IF_DENIED),
            row("between", "through", "for each firewall between them"),
        ]
    }

    /// The rules in the words of nftables.
    pub(super) fn nftables(&self) -> [Lines; 3] {
        let rule = |chain: &str| {
            let addresses = self.nft_addresses();
            let ports = match self.source_ports {
                Some((low, high)) => format!("tcp sport {low}-{high} "),
                None => String::new(),
            };
            format!(
                "nft insert rule inet filter {chain} {addresses}{ports}tcp dport {} ct state new \
                 accept",
                self.port
            )
        };
        let lines = |place: String, chain| Lines {
            place,
            lines: vec![rule(chain)],
        };
        [
            lines(format!("nftables, on {}", self.acceptor), "input"),
            lines(
                format!("nftables, on {}, {IF_DENIED}", self.opener),
                "output",
            ),
            lines("nftables, on a firewall between them".into(), "forward"),
        ]
    }

    fn nft_addresses(&self) -> String {
        let family = |address: &str| match address.parse() {
            Ok(IpAddr::V6(_)) => "ip6",
            _ => "ip",
        };
        let source = self.source.as_ref();
        let source = source.map(|source| format!("{} saddr {source} ", family(source)));
        let destination = &self.destination;
        format!(
            "{}{} daddr {destination} ",
            source.unwrap_or_default(),
            family(destination)
        )
    }

    /// The rules of the two ends in the words of Windows: for its shell, and for its prompt.
    pub(super) fn windows(&self) -> [Lines; 2] {
        let name = format!("portcullis {} to {}", self.opener, self.acceptor);
        let ports = self.source_ports.map(|(low, high)| format!("{low}-{high}"));
        let source = self.source.as_deref();
        let inbound = [
            ("address", source.map(str::to_owned), Side::Remote),
            ("port", ports.clone(), Side::Remote),
            ("port", Some(self.port.to_string()), Side::Local),
        ];
        let outbound = [
            ("address", Some(self.destination.clone()), Side::Remote),
            ("port", Some(self.port.to_string()), Side::Remote),
            ("port", ports, Side::Local),
        ];
        [
            Lines {
                place: format!("Windows, on {}, either of", self.acceptor),
                lines: windows_lines(&name, INBOUND, &inbound),
            },
            Lines {
                place: format!("Windows, on {}, {IF_DENIED}, either of", self.opener),
                lines: windows_lines(&name, OUTBOUND, &outbound),
            },
        ]
    }
}

/// The two ends of a connection, as Windows names them in a rule.
#[derive(Clone, Copy)]
enum Side {
    Local,
    Remote,
}

/// One condition of a rule: on what, its value where there is one, and at which end.
type Condition = (&'static str, Option<String>, Side);

/// The directions of a rule, in the shell's words and in the prompt's.
const INBOUND: (&str, &str) = ("Inbound", "in");
const OUTBOUND: (&str, &str) = ("Outbound", "out");

fn windows_lines(
    name: &str,
    (direction, dir): (&str, &str),
    conditions: &[Condition],
) -> Vec<String> {
    let mut shell = format!(
        "New-NetFirewallRule -DisplayName \"{name}\" -Direction {direction} -Action Allow \
         -Protocol TCP"
    );
    let mut prompt = format!(
        "netsh advfirewall firewall add rule name=\"{name}\" dir={dir} action=allow protocol=TCP"
    );
    for (what, value, side) in conditions {
        let Some(value) = value else { continue };
        let (long, short) = match (*what, side) {
            ("address", Side::Remote) => (" -RemoteAddress ", " remoteip="),
            ("address", Side::Local) => (" -LocalAddress ", " localip="),
            (_, Side::Remote) => (" -RemotePort ", " remoteport="),
            (_, Side::Local) => (" -LocalPort ", " localport="),
        };
        shell.push_str(long);
        shell.push_str(value);
        prompt.push_str(short);
        prompt.push_str(value);
    }
    vec![shell, prompt]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completions() -> Flow {
        Flow {
            opener: "prod".into(),
            source: Some("10.0.2.2".into()),
            source_ports: Some((49152, 65535)),
            acceptor: "dev".into(),
            destination: "10.0.1.2".into(),
            port: 16101,
        }
    }

    #[test]
    fn a_rule_names_the_dynamic_range_and_one_configured_port() {
        let lines: Vec<String> = completions()
            .nftables()
            .into_iter()
            .flat_map(|lines| lines.lines)
            .collect();
        let rule = "ip saddr 10.0.2.2 ip daddr 10.0.1.2 tcp sport 49152-65535 tcp dport 16101 \
                    ct state new accept";
        let chains = ["input", "output", "forward"];
        let expected = chains.map(|chain| format!("nft insert rule inet filter {chain} {rule}"));
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_is_not_known_is_left_open() {
        let flow = Flow {
            source: None,
            source_ports: None,
            destination: "fd00::2".into(),
            ..completions()
        };
        let [input, ..] = flow.nftables();
        assert_eq!(
            input.lines,
            [
                "nft insert rule inet filter input ip6 daddr fd00::2 tcp dport 16101 ct state new \
              accept"
            ]
        );
        let [row, ..] = flow.rows();
        assert_eq!(row.source, "prod any port");
    }

    #[test]
    fn windows_takes_the_same_rule_in_its_own_words() {
        let [inbound, outbound] = completions().windows();
        assert_eq!(
            inbound.lines,
            [
                "New-NetFirewallRule -DisplayName \"portcullis prod to dev\" -Direction Inbound \
                 -Action Allow -Protocol TCP -RemoteAddress 10.0.2.2 -RemotePort 49152-65535 \
                 -LocalPort 16101",
                "netsh advfirewall firewall add rule name=\"portcullis prod to dev\" dir=in \
                 action=allow protocol=TCP remoteip=10.0.2.2 remoteport=49152-65535 \
                 localport=16101"
            ]
        );
        assert_eq!(
            outbound.lines[1],
            "netsh advfirewall firewall add rule name=\"portcullis prod to dev\" dir=out \
             action=allow protocol=TCP remoteip=10.0.1.2 remoteport=16101 localport=49152-65535"
        );
    }
}
