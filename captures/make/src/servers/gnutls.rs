//! `gnutls-serv`, the server of GnuTLS.

use crate::certs::Files;
use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts it on port 443 with a priority string and further options, and waits until it listens.
pub(crate) fn start(lab: &mut Lab, files: &Files, priority: &str, options: &[&str]) -> Result<u32> {
    lab.note_server(version("gnutls-serv", "--version", "gnutls-serv")?);
    let mut command = lab.origin_command("gnutls-serv");
    command.args(["--http", "--port", "443", "--priority", priority]);
    command.arg("--x509certfile").arg(&files.chain).arg("--x509keyfile").arg(&files.key).args(options);
    lab.serve(command, 443)
}
