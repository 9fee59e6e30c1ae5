//! The adapter over real loopback sockets, and what a seed decides.

#![expect(
    clippy::disallowed_types,
    reason = "peers that are not ours use the operating system's sockets"
)]

mod conversation;
mod identity;
mod refusals;
mod seeded;
mod site;
