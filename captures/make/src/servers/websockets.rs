//! Python's websockets.

use crate::lab::Lab;
use anyhow::Result;

/// Debian's own interpreter, for which the package is.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Starts a server on a port whose connections are served by this body of `async def serve(socket, path)`. It sends no
/// pings of its own.
pub(crate) fn start(lab: &mut Lab, port: u16, body: &[&str]) -> Result<u32> {
    let body = body.join("\n    ");
    let script = lab.write(
        "server.py",
        format!(
            "import asyncio, os, signal, websockets\nasync def serve(socket, path):\n    {body}\nasync def main():\n    \
             async with websockets.serve(serve, '0.0.0.0', {port}, ping_interval=None):\n        \
             await asyncio.Future()\nasyncio.run(main())\n"
        ),
    )?;
    let version = version(lab)?;
    lab.note_server(format!("websockets {version} (Python)"));
    let mut command = lab.origin_command(PYTHON);
    command.arg(script);
    lab.serve(command, port)
}

/// Its version.
pub(crate) fn version(lab: &Lab) -> Result<String> {
    let said = lab.in_edge(PYTHON, &["-c", "import websockets; print(websockets.__version__)"])?;
    Ok(said.trim().to_owned())
}
