//! No verdict rests on something that did not happen: neither a pass nor a failure.

mod services;
mod stage;
