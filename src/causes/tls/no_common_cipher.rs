use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, tls};

use super::{EDGE, TLS_1_2, TLS_1_3, alert, client_hello, for_name, newer_edge, offer, s_client, told_hello};

/// handshake_failure (RFC 8446 section 6.2).
const HANDSHAKE_FAILURE: u8 = 40;
/// insufficient_security (RFC 8446 section 6.2).
const INSUFFICIENT_SECURITY: u8 = 71;
/// unrecognized_name (RFC 6066 section 3).
const UNRECOGNIZED_NAME: u8 = 112;

cause! {
    /// Edge and origin have no cipher suite, key exchange group or signature scheme in common.
    ///
    /// # What happened
    /// The edge's ClientHello lists cipher suites, groups and signature schemes. The origin can put no handshake
    /// together from them and its own settings and certificates, and refuses before it sends a ServerHello.
    ///
    /// # Evidence
    /// The ClientHello, then the fatal alert handshake_failure (40) or insufficient_security (71), and no ServerHello.
    /// Alert 71 says it; alert 40 says only that nothing fits: usually this, with some servers an unknown server name.
    /// Which of the three it is the alert does not say. A HelloRetryRequest before it leaves the signature scheme; where
    /// TLS 1.3 is spoken it is ordinarily the group or the signature scheme. The evidence names the policy that the
    /// ClientHello equals, if it is a known one: a hint, which proves nothing about who sent it.
    ///
    /// # Who must act
    /// Whoever configures TLS on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 </dev/null`, and
    ///   with `ECDHE-ECDSA-AES128-GCM-SHA256`: one of them must succeed for the edge to succeed in TLS 1.2.
    /// - `nmap --script ssl-enum-ciphers -p 443 HOST` lists what the origin accepts.
    /// - `openssl x509 -in CERT.pem -noout -text`: the type of the key. AWS names RSA and P-256. Under the policies that
    ///   s2n-tls ships for CloudFront, an Ed25519 key never fits, a P-521 key not in TLS 1.2.
    /// - The origin's error log: "no shared cipher", "no suitable signature algorithm", "no suitable key share".
    ///
    /// # How to fix
    /// The evidence has what this edge offered. CloudFront has ECDHE with AES-GCM and AES-CBC for RSA and ECDSA keys, and
    /// RSA key exchange; in TLS 1.2 no DHE and no ChaCha20; the groups P-256, X25519 and P-384. Let the origin allow
    /// some of these.
    /// - nginx: `ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:…;` and
    ///   `ssl_ecdh_curve X25519:prime256v1:secp384r1;`.
    /// - Apache: `SSLCipherSuite ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:…` and
    ///   `SSLOpenSSLConfCmd Curves X25519:prime256v1:secp384r1`.
    /// - HAProxy: `ssl-default-bind-ciphers` with the same list, `curves X25519:P-256:P-384` on the `bind` line.
    /// - ALB: a security policy with ECDHE and AES-GCM, such as `ELBSecurityPolicy-TLS13-1-2-2021-06`.
    /// - Node: leave `ciphers` and `ecdhCurve` at their defaults.
    /// - Certificate: RSA 2048 or ECDSA P-256. Suites with ECDSA need an ECDSA key, those with RSA an RSA key.
    ///
    /// # Often confused with
    /// - `tls.unrecognized-name`: try the same with a name that the origin knows.
    /// - `tls.no-common-version`: the alert is protocol_version.
    /// - `tls.client-certificate-required`: the alert 40 comes after the origin's ServerHello.
    ///
    /// # References
    /// - RFC 8446 section 4.1.1 and section 6.2, RFC 5246 section 7.4.1.3
    /// - AWS: Amazon CloudFront Developer Guide, "Supported protocols and ciphers between CloudFront and the origin" (the
    ///   list there is shorter than what is seen on the wire)
    edge: EDGE,
    needs: [Alert],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let refusal = c.refusal()?;
    let confidence = match refusal.description? {
        INSUFFICIENT_SECURITY => Confidence::Certain,
        HANDSHAKE_FAILURE => Confidence::Likely,
        _ => return None,
    };
    let tls = c.tls.as_ref()?;
    if tls.alerts.iter().any(|a| a.description == Some(UNRECOGNIZED_NAME)) {
        return None;
    }
    let which = which(tls, client_hello(c));
    let message = format!(
        "{} found nothing to its liking in the edge's ClientHello{} and refused with {}: no cipher suite, group or signature scheme in common. {which}",
        c.server,
        for_name(c),
        alert(refusal)
    );
    let finding = told_hello(c, offer, Finding::new(refusal.frame, confidence, message))
        .evidence_if(tls.hello_retry_request, "HelloRetryRequest: the origin asks for another group")
        .evidence(refusal.frame, format!("fatal alert of the origin: {}", alert(refusal)))
        .rules_out("tls.no-common-version", "the alert would be protocol_version (70)")
        .rules_out("tls.certificate-rejected", "the origin had shown no certificate: there is no ServerHello");
    Some(with_fixes(finding, c))
}

