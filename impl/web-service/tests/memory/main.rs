//! What an upload costs in memory: a process of its own, because a high-water mark is a process's.

#![cfg(target_os = "linux")]

#[cfg(test)]
mod upload;
