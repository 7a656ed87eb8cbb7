//! (to come)
pub mod http1;
