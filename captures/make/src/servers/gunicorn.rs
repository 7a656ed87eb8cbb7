//! gunicorn.

use crate::certs::Files;
use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts gunicorn on port 80 with these options and a WSGI application: Python that defines `app`.
pub(crate) fn http(lab: &mut Lab, options: &[&str], application: &str) -> Result<u32> {
    on(lab, 80, options, application)
}

/// The same inside TLS, on port 443.
pub(crate) fn https(lab: &mut Lab, files: &Files, options: &[&str], application: &str) -> Result<u32> {
    let (certificate, key) = (files.chain.display().to_string(), files.key.display().to_string());
    let options = [&["--certfile", &certificate, "--keyfile", &key], options].concat();
    on(lab, 443, &options, application)
}

/// The same on another port.
pub(crate) fn on(lab: &mut Lab, port: u16, options: &[&str], application: &str) -> Result<u32> {
    lab.write("application.py", application)?;
    let said = version("gunicorn", "--version", "gunicorn")?;
    lab.note_server(said.replace("(version ", "").replace(')', ""));
    let mut command = lab.origin_command("gunicorn");
    command.arg("--chdir").arg(lab.directory()).args(["--bind", &format!("[::]:{port}")]);
    command.args(options).arg("application:app");
    lab.serve(command, port)
}
