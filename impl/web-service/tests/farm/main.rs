//! Servers of an import farm under paused time: on databases and a shelf that survive crashes.

#[cfg(test)]
mod cancel;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod races;
#[cfg(test)]
mod sequence;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod world;
