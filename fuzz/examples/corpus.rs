//! Writes what fuzzing begins with: `cargo run --example corpus -- OUT DIR...`, a directory for each target.

use std::fs;
use std::path::{Path, PathBuf};

use why502_fuzz::seeds::seeds;

fn main() -> std::io::Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let out = args.next().expect("OUT DIR...");
    let dirs: Vec<PathBuf> = args.collect();
    let dirs: Vec<&Path> = dirs.iter().map(PathBuf::as_path).collect();
    for (name, inputs) in seeds(&dirs, 1) {
        let dir = out.join(name);
        fs::create_dir_all(&dir)?;
        for (i, input) in inputs.iter().enumerate() {
            fs::write(dir.join(format!("seed-{i:04}")), input)?;
        }
        println!("{name}: {}", inputs.len());
    }
    Ok(())
}
