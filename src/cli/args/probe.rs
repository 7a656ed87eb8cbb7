//! What can be typed behind `why502 probe`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Color, Format, Judged};
use crate::cli::units;

pub(super) const PROBE_STATUS: &str = "\
It connects to what is named and to nothing else, and looks up that name alone. Its requests carry an
X-Amz-Cf-Id that begins with why502-probe-, and never count as CloudFront's. docs/probe.md tells more.

Exit status:
  0  the origin answered as CloudFront wants it
  1  it did not: no such name, refused, unreachable, or any failed verdict
  2  wrong usage, interrupted, or an error of the program: one line says which";

/// `why502 probe`.
#[derive(Debug, Clone, Args)]
#[cfg_attr(not(feature = "probe"), allow(dead_code, reason = "such a build says that it cannot"))]
pub(crate) struct Probe {
    /// The origin domain, and its port [default: 443, with --http 80]
    #[arg(value_name = "HOST[:PORT]")]
    pub(crate) target: String,

    /// Ask in clear: HTTP, not HTTPS
    #[arg(long)]
    pub(crate) http: bool,

    /// The Host header, where the viewer's is forwarded; it is the server name then as well [default: HOST]
    #[arg(long, value_name = "NAME")]
    pub(crate) host_header: Option<String>,

    /// The server name in TLS [default: what the Host header says]
    #[arg(long, value_name = "NAME")]
    pub(crate) sni: Option<String>,

    /// The path to ask for, with its query
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub(crate) path: String,

    /// The method to ask with
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub(crate) method: String,

    /// Connect to this address: no name is looked up
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) resolve: Option<IpAddr>,

    /// Connect to this host in place of the one named, and look up its name
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with = "resolve")]
    pub(crate) connect_to: Option<String>,

    /// Which addresses to use, as the origin's IpAddressType says
    #[arg(long, value_enum, default_value_t = IpVersion::Ipv4)]
    pub(crate) ip_version: IpVersion,

    /// The policy of s2n-tls to speak TLS by [default: CloudFront-Upstream-TLS-1-2-2025]
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,

    /// Try every CloudFront-Upstream policy, not only those that differ most
    #[arg(long)]
    pub(crate) all_policies: bool,

    /// The client certificate with its chain, PEM, for origins that demand one
    #[arg(long, value_name = "PEM")]
    pub(crate) client_cert: Option<PathBuf>,

    /// Its key, PEM [default: in the same file]
    #[arg(long, value_name = "PEM", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,

    /// Send a PROXY protocol header of this version first, as a load balancer in between would
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) proxy_protocol: Option<u8>,

    /// How long to wait for a connection, and for TLS on it
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    pub(crate) connect_timeout: Duration,

    /// How often to try to connect
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub(crate) connect_attempts: u8,

    /// How long to wait for a response, and between two packets of it
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    pub(crate) read_timeout: Duration,

    /// Make the request so many times, each on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,

    /// Make the request alone: no table of what else the origin does
    #[arg(long)]
    pub(crate) brief: bool,

    /// Wait, for this long at most, for the origin to close an idle connection
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "130s", value_parser = units::duration)]
    pub(crate) measure_keep_alive: Option<Duration>,

    /// Send a POST, too, without a body, on a connection that was used before: it may change something at the origin
    #[arg(long)]
    pub(crate) post: bool,

    /// Make an empty call of gRPC, too, to the path, by HTTP/2: it may change something at the origin
    #[arg(long)]
    pub(crate) grpc: bool,

    /// How to report [default: text, or what the suffix of --output says]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,

    /// Write the report to this file; or, where its name ends in .pcapng, the packets with their secrets, and the report to
    /// standard output
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) judged: Judged,

    /// Colour; `auto` does on a terminal unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// Which addresses of an origin are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IpVersion {
    /// CloudFront's default
    Ipv4,
    Ipv6,
    Dualstack,
}
