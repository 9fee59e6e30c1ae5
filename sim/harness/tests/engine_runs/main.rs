//! The engines, driven by small programs that know no protocol.

mod determinism;
mod faults;
mod http;
mod programs;
mod steps;
mod tls;
mod two_engines;
