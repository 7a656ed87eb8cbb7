//! `captures/suites/`: one exchange in clear, then the same inside of TLS, once for every cipher suite and every way in
//! which keys come about.

use crate::certs::{Files, Key, Leaf};
use crate::edge::http::{Http, Line};
use crate::edge::openssl::OpenSsl;
use crate::edge::s_client::{self, UPDATE_BOTH, UPDATE_OWN};
use crate::edge::s2n::{S2n, TLS12_ONLY};
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::{Over, Peer, Scenario};
use crate::servers::nginx;
use anyhow::{Context as _, Error, Result, ensure};
use openssl::ssl::SslVersion;
use std::time::Duration;

const KEY_LOG: &str = "draft-ietf-tls-keylogfile";
const FAULT: &str =
    "None. The first connection is in clear, the others say the same inside of TLS; `keys.log` opens them.";

/// Suites of TLS 1.2 that OpenSSL 3 offers, of the kinds that are opened.
const TLS12: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "AES128-SHA256",
    "AES256-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES128-SHA",
    "DHE-RSA-AES256-SHA",
    "DHE-RSA-AES128-SHA256",
    "DHE-RSA-AES256-SHA256",
];

/// Those of TLS 1.0 and 1.1.
const TLS10: &[&str] = &[
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-SHA",
    "AES256-SHA",
    "DHE-RSA-AES128-SHA",
    "DHE-RSA-AES256-SHA",
];

/// Suites that are not opened.
const OTHERS: &[&str] = &["ECDHE-ECDSA-AES128-CCM", "ECDHE-RSA-CAMELLIA128-SHA256", "ECDHE-ARIA256-GCM-SHA384"];

/// Those of TLS 1.2 that s2n-tls offers under its policies for CloudFront's connections, and the policy.
const S2N_POLICIES: [&str; 2] = [TLS12_ONLY, "CloudFront-Upstream-TLS-1-2-2025"];

const TLS13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "suites/tls12",
        title: "TLS 1.2, encrypt then MAC, extended master secret",
        fault: FAULT,
        references: &[KEY_LOG, "RFC 5246 section 6.2.3", "RFC 7366", "RFC 7627"],
        peer: Peer::LoadBalancer,
        play: |lab| each(lab, SslVersion::TLS1_2, TLS12, true),
        ..Scenario::BLANK
    },
    Scenario {
        path: "suites/tls12-mac-then-encrypt",
        title: "TLS 1.2, MAC then encrypt, no extended master secret",
        fault: FAULT,
        references: &[KEY_LOG, "RFC 5246 section 6.2.3"],
        peer: Peer::LoadBalancer,
        play: |lab| each(lab, SslVersion::TLS1_2, TLS12, false),
        ..Scenario::BLANK
    },
    Scenario {
        path: "suites/tls10-tls11",
        title: "TLS 1.0 and 1.1, both orders of MAC",
        fault: FAULT,
        references: &[KEY_LOG, "RFC 2246 section 6.2.3.2", "RFC 4346 section 6.2.3.2"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            each(lab, SslVersion::TLS1, TLS10, true)?;
            [(SslVersion::TLS1, false), (SslVersion::TLS1_1, true), (SslVersion::TLS1_1, false)]
                .into_iter()
                .try_for_each(|(version, modern)| inside(lab, version, TLS10, modern))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "suites/s2n",
        title: "s2n-tls under its policies for CloudFront",
        fault: FAULT,
        references: &[KEY_LOG, "RFC 5246 section 6.2.3"],
        play: by_s2n,
        ..Scenario::BLANK
    },
    Scenario {
        path: "suites/tls13",
        title: "TLS 1.3: suites, HelloRetryRequest, resumption, KeyUpdate, early data",
        fault: "None. The first connection is in clear, the others say the same inside of TLS: the three suites, again \
                after a HelloRetryRequest, two resumed sessions, KeyUpdate from both sides, early data that is \
                accepted, and early data that is not. `keys.log` opens them.",
        references: &[KEY_LOG, "RFC 8446 section 4.1.4", "RFC 8446 section 4.2.10", "RFC 8446 section 4.6.3"],
        peer: Peer::LoadBalancer,
        over: Over::Closed(Duration::from_secs(20)),
        play: tls13,
        ..Scenario::BLANK
    },
    Scenario {
        path: "suites/tls12-resumed",
        title: "TLS 1.2, sessions taken up again by identifier and by ticket",
        fault: FAULT,
        references: &[KEY_LOG, "RFC 5246 section 7.3", "RFC 5077"],
        peer: Peer::LoadBalancer,
        play: tls12_resumed,
        ..Scenario::BLANK
    },
    Scenario {
        path: "suites/not-opened",
        title: "TLS 1.2, suites that are not opened",
        fault: "None. The first connection is in clear, the others say the same under AES-CCM, Camellia and ARIA.",
        references: &[KEY_LOG, "RFC 6655", "RFC 6367", "RFC 6209"],
        peer: Peer::LoadBalancer,
        play: |lab| each(lab, SslVersion::TLS1_2, OTHERS, true),
        ..Scenario::BLANK
    },
];

