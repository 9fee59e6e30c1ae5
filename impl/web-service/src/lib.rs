//! Content deployment: the SharePoint remote-import service ([MS-CDEPLOY]), upload and import.
//!
//! The clauses `CD-n` that the comments name are those of `scenarios/clauses`.
//!
//! [MS-CDEPLOY]: https://learn.microsoft.com/openspecs/sharepoint_protocols/ms-cdeploy

#![deny(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

pub mod client;
pub mod codec;
pub mod config;
pub mod desk;
pub mod error;
mod farm;
pub mod message;
pub mod observe;
mod records;
mod services;
pub mod state;
mod timer_service;
pub mod work;
pub mod worker;

pub use config::Config;
pub use farm::{Databases, ImportFarm};
pub use observe::{FarmEvent, Observer};
