//! What can be typed of tables.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
