//! What can be typed.

mod probe;
mod tables;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use why502::analysis::MAX_CONNECTIONS;
use why502::source::MAX_PACKET;

use super::sandbox::Confined;
use super::units;
#[cfg(feature = "probe")]
pub(super) use probe::IpVersion;
pub(super) use probe::Probe;
#[cfg(feature = "parquet")]
pub(crate) use tables::PageFormat;
pub(crate) use tables::{Fleet, Report, Tabled};

const EXAMPLES: &str = "\
Examples:
  sudo tcpdump -i any -s 0 -w origin.pcap 'tcp port 443'
      capture on the origin host while the errors happen, whole packets
  why502 origin.pcap
      say what failed and why, for people
  why502 analyze --port 443 --all monday.pcap tuesday.pcap.gz
      two captures, one port, healthy connections listed, too
  sudo tcpdump -i eth0 -s 0 -U -w - 'tcp port 443' | why502 analyze --format ndjson -
      one JSON line for each connection when it is over
  why502 -o report.html origin.pcap
      one page to look at, to print and to pass on
  why502 -o failing.pcapng origin.pcap
      the packets of what failed, evidence in comments, payloads blanked and addresses encrypted
  why502 bundle -o case.zip origin.pcap
      all that a support case needs, in one file
  why502 -o report.json origin.pcap && echo nothing failed
      the JSON report, in a file; the exit status says whether anything failed
  why502 --access-log E2EXAMPLE.2026-11-28-07.gz origin.pcap
      say of every 5xx row of CloudFront's log whether it reached this host, and what became of it
  sudo why502 live -i eth0 --port 443
      watch an interface: each failure at once, the report at Ctrl-C
  why502 explain tls.no-common-version
      what a cause means, how to confirm it, how to fix it
  why502 why origin.pcap 17
      what frame 17 has to do with any finding
  why502 fleet captures/ -o tables/
      the captures of many hosts, each in a directory of its name, as tables; and a report of all
  why502 report -o fleet.html tables/
      the same as a page, from the tables alone
  why502 compare monday.pcap tuesday.pcap
      what a change between the two mended, and what it broke
  why502 probe origin.example.com
      ask an origin as CloudFront would, and say what is wrong with the answer
  source <(why502 completions bash)
      let the shell complete commands, options and their values

An argument that is the name of a command is the command: write ./explain for a file of that name.";

const STATUS: &str = "\
Exit status:
  0  nothing failed (inconclusive connections alone do not count)
  1  at least one connection failed
  2  wrong usage, unreadable input, or an error of the program: one line on standard error
     says which, and readable files are still reported when others are not

Standard output carries the report alone. A reader that goes away early (`| head`) ends the
program quietly: the status is that of the verdicts where they are known by then, else 0.";

/// Why did CloudFront answer 502?
///
/// Reads a capture that tcpdump took at the origin host, says which connections failed and why, shows the packets
/// that prove it, and what to do. Nothing is sent anywhere and no name is resolved, but by `why502 probe`.
#[derive(Debug, Parser)]
#[command(name = "why502", version, max_term_width = 100, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUS}"))]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, arg_required_else_help = true)]
#[command(
    override_usage = "why502 [OPTIONS] <FILE>...\n       why502 analyze [OPTIONS] <FILE>...\n       why502 live [OPTIONS] -i <IFACE>...\n       why502 explain [CAUSE]\n       why502 why [OPTIONS] <FILE> <FRAME>\n       why502 compare [OPTIONS] <BEFORE> <AFTER>\n       why502 bundle [OPTIONS] <FILE>... -o <OUT.zip>\n       why502 fleet [OPTIONS] <DIR> -o <OUT>\n       why502 report [OPTIONS] <DIR>...\n       why502 probe [OPTIONS] <HOST[:PORT]>\n       why502 completions <SHELL>\n       why502 man [COMMAND]"
)]
#[command(disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) analyze: Analyze,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read captures and say what failed and why (`why502 FILE...` is the same)
    #[command(after_help = STATUS, arg_required_else_help = true)]
    Analyze(Box<Analyze>),
    /// Watch interfaces: say at once what fails, and everything at the end (Ctrl-C)
    #[command(after_help = LIVE_STATUS, arg_required_else_help = true)]
    Live(Box<Live>),
    /// Ask an origin as CloudFront would, and judge what comes back
    #[command(after_help = probe::PROBE_STATUS, arg_required_else_help = true)]
    Probe(Box<Probe>),
    /// List the catalogue of causes, or explain one
    Explain(Explain),
    /// Say what one frame of a capture has to do with any finding
    #[command(after_help = WHY_STATUS, arg_required_else_help = true)]
    Why(Why),
    /// Say what a change mended and what it broke, by cause
    #[command(after_help = COMPARE_STATUS, arg_required_else_help = true)]
    Compare(Compare),
    /// Tell of one host or of many, from the tables of `fleet` or of `analyze --format parquet`
    #[command(after_help = tables::REPORT_STATUS, arg_required_else_help = true)]
    Report(Box<Report>),
    /// Read the captures of many hosts, write their tables, and tell of all of them
    #[command(after_help = tables::FLEET_STATUS, arg_required_else_help = true)]
    Fleet(Box<Fleet>),
    /// Make one file of everything that a support case needs: reports, the packets of what failed, a text to paste
    ///
    /// What would identify somebody is blanked (docs/sharing.md); of rows of access logs no addresses, queries or cookies are
    /// told.
    #[command(after_help = STATUS, arg_required_else_help = true)]
    Bundle(Box<Bundle>),
    /// Print what a shell needs to complete what is typed
    #[command(arg_required_else_help = true)]
    Completions(Completions),
    /// Print the manual page, or that of one command (`why502 man | man -l -`)
    Man(Man),
}

