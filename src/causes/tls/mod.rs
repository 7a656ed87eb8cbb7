//! stub
pub(super) static ALL: &[&crate::diagnosis::Cause] = &[];
