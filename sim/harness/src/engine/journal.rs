//! The growing history of a run, and the handle with which a host adds to it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_reports::{Entry, Event, Fields, Source};

use super::digest::Digest;
use super::pattern::{Aliases, EventPattern};

/// Simulated time as the code that runs now sees it: nanoseconds since the start of the run.
///
/// The engine sets it before it polls anything; time cannot move while something is polled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn set(&self, now: Duration) {
        let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Adds to the history of the run on behalf of one host. Cheap to clone.
///
/// After the end of the run it drops what it is given, so that teardown leaves no trace.
#[derive(Clone)]
pub struct Recorder {
    journal: Arc<Journal>,
    clock: Clock,
    host: Arc<str>,
}

impl Recorder {
    pub(crate) const fn new(journal: Arc<Journal>, clock: Clock, host: Arc<str>) -> Self {
        Self {
            journal,
            clock,
            host,
        }
    }

    /// Records `event` as seen at this host now.
    pub fn record(&self, source: Source, event: Event) {
        self.journal.append(Entry {
            at: self.clock.now(),
            host: Cow::Owned(self.host.to_string()),
            source,
            event,
        });
    }

    /// Lets `name` stand for `value` in every later [`EventPattern`] of this run, and records that
    /// as an action, so that checks can read it from the history with [`Aliases::of`].
    pub fn alias(&self, name: &str, value: &str) {
        let fields = Fields::from([
            (Cow::Borrowed("alias"), name.to_owned()),
            (Cow::Borrowed("stands-for"), value.to_owned()),
        ]);
        let name = Cow::Borrowed(Aliases::ACTION);
        self.record(Source::Harness, Event::Action { name, fields });
    }

    /// Keeps a line of a key log (the format of `SSLKEYLOGFILE`) with the run, so that its capture
    /// can be read.
    pub fn secret(&self, line: &str) {
        self.journal.lock().secrets.insert(line.to_owned());
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({})", self.host)
    }
}

/// Room for the histories of most runs: growing means to move what is there.
const ENTRIES: usize = 1024;

/// The history under construction, its digest, and the triggers that wait for an event.
pub(crate) struct Journal {
    state: Mutex<JournalState>,
    /// How many entries there are, for who looks again and again without finding more.
    length: AtomicUsize,
}

struct JournalState {
    entries: Vec<Entry>,
    digest: Digest,
    aliases: Aliases,
    watches: BTreeMap<usize, Watch>,
    /// Steps whose event has happened, with the time at which they are due, in that order.
    triggered: Vec<(Duration, usize)>,
    /// Lines of the key log; both ends of a session tell the same.
    secrets: BTreeSet<String>,
    frozen: bool,
}

/// A step that waits for an event.
struct Watch {
    pattern: EventPattern,
    delay: Duration,
    seen: u32,
}

impl Journal {
    pub(crate) fn new() -> Self {
        let state = JournalState {
            entries: Vec::with_capacity(ENTRIES),
            digest: Digest::new(),
            aliases: Aliases::default(),
            watches: BTreeMap::new(),
            triggered: Vec::new(),
            secrets: BTreeSet::new(),
            frozen: false,
        };
        Self {
            state: Mutex::new(state),
            length: AtomicUsize::new(0),
        }
    }

    /// How many entries there are.
    pub(crate) fn length(&self) -> usize {
        self.length.load(Ordering::Acquire)
    }

    /// Makes `step` due `delay` after the entry that `pattern` names.
    pub(crate) fn watch(&self, step: usize, pattern: EventPattern, delay: Duration) {
        let watch = Watch {
            pattern,
            delay,
            seen: 0,
        };
        self.lock().watches.insert(step, watch);
    }

    pub(crate) fn append(&self, entry: Entry) {
        let mut state = self.lock();
        if state.frozen {
            return;
        }
        state.digest.entry(&entry);
        if let Event::Action { .. } = entry.event {
            state.aliases.note(&entry.event);
        }
        if !state.watches.is_empty() {
            state.trigger(&entry);
        }
        state.entries.push(entry);
        self.length.store(state.entries.len(), Ordering::Release);
    }

    /// The steps that entries have made due since the last call.
    pub(crate) fn take_triggered(&self) -> Vec<(Duration, usize)> {
        std::mem::take(&mut self.lock().triggered)
    }

    /// The steps whose event has not come.
    pub(crate) fn watching(&self) -> impl Iterator<Item = usize> {
        let waiting: Vec<usize> = self.lock().watches.keys().copied().collect();
        waiting.into_iter()
    }

    /// Runs `look` over the history so far when it has grown beyond `seen` entries, and says how
    /// many there are now.
    pub(crate) fn look(&self, seen: usize, look: impl FnOnce(&[Entry])) -> usize {
        if self.length() <= seen {
            return seen;
        }
        let state = self.lock();
        look(&state.entries);
        state.entries.len()
    }

    /// The secrets of the run's TLS sessions as a key log; empty when there were none.
    pub(crate) fn key_log(&self) -> String {
        let mut log = String::new();
        for line in &self.lock().secrets {
            log.push_str(line);
            log.push('\n');
        }
        log
    }

    /// Ends the history: takes it with its digest and drops whatever comes later.
    pub(crate) fn freeze(&self) -> (Vec<Entry>, Digest) {
        let mut state = self.lock();
        state.frozen = true;
        (std::mem::take(&mut state.entries), state.digest.clone())
    }

    fn lock(&self) -> MutexGuard<'_, JournalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JournalState {
    fn trigger(&mut self, entry: &Entry) {
        let Self {
            watches,
            aliases,
            triggered,
            ..
        } = self;
        watches.retain(|step, watch| {
            if watch.pattern.matches_with(entry, aliases) {
                watch.seen += 1;
            }
            let met = watch.seen >= watch.pattern.occurrence.max(1);
            if met {
                triggered.push((entry.at + watch.delay, *step));
            }
            !met
        });
    }
}