#[derive(Debug, Clone, Args)]
pub(super) struct Completions {
    /// The shell; each has a place of its own for such scripts
    #[arg(value_name = "SHELL")]
    pub(super) shell: Shell,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Man {
    /// The command [default: the program]
    #[arg(value_name = "COMMAND")]
    pub(super) command: Option<String>,
}

const LIVE_STATUS: &str = "\
Capturing needs a right: run it by sudo, or once `setcap cap_net_raw=ep` on the program. It is given up
when the interfaces are open. docs/live.md tells of it, of a systemd unit and of tcpdump instead.

Exit status:
  0  nothing failed, until Ctrl-C (SIGINT, SIGTERM, SIGHUP), --duration or --count
  1  at least one connection failed
  2  wrong usage, no right to capture, or no interface left: one line says which";

const COMPARE_STATUS: &str = "\
A cause is counted against the connections of which the capture tells whether they failed, and
a difference counts where chance would make it in fewer than one of twenty cases (Fisher's exact
test; connections are taken to fail independently of each other):
  broken, worse    more connections fail than chance explains
  mended, better   fewer do
  new, gone        seen on one side only, but on too few connections to rule out chance
  unchanged        chance may explain the difference, if there is one

Exit status:
  0  nothing got worse
  1  a cause is broken, worse or new
  2  wrong usage, unreadable input, or an error of the program: one line says which";

#[derive(Debug, Clone, Args)]
pub(super) struct Compare {
    /// A capture from before the change, or its report in JSON; `-` is a capture on standard input
    #[arg(value_name = "BEFORE")]
    pub(super) before: PathBuf,

    /// A capture from after it, or its report in JSON
    #[arg(value_name = "AFTER")]
    pub(super) after: PathBuf,

    /// How to answer
    #[arg(long, value_enum, default_value_t = ShortFormat::Text)]
    pub(super) format: ShortFormat,

    /// Count connections of every role, not only the edge's; captures only
    #[arg(long)]
    pub(super) all_peers: bool,

    #[command(flatten)]
    pub(super) look: Look,
}

const WHY_STATUS: &str = "\
Exit status:
  0  answered, whatever the answer
  2  the capture has no such frame or cannot be read, or wrong usage: one line says which";

#[derive(Debug, Clone, Args)]
pub(super) struct Why {
    /// The capture; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,

    /// The number of the frame, as the report and Wireshark show it
    #[arg(value_name = "FRAME", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) frame: u64,

    /// How to answer
    #[arg(long, value_enum, default_value_t = ShortFormat::Text)]
    pub(super) format: ShortFormat,

    #[command(flatten)]
    pub(super) look: Look,
}

/// What to look at, for commands that read captures as `analyze` does.
#[derive(Debug, Clone, Args)]
pub(crate) struct Look {
    /// Look only at connections with this port on either side; may be given several times [default: every connection]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Vec<u16>,

    /// Look only at packets that match this pcap-filter expression, as tcpdump's filters are written
    #[arg(long, value_name = "BPF")]
    pub(crate) filter: Option<String>,

    /// Open TLS with the secrets of this NSS key log (SSLKEYLOGFILE); may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Vec<PathBuf>,

    /// Take CloudFront's addresses from this ip-ranges.json instead of the built-in list
    #[arg(long, value_name = "FILE")]
    pub(crate) ip_ranges: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) judged: Judged,

    /// Colour; `auto` does on a terminal unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,

    #[command(flatten)]
    pub(crate) confined: Confined,
}