/// The two exchanges that every connection has: one with a Content-Length and one in chunks.
fn requests() -> [Request; 2] {
    [Request::get("/hello"), Request::get("/chunked?page=2")]
}

/// The exchanges, one after the other.
fn exchanges<L: Line>(line: L) -> Result<()> {
    let mut http = Http::over(line);
    for request in requests() {
        http.send(&request)?;
        http.expect(200)?;
    }
    http.end(Ending::CloseNotify)
}

/// Two certificates, one for each kind of signature.
fn certificates(lab: &mut Lab) -> Result<[Files; 2]> {
    Ok([Leaf::GOOD.issue(lab)?, Leaf { name: "*.example.com", key: Key::Rsa2048, ..Leaf::GOOD }.issue(lab)?])
}

/// nginx in clear on port 80, and inside of TLS where `listeners` (port and directives) say.
fn serve(lab: &mut Lab, listeners: &[(u16, String)]) -> Result<()> {
    let both = certificates(lab)?.map(|files| nginx::certificate(&files)).concat();
    let group = lab.directory().join("dh.pem");
    let group = group.display().to_string();
    lab.in_origin(
        "openssl",
        &["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", &group],
    )?;
    std::fs::create_dir_all(lab.directory().join("html"))?;
    lab.write("html/hello", "hello from the origin\n")?;
    lab.write("html/chunked", "hello from the origin, in chunks\n".repeat(20))?;
    // What is compressed on the way has no length beforehand.
    let site = "root html; location / { types { } default_type text/plain; } \
                location /chunked { types { } default_type text/plain; gzip on; gzip_min_length 1; gzip_proxied any; }";
    let mut servers = format!("server {{ listen 80; server_name origin.example.com; {site} }}\n");
    for (port, directives) in listeners {
        servers += &format!(
            "server {{ listen {port} ssl; server_name origin.example.com; {both} ssl_dhparam {group}; {directives} {site} }}\n"
        );
    }
    nginx::http(lab, 443, &servers)?;
    exchanges(crate::edge::plain::Plain::connect(lab, 80)?)
}

