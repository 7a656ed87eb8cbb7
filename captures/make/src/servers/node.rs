//! Node.js.

use crate::certs::Files;
use crate::lab::{Lab, version};
use anyhow::Result;

/// What every script begins with.
const PREAMBLE: &str = "const fs = require('node:fs'), net = require('node:net'), tls = require('node:tls');\n\
                        const http = require('node:http'), https = require('node:https'), http2 = require('node:http2');\n";

/// Starts a script, in which the usual modules are known by their names, and waits until it listens on the port.
pub(crate) fn start(lab: &mut Lab, port: u16, script: &str) -> Result<u32> {
    let script = lab.write(&format!("app-{port}.js"), format!("{PREAMBLE}{script}\n"))?;
    lab.note_server(format!("Node.js {}", version("node", "--version", "v")?.trim_start_matches('v')));
    let mut command = lab.origin_command("node");
    command.arg(format!("--tls-keylog={}", lab.origin_key_log().display())).arg(script);
    lab.serve(command, port)
}

/// An HTTP server on a port, with this function as its handler.
pub(crate) fn http(lab: &mut Lab, port: u16, handler: &str) -> Result<u32> {
    start(lab, port, &format!("http.createServer({handler}).listen({port});"))
}

/// The same inside TLS, on port 443.
pub(crate) fn https(lab: &mut Lab, files: &Files, handler: &str) -> Result<u32> {
    start(lab, 443, &format!("https.createServer({}, {handler}).listen(443);", certificate(files)))
}

/// The options object that names a certificate.
pub(crate) fn certificate(files: &Files) -> String {
    let (chain, key) = (files.chain.display(), files.key.display());
    format!("{{ cert: fs.readFileSync('{chain}'), key: fs.readFileSync('{key}') }}")
}
