//! `openssl s_server`.

use crate::certs::Files;
use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts it on port 443 with further options, and waits until it listens.
pub(crate) fn start(lab: &mut Lab, files: &Files, options: &[&str]) -> Result<u32> {
    let said = version("openssl", "version", "OpenSSL")?;
    lab.note_server(format!("openssl s_server, {}", said.split(" (").next().unwrap_or(&said)));
    let mut command = lab.origin_command("openssl");
    command.args(["s_server", "-quiet", "-www", "-accept", "443"]);
    command.arg("-cert").arg(&files.chain).arg("-cert_chain").arg(&files.chain).arg("-key").arg(&files.key);
    command.args(options);
    lab.serve(command, 443)
}
