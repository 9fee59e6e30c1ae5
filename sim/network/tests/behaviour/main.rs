//! What the simulated network does, seen from outside: one module a subject.

#![cfg(test)]

mod connection;
mod firewall;
mod hostile;
mod interop;
mod lab;
mod nat;
mod path;
mod profile;
mod property;
mod table;
