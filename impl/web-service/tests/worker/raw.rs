//! A client that says exactly what it is told.

use std::net::Ipv4Addr;
use std::time::Duration;

use portcullis_net::{Net as _, TokioNet, TokioStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a connection, if it is accepted.
pub(crate) async fn try_connect(port: u16) -> std::io::Result<TokioStream> {
    let net = TokioNet::new(Ipv4Addr::LOCALHOST.into());
    net.connect("127.0.0.1", port).await
}

/// A raw connection.
pub(crate) struct Client {
    pub(crate) stream: TokioStream,
    /// What came behind the last answer.
    heard: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(port: u16) -> Self {
        let stream = try_connect(port).await;
        Self {
            stream: stream.unwrap(),
            heard: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        let sending = self.stream.write_all(octets.as_ref());
        timeout(PATIENCE, sending).await.unwrap().unwrap();
    }

    /// Everything until the server ends its direction; a reset is a failure.
    pub(crate) async fn rest(&mut self) -> String {
        let reading = self.stream.read_to_end(&mut self.heard);
        timeout(PATIENCE, reading).await.unwrap().unwrap();
        String::from_utf8(std::mem::take(&mut self.heard)).unwrap()
    }

    /// One answer with its body, on a connection that may stay open.
    pub(crate) async fn answer(&mut self) -> String {
        loop {
            if let Some(end) = self.end_of_answer() {
                let rest = self.heard.split_off(end);
                let answer = std::mem::replace(&mut self.heard, rest);
                return String::from_utf8(answer).unwrap();
            }
            let reading = self.stream.read_buf(&mut self.heard);
            let read = timeout(PATIENCE, reading).await.unwrap().unwrap();
            assert!(
                read > 0,
                "no answer, only {:?}",
                String::from_utf8_lossy(&self.heard)
            );
        }
    }

    fn end_of_answer(&self) -> Option<usize> {
        let head_end = self.heard.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&self.heard[..head_end]).to_lowercase();
        let field = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = field.map_or(0, |length| length.parse().unwrap());
        (self.heard.len() >= head_end + length).then_some(head_end + length)
    }
}

/// The status line of an answer.
pub(crate) fn status(answer: &str) -> &str {
    answer.lines().next().unwrap_or_default()
}

/// The value of a field of an answer.
pub(crate) fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().skip(1).find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// The body of an answer.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
