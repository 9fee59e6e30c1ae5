//! Requests as octets, as callers of simulated farms write them.

use portcullis_web_service::codec::{self, SoapVersion};
use portcullis_web_service::config::Account;
use portcullis_web_service::message::{Request, SERVICE_PATH, UPLOAD_PATH, UploadTarget};

use super::credentials;

/// Whom a request goes to, and who asks.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// The host.
    pub(super) host: String,
    /// The port of its Central Administration.
    pub(super) port: u16,
    /// What the caller shows.
    pub(super) account: Option<Account>,
}

impl Address {
    fn head(&self, target: &str, fields: &[(&str, &str)], length: usize) -> String {
        let mut head = format!("POST {target} HTTP/1.1\r\nHost: {}:{}\r\n", self.host, self.port);
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(account) = &self.account {
            head.push_str(&format!("Authorization: {}\r\n", credentials::basic(account)));
        }
        head.push_str(&format!("Content-Length: {length}\r\nConnection: close\r\n\r\n"));
        head
    }
}

/// A call of an operation.
pub(super) fn call(address: &Address, version: SoapVersion, request: &Request) -> Vec<u8> {
    let envelope = codec::write_request(version, request);
    let action = request.operation().soap_action();
    let (plain, full) = (
        "text/xml; charset=utf-8".to_owned(),
        format!("application/soap+xml; charset=utf-8; action=\"{action}\""),
    );
    let quoted = format!("\"{action}\"");
    let fields: &[(&str, &str)] = match version {
        SoapVersion::V11 => &[("Content-Type", &plain), ("SOAPAction", &quoted)],
        SoapVersion::V12 => &[("Content-Type", &full)],
    };
    let mut octets = address.head(SERVICE_PATH, fields, envelope.len()).into_bytes();
    octets.extend_from_slice(envelope.as_bytes());
    octets
}

/// An upload of `content`; the values of its query in quotes where `manner` says so.
pub(super) fn upload(
    address: &Address,
    target: &UploadTarget,
    content: &[u8],
    manner: Quotes,
) -> Vec<u8> {
    let bare = codec::write_upload_query(target);
    let query = match manner {
        Quotes::None => bare,
        // CD-42: in quotes, which are sent as %22.
        Quotes::Around => {
            let pairs = bare.split('&').filter_map(|pair| pair.split_once('='));
            let quoted = pairs.map(|(name, value)| format!("{name}=%22{value}%22"));
            quoted.collect::<Vec<_>>().join("&")
        }
    };
    let kind = [("Content-Type", "application/octet-stream")];
    let target = format!("{UPLOAD_PATH}?{query}");
    let mut octets = address.head(&target, &kind, content.len()).into_bytes();
    octets.extend_from_slice(content);
    octets
}

/// Whether the values of a query stand in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// They stand bare.
    None,
    /// They do.
    Around,
}
