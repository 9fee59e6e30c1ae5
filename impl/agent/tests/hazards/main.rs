//! The XML hazards of section 6, row by row: at the codec, and at the ports of a real agent.

#[cfg(test)]
#[path = "../agent/port.rs"]
mod listening;
#[cfg(test)]
mod port;
#[cfg(test)]
mod table;

use portcullis_agent::codec::decode;
use table::{hazards, leniencies};

/// Rows of the two tables that have a document; the others are about time, or about sizes that a
/// frame does not have.
#[cfg(test)]
const ROWS: usize = 14 + 15;

#[test]
fn every_row_is_refused_for_its_reason_and_at_its_place() {
    let rows: Vec<_> = hazards().into_iter().chain(leniencies()).collect();
    assert_eq!(rows.len(), ROWS);
    for row in rows {
        for (index, hostile) in row.documents.iter().enumerate() {
            let refused = decode(&hostile.octets).expect_err(row.name);
            assert_eq!(refused.error, hostile.error, "{} {index}", row.name);
        }
    }
}
