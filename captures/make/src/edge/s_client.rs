//! `openssl s_client`, for what the library has no safe call for: sessions kept in files, early data, KeyUpdate.

use crate::certs::ORIGIN_NAME;
use crate::lab::{Lab, version};
use anyhow::{Context as _, Result, ensure};
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

/// What it reads as a command to send a KeyUpdate that asks for another in return.
pub(crate) const UPDATE_BOTH: &[u8] = b"K\n";
/// The same, asking for none.
pub(crate) const UPDATE_OWN: &[u8] = b"k\n";

/// Time for the origin to answer each thing said.
const PAUSE: Duration = Duration::from_millis(250);

/// Connects to port 443 with further options, says one thing after the other, and ends by a close_notify. Its key log
/// is kept. Returns what it printed.
pub(crate) fn talk(lab: &mut Lab, options: &[&str], said: &[&[u8]]) -> Result<String> {
    let name = version("openssl", "version", "OpenSSL")?;
    lab.note_edge(format!("openssl s_client, {}", name.split(" (").next().unwrap_or(&name)));
    let root = lab.authority()?.root_pem()?;
    let root = lab.write("root.pem", root)?;
    let log = lab.directory().join("edge-keys.log");
    let _ = std::fs::remove_file(&log);
    let mut command = lab.edge_command("openssl");
    command.args(["s_client", "-connect", &lab.origin(443).to_string(), "-servername", ORIGIN_NAME]);
    command.args(["-verify_return_error", "-CAfile"]).arg(root).arg("-keylogfile").arg(&log).args(options);
    command.current_dir(lab.directory()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("openssl")?;
    let mut input = child.stdin.take().context("no input")?;
    for piece in said {
        std::thread::sleep(PAUSE);
        input.write_all(piece)?;
        input.flush()?;
    }
    std::thread::sleep(PAUSE);
    drop(input);
    let done = child.wait_with_output()?;
    ensure!(done.status.success(), "s_client: {}", String::from_utf8_lossy(&done.stderr));
    let keys = std::fs::read(&log)?;
    lab.keep_keys(&keys);
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
