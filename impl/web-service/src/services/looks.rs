//! How often a loop looks at the databases: at most once an interval, and not in vain where a
//! database tells of its commits.

use std::future::Future;
use std::time::Duration;

use portcullis_store::{CommitWatch, Store};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Services, Unanswered};
use crate::records::{Database, Kept};

/// What makes another look worth while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Time alone may.
    Soon,
    /// A commit to one of the tables, and nothing else.
    WhenChanged,
}

/// The rests of one loop between its looks.
///
/// Whether databases tell of commits or not, looks happen at whole intervals after the one before:
/// those that would find nothing new are left out.
#[derive(Debug)]
pub(crate) struct Looks {
    interval: Duration,
    /// How long after a look that a database did not answer.
    retry: Duration,
    configuration: Watched,
    content: Watched,
}

/// The tables of one database.
#[derive(Debug)]
struct Watched {
    commits: Option<CommitWatch>,
    tables: Vec<&'static str>,
    seen: u64,
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the services"
)]
impl<S: Store> Services<S> {
    /// The rests of a loop that looks every `interval` at most, at tables that are yet to be named.
    pub(crate) fn looks(&self, interval: Duration) -> Looks {
        let watched = |database| Watched {
            commits: self.store(database).watch(),
            tables: Vec::new(),
            seen: 0,
        };
        Looks {
            interval: interval.max(Duration::from_millis(1)),
            retry: self.config.timers.database_retry,
            configuration: watched(Database::Configuration),
            content: watched(Database::Content),
        }
    }
}

impl Looks {
    /// The same with the table of `R`. What is committed from here on is not overslept.
    pub(crate) fn at<R: Kept>(mut self) -> Self {
        let watched = match R::DATABASE {
            Database::Configuration => &mut self.configuration,
            Database::Content => &mut self.content,
        };
        watched.tables.push(R::TABLE);
        watched.note();
        self
    }

    /// Rests after a look of that outcome until it is time for another one.
    pub(crate) async fn rest_after(
        &mut self,
        look: Result<Again, Unanswered>,
        nudge: impl Future<Output = ()>,
    ) {
        match look {
            Ok(again) => self.rest(again, nudge).await,
            Err(Unanswered) => sleep(self.retry).await,
        }
    }

    /// Returns when it is time for another look, which `nudge` makes worth while, too.
    pub(crate) async fn rest(&mut self, again: Again, nudge: impl Future<Output = ()>) {
        let sees_all = self.configuration.is_told() && self.content.is_told();
        if again == Again::Soon || !sees_all {
            sleep(self.interval).await;
        } else {
            let began = Instant::now();
            tokio::select! {
                biased;
                () = self.configuration.changed() => {}
                () = self.content.changed() => {}
                () = nudge => {}
            }
            sleep_until(next_look(began, Instant::now(), self.interval)).await;
        }
        self.configuration.note();
        self.content.note();
    }
}

/// The end of the interval in which `now` is, counted from `began`.
fn next_look(began: Instant, now: Instant, interval: Duration) -> Instant {
    let passed = now.saturating_duration_since(began).as_nanos();
    let into_interval = passed.checked_rem(interval.as_nanos()).unwrap_or(0);
    let into_interval = Duration::from_nanos(u64::try_from(into_interval).unwrap_or(0));
    let rest = interval.saturating_sub(into_interval);
    now.checked_add(rest).unwrap_or(now)
}

impl Watched {
    /// Whether nothing happens to the tables that is not told.
    const fn is_told(&self) -> bool {
        self.commits.is_some() || self.tables.is_empty()
    }

    /// Notes what has been committed: a look that comes now sees it.
    fn note(&mut self) {
        if let Some(commits) = &self.commits {
            self.seen = commits.count(&self.tables);
        }
    }

