//! What can be typed of tables.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::super::sandbox::Confined;
use super::super::units;
use super::{Color, Look};

/// Which part of what a fleet saw an analysis is.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Tabled {
    /// Read this capture for the connections that begin or end in it: those that begin in it are told where it is one of the
    /// FILEs; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) context: Vec<PathBuf>,

    /// Parquet: what the rows are told apart by from those of other analyses with the same output [default: 0]
    #[arg(long, value_name = "ID")]
    pub(crate) unit: Option<String>,

    /// Parquet: the host on which the captures were taken
    #[arg(long, value_name = "NAME")]
    pub(crate) capture_host: Option<String>,

    /// Tell of a FILE under this name; may be given several times, in the order of the FILEs
    #[arg(long, value_name = "NAME")]
    pub(crate) capture_name: Vec<String>,

    /// Parquet: files in directories by the day on which a connection began, in UTC, and by --capture-host
    #[arg(long, value_enum, value_name = "date,host")]
    pub(crate) partition_by: Option<PartitionBy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartitionBy {
    /// By both
    #[value(name = "date,host")]
    DateAndHost,
}

pub(crate) const REPORT_STATUS: &str = "\
Exit status:
  0  nothing failed
  1  at least one connection failed
  2  wrong usage, or tables that cannot be read: one line says which";

/// Which tables to tell of, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct Report {
    /// Directories of tables, as `why502 fleet`, `why502 analyze --format parquet` or the job on Spark wrote them
    #[arg(value_name = "DIR", required = true)]
    pub(crate) dirs: Vec<PathBuf>,

    /// How to report [default: text, or what the suffix of --output says]
    #[arg(long, value_enum)]
    pub(crate) format: Option<PageFormat>,

    /// Write the report to this file, which appears under its name only when it is whole [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,

    /// Count connections of every role, not only the edge's
    #[arg(long)]
    pub(crate) all_peers: bool,

    /// Colour text; `auto` does on a terminal unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,

    #[command(flatten)]
    pub(crate) confined: Confined,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    /// For people, 80 columns
    Text,
    /// One page to look at, to print and to pass on
    Html,
}

pub(crate) const FLEET_STATUS: &str = "\
A unit is what one process reads: captures of one host that follow each other, with those before and
after them for the connections that begin in one and end in another. A second run over the same
captures does only what is new, or failed before.

Exit status:
  0  nothing failed
  1  at least one connection failed
  2  wrong usage, or captures that cannot be read: a line each, and a row each in the table `units`;
     the others are told all the same";

/// Many captures of many hosts.
#[derive(Debug, Clone, Args)]
pub(crate) struct Fleet {
    /// The directory of the captures; those in directories below it are read as well
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// Write the tables to this directory
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Which host a capture is of: a regular expression on its path below DIR, with a group `(?<host>...)` [default: the
    /// name of the directory that it is in]
    #[arg(long, value_name = "REGEX")]
    pub(crate) host_from: Option<String>,

    /// Units that are read at once, each on one thread [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// Bytes of captures that one unit is made of, unless a single one is larger
    #[arg(long, value_name = "SIZE", default_value = "16GiB", value_parser = units::size)]
    pub(crate) unit_size: u64,

    /// How long before and after a unit captures are read for the connections that it cuts, within a quarter of its size:
    /// longer than a connection may be idle
    #[arg(long, value_name = "TIME", default_value = "3m", value_parser = units::duration)]
    pub(crate) overlap: Duration,

    /// Count connections of every role, not only the edge's
    #[arg(long)]
    pub(crate) all_peers: bool,

    #[command(flatten)]
    pub(crate) look: Look,
}
