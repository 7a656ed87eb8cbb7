//! Why did CloudFront answer 502?
fn main() {}