    /// Returns when there is more than was noted; never where nothing is watched.
    async fn changed(&mut self) {
        match &mut self.commits {
            Some(commits) if !self.tables.is_empty() => {
                commits.changed(&self.tables, self.seen).await;
            }
            Some(_) | None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_net::{Randomness, Spawner};
    use portcullis_store::{Batch, Disk, OperationId, Record, SimStore};

    use super::*;
    use crate::message::Guid;
    use crate::records::{CancelRequest, Removal};

    const INTERVAL: Duration = Duration::from_secs(10);
    const RETRY: Duration = Duration::from_secs(3);

    fn store() -> SimStore {
        let disk = Disk::new(&Randomness::from_seed(1), Duration::from_millis(1));
        SimStore::open(&disk, &Spawner::tokio())
    }

    /// The rests of a loop that looks at cancel requests in a database that tells of its commits.
    fn looks(commits: Option<CommitWatch>) -> Looks {
        let watched = |commits| Watched {
            commits,
            tables: Vec::new(),
            seen: 0,
        };
        let looks = Looks {
            interval: INTERVAL,
            retry: RETRY,
            configuration: watched(commits.clone()),
            content: watched(commits),
        };
        looks.at::<CancelRequest>()
    }

    async fn commit<R: Record>(store: &SimStore, record: &R) {
        let batch = Batch::new(OperationId::new(R::TABLE)).put(record);
        store.commit(batch.unwrap()).await.unwrap();
    }

    /// How long a rest lasts while `meanwhile` happens; none if it does not end in an hour.
    async fn rested(
        looks: &mut Looks,
        again: Again,
        nudge: impl Future<Output = ()>,
        meanwhile: impl Future<Output = ()>,
    ) -> Option<Duration> {
        let began = Instant::now();
        let rest = async {
            tokio::join!(looks.rest(again, nudge), meanwhile);
        };
        let rest = tokio::time::timeout(Duration::from_secs(3600), rest);
        rest.await.ok().map(|()| began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_comes_at_a_whole_interval_after_a_commit_to_its_tables_only() {
        use std::future::pending;
        let store = store();
        let mut looks = looks(store.watch());
        let request = CancelRequest { job: Guid::NIL };
        let removal = Removal { job: Guid::NIL };
        let after = |seconds| sleep(Duration::from_secs(seconds));
        let idle = rested(&mut looks, Again::WhenChanged, pending(), async {
            after(25).await;
            commit(&store, &removal).await;
        });
        assert_eq!(idle.await, None);
        let told = rested(&mut looks, Again::WhenChanged, pending(), async {
            after(25).await;
            commit(&store, &request).await;
        });
        assert_eq!(told.await, Some(Duration::from_secs(30)));
        // That commit is not told of again.
        let idle = rested(&mut looks, Again::WhenChanged, pending(), async {});
        assert_eq!(idle.await, None);
        let nudged = rested(&mut looks, Again::WhenChanged, after(61), async {});
        assert_eq!(nudged.await, Some(Duration::from_secs(70)));
        let soon = rested(&mut looks, Again::Soon, pending(), async {});
        assert_eq!(soon.await, Some(INTERVAL));
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_is_told_every_interval_has_its_look() {
        let (mut looks, never) = (looks(None), std::future::pending());
        let rest = rested(&mut looks, Again::WhenChanged, never, async {});
        assert_eq!(rest.await, Some(INTERVAL));
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_is_closed_is_looked_at() {
        let store = store();
        let mut looks = looks(store.watch());
        store.close().await.unwrap();
        let never = std::future::pending();
        let rest = rested(&mut looks, Again::WhenChanged, never, async {});
        assert_eq!(rest.await, Some(INTERVAL));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_without_an_answer_is_repeated_after_a_time_of_its_own() {
        let (mut looks, began) = (looks(store().watch()), Instant::now());
        let never = std::future::pending();
        looks.rest_after(Err(Unanswered), never).await;
        assert_eq!(began.elapsed(), RETRY);
    }

    #[test]
    fn looks_stay_at_whole_intervals() {
        let began = Instant::now();
        let after = |seconds| began.checked_add(Duration::from_secs(seconds)).unwrap();
        let next = |seconds| next_look(began, after(seconds), INTERVAL);
        assert_eq!(next(0), after(10));
        assert_eq!(next(9), after(10));
        assert_eq!(next(10), after(20));
        assert_eq!(next(601), after(610));
    }
}
