//! Asking an origin as CloudFront would.
//!
//! A question is asked with the TLS library and the policies that are published for CloudFront's connections to origins.
//! What its socket carried becomes packets on a [`Tape`], and those go through the same analysis as a capture: a probe
//! has no judgement of its own.
//!
//! Invariant: it connects to what the user named and to nothing else; its requests are marked as a probe's.

mod http2;
mod introduce;
mod judge;
mod line;
mod name;
mod question;
mod reply;
mod request;
mod table;
mod tape;
mod unread;

pub use name::{IpVersion, Named, resolve};
pub use question::Patience;
pub use request::Request;
pub use tape::{MAX_TAPE, Tape};
pub use why502_edge_tls::POLICIES;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::analysis::Options;
use crate::report::Probed;
use crate::source::Source;
use judge::Judged;
use question::{Outcome, Question, Tls};

/// The policy of an edge that is asked nothing else: which one a distribution uses is not documented.
pub const DEFAULT_POLICY: &str = "CloudFront-Upstream-TLS-1-2-2025";

/// The name that stands for a distribution's own in AWS's documentation.
pub const EXAMPLE_DISTRIBUTION: &str = "d111111abcdef8.cloudfront.net";

/// What is to be asked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The origin domain.
    pub host: String,
    /// Where it is.
    pub servers: Vec<SocketAddr>,
    /// HTTPS; else HTTP.
    pub tls: bool,
    /// The server name; none where the origin is but an address.
    pub sni: Option<String>,
    /// The request.
    pub request: Request,
    /// One of [`POLICIES`].
    pub policy: String,
    /// Names of which one must be on the certificate, in place of the server name.
    pub names: Vec<String>,
    /// Further trust anchors, in PEM.
    pub trust: Vec<Vec<u8>>,
    /// A client certificate with its chain, and its key, in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// How long the edge waits.
    pub patience: Patience,
    /// How often the request is made, each time on a connection of its own.
    pub repeat: u32,
    /// Whether to ask more than the request.
    pub table: bool,
    /// Every policy, and not only those that differ most.
    pub all_policies: bool,
    /// How long to wait for the origin to close an idle connection.
    pub keep_alive: Option<Duration>,
    /// A POST on a connection that is used again.
    pub post: bool,
    /// A call of gRPC.
    pub grpc: bool,
    /// The PROXY protocol header of this version before every connection.
    pub proxy_protocol: Option<u8>,
}

/// What came of it.
#[derive(Debug)]
pub struct Found {
    /// The request itself: what the verdict is about.
    main: Tape,
    /// Everything else.
    further: Vec<Tape>,
    /// The table, and why no packet was sent, where none was.
    pub probed: Probed,
}

impl Found {
    /// The connections of the request, as a capture.
    ///
    /// # Errors
    /// Never in practice.
    pub fn capture(&self, name: &str) -> Result<Source, String> {
        judge::source(&[&self.main], name)
    }

    /// Every connection, those of the request first, as pcapng with its secrets.
    ///
    /// # Errors
    /// What the output said.
    pub fn write(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let tapes: Vec<&Tape> = std::iter::once(&self.main).chain(&self.further).collect();
        Tape::write(&tapes, out)
    }
}

/// The Mozilla store in PEM, as the library takes it.
static STORE: LazyLock<Vec<String>> =
    LazyLock::new(|| webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| pem(der)).collect());

/// Asks.
///
/// # Errors
/// Where the TLS library cannot use what it was given, in one line.
pub fn probe(plan: &Plan, options: &Options, probed: Probed) -> Result<Found, String> {
    let mut trust = STORE.clone();
    for file in &plan.trust {
        trust.extend(CertificateDer::pem_slice_iter(file).filter_map(Result::ok).map(|der| pem(&der)));
    }
    let mut prober =
        Prober { plan, options, trust, found: Found { main: Tape::default(), further: Vec::new(), probed } };
    prober.request()?;
    Ok(prober.found)
}

struct Prober<'p> {
    plan: &'p Plan,
    options: &'p Options,
    trust: Vec<String>,
    found: Found,
}

impl Prober<'_> {
    fn request(&mut self) -> Result<(), String> {
        let (plan, trust) = (self.plan, self.trust.clone());
        let introduction = introduce::header(plan.proxy_protocol, plan.servers.first().copied());
        let question = Question {
            servers: &plan.servers,
            tls: plan.tls.then(|| edge(plan, &trust)),
            introduction: &introduction,
            requests: std::slice::from_ref(&plan.request),
            patience: plan.patience,
        };
        let mut last = Outcome::NoConnection;
        for _ in 0..plan.repeat.max(1) {
            last = question.ask(&mut self.found.main)?;
            if let Outcome::Unreachable(why) = last {
                self.found.probed.unreachable = Some(why);
                return Ok(());
            }
        }
        if plan.table && !matches!(last, Outcome::NoConnection) {
            table::fill(self, &question, &last)?;
        }
        Ok(())
    }

    /// Asks something else on a tape of its own, and has it judged: the last connection counts.
    fn ask(&mut self, question: &Question<'_>) -> Result<(Outcome, Option<Judged>), String> {
        let mut tape = Tape::default();
        let outcome = question.ask(&mut tape)?;
        let judged = self.judged(tape)?;
        Ok((outcome, judged))
    }

    fn judged(&mut self, tape: Tape) -> Result<Option<Judged>, String> {
        let judged = judge::judge(&tape, self.options)?.pop();
        self.found.further.push(tape);
        Ok(judged)
    }
}

/// TLS as the edge speaks it.
fn edge<'p>(plan: &'p Plan, trust: &'p [String]) -> Tls<'p> {
    Tls {
        policy: &plan.policy,
        sni: plan.sni.as_deref(),
        names: &plan.names,
        alpn: &[],
        trust,
        identity: plan.identity.as_ref().map(|(chain, key)| (chain.as_slice(), key.as_slice())),
        verify: true,
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem + "-----END CERTIFICATE-----\n"
}