/// The exchanges in clear, then under each suite.
fn each(lab: &mut Lab, version: SslVersion, suites: &[&'static str], modern: bool) -> Result<()> {
    let any = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0; ssl_session_tickets off;";
    serve(lab, &[(443, any.to_owned())])?;
    inside(lab, version, suites, modern)
}

/// The exchanges under each suite.
fn inside(lab: &mut Lab, version: SslVersion, suites: &[&'static str], modern: bool) -> Result<()> {
    for suite in suites {
        let ciphers = format!("{suite}:@SECLEVEL=0");
        let edge = OpenSsl {
            keys: true,
            lowest: SslVersion::TLS1,
            highest: version,
            ciphers: &ciphers,
            encrypt_then_mac: modern,
            extended_master_secret: modern,
            ..OpenSsl::DEFAULT
        };
        exchanges(edge.connect(lab, 443)?.map_err(Error::msg)?)?;
    }
    lab.note_edge(format!("{} (as a load balancer), one suite after the other", openssl::version::version()));
    Ok(())
}

/// s2n-tls offers all that it has; nginx takes one suite on each port.
fn by_s2n(lab: &mut Lab) -> Result<()> {
    let lacks = |suite: &str| suite.starts_with("DHE-") || suite.contains("CHACHA20") || suite == "AES256-SHA256";
    let taken = TLS12.iter().filter(|suite| !lacks(suite));
    let mut listeners: Vec<_> =
        taken.map(|suite| (format!("ssl_protocols TLSv1.2; ssl_ciphers {suite}:@SECLEVEL=0;"), false)).collect();
    listeners
        .extend(TLS13.map(|suite| (format!("ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {suite};"), true)));
    let ports = (0..).map(|n| if n == 0 { 443 } else { 8000 + n });
    let listeners: Vec<_> =
        ports.zip(listeners).map(|(port, (directives, recent))| ((port, directives), recent)).collect();
    serve(lab, &listeners.iter().map(|(listener, _)| listener.clone()).collect::<Vec<_>>())?;
    for ((port, _), recent) in listeners {
        let edge = S2n { keys: true, policy: S2N_POLICIES[usize::from(recent)], ..S2n::DEFAULT };
        exchanges(edge.connect(lab, port)?.with_context(|| format!("port {port}"))?)?;
    }
    lab.note_edge(format!("s2n-tls (crate, AWS-LC), policies {} and {}", S2N_POLICIES[0], S2N_POLICIES[1]));
    Ok(())
}

fn tls13(lab: &mut Lab) -> Result<()> {
    let tickets = lab.write("tickets", [7; 80])?;
    let tls = format!(
        "ssl_protocols TLSv1.3; ssl_ecdh_curve prime256v1:secp384r1; ssl_session_ticket_key {};",
        tickets.display()
    );
    serve(lab, &[(443, format!("{tls} ssl_early_data on;")), (8443, tls)])?;
    let [first, second] = requests().map(|request| request.to_bytes());
    let both: [&[u8]; 2] = [&first, &second];
    for suite in TLS13 {
        s_client::talk(lab, &["-ciphersuites", suite, "-groups", "P-256"], &both)?;
        // The key share is for a group that the origin does not have.
        s_client::talk(lab, &["-ciphersuites", suite, "-groups", "X25519:P-384"], &both)?;
    }
    let group = ["-groups", "P-256"];
    let keep = [&group[..], &["-sess_out", "session"]].concat();
    let take = [&group[..], &["-sess_in", "session"]].concat();
    s_client::talk(lab, &keep, &both)?;
    let said = s_client::talk(lab, &take, &both)?;
    ensure!(said.contains("Reused, TLSv1.3"), "the session was not taken up: {said}");
    s_client::talk(lab, &group, &[&first, UPDATE_BOTH, &second])?;
    s_client::talk(lab, &group, &[UPDATE_OWN, &first, UPDATE_BOTH, UPDATE_OWN, &second])?;
    lab.write("early", &first)?;
    s_client::talk(lab, &keep, &both)?;
    let early = [&take[..], &["-early_data", "early"]].concat();
    let said = s_client::talk(lab, &early, &[&second])?;
    ensure!(said.contains("Early data was accepted"), "early data was refused: {said}");
    // The same session elsewhere on the origin, where early data is not taken.
    let elsewhere = lab.origin(8443).to_string();
    let said = s_client::talk(lab, &[&early[..], &["-connect", &elsewhere]].concat(), &both)?;
    ensure!(said.contains("Early data was rejected"), "early data was taken: {said}");
    // And one where the origin asks for another group, which refuses early data, too.
    s_client::talk(lab, &keep, &both)?;
    let retried = ["-groups", "X25519:P-384", "-sess_in", "session", "-early_data", "early"];
    let said = s_client::talk(lab, &retried, &both)?;
    ensure!(said.contains("Early data was rejected"), "early data was taken after a HelloRetryRequest: {said}");
    Ok(())
}

fn tls12_resumed(lab: &mut Lab) -> Result<()> {
    serve(lab, &[(443, "ssl_protocols TLSv1.2; ssl_session_cache shared:s:1m;".to_owned())])?;
    let [first, second] = requests().map(|request| request.to_bytes());
    let both: [&[u8]; 2] = [&first, &second];
    for cipher in ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384"] {
        for further in [&["-no_ticket"][..], &[]] {
            let common = [&["-cipher", cipher], further].concat();
            s_client::talk(lab, &[&common[..], &["-sess_out", "session"]].concat(), &both)?;
            let said = s_client::talk(lab, &[&common[..], &["-sess_in", "session"]].concat(), &both)?;
            ensure!(said.contains("Reused, TLSv1.2"), "the session was not taken up: {said}");
        }
    }
    Ok(())
}
