//! Why did CloudFront answer 502?

pub mod base;
pub mod session;
