//! Content deployment: the SharePoint remote-import service ([MS-CDEPLOY]), upload and import.
//!
//! A source farm exports a site into packages and has a target farm import them. This is the
//! target: a SOAP service with nine operations, a page that takes uploads, and an import that runs
//! long after `RunJob` was answered.
//!
//! ```text
//! source                      worker               databases      timer service
//! GetRemoteAdminServerUrl ->  which server imports
//! CreateJob               ->  ----------------->  job, timer job (stopped)
//! POST a package          ->  depot, then ----->  file
//! RunJob                  ->  ----------------->  timer job (due)
//!                                                 timer job  <-  claims it
//!                                                 job        <-  verifies, decompresses, places
//! GetJobStatus, again     ->  <-----------------  job, report
//! DeleteJob               ->  ----------------->  nothing but the log
//! ```
//!
//! Worker and timer service know each other by the two databases only: any server of a farm may
//! answer, and the designated import server imports. What was acknowledged is durable before; a
//! race of calls is decided by the revision of one record.
//!
//! The clauses `CD-n` that the comments name are those of `scenarios/clauses`. Where the
//! specification could not be read, `SPEC.md` beside this crate says what was chosen.
//!
//! # Module map
//! - [`message`]: what is said. [`codec`]: envelopes and queries to messages and back.
//! - [`state`]: the transition tables of an import job and of its timer job.
//! - [`ImportFarm`]: one server, over any network, databases and work.
//! - [`worker`]: HTTP. [`desk`]: what each operation does. `timer_service`: what runs the imports.
//! - [`work`]: the temporary folder and the import, real and simulated.
//! - [`deploying`]: the source, and what its users see. [`client`]: its calls.
//! - [`config`], [`error`], [`observe`]: what an administrator decides, what can go wrong, what is
//!   announced.
//!
//! An operation reads in order in `desk/jobs.rs` and `desk/cancel.rs`, an import in
//! `timer_service/import.rs`.
//!
//! # Example: a package is deployed
//! ```
//! use portcullis_net::{Host, Randomness};
//! use portcullis_store::{Disk, SimStore};
//! use portcullis_web_service::client::{FarmAddress, FarmClient, Terms};
//! use portcullis_web_service::config::{Config, WebApplication};
//! use portcullis_web_service::message::{
//!     Guid, IncludeSecurity, JobStatus, NewJob, Request, Response, UploadTarget, UserInfoDateTime,
//! };
//! use portcullis_web_service::work::{ImportScript, ScriptedImporter, Shelf, SimulatedDepot};
//! use portcullis_web_service::{Databases, ImportFarm, Observer};
//! use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // Port 0: the system chooses one. Nobody is asked who he is, which is for loopback only.
//! let mut config = Config::new("wfe1", 0, "http://localhost");
//! config.accept_incoming_jobs = true;
//! config.timers.timer_service = Duration::from_millis(10);
//! config.web_applications.push(WebApplication {
//!     name: "Destination".to_owned(),
//!     url: "http://destination".to_owned(),
//!     site_collections: BTreeSet::from(["/".to_owned()]),
//! });
//!
//! let host = Host::real("wfe1", Ipv4Addr::LOCALHOST.into());
//! let database = || {
//!     let disk = Disk::new(&Randomness::from_seed(1), Duration::ZERO);
//!     SimStore::open(&disk, &host.spawner)
//! };
//! let databases = Databases { configuration: database(), content: database() };
//! let shelf = Shelf::default();
//! let depot = SimulatedDepot::new(shelf.clone(), Duration::ZERO);
//! let importer = ScriptedImporter::new(shelf.clone(), ImportScript::default());
//! let observer = Observer::none();
//! let farm =
//!     ImportFarm::start(host.clone(), databases, depot, importer, config, observer).await?;
//!
//! let address: FarmAddress = format!("http://127.0.0.1:{}", farm.port()).parse()?;
//! let source = FarmClient::new(host, address, Terms::default());
//! let job = NewJob {
//!     description: "nightly".to_owned(),
//!     source_id: Guid::from_bits(1),
//!     destination_server_url: "http://destination".to_owned(),
//!     destination_site_collection: "/".to_owned(),
//!     include_security: IncludeSecurity::None,
//!     include_user_info_date_time: UserInfoDateTime::None,
//!     enable_event_receivers: false,
//!     file_compression: true,
//! };
//! let Response::CreateJob(job) = source.call(&Request::CreateJob(job)).await? else {
//!     unreachable!("each request has its response");
//! };
//! let target = UploadTarget { file: "ExportedFiles.cab".parse()?, job };
//! source.upload(&target, 4, &b"MSCF"[..]).await?;
//! source.call(&Request::RunJob { job }).await?;
//!
//! let status = loop {
//!     let Response::GetJobStatus(told) = source.call(&Request::GetJobStatus { job }).await? else {
//!         unreachable!("each request has its response");
//!     };
//!     if told.status.is_final() {
//!         break told.status;
//!     }
//!     tokio::time::sleep(Duration::from_millis(10)).await;
//! };
//! assert_eq!(status, JobStatus::Success);
//! assert_eq!(shelf.placed(job).len(), 1);
//! source.call(&Request::DeleteJob { job }).await?;
//! farm.stop().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
pub mod deploying;
pub mod desk;
pub mod error;
mod excerpt;
mod farm;
pub mod message;
pub mod observe;
mod records;
mod running;
mod services;
pub mod state;
mod timer_service;
pub mod work;
pub mod worker;

pub use config::Config;
pub use farm::{Databases, ImportFarm};
pub use observe::{DeployingEvent, FarmEvent, Observer};
