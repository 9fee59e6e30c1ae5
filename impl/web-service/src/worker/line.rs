//! One connection's stream with the timers that HTTP itself does not have.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use portcullis_net::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Timers;

/// How much of what a client still sends after an early answer is read, at most. The drain timer
/// is what usually ends it.
const DRAIN_OCTETS_MAX: usize = 256 << 20;

/// How much is read at once of what is thrown away.
const DRAIN_PIECE_OCTETS: usize = 16 << 10;

/// Where a connection stands: shared by its stream and by the exchanges on it.
#[derive(Clone, Debug)]
pub(super) struct Course(Arc<Mutex<Point>>);

/// What a connection waits for; without an instant, for ever.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// A head, which is complete by then: the first one, or one that has begun.
    Head {
        deadline: Option<Instant>,
        has_begun: bool,
    },
    /// The end of an exchange, which has timers of its own.
    Exchange,
    /// To know whether the next head has begun: the last answer has been made, and the client may
    /// have sent something behind its request.
    Answered { is_written: bool },
    /// The first octet of the next head, which comes by then.
    Idle { deadline: Option<Instant> },
}

impl Course {
    fn new(deadline: Option<Instant>) -> Self {
        let has_begun = false;
        Self(Arc::new(Mutex::new(Point::Head {
            deadline,
            has_begun,
        })))
    }

    /// A head has come: no timer of the connection runs until the exchange is over.
    pub(super) fn exchange_begins(&self) {
        *self.lock() = Point::Exchange;
    }

    /// The answer is on its way.
    pub(super) fn exchange_ends(&self) {
        *self.lock() = Point::Answered { is_written: false };
    }

    /// Whether nothing of a request has come since the last one was answered.
    pub(super) fn is_idle(&self) -> bool {
        match *self.lock() {
            Point::Head { has_begun, .. } => !has_begun,
            Point::Exchange | Point::Answered { .. } => false,
            Point::Idle { .. } => true,
        }
    }

    /// Octets have come. From accept the first head has one timer, whenever they begin to.
    fn octets_come(&self, head: Duration) {
        let mut point = self.lock();
        match &mut *point {
            Point::Head { has_begun, .. } => *has_begun = true,
            Point::Answered { .. } | Point::Idle { .. } => *point = begun(head),
            Point::Exchange => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Point> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A head that begins now.
fn begun(head: Duration) -> Point {
    Point::Head {
        deadline: Instant::now().checked_add(head),
        has_begun: true,
    }
}

/// A stream that gives up a client that takes too long over the head of a request or over reading
/// an answer, and that closes so that the client reads the answer and not a reset.
///
/// Who reads from it has read ahead when an exchange is over, and alone knows whether the client
/// has said something behind its request. So behind each answer the stream makes its reader stop,
/// with an error, and asks: see [`Line::go_on`].
pub(super) struct Line<S> {
    stream: S,
    timers: Timers,
    course: Course,
    /// What comes before anything from the stream: its last reader has left it.
    ahead: Bytes,
    /// Whether the reader was made to stop.
    is_paused: bool,
    /// Runs while a head is awaited, and while what follows an answer is thrown away.
    timer: Pin<Box<Sleep>>,
    /// Runs while the client does not read.
    stalled: Option<Pin<Box<Sleep>>>,
    head_is_late: bool,
    is_shut: bool,
    drained: usize,
}

impl<S: Connection> Line<S> {
    /// The stream of a connection whose first head is due at `deadline`.
    pub(super) fn new(stream: S, timers: Timers, deadline: Instant) -> Self {
        Self {
            stream,
            timers,
            course: Course::new(Some(deadline)),
            ahead: Bytes::new(),
            is_paused: false,
            timer: Box::pin(sleep_until(deadline)),
            stalled: None,
            head_is_late: false,
            is_shut: false,
            drained: 0,
        }
    }

    /// Where the connection stands.
    pub(super) const fn course(&self) -> &Course {
        &self.course
    }

    /// Whether a head that had begun was not complete in time.
    pub(super) const fn head_is_late(&self) -> bool {
        self.head_is_late
    }

    /// Whether reading goes on behind an answer, after a reader that has left `unread`: what the
    /// client has said behind its request, and when the next head is due, are known now.
    pub(super) fn go_on(&mut self, unread: Bytes) -> bool {
        if !std::mem::take(&mut self.is_paused) {
            return false;
        }
        *self.course.lock() = if unread.is_empty() {
            let deadline = Instant::now().checked_add(self.timers.keep_alive);
            Point::Idle { deadline }
        } else {
            begun(self.timers.head)
        };
        self.ahead = unread;
        true
    }

    /// Why nothing is read any more, if that is so: the reader is to stop behind an answer, or
    /// waiting for a head is over.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let (deadline, head_has_begun) = match *self.course.lock() {
            Point::Head {
                deadline,
                has_begun,
            } => (deadline, has_begun),
            Point::Idle { deadline } => (deadline, false),
            Point::Answered { is_written: true } => {
                self.is_paused = true;
                return Poll::Ready(io::ErrorKind::Interrupted.into());
            }
            Point::Answered { is_written: false } | Point::Exchange => (None, false),
        };
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.head_is_late = head_has_begun;
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    /// The result of a write, or that the client has not read for too long.
    fn unless_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let idle = self.timers.body_idle;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: Connection> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let count = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(read) => {
                if buf.filled().len() > before {
                    self.course.octets_come(self.timers.head);
                }
                Poll::Ready(read)
            }
            Poll::Pending => self.poll_end(cx).map(Err),
        }
    }
}

impl<S: Connection> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, octets);
        self.unless_stalled(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let (Poll::Ready(Ok(())), Point::Answered { is_written }) =
            (&flushed, &mut *self.course.lock())
        {
            *is_written = true;
        }
        self.unless_stalled(cx, flushed)
    }

    /// Ends this side's direction and throws away what still comes, until the client ends its own
    /// or the drain timer does. Closing with octets of the client unread would send an RST, and an
    /// RST may overtake the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.is_shut {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.is_shut = true;
            let end = Instant::now().checked_add(this.timers.drain);
            this.timer.as_mut().reset(end.unwrap_or_else(Instant::now));
        }
        let mut room = [MaybeUninit::uninit(); DRAIN_PIECE_OCTETS];
        while this.drained < DRAIN_OCTETS_MAX && this.timer.as_mut().poll(cx).is_pending() {
            let mut piece = ReadBuf::uninit(&mut room);
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece));
            if read.is_err() || piece.filled().is_empty() {
                break;
            }
            this.drained = this.drained.saturating_add(piece.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}
