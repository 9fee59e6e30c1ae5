//! Random operations over few rows, and what a store answers to them.

use portcullis_store::{Batch, Committed, OperationId, Revision, Row, Store, StoreError};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::rules::{Task, task};

/// One step, over few keys and operations, so that they meet.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Commit(Batch),
    Outcome(OperationId),
    Read(String),
    Scan,
    Count,
}

/// What a store answered.
#[derive(Debug, PartialEq)]
pub(crate) enum Answered {
    Commit(Result<Committed, StoreError>),
    Outcome(Result<Option<Committed>, StoreError>),
    Read(Result<Option<Row>, StoreError>),
    Scan(Result<Vec<Row>, StoreError>),
    Count(Result<u64, StoreError>),
}

#[derive(Clone, Debug)]
enum Piece {
    Put(String),
    Delete,
    ExpectAbsent,
    ExpectRevision(u64),
}

fn key() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => proptest::sample::select(vec!["x", "y"]).prop_map(|s| Piece::Put(s.to_owned())),
        1 => Just(Piece::Delete),
        1 => Just(Piece::ExpectAbsent),
        1 => (0..6_u64).prop_map(Piece::ExpectRevision),
    ]
}

fn operation() -> impl Strategy<Value = OperationId> {
    (0..8_u8).prop_map(|n| OperationId::new(n.to_string()))
}

fn batch() -> impl Strategy<Value = Batch> {
    (operation(), vec((key(), piece()), 0..4)).prop_map(|(operation, pieces)| {
        pieces
            .into_iter()
            .fold(Batch::new(operation), |batch, (key, piece)| match piece {
                Piece::Put(state) => batch.put(&task(&key, &state)).expect("json"),
                Piece::Delete => batch.delete::<Task>(&key),
                Piece::ExpectAbsent => batch.expect_absent::<Task>(&key),
                Piece::ExpectRevision(n) => batch.expect_revision::<Task>(&key, Revision(n)),
            })
    })
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..30)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => batch().prop_map(Step::Commit),
        1 => operation().prop_map(Step::Outcome),
        1 => key().prop_map(Step::Read),
        1 => Just(Step::Scan),
        1 => Just(Step::Count),
    ]
}

pub(crate) async fn answers(store: &impl Store, steps: &[Step]) -> Vec<Answered> {
    let mut answers = Vec::new();
    for step in steps {
        answers.push(match step.clone() {
            Step::Commit(batch) => Answered::Commit(store.commit(batch).await),
            Step::Outcome(operation) => Answered::Outcome(store.outcome(&operation).await),
            Step::Read(key) => Answered::Read(store.read("tasks", &key).await),
            Step::Scan => Answered::Scan(store.scan("tasks").await),
            Step::Count => Answered::Count(store.count("tasks").await),
        });
    }
    answers
}
