//! Which protocol first bytes belong to, where it is neither TLS nor what was asked for.

/// What a server says first, and what that is.
///
/// Text first, the longer before the shorter; then what is binary. Each row has its source.
const SIGNATURES: [(&[u8], &str); 27] = [
    // RFC 4253 section 4.2.
    (b"SSH-", "the banner of an SSH server"),
    // RFC 9112 section 4.
    (b"HTTP/1.", "an HTTP response"),
    // RFC 7826 section 20.2.2, RFC 3261 section 7.2: status lines like HTTP's.
    (b"RTSP/", "an RTSP response"),
    (b"SIP/", "a SIP response"),
    // RFC 1939 section 3, RFC 9051 section 7.1.
    (b"+OK", "the greeting of a POP3 server"),
    (b"* OK", "the greeting of an IMAP server"),
    (b"* PREAUTH", "the greeting of an IMAP server"),
    (b"* BYE", "the greeting of an IMAP server"),
    // The protocol of Redis (RESP), simple errors; src/server.c and src/networking.c of Redis for the words.
    (b"-ERR ", "an error in the protocol of Redis"),
    (b"-DENIED ", "an error in the protocol of Redis"),
    (b"-NOAUTH ", "an error in the protocol of Redis"),
    // memcached, doc/protocol.txt.
    (b"ERROR\r\n", "an error in the protocol of memcached"),
    (b"CLIENT_ERROR ", "an error in the protocol of memcached"),
    // The protocol of NATS, INFO.
    (b"INFO {", "the greeting of a NATS server"),
    // AMQP 0-9-1 section 4.2.2: a server that does not like a header answers with its own.
    (b"AMQP", "the protocol header of an AMQP server"),
    // RFC 6143 section 7.1.1.
    (b"RFB 0", "the greeting of a VNC server"),
    // rsync, clientserver.c.
    (b"@RSYNCD:", "the greeting of an rsync server"),
    // RFC 6120 section 4.2.
    (b"<stream:", "the stream of an XMPP server"),
    (b"<?xml", "an XML document"),
    // HTTP/0.9: a page without a head, as some servers answer what they cannot read.
    (b"<html", "an HTML page without an HTTP head"),
    (b"<HTML", "an HTML page without an HTTP head"),
    (b"<!DOCTYPE", "an HTML page without an HTTP head"),
    (b"<!doctype", "an HTML page without an HTTP head"),
    // The PROXY protocol, sections 2.1 and 2.2.
    (b"PROXY ", "a PROXY protocol header"),
    (b"\r\n\r\n\0\r\nQUIT\n", "a PROXY protocol header"),
    // RFC 854: IAC WILL, IAC DO.
    (b"\xff\xfb", "the negotiation of a Telnet server"),
    (b"\xff\xfd", "the negotiation of a Telnet server"),
];

/// Says what a server speaks whose first bytes are these. `None` where nothing gives it away.
#[must_use]
pub fn protocol(bytes: &[u8]) -> Option<&'static str> {
    let told = SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, what)| *what);
    told.or_else(|| by_reply_code(bytes)).or_else(|| by_shape(bytes))
}

/// Three digits and a space or hyphen: SMTP (RFC 5321 section 4.2), FTP (RFC 959 section 4.2).
fn by_reply_code(bytes: &[u8]) -> Option<&'static str> {
    let [b'1'..=b'5', b'0'..=b'5', b'0'..=b'9', b' ' | b'-', text @ ..] = bytes else { return None };
    let says = |word: &[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    Some(match bytes {
        _ if says(b"SMTP") => "the greeting of a mail server (SMTP)",
        _ if says(b"FTP") => "the greeting of an FTP server",
        [b'2', ..] => "the greeting of a mail or FTP server",
        _ => "an error of a mail or FTP server",
    })
}

/// Frames of binary protocols, of which more than one byte must fit.
fn by_shape(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        // RFC 9113 section 4.1: length, then type 4 (SETTINGS) or 7 (GOAWAY), on stream 0.
        [0, 0, _, 4 | 7, _, 0, 0, 0, 0, ..] => Some("HTTP/2 frames"),
        // MySQL client/server protocol: packet 0 is HandshakeV10, or ERR where the host may not connect.
        [_, _, 0, 0, 10, b'0'..=b'9', ..] => Some("the greeting of a MySQL server"),
        [_, _, 0, 0, 0xff, _, 4, ..] => Some("an error of a MySQL server"),
        // PostgreSQL frontend/backend protocol 3.0: ErrorResponse, its first field the severity.
        [b'E', 0, 0, _, _, b'S', ..] => Some("an error of a PostgreSQL server"),
        // RFC 4511 section 4.4.1: the message with number 0, a notice of disconnection.
        [0x30, _, 2, 1, 0, 0x78, ..] => Some("a notice of an LDAP server"),
        // RFC 1006 section 6 (TPKT), as remote desktops speak it.
        [3, 0, 0, 7..=64, _, 0xd0 | 0xe0, ..] => Some("the protocol of a remote desktop (RDP)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_known_by_their_first_bytes() {
        for (bytes, what) in [
            (&b"SSH-2.0-OpenSSH_9.2"[..], Some("the banner of an SSH server")),
            (b"220 mail ESMTP ready\r\n", Some("the greeting of a mail server (SMTP)")),
            (b"220-FileZilla FTP Server", Some("the greeting of an FTP server")),
            (b"220 ready", Some("the greeting of a mail or FTP server")),
            (b"554 no service", Some("an error of a mail or FTP server")),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03", Some("HTTP/2 frames")),
            (b"\x4a\0\0\0\x0a8.0.36\0", Some("the greeting of a MySQL server")),
            (b"E\0\0\0\x90SFATAL\0", Some("an error of a PostgreSQL server")),
            (b"-ERR unknown command", Some("an error in the protocol of Redis")),
            (b"HTTP/1.1 400 Bad", Some("an HTTP response")),
            (b"2200 bottles", None),
            (b"hello", None),
            (b"", None),
        ] {
            assert_eq!(protocol(bytes), what, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn no_signature_hides_another() {
        for (n, (start, _)) in SIGNATURES.iter().enumerate() {
            let hidden = SIGNATURES.iter().skip(n + 1).find(|(later, _)| later.starts_with(start));
            assert_eq!(hidden, None);
        }
    }
}
