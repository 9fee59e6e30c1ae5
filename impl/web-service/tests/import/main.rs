//! Imports with real files: honest packages, hostile ones, and imports that are given up midway.

#[cfg(test)]
mod builder;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod mismatched;
#[cfg(test)]
mod packing;
#[cfg(test)]
mod placing;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
#[expect(dead_code, reason = "imports that are killed share it")]
mod world;
