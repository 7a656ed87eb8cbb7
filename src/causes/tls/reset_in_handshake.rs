use crate::diagnosis::Finding;
use crate::observation::{Connection, End};

use super::EDGE;

cause! {
    /// The origin reset the connection in the middle of the TLS handshake, without an alert.
    ///
    /// # What happened
    /// The origin had answered the ClientHello and then sent RST before both sides had finished. A server that merely
    /// refuses sends an alert; this one crashed, was killed or restarted, or drops the connection by a rule of its own.
    ///
    /// # Evidence
    /// The origin's first TLS bytes, then its RST, with no alert, no Finished of both sides, and no end of the edge's before.
    ///
    /// # Who must act
    /// Whoever runs the TLS server on the origin.
    ///
    /// # How to confirm
    /// - The log of the server at that time, and whether it is still the same process: `ps -o lstart,cmd -p PID`.
    /// - `journalctl -k | grep -i -E "out of memory|segfault"`: killed or crashed?
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null`, several times.
    ///
    /// # How to fix
    /// - A worker that crashes in the handshake: update server and TLS library; look at modules and engines (PKCS#11, HSM).
    /// - Killed for memory: raise the limit of the container or the unit, or find the leak.
    /// - Node: an exception or `destroy()` in a handler of `newSession`, `resumeSession`, `OCSPRequest` or `SNICallback`.
    /// - HAProxy and others: `tcp-request session reject`, limits by address, a `timeout` that is far too short.
    /// - A firewall that inspects TLS and resets what it does not like.
    ///
    /// # Often confused with
    /// - `tls.reset-after-client-hello`: there the origin had sent nothing.
    /// - `tls.certificate-rejected`: there the edge ends it, or is silent until the origin gives up.
    /// - `tls.client-certificate-required`: there the edge's Certificate was empty.
    ///
    /// # References
    /// - RFC 8446 section 6.2, RFC 9293 section 3.5.2
    edge: EDGE,
    needs: [HalfHandshake],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (finding, answer) = super::left_handshake(c, End::Rst)?;
    Some(
        finding
            .rules_out("tls.reset-after-client-hello", format!("the origin had answered in frame {}", answer.named()))
            .fix("Look whether the server crashed, was killed or restarted at that time: its log, `journalctl -k`, `ps -o lstart`.")
            .fix("If it lives, look for code or rules that drop connections within the handshake: callbacks, session stores, limits.")
            .fix(super::try_again(c)),
    )
}
