//! Each format, and what is wrong with it.
