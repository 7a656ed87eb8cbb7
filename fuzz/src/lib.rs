//! What is fuzzed, and what it begins with.

pub mod mutate;
pub mod seeds;
pub mod targets;
