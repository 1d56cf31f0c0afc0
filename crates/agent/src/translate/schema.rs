//! The arguments of each system call, as Falco's schema names them: one line each.
//!
//! What a line does not say (arguments that only the kernel's own structures hold, such as the queue of a listening
//! socket) is absent, and a rule that asks for it gets no answer.

use seawall_event::ArgumentName::{self, *};
use seawall_event::FlagKind;

/// Where an argument comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// What the call returned.
    Result,
    /// The descriptor that the event is about, with its path.
    Descriptor,
    /// A register that holds an `int`.
    Number(u8),
    /// A register that holds a size or an address.
    Long(u8),
    /// A register of flags, or of one of an enumeration.
    Flags(FlagKind, u8),
    /// The access mode and flags of an open, with what is known of the opened file.
    OpenFlags(u8),
    /// `creat` has flags of its own.
    CreatFlags,
    /// A register with a user id.
    User(u8),
    /// A register with a group id.
    Group(u8),
    /// A name, made a whole path.
    Path(u8),
    /// The working directory after the call.
    WorkingDirectory,
    /// A name as it was passed.
    Text(u8),
    /// The register of a directory's descriptor, and the place of the name that starts there.
    Directory(u8, u8),
    /// Device of the file.
    Device,
    /// Inode of the file.
    Inode,
    /// Addresses of the socket.
    Tuple,
    /// The address that was passed.
    Address,
    /// The bytes sent or received, as text.
    Data,
    /// Capability sets that hold after the call.
    Inheritable,
    Permitted,
    Effective,
}

use Origin::{
    Address as PassedAddress, CreatFlags as FlagsOfCreat, Data as Bytes, Descriptor, Device, Directory,
    Effective, Flags as Bits, Group, Inheritable, Inode, Long, Number, OpenFlags, Path as Whole, Permitted,
    Result, Text, Tuple as Addresses, User, WorkingDirectory,
};

/// The arguments of one system call.
pub(super) type Schema = &'static [(ArgumentName, Origin)];

const RES: (ArgumentName, Origin) = (Res, Result);
const OF_FD: (ArgumentName, Origin) = (Fd, Descriptor);

const fn clone(register: u8) -> Origin {
    Bits(FlagKind::Clone, register)
}

const fn mode(register: u8) -> Origin {
    Bits(FlagKind::Mode, register)
}

