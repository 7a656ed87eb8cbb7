//! Redis, for a port that is not a web server's.

use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts Redis on a port.
pub(crate) fn start(lab: &mut Lab, port: u16) -> Result<u32> {
    with_protection(lab, port, "no")
}

/// The same as it is by default: it refuses who comes from elsewhere.
pub(crate) fn protected(lab: &mut Lab, port: u16) -> Result<u32> {
    with_protection(lab, port, "yes")
}

fn with_protection(lab: &mut Lab, port: u16, mode: &str) -> Result<u32> {
    let said = version("redis-server", "--version", "Redis")?;
    lab.note_server(said.split(" sha").next().unwrap_or(&said).replace(" server v=", " "));
    let mut command = lab.origin_command("redis-server");
    command.args(["--port", &port.to_string(), "--protected-mode", mode, "--save", "", "--dir"]).arg(lab.directory());
    lab.serve(command, port)
}