/// Which of them it is, as far as the bytes tell.
fn which(tls: &tls::Transcript, hello: Option<&tls::ClientHello>) -> &'static str {
    let offered = hello.map(tls::ClientHello::offered_versions).unwrap_or_default();
    let highest = offered.iter().max().copied().unwrap_or_default();
    if tls.hello_retry_request.is_some() {
        // RFC 8446 section 4.1.4: it names the suite and the group that the server has chosen.
        return "Its HelloRetryRequest had chosen version, cipher suite and group, so that it is the signature scheme: the key of its certificate fits none on offer.";
    }
    match highest {
        0 => "The alert does not say which.",
        TLS_1_3 if offered.iter().all(|&v| v >= TLS_1_3) => {
            "The alert does not say which; with TLS 1.3 alone on offer, whose cipher suites servers have in common, it is ordinarily the group or the signature scheme, which is the key of the certificate."
        }
        TLS_1_3 => {
            "The alert does not say which. If the origin has TLS 1.3, its cipher suites fit, and it is ordinarily the group or the signature scheme, which is the key of the certificate; if it ends at TLS 1.2, any of the three may be it."
        }
        TLS_1_2 => "The alert does not say which; the version fits, or the alert would be another.",
        _ => "The alert does not say which; the edge offers nothing newer than TLS 1.1, whose suites many servers no longer have.",
    }
}

fn with_fixes(finding: Finding, c: &Connection) -> Finding {
    let retried = c.tls.as_ref().is_some_and(|tls| tls.hello_retry_request.is_some());
    let old_edge = client_hello(c).filter(|hello| hello.offered_versions().iter().all(|&v| v < TLS_1_2));
    let finding = match old_edge {
        Some(hello) => finding.fix(newer_edge(c, hello)),
        None => finding,
    };
    let finding = finding
        .fix_if(!retried, "Allow ECDHE with AES-GCM and the groups P-256 or X25519: nginx `ssl_ciphers` and `ssl_ecdh_curve`, Apache `SSLCipherSuite` and `SSLOpenSSLConfCmd Curves`, HAProxy `ssl-default-bind-ciphers` and `curves`, ALB a security policy such as ELBSecurityPolicy-TLS13-1-2-2021-06.")
        .fix("Look at the key of the certificate: RSA 2048 and ECDSA P-256 fit, Ed25519 does not; an ECDSA key needs ECDSA suites, an RSA key RSA suites.")
        .fix(format!(
            "{}, then with ECDHE-ECDSA-AES128-GCM-SHA256: neither succeeds while the fault lasts.",
            s_client(c, "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256")
        ));
    if c.sni().is_some() {
        finding.fix("Some servers send this alert for a server name that they do not know: repeat the command with a name that this origin serves.")
    } else {
        finding
    }
}
