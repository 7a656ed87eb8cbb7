//! Node.js.

use crate::certs::Files;
use crate::lab::{Lab, version};
use anyhow::Result;

/// Runs a script and waits until it listens on the port.
pub(crate) fn run(lab: &mut Lab, port: u16, script: &str) -> Result<u32> {
    let script = lab.write(&format!("app-{port}.js"), script)?;
    lab.note_server(format!("Node.js {}", version("node", "--version", "v")?.trim_start_matches('v')));
    let mut command = lab.origin_command("node");
    command.arg(script);
    lab.serve(command, port)
}

/// An HTTP server on a port, with this function as its handler.
pub(crate) fn http(lab: &mut Lab, port: u16, handler: &str) -> Result<u32> {
    run(lab, port, &format!("require('node:http').createServer({handler}).listen({port});\n"))
}

/// The same inside TLS, on port 443.
pub(crate) fn https(lab: &mut Lab, files: &Files, handler: &str) -> Result<u32> {
    let (certificate, key) = (files.chain.display(), files.key.display());
    let script = format!(
        "const {{ readFileSync }} = require('node:fs');\n\
         const options = {{ cert: readFileSync('{certificate}'), key: readFileSync('{key}') }};\n\
         require('node:https').createServer(options, {handler}).listen(443);\n"
    );
    run(lab, 443, &script)
}
