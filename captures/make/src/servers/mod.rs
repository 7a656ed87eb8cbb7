//! Real servers, with configurations that a scenario completes. One file each.

pub(crate) mod nginx;
