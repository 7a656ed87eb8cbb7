//! The allocator of the program, how long it keeps memory that was given back, and a word to the processor about what will
//! be looked at: all that has to do with memory and needs `unsafe`.
//!
//! Connections come and go by the hundred thousand. What one leaves the next one takes, but the allocator gives pages that
//! stay empty for ten milliseconds back to the system, which clears them when they are asked for again: a tenth of all
//! work on many short connections. A second is long beside that, and short beside a day of watching an interface.
//!
//! Where the system gives huge pages to whoever asks for memory, each thread and each size of object takes two megabytes at
//! a time, most of which stays empty where an analysis needs little. One that needs much finds its memory sooner by them.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_long;

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_option_eager_commit_delay, mi_option_set, mi_option_t,
    mi_option_use_numa_nodes, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// mimalloc.
///
/// What it gives is aligned well enough for nearly all types; asked for an alignment it looks after it nevertheless, which
/// takes as long as the rest.
#[derive(Debug, Clone, Copy)]
pub struct Allocator;

/// `MI_MAX_ALIGN_SIZE` of mimalloc/types.h: what is at least as large as its alignment is aligned up to here without being
/// asked for it (`mi_malloc_is_naturally_aligned`).
const NATURAL: usize = 16;

const fn is_natural(size: usize, align: usize) -> bool {
    align <= NATURAL && align <= size
}

// SAFETY: each function is mimalloc's own of the same meaning. What it gives is null or a block of at least that size, which
// belongs to nobody else until it is given to `mi_free` or `mi_realloc`, and aligned as was asked for, or by itself where
// `is_natural` says so. None of them unwinds.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two may be asked for.
        unsafe { if is_natural(size, align) { mi_malloc(size) } else { mi_malloc_aligned(size, align) } }.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        unsafe { if is_natural(size, align) { mi_zalloc(size) } else { mi_zalloc_aligned(size, align) } }.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller got it from one of the others, and gives it back once.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        let block = block.cast();
        // SAFETY: the caller got it from one of the others; where this gives null it is still the caller's.
        unsafe {
            if is_natural(size, align) { mi_realloc(block, size) } else { mi_realloc_aligned(block, size, align) }
        }
        .cast()
    }
}

/// A line of a processor's cache, in bytes.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

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

/// Takes what memory is still to come by the huge page, where the system gives such.
pub fn take_huge_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(false);
}

/// Calls for memory that will be looked at soon, on x86-64; elsewhere Rust has no stable way to. What comes from far takes as
/// long as some hundred instructions, which need not wait for it. All lines of a cache are called for that `what` is in, if
/// it begins with one.
#[inline(always)]
#[allow(unsafe_code)]
pub fn prefetch<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..size_of::<T>()).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 has SSE; a prefetch gives nothing to the program, and fails at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(what).cast::<i8>().wrapping_add(line)) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = what;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code)]
    fn what_is_given_is_aligned_and_keeps_its_bytes() {
        for align in [1, 2, 4, 8, 16, 32, 64, 4_096] {
            for size in [1, 8, 15, 16, 17, 24, 40, 100, 1_000, 1_025, 9_000, 200_000] {
                let layout = Layout::from_size_align(size, align).unwrap();
                let grown = size * 3 + 1;
                // SAFETY: written and read within the block, which is given back once with its own layout.
                unsafe {
                    let zeroed = Allocator.alloc_zeroed(layout);
                    assert!((0..size).all(|i| zeroed.add(i).read() == 0), "{size} {align}");
                    let block = Allocator.alloc(layout);
                    block.write_bytes(7, size);
                    let larger = Allocator.realloc(block, layout, grown);
                    assert!((0..size).all(|i| larger.add(i).read() == 7), "{size} {align}");
                    for block in [zeroed, larger] {
                        assert_eq!(block as usize % align, 0, "{size}");
                    }
                    Allocator.dealloc(zeroed, layout);
                    Allocator.dealloc(larger, Layout::from_size_align(grown, align).unwrap());
                }
            }
        }
    }

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
    fn huge_pages_are_left_alone_until_they_are_asked_for() {
        take_small_pages();
        assert_eq!(rustix::thread::transparent_huge_pages_are_disabled(), Ok(true));
        take_huge_pages();
        assert_eq!(rustix::thread::transparent_huge_pages_are_disabled(), Ok(false));
    }
}
