//! The worker process on real sockets, asked by raw octets and by the client of this crate.

mod authentication;
mod connection;
mod limits;
mod name;
mod port;
mod raw;
mod route;
mod through_client;
mod upload;
mod world;
