//! The program `portcullis`.

/// A run allocates tens of thousands of small strings and drops them at its end, on every core at
/// once; the system's allocator takes about a quarter of its time for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    portcullis_harness::cli::main()
}