/// What certificates are judged by.
#[derive(Debug, Clone, Args)]
pub(crate) struct Judged {
    /// Trust the certificates of this PEM file beside the built-in Mozilla store; may be given several times
    #[arg(long, value_name = "PEM")]
    pub(crate) trust: Vec<PathBuf>,

    /// A name that CloudFront accepts on the certificate: the origin domain, or the forwarded Host; may be given several
    /// times [default: the SNI]
    #[arg(long, value_name = "NAME")]
    pub(crate) origin_name: Vec<String>,

    /// Judge certificates for this time, RFC 3339 [default: the time of the packet that carried them]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ShortFormat {
    /// For people, 80 columns
    Text,
    /// One document, for programs (under schemas/)
    Json,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Analyze {
    /// Captures: pcap or pcapng, also compressed with gzip, zstd or lz4; `-` is standard input. Several are read as one,
    /// in the order of time
    #[arg(value_name = "FILE", required_unless_present = "sandbox_check")]
    pub(crate) files: Vec<PathBuf>,

    /// How to report [default: text, or what the suffix of --output says]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,

    /// Write the report to this file, which appears under its name only when it is whole [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,

    /// Look only at connections with this port on either side; may be given several times [default: every connection]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Vec<u16>,

    /// Look only at packets that match this pcap-filter expression, as tcpdump's filters are written
    #[arg(long, value_name = "BPF")]
    pub(crate) filter: Option<String>,

    #[command(flatten)]
    pub(crate) past: Past,

    /// Open TLS with the secrets of this NSS key log (SSLKEYLOGFILE); may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Vec<PathBuf>,

    /// Take from this report of `why502 probe --format json` why a certificate was refused that TLS 1.3 hides; may be given
    /// several times
    #[arg(long, value_name = "FILE")]
    pub(crate) probe_result: Vec<PathBuf>,

    /// Take CloudFront's addresses from this ip-ranges.json instead of the built-in list
    #[arg(long, value_name = "FILE", long_help = ip_ranges_help())]
    pub(crate) ip_ranges: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) judged: Judged,

    #[command(flatten)]
    pub(crate) told: Told,

    #[command(flatten)]
    pub(crate) sanitised: Sanitised,

    #[command(flatten)]
    pub(crate) tabled: Tabled,

    /// Colour text; `auto` does on a terminal unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,

    /// Threads to share connections out to; where packets are large, a second one reads ahead [default: one for small files
    /// and pipes, else as many as there are processors]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) confined: Confined,
}

/// Which part of what is over is looked at, and what else is known of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Past {
    /// Look only at connections that were alive at this time or later: RFC 3339, or `2026-01-02 15:04`, or `15:04` on the
    /// day on which the capture begins; UTC without an offset
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Look only at connections that were alive at this time or earlier
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    #[command(flatten)]
    pub(crate) incident: Incident,

    /// Join this access log with the capture: CloudFront's (standard, v2 as JSON, w3c or plain, real-time), an Application
    /// Load Balancer's, nginx's or Apache's, known by content, also compressed; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Vec<PathBuf>,

    /// The fields of access logs without a header, in the order in which they have them
    #[arg(long, value_name = "NAME,NAME,...")]
    pub(crate) access_log_fields: Option<String>,
}

/// Which connections are followed and told of.
#[derive(Debug, Clone, Args)]
pub(crate) struct Told {
    /// Text, and packets: healthy connections, too
    #[arg(long)]
    pub(crate) all: bool,

    /// Count connections of every role, not only the edge's: scanners, health checks, this host's own
    #[arg(long)]
    pub(crate) all_peers: bool,

    /// Most connections followed at once; further ones push out the least recently active
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(MAX_CONNECTIONS).unwrap_or(NonZeroUsize::MIN))]
    pub(crate) max_connections: NonZeroUsize,
}

/// What is removed from packets that leave the host.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sanitised {
    /// Packets that leave the host: remove the values of this header field, too, or this text wherever it stands, such as
    /// a host name; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) redact: Vec<String>,

    /// Packets that leave the host: leave addresses as they are
    #[arg(long)]
    pub(crate) keep_addresses: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Bundle {
    /// Captures, as for `analyze`
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Write the bundle to this file, which appears under its name only when it is whole
    #[arg(short, long, value_name = "OUT.zip", required = true)]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) sanitised: Sanitised,

    #[command(flatten)]
    pub(crate) past: Past,

    #[command(flatten)]
    pub(crate) told: Told,

    #[command(flatten)]
    pub(crate) look: Look,
}

