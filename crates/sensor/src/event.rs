//! What happened, in the kernel's terms: numbers of processes, namespaces and cgroups, not yet containers.
//!
//! Paths and texts are bytes, as the kernel has them: they may hold anything but a zero byte.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// One thing that one process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelEvent {
    /// Nanoseconds since the machine started, the time asleep included (`CLOCK_BOOTTIME`).
    pub boot_ns: u64,
    /// The processor it happened on.
    pub cpu: u32,
    /// Who did it, as it was when it was done.
    pub caller: Caller,
    /// What it did.
    pub action: Action,
    /// A field was cut or left out for lack of room; what is here is true but not all.
    pub is_cut: bool,
}

/// The process that acts, in its own words and the host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The thread's number on the host.
    pub thread: u32,
    /// The process's number on the host.
    pub process: u32,
    /// When the process started; with its number it names the process for good.
    pub start_boot_ns: u64,
    /// The parent's number on the host.
    pub parent: u32,
    /// When the parent started.
    pub parent_start_boot_ns: u64,
    /// The number of the process group on the host.
    pub process_group: u32,
    /// The number of the session on the host.
    pub session: u32,
    /// The same in the process's own pid namespace.
    pub inside: Inside,
    /// Real user.
    pub uid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective user.
    pub effective_uid: u32,
    /// Effective group.
    pub effective_gid: u32,
    /// The user who logged in, where one did and the kernel keeps it.
    pub login_uid: Option<u32>,
    /// The audit session, likewise.
    pub audit_session: Option<u32>,
    /// Capability sets.
    pub capabilities: Capabilities,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// The network namespace by a number that no later one has (the kernel's cookie); on a kernel without (before
    /// 5.12) its inode. 0 where a dying process has left it.
    pub network: u64,
    /// The cgroup's id: of the unified hierarchy, or, with the highest bit set, of the pids controller where
    /// that one is not used.
    pub cgroup_id: u64,
    /// The controlling terminal's device number.
    pub terminal: Option<u32>,
    /// The thread's name, at most 15 bytes.
    pub command: OsString,
}

/// Numbers in the process's own pid namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    /// The thread.
    pub thread: u32,
    /// The process.
    pub process: u32,
    /// The process group.
    pub process_group: u32,
    /// The session.
    pub session: u32,
}

/// Capability sets, a bit for each capability by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Kept over an exec.
    pub inheritable: u64,
    /// May be made effective.
    pub permitted: u64,
    /// In force.
    pub effective: u64,
}

/// Inode numbers of namespaces, as `/proc/PID/ns` shows them; 0 where a dying process has left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namespaces {
    /// Mounts.
    pub mount: u32,
    /// Process numbers.
    pub pid: u32,
    /// Users.
    pub user: u32,
    /// Network.
    pub network: u32,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A program was started; the caller is already the new program.
    Executed(Box<Execution>),
    /// A process was made. Threads are not told.
    Forked(Child),
    /// The last thread of a process ended.
    Exited {
        /// As `wait(2)` gives it.
        status: i32,
    },
    /// A cgroup was made: what runs a container is about to start it.
    CgroupMade {
        /// Its id.
        id: u64,
        /// Its path from the root of its hierarchy.
        path: PathBuf,
    },
    /// A cgroup was removed.
    CgroupRemoved {
        /// Its id.
        id: u64,
        /// Its path.
        path: PathBuf,
    },
    /// A request was handed to io_uring, which does it without a system call.
    Submitted {
        /// `IORING_OP_…`.
        operation: u8,
        /// The file or socket that it works on; none for those that open one.
        object: Option<Object>,
    },
    /// A question was sent to the DNS, by ourselves too. Of the caller only process, thread, start, user, cgroup, network namespace and
    /// command are known, and where a packet of TCP was sent later only cgroup and namespace.
    Asked(Box<Message>),
    /// An answer of the DNS has come. Of the caller only cgroup and network namespace of the socket are known.
    Answered(Box<Message>),
    /// A system call returned.
    Called(Box<Call>),
}

/// A message of the DNS on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Names the socket until the machine is switched off: question and answer have the same.
    pub cookie: u64,
    /// Addresses of the packet, and TCP or UDP.
    pub socket: Socket,
    /// The beginning of the message, its two bytes of length before it where TCP carries it.
    pub data: Vec<u8>,
    /// How long it was.
    pub whole_bytes: u64,
    /// Other messages were in the same packet and are not here.
    pub has_more: bool,
}

