//! Imports with real files: honest packages, hostile ones, and imports that are given up midway.

mod builder;
mod hostile;
mod interrupted;
mod mismatched;
mod packing;
mod placing;
mod round_trip;
mod world;
