//! What reads octets that others wrote, as functions that a fuzzer can call.
//!
//! Each target takes any octets and panics when the code under it breaks one of its promises, which
//! the target states as assertions: that it does not crash is only the first of them. The same
//! functions serve two callers: the fuzzer in `driver`, which is a workspace of its own because it
//! needs a C++ compiler and instrumentation, and the test `corpus`, which replays every file below
//! `corpus` in each `cargo test`. What a fuzzer has found stays there as a file.

mod cabinet;
mod envelope;
mod files;
mod frame;
mod mac;
mod message;
mod object;
mod packet;
mod query;
mod xml;

/// One thing that can be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also the name of its folder below `corpus`.
    pub name: &'static str,
    /// Takes any octets; panics when a promise is broken.
    pub run: fn(&[u8]),
}

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    Target {
        name: "cabinet",
        run: cabinet::run,
    },
    Target {
        name: "envelope",
        run: envelope::run,
    },
    Target {
        name: "frame",
        run: frame::run,
    },
    Target {
        name: "mac",
        run: mac::run,
    },
    Target {
        name: "manifest",
        run: object::run_manifest,
    },
    Target {
        name: "message",
        run: message::run,
    },
    Target {
        name: "object",
        run: object::run,
    },
    Target {
        name: "package-manifest",
        run: cabinet::run_manifest,
    },
    Target {
        name: "packet",
        run: packet::run,
    },
    Target {
        name: "scenario",
        run: files::run_scenario,
    },
    Target {
        name: "settings",
        run: files::run_settings,
    },
    Target {
        name: "upload-query",
        run: query::run,
    },
    Target {
        name: "xml",
        run: xml::run,
    },
];

/// The target called `name`.
#[must_use]
pub fn find(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}

/// What a future says that never has to wait.
///
/// # Panics
/// When it has to.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("nothing here waits for anything"),
    }
}
