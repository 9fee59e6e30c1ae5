//! The invariants themselves: pure functions of the history, by what they look at.
//!
//! Each function's documentation states the rule as an outsider would; the table that gives them
//! names and clauses is [`super::invariant::INVARIANTS`].

pub(super) mod connections;
pub(super) mod durability;
pub(super) mod messages;
pub(super) mod outcomes;
pub(super) mod preflights;
pub(super) mod trust;
pub(super) mod work;

pub(super) use outcomes::decided_alone;

#[cfg(test)]
mod tests;
