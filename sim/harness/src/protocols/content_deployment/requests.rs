//! Whom callers of simulated farms ask, and uploads as octets.

use portcullis_net::Host;
use portcullis_web_service::client::{FarmAddress, FarmClient, Terms};
use portcullis_web_service::codec;
use portcullis_web_service::message::{UPLOAD_PATH, UploadTarget};

use super::credentials::{self, Credentials};
use crate::engine::{Node, SecuredNet};

/// Whom a request goes to, and how it is put.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// Where its Central Administration is.
    pub(super) farm: FarmAddress,
    /// What the caller shows, and in which SOAP it speaks.
    pub(super) terms: Terms,
    /// The caller's certificate, where any farm speaks TLS.
    pub(super) identity: Option<Credentials>,
}

impl Address {
    /// A client on the host of `node`.
    pub(super) fn client(&self, node: &Node) -> FarmClient<SecuredNet> {
        FarmClient::new(self.host(node), self.farm.clone(), self.terms.clone())
    }

    /// The host of `node` as the farm is to see it.
    pub(super) fn host(&self, node: &Node) -> Host<SecuredNet> {
        credentials::secured(node, self.identity.as_ref())
            .expect("certificates that follow from the seed are good")
    }

    fn head(&self, target: &str, length: usize) -> String {
        let host = self.farm.authority();
        let account = self.terms.account.as_ref();
        let credentials = account.map(|account| {
            let shown = credentials::basic(account);
            format!("Authorization: {shown}\r\n")
        });
        format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\n{}\
             Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n",
            credentials.unwrap_or_default()
        )
    }
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
    let target = format!("{UPLOAD_PATH}?{query}");
    let mut octets = address.head(&target, content.len()).into_bytes();
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
