//! nginx.

use crate::certs::Files;
use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts nginx with these `server` blocks in its `http` block, and waits until it listens on the port.
pub(crate) fn http(lab: &mut Lab, port: u16, servers: &str) -> Result<u32> {
    start(lab, port, "", &format!("http {{\n{COMMON}\n{servers}\n}}"))
}

/// Starts nginx with one TLS server on port 443 and further directives within it.
pub(crate) fn https(lab: &mut Lab, files: &Files, directives: &str) -> Result<u32> {
    let server = format!(
        "server {{ listen 443 ssl; listen [::]:443 ssl; server_name origin.example.com;\n{}\n{directives}\n\
         location / {{ return 200 \"hello from the origin\\n\"; }} }}",
        certificate(files)
    );
    http(lab, 443, &server)
}

/// Starts nginx with its stream module, and these blocks in the `stream` block.
pub(crate) fn stream(lab: &mut Lab, port: u16, servers: &str) -> Result<u32> {
    start(lab, port, "load_module /usr/lib/nginx/modules/ngx_stream_module.so;", &format!("stream {{\n{servers}\n}}"))
}

/// The directives that name a certificate.
pub(crate) fn certificate(files: &Files) -> String {
    format!("ssl_certificate {};\nssl_certificate_key {};", files.chain.display(), files.key.display())
}

const COMMON: &str = "access_log off; default_type text/plain; client_body_temp_path body; proxy_temp_path proxy; \
                      fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;";

fn start(lab: &mut Lab, port: u16, head: &str, block: &str) -> Result<u32> {
    let config = format!(
        "{head}\ndaemon off; user root; worker_processes 1; pid nginx.pid; error_log stderr;\n\
         events {{ worker_connections 64; }}\n{block}\n"
    );
    let config = lab.write("nginx.conf", config)?;
    let said = version("nginx", "-v", "nginx/")?;
    lab.note_server(said.trim_start_matches("nginx version: "));
    let mut command = lab.origin_command("nginx");
    command.arg("-p").arg(lab.directory()).arg("-e").arg("stderr").arg("-c").arg(config);
    lab.serve(command, port)
}
