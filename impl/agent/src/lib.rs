//! Environment transfer: XML over TCP with completion by callback.
//!
//! An environment sends tasks to the next one of its chain: *transfer* a directory of files,
//! *deploy*, *execute*. The work may take hours, so nothing stays open meanwhile: each task has a
//! connection of its own, which its originator closes as soon as the destination has recorded the
//! task, and the destination reports the end over a new connection in the other direction.
//!
//! ```text
//! originator, dynamic port  -> destination, remote port  hello,     hello-ack      once a session
//! originator, dynamic port  -> destination, remote port  part,      part-ack       of a transfer
//! originator, dynamic port  -> destination, remote port  task,      accepted       recorded
//!                 ... the work: no connection ...
//! destination, dynamic port -> originator,  local port   completed, completed-ack
//! originator, dynamic port  -> destination, remote port  query,     status         when in doubt
//! ```
//!
//! The clauses `ET-n` that the comments name are those of `scenarios/clauses`. The wire format is
//! this project's own and claims no interoperability with the product it imitates (ET-90).
//!
//! # Module map
//! - [`message`]: what is said. [`codec`]: octets to messages and back. [`exchange`]: one request
//!   and one reply over a new connection.
//! - [`state`]: the two transition tables. [`retry`]: when to try again.
//! - [`Agent`]: both roles of one environment, over any network, store and work.
//! - [`work`]: what a task does, real and simulated.
//! - [`config`], [`error`], [`observe`]: what an operator decides, what can go wrong, what is
//!   announced.
//!
//! The protocol reads in order in `originator/drive.rs` and `destination/drive.rs`; what arrives is
//! answered in `destination/desk.rs` and `originator/completion.rs`.
//!
//! # Example: a task is sent, worked on, and its completion called back
//! ```
//! use portcullis_agent::config::{Authentication, Config, EarlierLink, LaterLink};
//! use portcullis_agent::message::{CommandName, EnvironmentName, Outcome, Product};
//! use portcullis_agent::state::Settled;
//! use portcullis_agent::work::{
//!     Script, Shelf, SimulatedExecutor, SimulatedPayload, Work, Workshop,
//! };
//! use portcullis_agent::{Agent, Observer, Order, SubmitRequest};
//! use portcullis_net::{Host, Randomness};
//! use portcullis_store::{Disk, SimStore};
//! use std::{net::Ipv4Addr, time::Duration};
//!
//! fn work() -> impl Work {
//!     let script = Script::default();
//!     let payload = SimulatedPayload::new(1, Shelf::default(), script.clone(), Duration::ZERO);
//!     Workshop { payload, executor: SimulatedExecutor::new(script) }
//! }
//!
//! # // Below the ports that systems hand out, which outgoing connections hold on to.
//! # fn free() -> u16 {
//! #     let random = Randomness::from_os();
//! #     let mut candidates = std::iter::repeat_with(|| 18_000 + random.below(12_000) as u16);
//! #     let bind = |port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port));
//! #     candidates.find(|port| bind(*port).is_ok()).expect("a free port")
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let (dev, prod) = (EnvironmentName::new("dev")?, EnvironmentName::new("prod")?);
//! let product = Product::new("20.10")?;
//! let address = "127.0.0.1".to_owned();
//! # let (remote_port, local_port) = (free(), free());
//!
//! // Both ports belong to the link: prod listens on its remote port, dev on its local port.
//! let mut at_dev = Config::new(dev.clone(), product.clone());
//! // Without authentication only within one host.
//! let authentication = Authentication::None;
//! at_dev.later.push(LaterLink {
//!     name: prod.clone(),
//!     address: address.clone(),
//!     remote_port,
//!     local_port,
//!     authentication: authentication.clone(),
//! });
//! let mut at_prod = Config::new(prod.clone(), product);
//! let link = EarlierLink { name: dev, address, remote_port, local_port, authentication };
//! at_prod.earlier.push(link);
//!
//! let mut agents = Vec::new();
//! for config in [at_prod, at_dev] {
//!     let host = Host::real(config.name.as_str(), Ipv4Addr::LOCALHOST.into());
//!     let disk = Disk::new(&Randomness::from_seed(1), Duration::ZERO);
//!     let store = SimStore::open(&disk, &host.spawner);
//!     agents.push(Agent::start(host, store, work(), config, Observer::none()).await?);
//! }
//!
//! let order = Order::Deploy { command: CommandName::new("nightly")? };
//! let task = agents[1].submit(SubmitRequest::new(prod, order)).await?;
//! assert_eq!(agents[1].wait(&task).await?, Settled::Ended(Outcome::Succeeded));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
pub mod preflight;
mod records;
pub mod retry;
mod services;
pub mod state;
pub mod work;

pub use agent::{Agent, Order, Progress, SubmitRequest};
pub use config::Config;
pub use observe::{AgentEvent, Observer};
pub use preflight::Preflight;
