//! Agents on a network in memory, under paused time.

#[cfg(test)]
mod connection;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod world;
