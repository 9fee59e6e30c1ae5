//! The codec, and agents: on a network in memory under paused time, and on the real one.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod authentication;
#[cfg(test)]
mod codec;
#[cfg(test)]
mod connection;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod many;
#[cfg(test)]
mod port;
#[cfg(test)]
mod preflight;
#[cfg(test)]
mod real;
#[cfg(test)]
mod spec;
#[cfg(test)]
mod split;
#[cfg(test)]
mod world;
