//! What a connection costs while it is open and says nothing: an origin has a hundred thousand of them.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::common::packets::Capture;

/// Bytes that each may take, with all that is kept to find it and to let it go.
const MAX_IDLE_BYTES: u64 = 1_024;

const ACK: u8 = 16;

/// The most memory that was resident, in bytes, when a capture was read of so many connections that are all still open.
fn resident(connections: u16) -> u64 {
    let opened = (1..connections).fold(Capture::new().open(), |capture, _| capture.next().open());
    // More than a pipe and the reader's buffer hold: what comes before it is read when all is written.
    let all = (0..1_000).fold(opened, |capture, _| capture.edge(ACK, &[b'x'; 1_400])).bytes();
    let mut child = Command::new(env!("CARGO_BIN_EXE_why502"))
        .args(["--threads", "1", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&all).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(input);
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(said.replace(',', "").contains(&format!("{connections} connection")), "{said}");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

#[test]
fn an_idle_connection_takes_a_kilobyte() {
    let connections = 20_000;
    let each = (resident(connections) - resident(1)) / u64::from(connections);
    assert!((100..=MAX_IDLE_BYTES).contains(&each), "{each} bytes each");
}
