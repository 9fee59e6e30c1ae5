//! Engines, scenarios, checks and the program `portcullis`.

#[cfg(not(tokio_unstable))]
compile_error!(
    "the harness needs `--cfg tokio_unstable`, which .cargo/config.toml sets: a RUSTFLAGS variable \
     replaces that file, so unset it or add `--cfg tokio_unstable` to it"
);

pub mod check;
pub mod cli;
pub mod engine;
mod output;
pub mod protocols;
pub mod run;
pub mod scenario;
pub mod serve;
