//! The allocator of the program, and how long it keeps memory that was given back.
//!
//! Connections come and go by the hundred thousand. What one leaves the next one takes, but the allocator gives pages that
//! stay empty for ten milliseconds back to the system, which clears them when they are asked for again: a tenth of all
//! work on many short connections. A second is long beside that, and short beside a day of watching an interface.
//!
//! Where the system gives huge pages to whoever asks for memory, each thread and each size of object takes two megabytes at
//! a time, of which most analyses never use half.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_eager_commit_delay, mi_option_set, mi_option_t, mi_option_use_numa_nodes};

pub use mimalloc::MiMalloc as Allocator;

/// For how long memory that was given back is kept, in milliseconds.
const KEPT: c_long = 1_000;

/// `mi_option_purge_delay` of mimalloc.h, which the bindings leave out between these two.
const PURGE_DELAY: mi_option_t = mi_option_eager_commit_delay + 1;
const _: () = assert!(PURGE_DELAY + 1 == mi_option_use_numa_nodes);

/// Keeps memory for a while when it is given back. To be called once, before there is another thread.
#[allow(unsafe_code)]
pub fn keep_for_a_while() {
    // SAFETY: the number is that of an option that there is, as asserted above, and any value is a valid delay. The
    // function stores it in a table of its own, without synchronisation, and no other thread is there yet to read it.
    unsafe { mi_option_set(PURGE_DELAY, KEPT) }
}

/// Takes memory from the system by the small page. To be called once, before there is another thread; where the kernel knows
/// of no such wish, it does as it always does.
pub fn take_small_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // Milliseconds by default: no other option has this value.
        // SAFETY: reads what the function below writes, on the same thread.
        #[allow(unsafe_code)]
        let option = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(option(), 10);
        keep_for_a_while();
        assert_eq!(option(), KEPT);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn huge_pages_are_left_alone() {
        take_small_pages();
        assert_eq!(rustix::thread::transparent_huge_pages_are_disabled(), Ok(true));
    }
}
