//! Scenario files: their format, the loader with its diagnostics, and the plan of a run.
//!
//! # Module map
//! - [`Key`], [`ProtocolKeys`]: key tables, which say what a file may contain. `keys` holds the
//!   core's.
//! - [`Table`], [`Amount`]: what the loader makes of a file's tables and quantities.
//! - [`Scenario`]: one loaded file. [`ScenarioError`]: everything that is wrong with one.
//! - [`Library`]: all scenario files and clause lists, on disk or embedded in the program.
//! - [`Plan`]: a scenario and a seed, fully resolved; `chaos`: the faults that the seed draws.
//! - [`Protocol`]: what an adapter adds for one protocol.
//! - [`mod@reference`]: the reference page and the JSON Schema, from the same key tables.

mod amount;
mod chaos;
mod clauses;
mod file;
mod key;
mod keys;
mod library;
mod literal;
mod plan;
mod problem;
mod protocol;
pub mod reference;
mod sense;
mod settings;
mod table;
mod walk;
mod words;

pub use amount::{Amount, AmountError, Unit};
pub use clauses::{Clause, Clauses, ClausesError, Level};
pub use file::{Known, Scenario};
pub use key::{Key, Kind, Outage, Presence, ProtocolKeys};
pub use library::{Library, LibraryError, ScenarioFile};
pub use plan::{GRACE, Plan, PlannedHost};
pub(crate) use problem::nearest;
pub use problem::{Ink, Problem, Problems, ScenarioError};
pub use protocol::{OpenWork, Protocol};
pub use settings::read_settings;
pub use table::{Count, Located, Table, Value};

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod toy;
