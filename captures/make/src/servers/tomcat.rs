//! Tomcat.

use crate::lab::Lab;
use anyhow::{Context as _, Result};

const HOME: &str = "/usr/share/tomcat10";

/// Starts Tomcat with one connector on port 80 that has these attributes, and one page.
pub(crate) fn start(lab: &mut Lab, connector: &str) -> Result<u32> {
    let base = lab.directory().join("tomcat");
    for part in ["conf", "logs", "temp", "work", "webapps/ROOT"] {
        std::fs::create_dir_all(base.join(part))?;
    }
    let connector = format!("<Connector port=\"80\" protocol=\"HTTP/1.1\" server=\"Apache-Coyote/1.1\" {connector}/>");
    let engine = "<Engine name=\"e\" defaultHost=\"localhost\"><Host name=\"localhost\" appBase=\"webapps\"/></Engine>";
    let server = format!("<Server port=\"-1\"><Service name=\"s\">{connector}{engine}</Service></Server>");
    std::fs::write(base.join("conf/server.xml"), server)?;
    std::fs::copy("/etc/tomcat10/web.xml", base.join("conf/web.xml")).context("is tomcat10 installed?")?;
    std::fs::write(base.join("webapps/ROOT/index.html"), "hello\n")?;
    let mut version = lab.origin_command(format!("{HOME}/bin/catalina.sh").as_str());
    let said = version.env("CATALINA_HOME", HOME).env("CATALINA_BASE", &base).arg("version").output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let number = said.lines().find_map(|line| line.strip_prefix("Server version: ")).unwrap_or("Apache Tomcat/10");
    lab.note_server(number.trim().trim_start_matches("Apache "));
    let mut command = lab.origin_command(format!("{HOME}/bin/catalina.sh").as_str());
    command.env("CATALINA_HOME", HOME).env("CATALINA_BASE", &base).arg("run");
    lab.serve(command, 80)
}
