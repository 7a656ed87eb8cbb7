use crate::diagnosis::{Edge, Finding, SecondLook};
use crate::observation::Connection;

cause! {
    /// The origin itself answered 500: the program there failed.
    ///
    /// # What happened
    /// The connection between edge and origin is in order. The program that made the response met an error of its own:
    /// an exception, a faulty configuration, a script that fails. CloudFront passed the status on.
    ///
    /// # Evidence
    /// A proper response with status 500. Where its page or Server header is that of a known program, it is named.
    /// Where the capture has the host's own connections as well (`tcpdump -i any`), what failed there while the
    /// exchange was open is named with its packets: there lies the real cause.
    ///
    /// # Who must act
    /// Whoever runs the program on the origin.
    ///
    /// # How to confirm
    /// - The same request at the origin itself: `curl -v -H 'Host: ...' http://localhost/...` gives the same status.
    /// - The log of the program at this time.
    ///
    /// # How to fix
    /// - nginx: error.log ("rewrite or internal redirection cycle", a full disk, permissions). Apache: error log
    ///   (`.htaccess` with an unknown directive, "Premature end of script headers", "exceeded the limit of 10 internal
    ///   redirects").
    /// - gunicorn: the traceback; newer versions answer 500 when a worker times out (`--timeout`). Node: the exception
    ///   that the framework turned into 500.
    /// - HAProxy: an internal error; `haproxy -c` and its log. ALB: a 500 of its own comes from its rules
    ///   (authentication, WAF).
    ///
    /// # Often confused with
    /// - `app.origin-502`, `app.origin-504`: there a proxy tells of its upstream.
    ///
    /// # References
    /// - RFC 9110 section 15.6.1
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 500 status code (Internal Server Error)"
    edge: Edge::status(500),
    second_look: SecondLook::FailedBehind,
    needs: [ErrorStatus],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    Some(
        super::detect(c, 500, Edge::status(500))?
            .rules_out("http.closed-before-response", "the origin did answer")
            .fix("Send the same request to the origin itself, and read what it writes into its error log."),
    )
}
