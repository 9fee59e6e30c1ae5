//! The invariants themselves: pure functions of the history, by what they look at.
//!
//! Each function's documentation states the rule as an outsider would; the table that gives them
//! names and clauses is [`super::invariant::INVARIANTS`].

pub(super) mod answers;
pub(super) mod deadlines;
pub(super) mod deployments;
pub(super) mod durability;
pub(super) mod imports;
pub(super) mod statuses;

#[cfg(test)]
mod tests;
