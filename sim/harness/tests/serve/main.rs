//! The program on real sockets: two environments of one machine, as separate processes.

mod authentication;
mod certificates;
mod completion;
mod configuration;
mod control;
mod crash;
mod deployment;
mod farms;
mod flood;
mod foreground;
mod large;
mod preflight;
mod proxy;
mod sample;
mod site;
