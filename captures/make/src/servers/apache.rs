//! Apache httpd.

use crate::certs::Files;
use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts Apache with these directives after the modules and one `Listen`, and waits until it listens on the port.
pub(crate) fn start(lab: &mut Lab, port: u16, directives: &str) -> Result<u32> {
    with(lab, port, "event", &["-X"], directives)
}

/// The same with processes that serve one connection each, and a script, run by `/bin/sh`, that answers every path.
pub(crate) fn prefork_cgi(lab: &mut Lab, script: &str) -> Result<u32> {
    let script = lab.write("script", format!("#!/bin/sh\n{script}\n"))?;
    for path in [lab.directory(), script.as_path()] {
        // Apache runs as another user.
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    let modules: String =
        ["cgi", "alias"].iter().map(|m| format!("LoadModule {m}_module {MODULES}/mod_{m}.so\n")).collect();
    let directives =
        format!("{modules}ScriptAliasMatch ^/ {}\n<Location />\nRequire all granted\n</Location>", script.display());
    with(lab, 80, "prefork", &["-D", "FOREGROUND"], &directives)
}

fn with(lab: &mut Lab, port: u16, mpm: &str, options: &[&str], directives: &str) -> Result<u32> {
    let directory = lab.directory().display().to_string();
    let mpm = format!("mpm_{mpm}");
    let modules = [&mpm, "authz_core", "ssl", "headers", "proxy", "proxy_http", "setenvif", "reqtimeout", "remoteip"];
    let modules: String = modules.iter().map(|m| format!("LoadModule {m}_module {MODULES}/mod_{m}.so\n")).collect();
    let config = lab.write(
        "apache.conf",
        format!(
            "ServerRoot {directory}\nDefaultRuntimeDir {directory}\nPidFile {directory}/apache.pid\n\
             ServerName origin.example.com\nErrorLog {directory}/apache.log\nUser www-data\nGroup www-data\n{modules}\
             <IfModule mpm_event_module>\nStartServers 1\nServerLimit 1\nThreadsPerChild 8\nMaxRequestWorkers 8\n\
             </IfModule>\nMutex posixsem\nListen {port}\n{directives}\n"
        ),
    )?;
    let said = version("apache2", "-v", "Apache/")?;
    lab.note_server(said.trim_start_matches("Server version: "));
    let mut command = lab.origin_command("apache2");
    command.env("SSLKEYLOGFILE", lab.origin_key_log()).args(options).arg("-f").arg(config);
    lab.serve(command, port)
}

/// Starts Apache with one TLS host on port 443 and further directives within it.
pub(crate) fn https(lab: &mut Lab, files: &Files, directives: &str) -> Result<u32> {
    let host = format!(
        "<VirtualHost *:443>\nSSLEngine on\nSSLCertificateFile {}\nSSLCertificateKeyFile {}\n{directives}\n\
         </VirtualHost>",
        files.chain.display(),
        files.key.display(),
    );
    start(lab, 443, &host)
}

const MODULES: &str = "/usr/lib/apache2/modules";
