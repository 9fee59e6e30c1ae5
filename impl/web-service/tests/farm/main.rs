//! Servers of an import farm under paused time: on databases and a shelf that survive crashes.

#[cfg(test)]
mod cancel;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod sequence;
#[cfg(test)]
mod world;
