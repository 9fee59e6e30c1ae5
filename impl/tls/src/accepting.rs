//! The acceptor's handshake, and what follows when it fails.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use portcullis_net::Connection;
use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::{FallibleAccept, TlsStream};

use crate::failure::classified;

/// How much of what a refused client has sent is still read, so that the reason reaches it.
const UNREAD_MAX: usize = 1024 * 1024;

/// An accepted connection before its handshake is complete.
pub(crate) struct Accepting<C> {
    step: Step<C>,
    /// Bounds everything here.
    timer: Pin<Box<Sleep>>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "the usual one is the large one, and all of it is boxed"
)]
enum Step<C> {
    Handshake(FallibleAccept<C>),
    /// The alert has been sent. Closing now, with octets of the client unread, would send an RST,
    /// which may overtake the alert; so this side ends first and reads on until the client does.
    Refusing {
        stream: C,
        error: Option<io::Error>,
        is_shut: bool,
        unread: usize,
    },
}

impl<C: Connection> Accepting<C> {
    /// A handshake that may take as long as `timer` from now.
    pub(crate) fn new(stream: C, acceptor: &TlsAcceptor, timer: Duration) -> Self {
        Self {
            step: Step::Handshake(acceptor.accept(stream).into_fallible()),
            timer: Box::pin(sleep(timer)),
        }
    }

    /// Ends with the session, or with why there is none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TlsStream<C>>> {
        if let Step::Handshake(handshake) = &mut self.step
            && let Poll::Ready(done) = Pin::new(handshake).poll(cx)
        {
            match done {
                Ok(session) => return Poll::Ready(Ok(session)),
                Err((error, stream)) => {
                    self.step = Step::Refusing {
                        stream,
                        error: Some(classified(error)),
                        is_shut: false,
                        unread: 0,
                    };
                }
            }
        }
        if let Step::Refusing { error, .. } = &mut self.step {
            let why = error.as_ref().map(io::Error::kind);
            if self.poll_refused(cx).is_ready() || self.timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(self.take_error(why)));
            }
            return Poll::Pending;
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn take_error(&mut self, kind: Option<io::ErrorKind>) -> io::Error {
        let kept = match &mut self.step {
            Step::Refusing { error, .. } => error.take(),
            Step::Handshake(_) => None,
        };
        kept.unwrap_or_else(|| kind.unwrap_or(io::ErrorKind::NotConnected).into())
    }

    /// Ends this side's direction and waits for the end of the other, or for enough.
    fn poll_refused(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Step::Refusing {
            stream,
            is_shut,
            unread,
            ..
        } = &mut self.step
        else {
            return Poll::Ready(());
        };
        if !*is_shut {
            if ready!(Pin::new(&mut *stream).poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            *is_shut = true;
        }
        let mut room = [0; 4096];
        while *unread < UNREAD_MAX {
            let mut buf = ReadBuf::new(&mut room);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
            *unread = unread.saturating_add(buf.filled().len());
        }
        Poll::Ready(())
    }
}
