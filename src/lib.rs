//! Why did CloudFront answer 502?

pub mod base;
pub mod ip;
pub mod link;
pub mod source;
