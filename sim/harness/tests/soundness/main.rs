//! No verdict rests on something that did not happen: neither a pass nor a failure.

mod deployments;
mod engines;
mod lasting;
mod services;
mod stage;
mod steps;
