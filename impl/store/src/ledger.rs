//! The store's rules over rows in memory: what the simulated store keeps on its disk.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::batch::{Change, Remembered};
use crate::{Batch, Committed, Conflict, OperationId, Revision, Row};

/// How many operations a store remembers: more than can be in doubt at once by orders of magnitude.
pub const OPERATIONS_REMEMBERED: u64 = 65_536;

/// Rows, and the operations that wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    tables: BTreeMap<Cow<'static, str>, BTreeMap<String, Row>>,
    operations: BTreeMap<OperationId, Remembered>,
    by_revision: BTreeMap<Revision, OperationId>,
    last: Revision,
}

impl Ledger {
    pub(crate) fn read(&self, table: &str, key: &str) -> Option<Row> {
        self.tables.get(table)?.get(key).cloned()
    }

    pub(crate) fn scan(&self, table: &str) -> Vec<Row> {
        self.tables
            .get(table)
            .map(|rows| rows.values().cloned().collect())
            .unwrap_or_default()
    }

    pub(crate) fn count(&self, table: &str) -> u64 {
        let rows = self.tables.get(table);
        rows.map_or(0, |rows| rows.len() as u64)
    }

    pub(crate) fn outcome(&self, operation: &OperationId) -> Option<Committed> {
        self.operations.get(operation).map(|known| known.committed)
    }

    /// Carries out `batch`. The flag tells whether rows were written: a repeated operation is
    /// answered as the first time and writes nothing.
    pub(crate) fn apply(&mut self, batch: &Batch) -> Result<(Committed, bool), Conflict> {
        let remembered = self.operations.get(batch.operation()).copied();
        let found: Vec<Option<Revision>> = batch
            .expectations()
            .iter()
            .map(|row| Some(self.tables.get(&row.table)?.get(&row.key)?.revision))
            .collect();
        if let Some(committed) = batch.judge(remembered, &found)? {
            return Ok((committed, false));
        }
        self.last = Revision(self.last.0 + 1);
        for change in batch.changes() {
            self.change(change);
        }
        self.remember(batch);
        let revision = self.last;
        Ok((Committed { revision }, true))
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Put { table, key, value } => {
                let rows = self.tables.entry(table.clone()).or_default();
                // Most rows are written again and again.
                if let Some(row) = rows.get_mut(key) {
                    row.revision = self.last;
                    row.value.clone_from(value);
                    return;
                }
                let row = Row {
                    key: key.clone(),
                    revision: self.last,
                    value: value.clone(),
                };
                rows.insert(key.clone(), row);
            }
            Change::Delete { table, key } => {
                if let Some(rows) = self.tables.get_mut(table) {
                    rows.remove(key);
                }
            }
        }
    }

    fn remember(&mut self, batch: &Batch) {
        let operation = batch.operation().clone();
        self.by_revision.insert(self.last, operation.clone());
        let committed = Committed {
            revision: self.last,
        };
        let fingerprint = batch.fingerprint();
        self.operations.insert(
            operation,
            Remembered {
                committed,
                fingerprint,
            },
        );
        if let Some(forgotten) = self.last.0.checked_sub(OPERATIONS_REMEMBERED)
            && let Some(operation) = self.by_revision.remove(&Revision(forgotten))
        {
            self.operations.remove(&operation);
        }
    }
}
