//! The program `portcullis`.

fn main() -> std::process::ExitCode {
    portcullis_harness::cli::main()
}
