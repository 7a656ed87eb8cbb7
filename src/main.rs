//! The command: parse, run, exit code.

mod cli;
mod options;

fn main() -> std::process::ExitCode {
    cli::run()
}
