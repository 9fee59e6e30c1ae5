//! What the simulated network does, seen from outside: one module a subject.

mod connection;
mod lab;
