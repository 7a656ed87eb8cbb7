//! An edge that speaks SSL 3.0 alone, which no other library here still does: Java's JSSE, with the list of forbidden
//! protocols emptied.

use crate::certs::ORIGIN_NAME;
use crate::lab::{Lab, version};
use anyhow::{Result, ensure};

/// Connects with SSL 3.0, and takes for an error a handshake that succeeds.
pub(crate) fn must_fail(lab: &mut Lab, port: u16) -> Result<()> {
    let said = version("java", "--version", "openjdk")?;
    lab.note_edge(format!(
        "{said}, JSSE with SSLv3 alone (in place of a CloudFront edge, whose library cannot be made to)"
    ));
    let program = lab.write("Ssl3.java", PROGRAM)?.display().to_string();
    let origin = lab.origin(port);
    let arguments = [&program, &origin.ip().to_string(), &origin.port().to_string(), ORIGIN_NAME];
    ensure!(lab.in_edge("java", &arguments).is_err(), "the handshake succeeded");
    Ok(())
}

const PROGRAM: &str = r#"
import java.security.Security;
import java.util.List;
import javax.net.ssl.*;

public class Ssl3 {
    public static void main(String[] arguments) throws Exception {
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, null, null);
        SSLSocketFactory factory = context.getSocketFactory();
        try (SSLSocket socket = (SSLSocket) factory.createSocket(arguments[0], Integer.parseInt(arguments[1]))) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setProtocols(new String[] {"SSLv3"});
            parameters.setServerNames(List.of(new SNIHostName(arguments[2])));
            socket.setSSLParameters(parameters);
            socket.startHandshake();
        }
    }
}
"#;
