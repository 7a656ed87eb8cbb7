//! Dropbear, an SSH server, for a port that is not a web server's.

use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts Dropbear on a port. It speaks first.
pub(crate) fn start(lab: &mut Lab, port: u16) -> Result<u32> {
    lab.note_server(version("dropbear", "-V", "Dropbear")?);
    let mut command = lab.origin_command("dropbear");
    command.args(["-F", "-E", "-R", "-p", &port.to_string(), "-P"]).arg(lab.directory().join("dropbear.pid"));
    lab.serve(command, port)
}
