//! Flags and enumerations in Linux's numbers, and their names as rules test them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The flags of opening calls that decide something here, in the numbers of x86-64.
pub mod open {
    /// `O_CREAT`.
    pub const CREAT: u64 = 0o100;
    /// `O_TRUNC`.
    pub const TRUNC: u64 = 0o1000;
    /// `O_TMPFILE`, which includes `O_DIRECTORY`.
    pub const TMPFILE: u64 = 0o20_200_000;
    /// The file is in the upper layer of an overlay: no flag of Linux, above all that are.
    pub const UPPER_LAYER: u64 = 1 << 40;
    /// The file is in a lower layer of an overlay.
    pub const LOWER_LAYER: u64 = 1 << 41;
    /// The call created the file.
    pub const CREATED: u64 = 1 << 42;
}

/// Which names a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlagKind {
    /// `open`, `openat`, `creat`, `dup3`.
    Open,
    /// What is special about an executed file; no flags of Linux.
    Execute,
    /// The permission bits of a file.
    Mode,
    /// `ptrace`'s request.
    PtraceRequest,
    /// The family of a socket.
    SocketFamily,
    /// `bpf`'s command.
    BpfCommand,
    /// `clone`, `unshare`, `setns`.
    Clone,
    /// `AT_` flags of `linkat`, `unlinkat`, `execveat`.
    At,
    /// `renameat2`.
    Rename,
    /// `finit_module`.
    ModuleInit,
    /// `userfaultfd`.
    Userfaultfd,
}

/// Names of a set of flags, in the order in which they are shown.
type Names = &'static [(u64, &'static str)];

const OPEN: Names = &[
    (0o100_000, "O_LARGEFILE"),
    (0o200_000, "O_DIRECTORY"),
    (0o40_000, "O_DIRECT"),
    (open::TRUNC, "O_TRUNC"),
    (0o4_000_000, "O_SYNC"),
    (0o4000, "O_NONBLOCK"),
    (0o200, "O_EXCL"),
    (0o10_000, "O_DSYNC"),
    (0o2000, "O_APPEND"),
    (open::CREAT, "O_CREAT"),
    (2, "O_RDWR"),
    (1, "O_WRONLY"),
    (0o2_000_000, "O_CLOEXEC"),
    (0o20_000_000, "O_TMPFILE"),
    (open::CREATED, "O_F_CREATED"),
    (open::UPPER_LAYER, "FD_UPPER_LAYER"),
    (open::LOWER_LAYER, "FD_LOWER_LAYER"),
];

const EXECUTE: Names =
    &[(1, "EXE_WRITABLE"), (2, "EXE_UPPER_LAYER"), (4, "EXE_FROM_MEMFD"), (8, "EXE_LOWER_LAYER")];

const MODE: Names = &[
    (0o1, "S_IXOTH"),
    (0o2, "S_IWOTH"),
    (0o4, "S_IROTH"),
    (0o10, "S_IXGRP"),
    (0o20, "S_IWGRP"),
    (0o40, "S_IRGRP"),
    (0o100, "S_IXUSR"),
    (0o200, "S_IWUSR"),
    (0o400, "S_IRUSR"),
    (0o1000, "S_ISVTX"),
    (0o2000, "S_ISGID"),
    (0o4000, "S_ISUID"),
];

const CLONE: Names = &[
    (0x10000, "CLONE_THREAD"),
    (0x20000, "CLONE_NEWNS"),
    (0x80, "CLONE_NEWTIME"),
    (0x100, "CLONE_VM"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x800, "CLONE_SIGHAND"),
    (0x2000, "CLONE_PTRACE"),
    (0x4000, "CLONE_VFORK"),
    (0x8000, "CLONE_PARENT"),
    (0x40000, "CLONE_SYSVSEM"),
    (0x80000, "CLONE_SETTLS"),
    (0x02000000, "CLONE_NEWCGROUP"),
    (0x04000000, "CLONE_NEWUTS"),
    (0x08000000, "CLONE_NEWIPC"),
    (0x10000000, "CLONE_NEWUSER"),
    (0x20000000, "CLONE_NEWPID"),
    (0x40000000, "CLONE_NEWNET"),
    (0x80000000, "CLONE_IO"),
];

const AT: Names = &[
    (0x100, "AT_SYMLINK_NOFOLLOW"),
    (0x200, "AT_REMOVEDIR"),
    (0x400, "AT_SYMLINK_FOLLOW"),
    (0x1000, "AT_EMPTY_PATH"),
];

