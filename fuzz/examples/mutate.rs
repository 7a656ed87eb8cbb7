//! Damaged copies of every capture in a directory, through the whole pipeline with all renderers:
//! `cargo run --release --example mutate -- COPIES DIR [SEED]`.
//!
//! Says what took longest and how much memory there was at most; ends with 1 where a copy took more than a second, or all of
//! them together more than 256 MiB.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use why502_fuzz::mutate::{Random, mutate};
use why502_fuzz::targets;

/// A megabyte is read whole in far less.
const LONGEST: Duration = Duration::from_secs(1);

/// Of the process, in KiB.
const MEMORY: u64 = 256 << 10;

fn main() -> std::process::ExitCode {
    let mut args = std::env::args().skip(1);
    let copies: u64 = args.next().and_then(|n| n.parse().ok()).expect("COPIES DIR [SEED]");
    let dir = PathBuf::from(args.next().expect("COPIES DIR [SEED]"));
    let seed: u64 = args.next().map_or(1, |n| n.parse().expect("SEED is a number"));
    let mut paths: Vec<_> =
        fs::read_dir(&dir).expect("it is a directory").map(|e| e.expect("it can be read").path()).collect();
    paths.retain(|path| path.is_file() && path.to_string_lossy().contains(".pcap"));
    paths.sort();
    let files: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).expect("it can be read")).collect();
    let (mut longest, mut read, mut analysed) = ((Duration::ZERO, String::new()), 0_u64, 0_u64);
    let begun = Instant::now();
    for (i, (path, whole)) in paths.iter().zip(&files).enumerate() {
        let mut random = Random::new(seed.wrapping_add(i as u64 * 1_000_003));
        for copy in 0..copies {
            let mut bytes = whole.clone();
            let other = &files[random.below(files.len())];
            mutate(&mut bytes, other, &mut random);
            let name = format!("{} copy {copy}", path.display());
            let (took, reported) = std::panic::catch_unwind(|| targets::reported(&bytes)).unwrap_or_else(|_| {
                let kept = std::env::temp_dir().join(format!("why502-panic-{i}-{copy}"));
                let _ = fs::write(&kept, &bytes);
                panic!("{name}: kept as {}", kept.display());
            });
            read += bytes.len() as u64;
            analysed += u64::from(reported);
            if took > longest.0 {
                if took > LONGEST {
                    let _ = fs::write(std::env::temp_dir().join(format!("why502-slow-{i}-{copy}")), &bytes);
                }
                longest = (took, name);
            }
        }
    }
    let peak = peak();
    println!(
        "{} captures, {copies} copies of each: {read} bytes, {analysed} analysed, the others refused, in {:?}; longest {:?} ({}); peak {} MiB",
        paths.len(),
        begun.elapsed(),
        longest.0,
        longest.1,
        peak >> 10
    );
    std::process::ExitCode::from(u8::from(longest.0 > LONGEST || peak > MEMORY))
}

/// The most memory that this process had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(u64::MAX)
}
