//! How memory is had from the system.

use rustix::thread::disable_transparent_huge_pages;

/// A call allocates some dozens of small values on one thread and frees some of them on another; the system's
/// allocator spends about a sixth of a durable write on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps this process from pages of 2 MiB. The system clears a page before it gives it out, and whoever serves a call would
/// wait for that; and half of what is held would be held for nothing.
pub(crate) fn keep_pages_small() {
    if let Err(error) = disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "pages may be huge");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_small_from_then_on() {
        keep_pages_small();
        assert!(rustix::thread::transparent_huge_pages_are_disabled().unwrap());
    }
}