/// A started program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The file that runs: of a script, the interpreter.
    pub file: Option<File>,
    /// The name that was executed, in the kernel's own copy: of a script, the script.
    pub name: PathBuf,
    /// Arguments from the new program's memory, before its first instruction.
    pub arguments: Vec<OsString>,
    /// Environment, when it is wanted.
    pub environment: Vec<OsString>,
    /// The working directory.
    pub working_directory: PathBuf,
    /// The cgroup's path.
    pub cgroup: PathBuf,
}

/// A new process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its number on the host.
    pub process: u32,
    /// Its number in its own pid namespace.
    pub process_inside: u32,
    /// When it started.
    pub start_boot_ns: u64,
    /// Its namespaces.
    pub namespaces: Namespaces,
    /// Its cgroup's path.
    pub cgroup: PathBuf,
}

/// A system call that the sensor knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemCall(pub(crate) u16);

impl fmt::Debug for SystemCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A system call that returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub system_call: SystemCall,
    /// What it returned; an error is negative.
    pub result: i64,
    /// The arguments' registers. A pointer among them means nothing any more.
    pub arguments: [u64; 6],
    /// What the descriptor (the one given, or for calls that make one the new one) stands for.
    pub object: Option<Object>,
    /// Names that the caller passed, in the order of the arguments.
    pub names: Vec<Named>,
    /// The address that the caller passed (or received).
    pub address: Option<Address>,
    /// The first bytes sent or received, when they are wanted.
    pub data: Vec<u8>,
}

/// What a descriptor stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// Anything with an inode.
    File(File),
    /// A socket.
    Socket(Socket),
}

/// A file, as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path as its process sees it. Not absolute: it has none there (a pipe, a memfd, another root).
    pub path: PathBuf,
    /// Inode number.
    pub inode: u64,
    /// Device, major × 2^20 + minor.
    pub device: u32,
    /// The file system's magic number.
    pub file_system: u32,
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Links; 0: it has no name any more.
    pub links: u32,
    /// Size.
    pub size_bytes: u64,
    /// Last change of its content, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Last change of its inode.
    pub changed_ns: i64,
    /// `O_…` as the kernel keeps them: without those that only matter while opening.
    pub open_flags: u32,
    /// Opened for reading.
    pub is_read: bool,
    /// Opened for writing.
    pub is_written: bool,
    /// This open has created it.
    pub is_created: bool,
    /// On overlayfs.
    pub is_on_overlay: bool,
    /// In overlayfs's upper layer: not as it came with the image.
    pub is_in_upper_layer: bool,
    /// Its name was removed.
    pub is_deleted: bool,
    /// The path is deeper than the kernel's walk; the components next to the root are missing.
    pub is_path_cut: bool,
}

impl File {
    /// Made by `memfd_create`: it was never in any directory.
    pub fn is_memfd(&self) -> bool {
        use std::os::unix::ffi::OsStrExt;
        !self.path.is_absolute() && self.path.as_os_str().as_bytes().starts_with(b"memfd:")
    }
}

/// A name that the caller passed. It is what the caller said; another thread may have changed it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where a relative name starts, by the kernel; none for an absolute name.
    pub directory: Option<PathBuf>,
    /// The name.
    pub name: PathBuf,
}

impl Named {
    /// The whole path, links and `..` as they were given.
    pub fn path(&self) -> PathBuf {
        match &self.directory {
            Some(directory) if !self.name.as_os_str().is_empty() => directory.join(&self.name),
            Some(directory) => directory.clone(),
            None => self.name.clone(),
        }
    }
}

/// A socket, as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// `AF_…`.
    pub family: u16,
    /// `SOCK_…`.
    pub kind: u16,
    /// `IPPROTO_…`.
    pub protocol: u16,
    /// `TCP_…`, also for sockets of other protocols.
    pub state: u16,
    /// This side, of an internet socket.
    pub local: Option<Endpoint>,
    /// The other side, of an internet socket that is connected.
    pub remote: Option<Endpoint>,
    /// The name of the unix socket or of its peer; an abstract one starts with a zero byte.
    pub unix_name: Option<OsString>,
}

/// One side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

/// A socket address that the caller passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6.
    Internet(Endpoint),
    /// Unix; an abstract name starts with a zero byte.
    Unix(OsString),
    /// Of another family, with the bytes after it.
    Other {
        /// `AF_…`.
        family: u16,
        /// What follows the family.
        bytes: Vec<u8>,
    },
}