const RENAME: Names = &[(1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT")];

const MODULE_INIT: Names = &[
    (1, "MODULE_INIT_IGNORE_MODVERSIONS"),
    (2, "MODULE_INIT_IGNORE_VERMAGIC"),
    (4, "MODULE_INIT_COMPRESSED_FILE"),
];

const USERFAULTFD: Names = &[(0o2_000_000, "O_CLOEXEC"), (0o4000, "O_NONBLOCK"), (1, "UFFD_USER_MODE_ONLY")];

const PTRACE_REQUEST: Names = &[
    (0, "PTRACE_TRACEME"),
    (1, "PTRACE_PEEKTEXT"),
    (2, "PTRACE_PEEKDATA"),
    (3, "PTRACE_PEEKUSR"),
    (4, "PTRACE_POKETEXT"),
    (5, "PTRACE_POKEDATA"),
    (6, "PTRACE_POKEUSR"),
    (7, "PTRACE_CONT"),
    (8, "PTRACE_KILL"),
    (9, "PTRACE_SINGLESTEP"),
    (12, "PTRACE_GETREGS"),
    (13, "PTRACE_SETREGS"),
    (14, "PTRACE_GETFPREGS"),
    (15, "PTRACE_SETFPREGS"),
    (16, "PTRACE_ATTACH"),
    (17, "PTRACE_DETACH"),
    (24, "PTRACE_SYSCALL"),
    (0x4200, "PTRACE_SETOPTIONS"),
    (0x4201, "PTRACE_GETEVENTMSG"),
    (0x4202, "PTRACE_GETSIGINFO"),
    (0x4203, "PTRACE_SETSIGINFO"),
    (0x4204, "PTRACE_GETREGSET"),
    (0x4205, "PTRACE_SETREGSET"),
    (0x4206, "PTRACE_SEIZE"),
    (0x4207, "PTRACE_INTERRUPT"),
    (0x4208, "PTRACE_LISTEN"),
];

const SOCKET_FAMILY: Names = &[
    (0, "AF_UNSPEC"),
    (1, "AF_UNIX"),
    (2, "AF_INET"),
    (10, "AF_INET6"),
    (15, "AF_KEY"),
    (16, "AF_NETLINK"),
    (17, "AF_PACKET"),
    (29, "AF_CAN"),
    (31, "AF_BLUETOOTH"),
    (38, "AF_ALG"),
    (40, "AF_VSOCK"),
    (44, "AF_XDP"),
];

const BPF_COMMAND: Names = &[
    (0, "BPF_MAP_CREATE"),
    (1, "BPF_MAP_LOOKUP_ELEM"),
    (2, "BPF_MAP_UPDATE_ELEM"),
    (3, "BPF_MAP_DELETE_ELEM"),
    (4, "BPF_MAP_GET_NEXT_KEY"),
    (5, "BPF_PROG_LOAD"),
    (6, "BPF_OBJ_PIN"),
    (7, "BPF_OBJ_GET"),
    (8, "BPF_PROG_ATTACH"),
    (9, "BPF_PROG_DETACH"),
    (10, "BPF_PROG_TEST_RUN"),
    (17, "BPF_RAW_TRACEPOINT_OPEN"),
    (18, "BPF_BTF_LOAD"),
    (28, "BPF_LINK_CREATE"),
];

impl FlagKind {
    fn names(self) -> Names {
        match self {
            FlagKind::Open => OPEN,
            FlagKind::Execute => EXECUTE,
            FlagKind::Mode => MODE,
            FlagKind::PtraceRequest => PTRACE_REQUEST,
            FlagKind::SocketFamily => SOCKET_FAMILY,
            FlagKind::BpfCommand => BPF_COMMAND,
            FlagKind::Clone => CLONE,
            FlagKind::At => AT,
            FlagKind::Rename => RENAME,
            FlagKind::ModuleInit => MODULE_INIT,
            FlagKind::Userfaultfd => USERFAULTFD,
        }
    }

    /// Whether a value is one of the names rather than a set of them.
    fn is_enumeration(self) -> bool {
        matches!(self, FlagKind::PtraceRequest | FlagKind::SocketFamily | FlagKind::BpfCommand)
    }

    /// `O_TRUNC|O_CREAT|O_WRONLY`; the number where no name fits.
    pub fn text(self, bits: u64) -> Cow<'static, str> {
        if self.is_enumeration() {
            let name = self.names().iter().find(|(value, _)| *value == bits);
            return name.map_or_else(|| Cow::Owned(bits.to_string()), |(_, name)| Cow::Borrowed(*name));
        }
        let mut names: Vec<&str> =
            self.names().iter().filter(|(bit, _)| bits & bit == *bit).map(|(_, name)| *name).collect();
        if self == FlagKind::Open && bits & 3 == 0 {
            names.push("O_RDONLY");
        }
        match names.as_slice() {
            [] => Cow::Borrowed("0"),
            [one] => Cow::Owned((*one).to_owned()),
            _ => Cow::Owned(names.join("|")),
        }
    }

    /// The other way round; words that are no names of it count nothing.
    pub fn bits(self, text: &str) -> u64 {
        let bit_of = |word: &str| {
            self.names()
                .iter()
                .find(|(_, name)| *name == word)
                .map_or_else(|| word.parse().unwrap_or(0), |n| n.0)
        };
        text.split('|').map(bit_of).fold(0, |bits, bit| bits | bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_the_texts_that_rules_test() {
        let check = |kind: FlagKind, bits: u64, text: &str| {
            assert_eq!(kind.text(bits), text);
            if bits != 0 {
                assert_eq!(kind.bits(text), bits, "{text}");
            }
        };
        check(FlagKind::Open, 0o1101, "O_TRUNC|O_CREAT|O_WRONLY");
        check(FlagKind::Open, 0, "O_RDONLY");
        check(FlagKind::Open, 0o1101 | open::UPPER_LAYER, "O_TRUNC|O_CREAT|O_WRONLY|FD_UPPER_LAYER");
        check(FlagKind::Execute, 3, "EXE_WRITABLE|EXE_UPPER_LAYER");
        check(FlagKind::Mode, 0o4000, "S_ISUID");
        check(FlagKind::Mode, 0, "0");
        check(FlagKind::PtraceRequest, 16, "PTRACE_ATTACH");
        check(FlagKind::PtraceRequest, 0, "PTRACE_TRACEME");
        check(FlagKind::SocketFamily, 17, "AF_PACKET");
        check(FlagKind::BpfCommand, 5, "BPF_PROG_LOAD");
        check(FlagKind::BpfCommand, 99, "99");
        check(FlagKind::Clone, 0x10020000, "CLONE_NEWNS|CLONE_NEWUSER");
    }
}
