//! Ties one program to the exits of many system calls: two system calls that no library offers with a
//! cookie, and one that asks for a cgroup by its number (`unsafe`; `heap` has the sensor's only other one).
//!
//! A tracepoint of its own for each system call costs the others next to nothing, where the one raw
//! tracepoint for all of them would be paid by every call of every process.

#![expect(unsafe_code, reason = "perf_event_open(2), bpf(2) and open_by_handle_at(2) have no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};

const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
const PERF_ATTR_DISABLED: u64 = 1;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_PERF_EVENT: u32 = 41;

/// A file system of the kernel, mounted for us alone: the host sees no new mount, and nobody must have
/// mounted it.
pub(crate) struct Private(OwnedFd);

impl Private {
    pub(crate) fn mount(kind: &str) -> io::Result<Self> {
        let system = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        rustix::mount::fsconfig_create(&system)?;
        let flags = MountAttrFlags::MOUNT_ATTR_RDONLY;
        Ok(Self(rustix::mount::fsmount(&system, FsMountFlags::FSMOUNT_CLOEXEC, flags)?))
    }

    /// Its root.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The beginning of a small file; none when there is none.
    pub(crate) fn read(&self, path: &str) -> io::Result<Option<String>> {
        let opened = rustix::fs::openat(&self.0, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let file = match opened {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut text = [0; 256];
        let length = rustix::io::read(&file, &mut text)?;
        Ok(Some(String::from_utf8_lossy(&text[..length]).trim().to_owned()))
    }
}

/// Whether a cgroup of this number is there; where the kernel does not say that it is not, it is.
pub(crate) fn is_cgroup(hierarchy: BorrowedFd<'_>, id: u64) -> bool {
    /// `struct file_handle` for kernfs: the file's number is the handle.
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        id: [u8; 8],
    }
    const FILEID_KERNFS: i32 = 0xfe;
    // The call takes no descriptor of a path alone, which that of a mount is.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(hierarchy) = rustix::fs::openat(hierarchy, ".", flags, Mode::empty()) else { return true };
    let mut handle = Handle { bytes: 8, kind: FILEID_KERNFS, id: id.to_ne_bytes() };
    // SAFETY: the handle has as many bytes as it says, and outlives the call, which keeps no pointer.
    let opened = unsafe {
        libc::syscall(
            libc::SYS_open_by_handle_at,
            hierarchy.as_raw_fd(),
            &raw mut handle,
            libc::O_PATH | libc::O_CLOEXEC,
        )
    };
    if opened < 0 {
        return io::Error::last_os_error().raw_os_error() != Some(libc::ESTALE);
    }
    // SAFETY: the call has just returned this descriptor, which nobody else has.
    drop(unsafe { OwnedFd::from_raw_fd(opened as i32) });
    true
}

/// The kernel's catalogue of tracepoints.
pub(crate) struct Tracefs(Private);

impl Tracefs {
    pub(crate) fn open() -> io::Result<Self> {
        Private::mount("tracefs").map(Self)
    }

    /// The number of the tracepoint at the exit of a system call; none when this kernel has no such call.
    pub(crate) fn exit_of(&self, system_call: &str) -> io::Result<Option<u64>> {
        let number = self.0.read(&format!("events/syscalls/sys_exit_{system_call}/id"))?;
        number.map(|text| text.parse().map_err(io::Error::other)).transpose()
    }
}

/// A program that is tied to a tracepoint, until this is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    _link: OwnedFd,
}

/// Runs `program` with `cookie` whenever the tracepoint is passed, on any CPU.
pub(crate) fn attach(program: BorrowedFd<'_>, tracepoint: u64, cookie: u64) -> io::Result<Link> {
    let event = open_event(tracepoint)?;
    /// The part of `union bpf_attr` for a link to a perf event.
    #[repr(C)]
    struct Attributes {
        program: i32,
        target: i32,
        kind: u32,
        flags: u32,
        cookie: u64,
    }
    let attributes = Attributes {
        program: program.as_raw_fd(),
        target: event.as_raw_fd(),
        kind: BPF_PERF_EVENT,
        flags: 0,
        cookie,
    };
    // SAFETY: the kernel reads `size_of::<Attributes>()` bytes of a live, fully initialised struct without
    // padding, and keeps no pointer to it.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_LINK_CREATE, &raw const attributes, size_of::<Attributes>())
    };
    Ok(Link { _link: owned(result)? })
}

/// The tracepoint as a perf event that records nothing itself. It is of one CPU by the interface; programs
/// on it run on all.
fn open_event(tracepoint: u64) -> io::Result<OwnedFd> {
    /// `struct perf_event_attr` in its first version.
    #[repr(C)]
    struct Attributes {
        kind: u32,
        size: u32,
        config: u64,
        period: u64,
        sample: u64,
        format: u64,
        flags: u64,
        wakeup: u32,
        breakpoint: u32,
        config1: u64,
    }
    let attributes = Attributes {
        kind: PERF_TYPE_TRACEPOINT,
        size: 64,
        config: tracepoint,
        period: 0,
        sample: 0,
        format: 0,
        flags: PERF_ATTR_DISABLED,
        wakeup: 0,
        breakpoint: 0,
        config1: 0,
    };
    let (any_process, cpu, no_group): (libc::c_long, libc::c_long, libc::c_long) = (-1, 0, -1);
    // SAFETY: the kernel reads the 64 bytes that `size` tells from a live, fully initialised struct without
    // padding, and keeps no pointer to it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            any_process,
            cpu,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    owned(result)
}

fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let descriptor = i32::try_from(result).map_err(io::Error::other)?;
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both calls above return a new descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
