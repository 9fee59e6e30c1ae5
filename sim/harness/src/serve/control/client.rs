//! The caller's end of the control channel.

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::state_directory::StateDirectory;
use super::{LINE_OCTETS_MAX, Letter};

/// How long the owner may take to open its channel after it has locked the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before looking for the owner again.
const PAUSE: Duration = Duration::from_millis(50);

/// Why the owner could not be asked.
#[derive(Debug, Error)]
pub(in crate::serve) enum ControlError {
    /// Nobody has left the way to a control channel, or nobody answers there.
    #[error("nobody answers for this state directory")]
    Absent(#[source] io::Error),
    /// The owner ended the connection.
    #[error("the process that owns the store did not answer")]
    Broken(#[source] io::Error),
    /// It said something that is not an answer.
    #[error("the answer of the process that owns the store cannot be read")]
    NoAnswer(#[source] serde_json::Error),
}

/// One conversation with the owner of the store.
#[derive(Debug)]
pub(in crate::serve) struct Client {
    stream: BufReader<Take<TcpStream>>,
}

impl Client {
    /// Opens a connection to the process that owns `directory`, and asks.
    pub(in crate::serve) async fn ask(
        directory: &StateDirectory,
        ask: &(impl Serialize + Sync),
    ) -> Result<Self, ControlError> {
        match timeout(PATIENCE, find(directory)).await {
            Ok(found) => Self::put(found, ask).await,
            // The last look tells why.
            Err(_) => Self::ask_now(directory, ask).await,
        }
    }

    /// The same without waiting for an owner that is not there.
    pub(in crate::serve) async fn ask_now(
        directory: &StateDirectory,
        ask: &(impl Serialize + Sync),
    ) -> Result<Self, ControlError> {
        let found = look(directory).await.map_err(ControlError::Absent)?;
        Self::put(found, ask).await
    }

    async fn put(
        (mut stream, token): (TcpStream, String),
        ask: &(impl Serialize + Sync),
    ) -> Result<Self, ControlError> {
        let letter = Letter { token, ask };
        let mut line = serde_json::to_vec(&letter).map_err(|e| ControlError::Broken(e.into()))?;
        line.push(b'\n');
        stream
            .write_all(&line)
            .await
            .map_err(ControlError::Broken)?;
        Ok(Self {
            stream: BufReader::new(stream.take(0)),
        })
    }

    /// The next answer; none after the last one.
    pub(in crate::serve) async fn next_answer<A: DeserializeOwned>(
        &mut self,
    ) -> Result<Option<A>, ControlError> {
        self.stream.get_mut().set_limit(LINE_OCTETS_MAX as u64);
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await;
        match read.map_err(ControlError::Broken)? {
            0 => Ok(None),
            _ => serde_json::from_str(&line).map_err(ControlError::NoAnswer),
        }
    }
}

/// Looks for the owner until it is there.
async fn find(directory: &StateDirectory) -> (TcpStream, String) {
    loop {
        match look(directory).await {
            Ok(found) => return found,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn look(directory: &StateDirectory) -> io::Result<(TcpStream, String)> {
    let address = directory.announced()?;
    let stream = TcpStream::connect(("127.0.0.1", address.port)).await?;
    Ok((stream, address.token))
}
