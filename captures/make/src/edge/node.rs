//! An edge that speaks HTTP/2: Node.js, as a load balancer towards its targets, or as CloudFront for gRPC.

use crate::certs::ORIGIN_NAME;
use crate::lab::{Lab, version};
use anyhow::Result;

/// What every script begins with: `ask` sends a request and waits for its end, however it ends.
const PREAMBLE: &str = r"
const fs = require('node:fs'), http2 = require('node:http2'), net = require('node:net');
const sleep = ms => new Promise(done => setTimeout(done, ms));
const closed = session => new Promise(done => session.destroyed ? done() : session.once('close', done));
const open = (more = {}) => { const s = http2.connect(URL, { ...OPTIONS, ...more }); s.on('error', () => {}); return s; };
const GRPC = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', 'user-agent': 'grpc-go/1.60.1',
               'x-amz-cf-id': 'Zm9yLWEtdGVzdC1vbmx5LW5vdC1hLXJlYWwtcmVxdWVzdA==' };
function ask(session, headers, body, patience = 60000) {
  return new Promise(done => {
    const stream = session.request({ ':authority': 'origin.example.com', ...headers }, { endStream: body === undefined });
    const seen = { length: 0 };
    const timer = setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), patience);
    stream.on('response', head => { seen.status = head[':status']; });
    stream.on('trailers', trailers => { seen.trailers = { ...trailers }; });
    stream.on('data', data => { seen.length += data.length; });
    stream.on('error', error => { seen.error = error.message; });
    stream.on('close', () => { clearTimeout(timer); seen.code = stream.rstCode; done(seen); });
    if (body !== undefined) stream.end(body);
  });
}
";

/// Runs a script in clear, and returns what it prints.
pub(crate) fn clear(lab: &mut Lab, port: u16, script: &str) -> Result<String> {
    let target = lab.target(port);
    let head = format!("const URL = 'http://{target}', OPTIONS = {{}};");
    run(lab, &head, &[], script, "HTTP/2 in clear")
}

/// Runs a script inside TLS, and keeps its `keys.log` beside the capture.
pub(crate) fn secure(lab: &mut Lab, port: u16, script: &str) -> Result<String> {
    let (target, root) = (lab.target(port), lab.authority()?.root_pem()?);
    let root = lab.write("root.pem", root)?;
    let head = format!(
        "const URL = 'https://{target}', OPTIONS = {{ ca: fs.readFileSync('{}'), servername: '{ORIGIN_NAME}' }};",
        root.display()
    );
    let keys = lab.directory().join("keys.log");
    let said = run(lab, &head, &[&format!("--tls-keylog={}", keys.display())], script, "HTTP/2 inside TLS")?;
    lab.keep_file("keys.log", std::fs::read(keys)?);
    Ok(said)
}

fn run(lab: &mut Lab, head: &str, arguments: &[&str], script: &str, how: &str) -> Result<String> {
    let node = version("node", "--version", "v")?;
    lab.note_edge(format!(
        "Node.js {} (as a load balancer, or as CloudFront for gRPC), {how}",
        node.trim_start_matches('v')
    ));
    let body = format!("{PREAMBLE}{head}\n(async () => {{\n{script}\n}})();\n");
    let path = lab.write("edge.js", body)?.display().to_string();
    let all: Vec<&str> = arguments.iter().copied().chain([path.as_str()]).collect();
    lab.in_edge("node", &all)
}
