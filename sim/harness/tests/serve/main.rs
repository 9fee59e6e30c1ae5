//! The program on real sockets: two environments of one machine, as separate processes.

mod completion;
mod configuration;
mod control;
mod crash;
mod sample;
mod site;
