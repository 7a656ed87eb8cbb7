use crate::diagnosis::{Finding, SecondLook};
use crate::observation::Connection;

use super::{EDGE, for_name, s_client, verification, version};
use crate::causes::certificate::{Refusal, refusal_of, shown_at};

cause! {
    /// The edge refused the origin's certificate, and the bytes do not show why.
    ///
    /// # What happened
    /// The origin chose version and cipher suite and sent its certificate. The edge does not go on with the handshake.
    /// What is ordinarily wrong: expired, not for the name that the edge asks for, self-signed, from a CA that Mozilla
    /// does not include, or sent without its intermediate;
    /// less often it is revoked, or stapled with an old OCSP response (`-status` shows it).
    ///
    /// # Evidence
    /// The origin's flight up to its certificate, and then, in place of the edge's key exchange or Finished, one of:
    /// - an alert in clear that names the certificate (bad_certificate, certificate_expired, unknown_ca, …): `certain`;
    /// - a close_notify in clear, even in TLS 1.3, which s2n-tls sends 10 to 30 s later, or a lone encrypted alert: `likely`;
    /// - a bare RST or FIN. Up to TLS 1.2 and at once `likely`; later, or in TLS 1.3, where the rest is encrypted, `possible`;
    /// - silence until the origin gives up first.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin, or the distribution if it asks for the wrong name.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -verify_hostname NAME -verify_return_error -showcerts </dev/null`
    ///   with the name from the evidence: it prints the chain and what is wrong with it ("certificate has expired",
    ///   "hostname mismatch", "unable to get local issuer certificate", "self-signed certificate").
    /// - In TLS 1.3, where keys hide the certificate: capture again with a key log, and give it as `--keylog`; the cause is
    ///   then named by itself. Node `--tls-keylog`, Go `KeyLogWriter`, `openssl s_server -keylogfile`, Apache
    ///   `SSLKEYLOGFILE`, HAProxy `tune.ssl.keylog on`; nginx and Java need something put before them (`docs/keylog.md`).
    /// - Each certificate by itself: `openssl x509 -noout -subject -issuer -dates -ext subjectAltName`.
    /// - A browser proves nothing: it fetches missing intermediates, and it may not ask for the same name.
    ///
    /// # How to fix
    /// - Expired: renew it, and make the server load it (`nginx -s reload`, `apachectl graceful`, reload HAProxy).
    /// - Wrong name: the certificate must have the origin's domain name, or the viewer's Host where Host is forwarded. Else
    ///   use the origin request policy `AllViewerExceptHostHeader`, or another certificate.
    /// - Missing intermediate: install leaf, then intermediates, without the root. nginx: `ssl_certificate` with
    ///   `fullchain.pem`. Apache: `SSLCertificateFile` with the whole chain. HAProxy: one `crt` file with leaf,
    ///   intermediates and key. Node: `cert` with the whole chain.
    /// - Self-signed or private CA: use a certificate of a CA on Mozilla's list. ALB or NLB: one from ACM, for a name of
    ///   yours; the load balancer's own DNS name can have none.
    ///
    /// # Often confused with
    /// - `tls.closed-in-handshake`, `tls.reset-in-handshake`: there the origin ends it.
    /// - `tls.client-certificate-required`: there the edge answers the flight, and the origin objects.
    /// - A TLS check by a load balancer: it finishes the handshake and then closes, which is healthy.
    ///
    /// # References
    /// - RFC 8446 section 4.4.2.4 and section 6.2, RFC 5246 section 7.4.2, RFC 5280 section 6
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", certificate of the origin. It says
    ///   that CloudFront drops the TCP connection; which alert it sends, if any, is not documented
    edge: EDGE,
    supersedes: ["tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::SameNameWorks,
    needs: [HalfHandshake],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let tls = c.tls.as_ref()?;
    let refusal = refusal_of(c)?;
    let chosen = tls.server_hello.as_ref();
    let spoken = chosen.map_or_else(|| "TLS".to_owned(), |hello| version(hello.version).into_owned());
    let shown = shown_at(c, tls).unwrap_or(refusal.frame());
    let after = refusal.frame().since(c.server_flight().unwrap_or(shown));
    let certificate = format!("the certificate of {}{} ({spoken})", c.server, for_name(c));
    let message = match refusal {
        Refusal::Named(_) => format!("The edge refused {certificate}: {}.", refusal.in_words()),
        _ => format!(
            "The edge did not go on after {certificate}: {}, {after} later. Most often that means that it refuses the certificate.",
            refusal.in_words()
        ),
    };
    let finding = Finding::new(shown, refusal.confidence(tls, after), message)
        .evidence_if(tls.client_hello.as_ref().map(|hello| hello.frame), format!("ClientHello{}", for_name(c)))
        .evidence_if(chosen.map(|hello| hello.frame), format!("ServerHello: {spoken}"))
        .evidence(
            shown,
            if tls.is_tls13() {
                "the origin's encrypted flight, its certificate within"
            } else {
                "the origin's Certificate"
            },
        )
        .evidence_if(
            tls.certificate_request().filter(|_| !tls.is_tls13()),
            "the origin asks for a client certificate as well",
        )
        .evidence(refusal.frame(), refusal.in_words());
    let finding = match chosen {
        Some(hello) => {
            finding.rules_out("tls.no-common-cipher", format!("ServerHello in frame {} chose one", hello.frame.named()))
        }
        None => finding,
    };
    let finding = finding
        .fix(format!(
            "{} shows the chain that the origin sends, and what is wrong with it.",
            s_client(c, &verification(c))
        ))
        .fix("Look at, in this order: validity dates, the name above among its names, the intermediate certificates, the CA.")
        .fix("If the name above is not the origin's own, the Host header is forwarded: origin request policy AllViewerExceptHostHeader, or a certificate for that name.");
    let is_hidden = tls.is_tls13() && c.origin_certificates().next().is_none();
    Some(if is_hidden { finding.fix(KEY_LOG) } else { finding })
}

/// What shows a certificate that keys hide.
const KEY_LOG: &str = "To see the certificate that was refused: capture again with a key log of the origin (docs/keylog.md) and give it as `--keylog`.";
