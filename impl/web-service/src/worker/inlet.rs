//! The body of a request, piece by piece.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

/// A body that arrives.
#[derive(Debug)]
pub(super) struct Inlet {
    body: Incoming,
    is_read: bool,
}

/// Why a body did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The client took too long.
    TimedOut,
    /// The connection ended, or what came is no body.
    Lost,
}

impl Inlet {
    pub(super) fn new(body: Incoming) -> Self {
        let is_read = body.is_end_stream();
        Self { body, is_read }
    }

    /// How long the client says that it is.
    pub(super) fn declared(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Whether all of it has been read, so that another request may follow.
    pub(super) fn is_read(&self) -> bool {
        self.is_read || self.body.is_end_stream()
    }

    /// The next piece, if it comes within `idle`; `None` at the end. The first call tells a client
    /// that waits for it to go on.
    pub(super) async fn piece(&mut self, idle: Duration) -> Result<Option<Bytes>, Cut> {
        loop {
            match timeout(idle, self.body.frame()).await {
                Err(_) => return Err(Cut::TimedOut),
                Ok(Some(Err(_))) => return Err(Cut::Lost),
                Ok(None) => {
                    self.is_read = true;
                    return Ok(None);
                }
                // What is no data is a trailer, which says nothing here.
                Ok(Some(Ok(frame))) => {
                    if let Ok(octets) = frame.into_data() {
                        return Ok(Some(octets));
                    }
                }
            }
        }
    }
}
