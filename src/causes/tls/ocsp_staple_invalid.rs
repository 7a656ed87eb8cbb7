use crate::causes::certificate::{self, Fault};
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection, StapleFault};

use super::EDGE;

cause! {
    /// The origin staples an OCSP response that does not vouch for its certificate, and the edge does not go on.
    ///
    /// # What happened
    /// The edge asked for an OCSP response with the certificate (status_request). What the origin sent is out of date, not
    /// signed for the CA, about another certificate, or cannot be read. Browsers mostly shrug; s2n-tls, CloudFront's TLS
    /// library, refuses. AWS does not document what CloudFront makes of it. An origin that staples nothing is accepted.
    ///
    /// # Evidence
    /// The CertificateStatus message up to TLS 1.2, or the extension of the certificate in TLS 1.3 where keys open it, and
    /// the edge's end, alert or silence in place of its key exchange. It is judged as s2n-tls does, at the time of the
    /// packet: signature, SHA-1 in the CertID, thisUpdate and nextUpdate (an hour after thisUpdate where there is none).
    ///
    /// # Who must act
    /// Whoever configures stapling on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -status </dev/null`: "This Update", "Next Update".
    /// - nginx: "OCSP_basic_verify() failed", "certificate status" or timeouts of the responder in the error log.
    ///
    /// # How to fix
    /// - nginx: nobody renews a file of `ssl_stapling_file`: write it anew before nextUpdate and reload, or let nginx ask
    ///   by itself (`ssl_stapling on`, `resolver`, no file).
    /// - HAProxy: renew the `.ocsp` file beside the certificate (`set ssl ocsp-response`), or `ocsp-update on`.
    /// - Apache: `SSLStaplingReturnResponderErrors off`, and a cache that is shorter than the responder's times
    ///   (`SSLStaplingStandardCacheTimeout`).
    /// - After a change of the certificate: throw the old response away.
    /// - At worst switch stapling off.
    ///
    /// # Often confused with
    /// - `tls.certificate-revoked`: the response is in order, and says that the certificate is not.
    /// - `tls.certificate-rejected`: the same in TLS 1.3, where the response cannot be seen.
    ///
    /// # References
    /// - RFC 6960 section 4.2, RFC 6066 section 8, RFC 8446 section 4.4.2.1
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::SamePeerAccepts,
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let fault = certificate::fault(c, true, |fault| match fault {
        ChainFault::Staple(fault) => Some(*fault),
        _ => None,
    })?;
    let why = told(fault);
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("The OCSP response that {}{} staples to its certificate {why}", c.server, super::for_name(c)),
            note: format!("OCSP response: it {why}"),
            confidence: Confidence::Likely,
        },
    )?;
    Some(finding.fix(fix(fault)).fix(certificate::look_at_staple(c)))
}

/// What is wrong with it, as the end of a sentence.
fn told(fault: StapleFault) -> String {
    match fault {
        StapleFault::Malformed => "cannot be read".to_owned(),
        StapleFault::Unsuccessful(status) => format!("is a refusal of the responder: {status}"),
        StapleFault::OtherCertificate => "is about another certificate".to_owned(),
        StapleFault::OtherHash => "names it by another hash than SHA-1, for which alone s2n-tls looks".to_owned(),
        StapleFault::Early { this_update } => {
            format!("is valid from {} on, later than this handshake", this_update.to_the_minute())
        }
        StapleFault::Late { until, said: true } => format!("was valid until {}", until.to_the_minute()),
        StapleFault::Late { until, said: false } => {
            format!("has no nextUpdate, so that s2n-tls took it for valid until {}", until.to_the_minute())
        }
        StapleFault::Unknown => "says that the responder does not know it".to_owned(),
        StapleFault::Responder => "is signed neither by its issuer nor by a responder that the issuer appointed".to_owned(),
        StapleFault::Signature => "has a signature that is not its responder's".to_owned(),
    }
}

fn fix(fault: StapleFault) -> &'static str {
    match fault {
        StapleFault::Late { .. } => {
            "Renew the stapled response before its nextUpdate and reload the server: nginx `ssl_stapling_file`, HAProxy \
             the `.ocsp` file; or let the server ask by itself."
        }
        StapleFault::Early { .. } => "Compare the clocks of this host and of the responder.",
        StapleFault::OtherHash => "Ask the responder with SHA-1 in the CertID, the default of `openssl ocsp`.",
        StapleFault::Unsuccessful(_) => {
            "Do not staple a responder's errors (Apache `SSLStaplingReturnResponderErrors off`), and see why it refuses."
        }
        StapleFault::Malformed
        | StapleFault::OtherCertificate
        | StapleFault::Unknown
        | StapleFault::Responder
        | StapleFault::Signature => {
            "Throw the stapled response away and get one for this certificate from its own CA, or switch stapling off."
        }
    }
}