impl From<Bundle> for Analyze {
    /// The analysis that a bundle is made of.
    fn from(typed: Bundle) -> Analyze {
        let Look { port, filter, keylog, ip_ranges, judged, color, confined } = typed.look;
        Analyze {
            files: typed.files,
            format: None,
            output: Some(typed.output),
            port,
            filter,
            past: typed.past,
            keylog,
            ip_ranges,
            judged,
            told: typed.told,
            sanitised: typed.sanitised,
            tabled: Tabled::default(),
            color,
            confined,
            threads: None,
            probe_result: Vec::new(),
        }
    }
}

/// Which connections an incident is made of.
#[derive(Debug, Clone, Args)]
pub(crate) struct Incident {
    /// Look only at connections that asked for this host, by Host or SNI; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,

    /// Look only at connections with a request whose path begins so; may be given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Vec<String>,

    /// Look only at connections with a request of this X-Amz-Cf-Id; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Vec<String>,

    /// Look only at connections with this address, or one of this prefix, on either side; may be given several times
    #[arg(long, value_name = "ADDRESS[/BITS]")]
    pub(crate) peer: Vec<String>,

    /// Look only at connections with a finding of this cause, or of this area; may be given several times
    #[arg(long, value_name = "CAUSE")]
    pub(crate) cause: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Live {
    /// Watch this interface, or `any`: all of them; may be given several times
    #[arg(short, long, value_name = "IFACE", required = true)]
    pub(crate) interface: Vec<String>,

    /// How to report: text when it ends, and a line on standard error for each finding before; ndjson a line for each
    /// connection when it is over, and one at once for what is found while it is open [default: text, or what the suffix
    /// of --output says]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,

    /// Write the report to this file, which appears under its name only when it is whole [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,

    /// End after this time, such as 90s, 15m or 12h [default: at Ctrl-C]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) duration: Option<Duration>,

    /// End after this many packets
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Keep so many bytes of each packet; certificates and HTTP want all of them
    #[arg(long, value_name = "BYTES", default_value_t = MAX_PACKET, value_parser = clap::value_parser!(u32).range(64..=i64::from(MAX_PACKET)))]
    pub(crate) snap_length: u32,

    /// Memory in which the kernel keeps packets of each interface until they are read, such as 64MiB
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = units::buffer)]
    pub(crate) buffer_size: u32,

    /// Take each packet as it comes, not every 20 ms: the buffer then has room for fewer
    #[arg(long)]
    pub(crate) immediate_mode: bool,

    /// Keep the last packets in files in this directory
    #[arg(long, value_name = "DIR", requires = "ring_size")]
    pub(crate) ring: Option<PathBuf>,

    /// Bytes that these files have at most, such as 2GiB
    #[arg(long, value_name = "SIZE", requires = "ring", value_parser = units::ring)]
    pub(crate) ring_size: Option<u64>,

    /// Of the last packets, save there only those of connections that fail, from before it was known that they do
    #[arg(long, value_enum, requires = "ring")]
    pub(crate) save: Option<Save>,

    /// Serve counters for Prometheus at this address, such as 127.0.0.1:9502
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) metrics: Option<SocketAddr>,

    /// Who to be once the interfaces are open: a name or a number [default: nobody, where it is begun as root]
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,

    #[command(flatten)]
    pub(crate) incident: Incident,

    #[command(flatten)]
    pub(crate) look: Look,

    #[command(flatten)]
    pub(crate) told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Save {
    /// Connections that fail
    Failing,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Explain {
    /// A cause, such as `tls.no-common-version`, or an area, such as `tls`; without one, all are listed
    pub(super) cause: Option<String>,

    /// Colour; `auto` does on a terminal unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, 80 columns
    Text,
    /// One document, for programs (schemas/report.v1.json)
    Json,
    /// One JSON line for each connection, as soon as it is over
    Ndjson,
    /// One page to look at, to print and to pass on; it opens offline
    Html,
    /// SARIF 2.1.0, one result for each cause, for pipelines
    Sarif,
    /// JUnit's XML, one test for each cause, for pipelines
    Junit,
    /// Tables for engines such as Spark, Athena and DuckDB, in a directory that --output names (docs/tables.md)
    Parquet,
    /// The packets of what failed, to be passed on: evidence in comments, payloads blanked, addresses encrypted
    Pcapng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

fn ip_ranges_help() -> String {
    format!(
        "Take CloudFront's addresses from this file instead of the built-in list of {}. The file is AWS's: \
         https://ip-ranges.amazonaws.com/ip-ranges.json, services CLOUDFRONT and CLOUDFRONT_ORIGIN_FACING",
        why502::observation::SNAPSHOT_DATE
    )
}