/// By the names of the sensor's system calls.
#[rustfmt::skip]
const SCHEMAS: &[(&str, Schema)] = &[
    ("open", &[OF_FD, (Name, Whole(0)), (Flags, OpenFlags(1)), (Mode, Number(2)), (Dev, Device), (Ino, Inode)]),
    ("openat", &[OF_FD, (Dirfd, Directory(0, 0)), (Name, Whole(0)), (Flags, OpenFlags(2)), (Mode, Number(3)),
        (Dev, Device), (Ino, Inode)]),
    ("openat2", &[OF_FD, (Dirfd, Directory(0, 0)), (Name, Whole(0)), (Flags, OpenFlags(2)), (Mode, Number(3)),
        (Resolve, Long(4)), (Dev, Device), (Ino, Inode)]),
    ("creat", &[OF_FD, (Name, Whole(0)), (Mode, Number(1)), (Dev, Device), (Ino, Inode),
        (ArgumentName::CreatFlags, FlagsOfCreat)]),
    ("open_by_handle_at", &[OF_FD, (Mountfd, Number(0)), (Flags, OpenFlags(2)), (Dev, Device), (Ino, Inode)]),
    ("memfd_create", &[OF_FD, (Name, Text(0)), (Flags, Number(1))]),
    ("unlink", &[RES, (Path, Whole(0))]),
    ("unlinkat", &[RES, (Dirfd, Directory(0, 0)), (Name, Whole(0)), (Flags, Bits(FlagKind::At, 2))]),
    ("rmdir", &[RES, (Path, Whole(0))]),
    ("mkdir", &[RES, (Path, Whole(0)), (Mode, mode(1))]),
    ("mkdirat", &[RES, (Dirfd, Directory(0, 0)), (Path, Whole(0)), (Mode, mode(2))]),
    ("mknod", &[RES, (Path, Whole(0)), (Mode, mode(1)), (Dev, Number(2))]),
    ("mknodat", &[RES, (Dirfd, Directory(0, 0)), (Path, Whole(0)), (Mode, mode(2)), (Dev, Number(3))]),
    ("rename", &[RES, (Oldpath, Whole(0)), (Newpath, Whole(1))]),
    ("renameat", &[RES, (Olddirfd, Directory(0, 0)), (Oldpath, Whole(0)), (Newdirfd, Directory(2, 1)),
        (Newpath, Whole(1))]),
    ("renameat2", &[RES, (Olddirfd, Directory(0, 0)), (Oldpath, Whole(0)), (Newdirfd, Directory(2, 1)),
        (Newpath, Whole(1)), (Flags, Bits(FlagKind::Rename, 4))]),
    ("link", &[RES, (Oldpath, Whole(0)), (Newpath, Whole(1))]),
    ("linkat", &[RES, (Olddir, Directory(0, 0)), (Oldpath, Whole(0)), (Newdir, Directory(2, 1)),
        (Newpath, Whole(1)), (Flags, Bits(FlagKind::At, 4))]),
    ("symlink", &[RES, (Target, Text(0)), (Linkpath, Whole(1))]),
    ("symlinkat", &[RES, (Target, Text(0)), (Linkdirfd, Directory(1, 1)), (Linkpath, Whole(1))]),
    ("chmod", &[RES, (Filename, Whole(0)), (Mode, mode(1))]),
    ("fchmod", &[RES, OF_FD, (Mode, mode(1))]),
    ("fchmodat", &[RES, (Dirfd, Directory(0, 0)), (Filename, Whole(0)), (Mode, mode(2))]),
    ("fchmodat2", &[RES, (Dirfd, Directory(0, 0)), (Filename, Whole(0)), (Mode, mode(2)),
        (Flags, Bits(FlagKind::At, 3))]),
    ("chown", &[RES, (Path, Whole(0)), (Uid, User(1)), (Gid, Group(2))]),
    ("lchown", &[RES, (Path, Whole(0)), (Uid, User(1)), (Gid, Group(2))]),
    ("fchown", &[RES, OF_FD, (Uid, User(1)), (Gid, Group(2))]),
    ("fchownat", &[RES, (Dirfd, Directory(0, 0)), (Path, Whole(0)), (Uid, User(2)), (Gid, Group(3)),
        (Flags, Bits(FlagKind::At, 4))]),
    ("truncate", &[RES, (Path, Whole(0)), (Length, Long(1))]),
    ("chdir", &[RES, (Path, WorkingDirectory)]),
    ("fchdir", &[RES, OF_FD]),
    ("dup", &[RES, (Oldfd, Descriptor)]),
    ("dup2", &[RES, (Oldfd, Descriptor), (Newfd, Number(1))]),
    ("dup3", &[RES, (Oldfd, Descriptor), (Newfd, Number(1)), (Flags, Bits(FlagKind::Open, 2))]),
    ("socket", &[OF_FD, (Domain, Bits(FlagKind::SocketFamily, 0)), (Type, Number(1)), (Proto, Number(2))]),
    ("socketpair", &[RES, (Domain, Bits(FlagKind::SocketFamily, 0)), (Type, Number(1)), (Proto, Number(2))]),
    ("connect", &[RES, (Tuple, Addresses), OF_FD, (Addr, PassedAddress)]),
    ("bind", &[RES, (Addr, PassedAddress), OF_FD]),
    ("listen", &[RES, OF_FD, (Backlog, Number(1))]),
    ("accept", &[OF_FD, (Tuple, Addresses)]),
    ("accept4", &[OF_FD, (Tuple, Addresses), (Flags, Number(3))]),
    ("sendto", &[RES, (Data, Bytes), OF_FD, (Size, Long(2)), (Tuple, Addresses)]),
    ("sendmsg", &[RES, (Data, Bytes), OF_FD, (Tuple, Addresses)]),
    ("recvfrom", &[RES, (Data, Bytes), (Tuple, Addresses), OF_FD, (Size, Long(2))]),
    ("recvmsg", &[RES, (Size, Result), (Data, Bytes), (Tuple, Addresses), OF_FD]),
    ("execve", &[RES, (Filename, Whole(0))]),
    ("execveat", &[RES, (Dirfd, Directory(0, 0)), (Filename, Whole(0)), (Flags, Bits(FlagKind::At, 4))]),
    ("kill", &[RES, (Pid, Number(0)), (Sig, Number(1))]),
    ("tkill", &[RES, (Tid, Number(0)), (Sig, Number(1))]),
    ("tgkill", &[RES, (Pid, Number(0)), (Tid, Number(1)), (Sig, Number(2))]),
    ("pidfd_send_signal", &[RES, OF_FD, (Sig, Number(1))]),
    ("pidfd_getfd", &[OF_FD, (FdIn, Number(0)), (TargetFd, Number(1)), (Flags, Number(2))]),
    ("ptrace", &[RES, (Addr, Long(2)), (Data, Long(3)), (Request, Bits(FlagKind::PtraceRequest, 0)),
        (Pid, Number(1))]),
    ("process_vm_readv", &[RES, (Pid, Number(0))]),
    ("process_vm_writev", &[RES, (Pid, Number(0))]),
    ("prctl", &[RES, (ArgumentName::Option, Number(0)), (Arg2Int, Long(1))]),
    ("setuid", &[RES, (Uid, User(0))]),
    ("setgid", &[RES, (Gid, Group(0))]),
    ("setreuid", &[RES, (Ruid, User(0)), (Euid, User(1))]),
    ("setregid", &[RES, (Rgid, Group(0)), (Egid, Group(1))]),
    ("setresuid", &[RES, (Ruid, User(0)), (Euid, User(1)), (Suid, User(2))]),
    ("setresgid", &[RES, (Rgid, Group(0)), (Egid, Group(1)), (Sgid, Group(2))]),
    ("setfsuid", &[RES, (Uid, User(0))]),
    ("setfsgid", &[RES, (Gid, Group(0))]),
    ("capset", &[RES, (CapInheritable, Inheritable), (CapPermitted, Permitted), (CapEffective, Effective)]),
    ("setns", &[RES, OF_FD, (Nstype, clone(1))]),
    ("unshare", &[RES, (Flags, clone(0))]),
    ("chroot", &[RES, (Path, Whole(0))]),
    ("mount", &[RES, (Dev, Text(0)), (Dir, Whole(1)), (Flags, Number(3))]),
    ("umount", &[RES, (Name, Whole(0)), (Flags, Number(1))]),
    ("open_tree", &[OF_FD, (Dirfd, Directory(0, 0)), (Path, Whole(0)), (Flags, Number(2))]),
    ("move_mount", &[RES, (Olddirfd, Directory(0, 0)), (Oldpath, Whole(0)), (Newdirfd, Directory(2, 1)),
        (Newpath, Whole(1)), (Flags, Number(4))]),
    ("fsopen", &[OF_FD, (Name, Text(0)), (Flags, Number(1))]),
    ("fsmount", &[OF_FD, (Flags, Number(1))]),
    ("pivot_root", &[RES, (Newpath, Whole(0)), (Oldpath, Whole(1))]),
    ("seccomp", &[RES, (Op, Number(0)), (Flags, Number(1))]),
    ("bpf", &[OF_FD, (Cmd, Bits(FlagKind::BpfCommand, 0))]),
    ("init_module", &[RES, (Length, Long(1))]),
    ("finit_module", &[RES, OF_FD, (Flags, Bits(FlagKind::ModuleInit, 2))]),
    ("delete_module", &[RES, (Name, Text(0)), (Flags, Number(1))]),
    ("perf_event_open", &[OF_FD, (Pid, Number(1)), (Flags, Number(4))]),
    ("userfaultfd", &[RES, (Flags, Bits(FlagKind::Userfaultfd, 0))]),
    ("add_key", &[RES, (Type, Text(0)), (Name, Text(1))]),
    ("request_key", &[RES, (Type, Text(0)), (Name, Text(1))]),
    ("swapon", &[RES, (Path, Whole(0))]),
    ("acct", &[RES, (Path, Whole(0))]),
    ("io_uring_setup", &[RES]),
];

/// The arguments of a system call by the sensor's name for it; of most others it is known what they returned.
pub(super) fn of(name: &str) -> Schema {
    SCHEMAS.iter().find(|(known, _)| *known == name).map_or(&[RES], |(_, schema)| schema)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use seawall_event::EventType;
    use seawall_sensor::SystemCall;

    use super::*;

    #[test]
    fn every_line_is_of_a_call_that_the_sensor_knows_and_names_no_argument_twice() {
        let names: BTreeSet<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), SCHEMAS.len());
        for (name, schema) in SCHEMAS {
            assert!(SystemCall::named(name).is_some(), "{name}");
            assert!(EventType::named(name).is_some(), "{name}");
            let arguments: BTreeSet<ArgumentName> = schema.iter().map(|(argument, _)| *argument).collect();
            assert_eq!(arguments.len(), schema.len(), "{name}");
        }
    }
}
