//! HAProxy.

use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts HAProxy with these `frontend` and `backend` sections, and waits until it listens on the port.
pub(crate) fn start(lab: &mut Lab, port: u16, sections: &str) -> Result<u32> {
    let config = lab.write(
        "haproxy.cfg",
        format!(
            "global\n    nbthread 1\n    maxconn 64\ndefaults\n    timeout connect 2s\n    timeout client 30s\n    \
             timeout server 30s\n{sections}\n"
        ),
    )?;
    let said = version("haproxy", "-v", "HAProxy version")?;
    lab.note_server(said.split(" - ").next().unwrap_or(&said));
    let mut command = lab.origin_command("haproxy");
    command.args(["-db", "-f"]).arg(config);
    lab.serve(command, port)
}
