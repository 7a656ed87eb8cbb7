//! Caddy.

use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts Caddy with these sites, and waits until it listens on the port.
pub(crate) fn start(lab: &mut Lab, port: u16, sites: &str) -> Result<u32> {
    let global = "{\n    admin off\n    auto_https disable_redirects\n    skip_install_trust\n}";
    let config = lab.write("Caddyfile", format!("{global}\n{sites}\n"))?;
    lab.note_server(format!("Caddy {}", version("caddy", "version", ".")?));
    let mut command = lab.origin_command("caddy");
    command.env("HOME", lab.directory()).args(["run", "--adapter", "caddyfile", "--config"]).arg(config);
    lab.serve(command, port)
}
