//! Which protocol lies on which.

pub mod tls;
