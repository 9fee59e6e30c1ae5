//! The way between two ends of a connection, on which a message can get lost or stuck.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

/// What is wrong on the way; nothing at first.
#[derive(Clone, Default)]
pub(crate) struct Way(Arc<Mutex<Faults>>);

#[derive(Default)]
struct Faults {
    lost: Option<String>,
    stuck: Option<(String, Stuck)>,
}

/// A message that does not get on.
#[derive(Clone, Default)]
pub(crate) struct Stuck {
    /// Rings when the message has got stuck.
    pub(crate) is_stuck: Arc<Notify>,
    /// Ring it to let the message go.
    pub(crate) release: Arc<Notify>,
}

impl Way {
    /// The answer to the next message with `words` is lost, and the connection with it.
    pub(crate) fn lose_answer_to(&self, words: &str) {
        self.lock().lost = Some(words.to_owned());
    }

    /// The next message with `words`, and what follows it, waits until it is released.
    pub(crate) fn hold_up(&self, words: &str) -> Stuck {
        let stuck = Stuck::default();
        self.lock().stuck = Some((words.to_owned(), stuck.clone()));
        stuck
    }

    /// Moves octets until one end closes the connection.
    pub(crate) async fn relay(
        self,
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        mut server: impl AsyncRead + AsyncWrite + Unpin,
    ) {
        let (mut said, mut answered) = ([0; 8192], [0; 8192]);
        let mut loses_answer = false;
        loop {
            tokio::select! {
                biased;
                count = client.read(&mut said) => {
                    let Ok(count @ 1..) = count else { return };
                    let text = String::from_utf8_lossy(&said[..count]).into_owned();
                    loses_answer |= self.loses(&text);
                    if let Some(stuck) = self.holds_up(&text) {
                        stuck.is_stuck.notify_one();
                        stuck.release.notified().await;
                    }
                    if server.write_all(&said[..count]).await.is_err() {
                        return;
                    }
                }
                count = server.read(&mut answered) => {
                    let Ok(count @ 1..) = count else { return };
                    if loses_answer || client.write_all(&answered[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn loses(&self, text: &str) -> bool {
        let lost = &mut self.lock().lost;
        lost.take_if(|words| text.contains(words.as_str()))
            .is_some()
    }

    fn holds_up(&self, text: &str) -> Option<Stuck> {
        let stuck = &mut self.lock().stuck;
        let (_, stuck) = stuck.take_if(|(words, _)| text.contains(words.as_str()))?;
        Some(stuck)
    }

    fn lock(&self) -> MutexGuard<'_, Faults> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
