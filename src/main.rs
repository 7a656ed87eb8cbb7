//! The command: parse, run, exit code.

mod cli;
mod options;

use why502_memory::{Allocator, keep_for_a_while, take_small_pages};

/// Connections come and go by the hundred thousand, in another order than they came, each with some twenty pieces of
/// memory: what the C library's allocator does with those is a fifth of all work.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> std::process::ExitCode {
    keep_for_a_while();
    take_small_pages();
    cli::run()
}
