//! Environment transfer: XML over TCP with completion by callback.
//!
//! # Module map
//! - [`message`]: what is said. [`codec`]: octets to messages and back.
//! - [`state`]: the two transition tables. [`retry`]: schedules.
//! - [`Agent`]: both roles of one environment.
//! - [`work`]: what a task does, real and simulated.
//! - [`config`], [`error`], [`observe`]: what an operator decides, what can go wrong, what is
//!   announced.

#![deny(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod accept;
mod agent;
pub mod codec;
pub mod config;
mod destination;
pub mod error;
pub mod exchange;
pub mod message;
pub mod observe;
mod originator;
mod records;
pub mod retry;
mod services;
pub mod state;
pub mod work;

pub use agent::{Agent, Order, Progress, SubmitRequest};
pub use config::Config;
pub use observe::{AgentEvent, Observer};
