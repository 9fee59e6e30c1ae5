//! The body of an upload.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// A body of known length whose pieces come over a channel.
pub(super) struct Parcel {
    pieces: mpsc::Receiver<Bytes>,
    left: u64,
}

impl Parcel {
    /// A body of `octets` octets, and where its pieces are put in.
    pub(super) fn new(octets: u64) -> (mpsc::Sender<Bytes>, Self) {
        let (put, pieces) = mpsc::channel(1);
        let left = octets;
        (put, Self { pieces, left })
    }
}

impl Body for Parcel {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let Some(piece) = ready!(self.pieces.poll_recv(cx)) else {
            // The source ended early: the connection has to end too, or the farm would wait.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        };
        let octets = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(octets);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
