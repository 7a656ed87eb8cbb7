//! Every test of what the crate and its command say, in one program: it is linked once.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod common;

mod access_logs;
mod attacks;
mod attempts;
mod browser;
mod catalogue;
mod certificates;
mod cli;
mod compare;
mod conditions;
mod every_condition;
mod faults;
mod formats;
mod forwarded_host;
mod fuzz_targets;
mod headline;
mod hostile;
mod idle;
mod idle_closes;
mod introduced;
mod keylog;
mod layering;
mod limits;
mod mutations;
mod odd_answers;
mod page;
mod peer;
mod pipelines;
mod prefixes;
mod probed;
mod profiles;
mod properties;
mod proxied;
mod reached;
mod responses;
mod roles;
mod sandbox;
mod secrets;
mod shared;
mod sharing;
mod snapshots;
mod sources;
mod staples;
mod suites;
mod sweeps;
#[cfg(feature = "parquet")]
mod tables;
mod threads;
mod timing;
mod truncation;
mod trust;
mod unacknowledged;
mod websocket;
mod why;
mod wireshark;
