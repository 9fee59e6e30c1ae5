//! A rogue's HTTP: one request a connection.

use std::future::pending;

use httparse::{EMPTY_HEADER, Request};
use portcullis_net::{Listener, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::operations;
use super::player::Player;
use super::{Rogue, uploads};
use crate::engine::SimStream;
use crate::protocols::content_deployment::credentials;
use crate::protocols::content_deployment::decoder::framing::{Found, Framing, Side, Stream};
use crate::protocols::content_deployment::decoder::{HEADERS_MAX, framing_of, header_of};

/// A request as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    target: String,
    authorization: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) action: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    /// What stands behind the question mark; empty when nothing does.
    pub(super) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    fn is_upload(&self) -> bool {
        self.target.contains("DeploymentUpload")
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) media: &'static str,
    pub(super) body: String,
}

impl Reply {
    /// An answer without a body.
    pub(super) fn bare(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    fn octets(&self) -> Vec<u8> {
        let (status, length) = (self.status, self.body.len());
        let media = match self.media {
            "" => String::new(),
            media => format!("Content-Type: {media}\r\n"),
        };
        let head = format!(
            "HTTP/1.1 {status} -\r\n{media}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        [head.as_bytes(), self.body.as_bytes()].concat()
    }
}

impl Side for Asked {
    fn head(&mut self, head: &[u8]) -> Result<Framing, &'static str> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut request = Request::new(&mut headers);
        request.parse(head).map_err(|_| "request-head")?;
        let text = |name| header_of(request.headers, name).map(str::to_owned);
        self.target = request.path.unwrap_or_default().to_owned();
        self.authorization = text("authorization");
        self.content_type = text("content-type");
        self.action = text("soapaction");
        Ok(framing_of(request.headers)?.unwrap_or(Framing::Length(0)))
    }

    fn body(&mut self, octets: &[u8]) {
        self.body.extend_from_slice(octets);
    }
}

/// Listens at the server's port, for as long as the host is up.
pub(super) async fn open(player: Player) {
    let Ok(mut listener) = player.node.host.net.bind(player.part.server.port).await else {
        return;
    };
    while let Ok((stream, _)) = listener.accept().await {
        let guest = player.clone();
        player.spawn(async move {
            // Who is cut off is not answered.
            drop(attend(&guest, stream).await);
        });
    }
    pending::<()>().await;
}

async fn attend(player: &Player, mut stream: SimStream) -> std::io::Result<()> {
    let (mut reading, mut asked) = (Stream::default(), Asked::default());
    let mut buffer = [0; 16 << 10];
    let (mut is_whole, mut is_begun) = (false, false);
    while !is_whole {
        let count = stream.read(&mut buffer).await?;
        let mut octets = buffer.get(..count).unwrap_or_default();
        if octets.is_empty() {
            return Ok(());
        }
        while !octets.is_empty() {
            match reading.take(&mut octets, &mut asked) {
                Found::Nothing => {}
                Found::Message(_) => is_whole = true,
                Found::Lost(..) => return stream.write_all(&Reply::bare(400).octets()).await,
            }
        }
        if !is_begun && asked.is_upload() {
            is_begun = true;
            uploads::begun(player, &asked);
        }
    }
    let reply = match &player.part.server.account {
        Some(account)
            if asked.authorization != Some(credentials::basic(account))
                && !player.does(Rogue::LetsAnybodyIn) =>
        {
            Reply::bare(401)
        }
        _ if asked.is_upload() => uploads::take(player, &asked).await,
        _ => operations::answer(player, &asked).await,
    };
    stream.write_all(&reply.octets()).await?;
    stream.shutdown().await
}
