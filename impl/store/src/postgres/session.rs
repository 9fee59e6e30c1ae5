//! One connection to the database: the store's rules as a transaction for each group of operations.

use std::slice;
use std::time::Duration;

use portcullis_net::{Host, Net};
use tokio::time::{Instant, timeout_at};
use tokio::try_join;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, NoTls};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::tables::{Rows, Tables};
use super::{PostgresConfig, PostgresOpenError, schema};
use crate::queue::{Answer, Question};
use crate::{Batch, Committed, Conflict, OPERATIONS_REMEMBERED, Revision, StoreError};

/// A connection that is set up; dropping it closes it.
pub(super) struct Session {
    tables: Tables,
    timeout: Duration,
    /// Something did not end in time, or its end is unknown: the session is not used again.
    is_given_up: bool,
    /// Ends the task that moves the connection's octets.
    _connection: DropGuard,
}

impl Session {
    /// Connects, makes the tables when they are missing, and checks them.
    pub(super) async fn open<N: Net>(
        host: &Host<N>,
        config: &PostgresConfig,
    ) -> Result<Self, PostgresOpenError> {
        let stream = host
            .net
            .connect(&config.server, config.port)
            .await
            .map_err(PostgresOpenError::Unreachable)?;
        let mut settings = tokio_postgres::Config::new();
        settings
            .application_name("portcullis")
            .dbname(&config.database)
            .user(&config.user)
            .ssl_mode(SslMode::Disable);
        if let Some(password) = &config.password {
            settings.password(password);
        }
        let (client, connection) = settings.connect_raw(stream, NoTls).await?;
        let end = CancellationToken::new();
        let guard = end.clone().drop_guard();
        host.spawner.spawn(async move {
            tokio::select! {
                biased;
                // First, so that it says goodbye when nothing is under way.
                ended = connection => drop(ended),
                () = end.cancelled() => {}
            }
        });
        schema::prepare(&client, config).await?;
        Ok(Self {
            tables: Tables::prepare(client).await?,
            timeout: config.timeout,
            is_given_up: false,
            _connection: guard,
        })
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_lost(&self) -> bool {
        self.is_given_up || self.tables.is_closed()
    }

    /// Answers `questions`, each with a result of its own.
    ///
    /// A failed statement undoes the transaction of all. Whose it was shows one by one.
    pub(super) async fn carry_out(
        &mut self,
        questions: &[Question],
    ) -> Vec<Result<Answer, StoreError>> {
        let mut results = Vec::new();
        match self.attempt(questions).await {
            Ok(answered) => results = answered,
            Err(_) if questions.len() > 1 && !self.is_lost() => {
                for question in questions {
                    match self.attempt(slice::from_ref(question)).await {
                        Ok(answered) => results.extend(answered),
                        Err(error) => results.push(Err(failed(question, &error))),
                    }
                }
            }
            Err(error) => {
                let failures = questions.iter().map(|question| failed(question, &error));
                results.extend(failures.map(Err));
            }
        }
        results
    }

    /// Answers `questions` in one transaction; an error concerns all of them.
    async fn attempt(
        &mut self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, StoreError>>, StoreError> {
        if self.is_lost() {
            return Err(StoreError::Unavailable);
        }
        let deadline = Instant::now() + self.timeout;
        let results = match timeout_at(deadline, self.step(questions)).await {
            Ok(Ok(results)) => results,
            Ok(Err(error)) => {
                let undo = self.tables.undo();
                self.is_given_up = !matches!(timeout_at(deadline, undo).await, Ok(Ok(())));
                return Err(before_commit(&error));
            }
            Err(_) => {
                self.is_given_up = true;
                return Err(StoreError::Unavailable);
            }
        };
        if take_turn(questions) {
            let commit = self.tables.commit();
            if !matches!(timeout_at(deadline, commit).await, Ok(Ok(()))) {
                self.is_given_up = true;
                return Err(StoreError::Unknown);
            }
        }
        Ok(results)
    }

    /// Everything before the commit.
    async fn step(&self, questions: &[Question]) -> Result<Vec<Result<Answer, StoreError>>, Error> {
        let first = if take_turn(questions) {
            self.tables.begin().await?
        } else {
            0
        };
        let mut last = first;
        let mut results = Vec::new();
        for question in questions {
            let answer = match question {
                Question::Commit(batch) => match self.apply(batch, last + 1).await? {
                    Ok(committed) => {
                        last = last.max(committed.revision.0.cast_signed());
                        Ok(Answer::Commit(committed))
                    }
                    Err(conflict) => Err(StoreError::Refused(conflict)),
                },
                Question::Outcome(operation) => {
                    let known = self.tables.remembered(operation).await?;
                    Ok(Answer::Outcome(known.map(|known| known.committed)))
                }
                Question::Read { table, key } => {
                    Ok(Answer::Read(self.tables.read(table, key).await?))
                }
                Question::Scan { table } => Ok(Answer::Scan(self.tables.scan(table).await?)),
                Question::Count { table } => Ok(Answer::Count(self.tables.count(table).await?)),
            };
            results.push(answer);
        }
        if last > first {
            let forgotten = last.saturating_sub_unsigned(OPERATIONS_REMEMBERED);
            try_join!(self.tables.advance(last), self.tables.forget(forgotten))?;
        }
        Ok(results)
    }

    /// Carries out `batch` as the commit `next`; a refused or repeated one has written nothing.
    async fn apply(&self, batch: &Batch, next: i64) -> Result<Result<Committed, Conflict>, Error> {
        let tables = &self.tables;
        let (remembered, found) = try_join!(
            tables.remembered(batch.operation()),
            tables.revisions(batch)
        )?;
        match batch.judge(remembered, &found) {
            Ok(None) => {}
            Ok(Some(committed)) => return Ok(Ok(committed)),
            Err(conflict) => return Ok(Err(conflict)),
        }
        let (puts, deletions) = Rows::changed(batch);
        try_join!(
            tables.put(&puts, next),
            tables.delete(&deletions),
            tables.remember(batch, next),
        )?;
        let revision = Revision(next.cast_unsigned());
        Ok(Ok(Committed { revision }))
    }
}

/// Whether one of the questions waits for the transactions before it. An outcome does: what is in
/// doubt may be one of them.
fn take_turn(questions: &[Question]) -> bool {
    questions.iter().any(|question| match question {
        Question::Commit(_) | Question::Outcome(_) => true,
        Question::Read { .. } | Question::Scan { .. } | Question::Count { .. } => false,
    })
}

/// What a failure of the whole transaction means for one of its questions.
fn failed(question: &Question, error: &StoreError) -> StoreError {
    if *error == StoreError::Unknown {
        question.unanswered()
    } else {
        error.clone()
    }
}

/// What a failed statement means: the transaction is undone.
fn before_commit(error: &Error) -> StoreError {
    if error.code() == Some(&SqlState::DISK_FULL) {
        StoreError::Full
    } else {
        StoreError::Unavailable
    }
}
