//! The fuzzer: one target, named by the variable `FUZZ_TARGET`.
#![no_main]

use std::sync::OnceLock;

use portcullis_fuzz::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let target = portcullis_fuzz::find(&name).expect("FUZZ_TARGET names a target");
        TARGET.set(target).expect("begun once");
    },
    |octets: &[u8]| {
        let target = TARGET.get().expect("chosen at the start");
        (target.run)(octets);
    }
);
