//! What the simulated network does, seen from outside: one module a subject.

#![cfg(test)]

mod connection;
mod lab;
mod profile;
mod property;
