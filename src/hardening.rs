//! What keeps keys out of core dumps, debuggers and swap, and descriptors out of other programs. The crate's only `unsafe` code is here.

use std::fmt;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::mm::{mlock, munlock};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zeroize::Zeroize;

/// Turns core dumps off for this process, and on Linux also other processes of the same user away from its memory.
///
/// Returns the core limit that was there before: it is inherited by every program started from here, so one that
/// replaces this process should get it back. (Being dumpable comes back by itself at exec.)
pub(crate) fn harden_process() -> Rlimit {
    let before = getrlimit(Resource::Core);
    // Failures are ignored here and below: a sandbox that forbids these calls must not make the vault unusable, and
    // nobody could act on a warning.
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: before.maximum,
        },
    );
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    before
}

/// Whether the process was started without a standard output, as by the shell's `>&-`.
pub(crate) fn is_stdout_missing() -> bool {
    STDOUT_IS_MISSING.load(Ordering::Relaxed)
}

static STDOUT_IS_MISSING: AtomicBool = AtomicBool::new(false);

/// Called before `main`: before that Rust, too, puts `/dev/null` in the place of what is missing, and nobody can tell it
/// from one that was asked for.
#[expect(unsafe_code, reason = "nothing else runs before Rust does")]
// SAFETY: these sections are lists of such functions. It calls the kernel once and allocates nothing.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[used]
static LOOK_AT_STDOUT: extern "C" fn() = look_at_stdout;

#[expect(unsafe_code, reason = "its number is all that is known of it")]
extern "C" fn look_at_stdout() {
    // SAFETY: it is used for one call that neither keeps nor closes it. Where nothing is open, that fails.
    let stdout = unsafe { BorrowedFd::borrow_raw(1) };
    STDOUT_IS_MISSING.store(fcntl_getfd(stdout).is_err(), Ordering::Relaxed);
}

/// Keeps a descriptor that this process was started with from every program that it starts; not a standard stream.
#[expect(unsafe_code, reason = "its number is all that is known of it")]
pub(crate) fn close_on_exec(number: RawFd) {
    if number <= 2 {
        return;
    }
    // SAFETY: it is used for one call that neither keeps nor closes it. Where nothing is open, that fails.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let _ = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
}

/// Does `work`, which starts another program, under the core limit that was there before [`harden_process`].
///
/// It holds for this process meanwhile; what it has in memory is no part of a dump even then where it is not dumpable.
pub(crate) fn with_core_limit<T>(limit: &Rlimit, work: impl FnOnce() -> T) -> T {
    let now = getrlimit(Resource::Core);
    let _ = setrlimit(Resource::Core, *limit);
    let outcome = work();
    let _ = setrlimit(Resource::Core, now);
    outcome
}

/// Lets no program that is started from here on have a descriptor of this process but its standard streams: one that
/// stays in the background would keep the caller's pipes open, and locks that a script holds.
#[expect(unsafe_code, reason = "descriptors of the caller's have a number only")]
pub(crate) fn keep_descriptors() {
    // Listed first and the list's own descriptor closed, so that each is open while it is borrowed.
    for number in listed_descriptors() {
        // SAFETY: it was open a moment ago and no other thread runs that could close it. If it is closed all the same
        // (the list's own is), the call below fails and touches nothing.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
    }
}

/// Closes every descriptor that this process was started with but its standard streams: a process that stays would keep
/// the caller's pipes open, and locks that a script holds. Only for a process that has opened nothing itself yet.
#[expect(unsafe_code, reason = "descriptors of the caller's have a number only")]
pub(crate) fn close_descriptors() {
    for number in listed_descriptors() {
        // SAFETY: it was open a moment ago and no other thread runs that could close it. If it is closed all the same
        // (the list's own is), the question fails and touches nothing.
        let is_open = fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).is_ok();
        if is_open {
            // SAFETY: nothing in this process owns it, because nothing was opened before this call.
            unsafe { rustix::io::close(number) };
        }
    }
}

/// The descriptors above the standard streams that were open a moment ago.
fn listed_descriptors() -> Vec<RawFd> {
    // Where they are not listed there is nothing to go by; a program that has one too many works all the same.
    let listed = std::fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let numbers = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|number| *number > 2).collect()
}

