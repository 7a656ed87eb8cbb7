//! uvicorn.

use crate::lab::{Lab, version};
use anyhow::Result;

/// Starts uvicorn on port 80 with these options; its application answers everything with 200.
pub(crate) fn http(lab: &mut Lab, options: &[&str]) -> Result<u32> {
    let application = "async def app(scope, receive, send):\n    \
                       await send({'type': 'http.response.start', 'status': 200,\n                \
                       'headers': [(b'content-length', b'6')]})\n    \
                       await send({'type': 'http.response.body', 'body': b'hello\\n'})\n";
    lab.write("application.py", application)?;
    let said = version("uvicorn", "--version", "Running uvicorn")?;
    lab.note_server(said.trim_start_matches("Running ").split(" with").next().unwrap_or_default());
    let mut command = lab.origin_command("uvicorn");
    command.arg("--app-dir").arg(lab.directory()).args(["--host", "::", "--port", "80", "--lifespan", "off"]);
    command.args(options).arg("application:app");
    lab.serve(command, 80)
}
