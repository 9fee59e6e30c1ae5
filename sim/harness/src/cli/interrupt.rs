//! Ctrl-C in a run: what is under way is finished, and what is done is printed and kept.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use portcullis_reports::ExitCode;
use tokio::signal::ctrl_c;

/// Turns true at the first Ctrl-C from here on; the second ends the program at once.
pub(super) fn listen() -> Arc<AtomicBool> {
    let told = Arc::new(AtomicBool::new(false));
    let here = Arc::clone(&told);
    let listening = thread::Builder::new().name("interrupt".to_owned());
    let listening = listening.spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let Ok(runtime) = runtime.enable_io().build() else {
            return;
        };
        runtime.block_on(async {
            if ctrl_c().await.is_ok() {
                here.store(true, Ordering::Relaxed);
                ctrl_c().await.ok();
                process::exit(i32::from(ExitCode::Interrupted.number()));
            }
        });
    });
    // Where no thread or signal is to be had, Ctrl-C ends the program as it always did.
    drop(listening);
    told
}