/// A 32-byte key in a page of its own: kept out of swap and core dumps where the system allows, wiped on drop.
pub(crate) struct LockedKey(Box<Page>);

/// The smallest page size there is. Where pages are larger, locking covers its neighbours too, which does no harm.
const PAGE: usize = 4096;

#[repr(C, align(4096))]
struct Page([u8; PAGE]);

impl LockedKey {
    /// Moves a key in: `bytes` is wiped.
    pub(crate) fn new(bytes: &mut [u8; 32]) -> Self {
        // Locked before the key comes in, and filled where it lies: no copy passes over the stack.
        let mut page = Box::new(Page([0; PAGE]));
        lock(&mut page);
        page.0[..32].copy_from_slice(bytes);
        bytes.zeroize();
        Self(page)
    }

    /// The key.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.0.0.first_chunk().expect("a page is longer than a key")
    }
}

impl Drop for LockedKey {
    fn drop(&mut self) {
        self.0.0.zeroize();
        unlock(&mut self.0);
    }
}

impl fmt::Debug for LockedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockedKey(..)")
    }
}

/// Failures are ignored: RLIMIT_MEMLOCK may be tiny, and a key in ordinary memory is better than none.
#[expect(unsafe_code, reason = "mlock and madvise take a raw address range")]
fn lock(page: &mut Page) {
    let start = page.0.as_mut_ptr().cast();
    // SAFETY: the range is exactly one live allocation, and locking does not change its contents.
    let _ = unsafe { mlock(start, PAGE) };
    #[cfg(target_os = "linux")]
    // SAFETY: as above; DONTDUMP only changes what a core dump has in it.
    let _ = unsafe { rustix::mm::madvise(start, PAGE, rustix::mm::Advice::LinuxDontDump) };
}

#[expect(unsafe_code, reason = "munlock takes a raw address range")]
fn unlock(page: &mut Page) {
    // SAFETY: the range is exactly one live allocation, and unlocking does not change its contents. Nothing else
    // that is locked shares it.
    let _ = unsafe { munlock(page.0.as_mut_ptr().cast(), PAGE) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_moved_in_and_not_shown() {
        let mut source = [7; 32];
        let key = LockedKey::new(&mut source);
        assert_eq!(source, [0; 32]);
        assert_eq!(key.bytes(), &[7; 32]);
        assert_eq!(key.bytes().as_ptr().addr() % PAGE, 0);
        assert_eq!(format!("{key:?}"), "LockedKey(..)");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_page_is_locked_and_not_dumped() {
        let key = LockedKey::new(&mut [7; 32]);
        let flags = flags_of(key.bytes().as_ptr().addr());
        assert!(flags.contains(&"lo".to_owned()), "{flags:?}");
        assert!(flags.contains(&"dd".to_owned()), "{flags:?}");
        // Its twin: an ordinary page has neither.
        let plain = Box::new(Page([7; PAGE]));
        let flags = flags_of(plain.0.as_ptr().addr());
        assert!(!flags.contains(&"lo".to_owned()), "{flags:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_leaves_no_dump() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        let before = harden_process();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        let now = getrlimit(Resource::Core);
        assert_eq!((now.current, now.maximum), (Some(0), before.maximum));
    }

    /// The kernel's two-letter flags of the mapping that `address` lies in.
    #[cfg(target_os = "linux")]
    fn flags_of(address: usize) -> Vec<String> {
        let maps =
            std::fs::read_to_string("/proc/self/smaps").expect("readable by its own process");
        let mut inside = false;
        for line in maps.lines() {
            if let Some((start, end)) = range_of(line) {
                inside = (start..end).contains(&address);
            } else if let Some(flags) = line.strip_prefix("VmFlags:").filter(|_| inside) {
                return flags.split_whitespace().map(str::to_owned).collect();
            }
        }
        panic!("{address:#x} is not mapped");
    }

    /// The address range, where `line` is the head of a mapping.
    #[cfg(target_os = "linux")]
    fn range_of(line: &str) -> Option<(usize, usize)> {
        let (start, end) = line.split_whitespace().next()?.split_once('-')?;
        Some((
            usize::from_str_radix(start, 16).ok()?,
            usize::from_str_radix(end, 16).ok()?,
        ))
    }
}
