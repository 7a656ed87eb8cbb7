//! Why did CloudFront answer 502?

pub mod base;
pub mod flow;
pub mod ip;
pub mod tcp;
