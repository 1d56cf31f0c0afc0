//! Gives memory back to the system.

/// The kernel's type information is 15 MB while it is read, and glibc would keep them for us.
pub(crate) fn trim() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "glibc's malloc_trim(3) has no safe wrapper")]
    // SAFETY: it takes a number and touches only free memory, under the allocator's own lock.
    unsafe {
        libc::malloc_trim(0);
    }
}
