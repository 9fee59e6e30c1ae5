//! What crosses the network between a store's handle and its host: JSON in frames of a length of
//! four octets, most significant first.
//!
//! The client says [`Hello`] once and then asks; each question has a number of its own on the
//! connection, and its answer bears it. Answers may come in another order than questions.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use crate::queue::{Answer, Question};
use crate::{Conflict, StoreError};

/// The longest frame, in octets: a scan of a large table. A longer one is neither sent nor read.
const FRAME_OCTETS_MAX: usize = 64 * 1024 * 1024;

/// The first frame of a connection.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The client's ends of the connections that it has lost: nothing on them counts any more.
    pub(super) superseded: Vec<SocketAddr>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) number: u64,
    pub(super) question: Question,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) number: u64,
    pub(super) result: Result<Answer, Failure>,
}

/// The errors of a store's host. The others are found by who reads or writes a record: the client.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Refused(Conflict),
    Unknown,
    Unavailable,
    Full,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(conflict) => Self::Refused(conflict),
            StoreError::Unknown => Self::Unknown,
            StoreError::Full => Self::Full,
            StoreError::Unavailable
            | StoreError::NewerSchema { .. }
            | StoreError::Damaged { .. }
            | StoreError::Unencodable { .. } => Self::Unavailable,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(conflict) => Self::Refused(conflict),
            Failure::Unknown => Self::Unknown,
            Failure::Unavailable => Self::Unavailable,
            Failure::Full => Self::Full,
        }
    }
}

pub(super) type Receiver<S> = FramedRead<ReadHalf<S>, LengthDelimitedCodec>;
pub(super) type Sender<S> = FramedWrite<WriteHalf<S>, LengthDelimitedCodec>;

/// The two ends of a connection, which work at the same time.
pub(super) fn ends<S: AsyncRead + AsyncWrite>(stream: S) -> (Receiver<S>, Sender<S>) {
    let (reader, writer) = tokio::io::split(stream);
    let codec = LengthDelimitedCodec::builder()
        .length_field_length(4)
        .max_frame_length(FRAME_OCTETS_MAX)
        .new_codec();
    (
        FramedRead::new(reader, codec.clone()),
        FramedWrite::new(writer, codec),
    )
}

/// Has the network take what is fed to `sender`.
pub(super) async fn flush<S: AsyncWrite>(sender: &mut Sender<S>) -> io::Result<()> {
    futures_util::SinkExt::<Bytes>::flush(sender).await
}

pub(super) fn encode(message: &impl Serialize) -> io::Result<Bytes> {
    let octets = serde_json::to_vec(message)?;
    if octets.len() > FRAME_OCTETS_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(octets.into())
}

pub(super) fn decode<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(frame)?)
}
