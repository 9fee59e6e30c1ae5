//! The worker process on real sockets, asked by raw octets and by the client of this crate.

#[cfg(test)]
mod authentication;
#[cfg(test)]
mod certificate;
#[cfg(test)]
mod connection;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod name;
#[cfg(test)]
mod port;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod route;
#[cfg(test)]
mod through_client;
#[cfg(test)]
mod upload;
#[cfg(test)]
mod world;
