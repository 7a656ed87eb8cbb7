//! PHP by FastCGI.

use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts `php-cgi` on a port of the origin's own and gives the directives of nginx that pass everything to this script.
pub(crate) fn fast_cgi(lab: &mut Lab, port: u16, script: &str) -> Result<String> {
    let script = lab.write("index.php", format!("<?php {script}\n"))?;
    lab.note_server(
        version("php-cgi", "--version", "PHP")?.split(" (").next().unwrap_or("PHP").to_owned() + " FastCGI",
    );
    let mut command = lab.origin_command("php-cgi");
    command.args(["-b", &format!("127.0.0.1:{port}")]);
    lab.serve(command, port)?;
    Ok(format!(
        "location / {{ fastcgi_pass 127.0.0.1:{port}; fastcgi_param SCRIPT_FILENAME {}; fastcgi_param REQUEST_METHOD \
         $request_method; fastcgi_param REDIRECT_STATUS 200; }}",
        script.display()
    ))
}
