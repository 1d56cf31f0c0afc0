//! The system calls that can be watched and what their arguments mean: one line each.
//!
//! The kernel's side has no code for any of them; it follows the shape that this table gives it
//! (`struct shape` in `bpf/record.h`).

use crate::event::SystemCall;

const NONE: u8 = 255;
/// The descriptor is the result.
const RESULT: u8 = 6;
/// A relative name starts at the working directory.
const HERE: u8 = 7;

const OPENS: u8 = 1;
const ONLY_FAILED: u8 = 2;
const MESSAGE: u8 = 4;
const LENGTH_BEHIND_POINTER: u8 = 8;
const HOW: u8 = 16;
const MOVES: u8 = 32;

/// The first kind of record that is a system call; the others come before it.
pub(crate) const FIRST_KIND: u16 = 16;

/// One system call: its name in tracefs, and which argument is what.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    descriptor: u8,
    names: [(u8, u8); 2],
    address: u8,
    data: u8,
    flags: u8,
}

const fn call(name: &'static str) -> Shape {
    Shape { name, descriptor: NONE, names: [(NONE, NONE); 2], address: NONE, data: NONE, flags: 0 }
}

impl Shape {
    const fn opens(mut self) -> Self {
        self.descriptor = RESULT;
        self.flags |= OPENS;
        self
    }

    /// Flags, mode and resolution are in the `struct open_how` that argument 2 points to; they are told as if they
    /// were arguments 2, 3 and 4. As names, they are what the caller said.
    const fn how(mut self) -> Self {
        self.flags |= HOW;
        self
    }

    /// The call changes the working directory: beside the name it is told what that is now.
    const fn moves(mut self) -> Self {
        self.flags |= MOVES;
        self
    }

    /// Success is told by the scheduler, with the new program.
    const fn only_failed(mut self) -> Self {
        self.flags |= ONLY_FAILED;
        self
    }

    const fn descriptor(mut self, argument: u8) -> Self {
        self.descriptor = argument;
        self
    }

    const fn name(mut self, directory: u8, argument: u8) -> Self {
        self.names[0] = (directory, argument);
        self
    }

    const fn and_name(mut self, directory: u8, argument: u8) -> Self {
        self.names[1] = (directory, argument);
        self
    }

    /// A sockaddr; the next argument is its length.
    const fn address(mut self, argument: u8) -> Self {
        self.address = argument;
        self
    }

    /// A sockaddr that the kernel fills; the next argument points to its length.
    const fn address_out(mut self, argument: u8) -> Self {
        self.flags |= LENGTH_BEHIND_POINTER;
        self.address(argument)
    }

    /// A buffer; the next argument is its length.
    const fn data(mut self, argument: u8) -> Self {
        self.data = argument;
        self
    }

    const fn message(mut self, argument: u8) -> Self {
        self.flags |= MESSAGE;
        self.data(argument)
    }

    /// As `struct shape` has it.
    pub(crate) fn to_bytes(&self, kind: u16) -> [u8; 16] {
        let [k0, k1] = kind.to_ne_bytes();
        let [(directory, name), (second_directory, second_name)] = self.names;
        let mut bytes = [0; 16];
        bytes[..10].copy_from_slice(&[
            k0,
            k1,
            self.descriptor,
            directory,
            name,
            second_directory,
            second_name,
            self.address,
            self.data,
            self.flags,
        ]);
        bytes
    }
}

/// All of them. A call's kind is its place here, so that lines may be added but records of another build of
/// Seawall are not read: they carry no promise beyond one process.
pub(crate) const SHAPES: &[Shape] = &[
    // files
    call("open").opens().name(HERE, 0),
    call("openat").opens().name(0, 1),
    call("openat2").opens().name(0, 1).how(),
    call("creat").opens().name(HERE, 0),
    call("open_by_handle_at").opens(),
    call("memfd_create").descriptor(RESULT).name(HERE, 0),
    call("unlink").name(HERE, 0),
    call("unlinkat").name(0, 1),
    call("rmdir").name(HERE, 0),
    call("mkdir").name(HERE, 0),
    call("mkdirat").name(0, 1),
    call("mknod").name(HERE, 0),
    call("mknodat").name(0, 1),
    call("rename").name(HERE, 0).and_name(HERE, 1),
    call("renameat").name(0, 1).and_name(2, 3),
    call("renameat2").name(0, 1).and_name(2, 3),
    call("link").name(HERE, 0).and_name(HERE, 1),
    call("linkat").name(0, 1).and_name(2, 3),
    call("symlink").name(HERE, 0).and_name(HERE, 1),
    call("symlinkat").name(HERE, 0).and_name(1, 2),
    call("chmod").name(HERE, 0),
    call("fchmod").descriptor(0),
    call("fchmodat").name(0, 1),
    call("fchmodat2").name(0, 1),
    call("chown").name(HERE, 0),
    call("lchown").name(HERE, 0),
    call("fchown").descriptor(0),
    call("fchownat").name(0, 1),
    call("truncate").name(HERE, 0),
    call("chdir").name(HERE, 0).moves(),
    call("fchdir").descriptor(0),
    call("dup").descriptor(0),
    call("dup2").descriptor(0),
    call("dup3").descriptor(0),
    // network
    call("socket").descriptor(RESULT),
    call("socketpair"),
    call("connect").descriptor(0).address(1),
    call("bind").descriptor(0).address(1),
    call("listen").descriptor(0),
    call("accept").descriptor(RESULT),
    call("accept4").descriptor(RESULT),
    call("sendto").descriptor(0).address(4).data(1),
    call("sendmsg").descriptor(0).message(1),
    call("recvfrom").descriptor(0).address_out(4).data(1),
    call("recvmsg").descriptor(0).message(1),
    // processes and privileges
    call("execve").only_failed().name(HERE, 0),
    call("execveat").only_failed().name(0, 1),
    call("kill"),
    call("tkill"),
    call("tgkill"),
    call("pidfd_send_signal").descriptor(0),
    call("pidfd_getfd").descriptor(RESULT),
    call("ptrace"),
    call("process_vm_readv"),
    call("process_vm_writev"),
    call("prctl"),
    call("personality"),
    call("setuid"),
    call("setgid"),
    call("setreuid"),
    call("setregid"),
    call("setresuid"),
    call("setresgid"),
    call("setfsuid"),
    call("setfsgid"),
    call("setgroups"),
    call("capset"),
    call("setsid"),
    call("keyctl"),
    call("add_key").name(HERE, 0).and_name(HERE, 1),
    call("request_key").name(HERE, 0).and_name(HERE, 1),
    // isolation
    call("setns").descriptor(0),
    call("unshare"),
    call("chroot").name(HERE, 0),
    call("pivot_root").name(HERE, 0).and_name(HERE, 1),
    call("mount").name(HERE, 0).and_name(HERE, 1),
    call("umount").name(HERE, 0),
    call("move_mount").name(0, 1).and_name(2, 3),
    call("open_tree").descriptor(RESULT).name(0, 1),
    call("fsopen").descriptor(RESULT).name(HERE, 0),
    call("fsmount").descriptor(RESULT),
    call("seccomp"),
    // the kernel itself
    call("bpf"),
    call("init_module"),
    call("finit_module").descriptor(0),
    call("delete_module").name(HERE, 0),
    call("kexec_load"),
    call("kexec_file_load").descriptor(0),
    call("perf_event_open").descriptor(RESULT),
    call("userfaultfd").descriptor(RESULT),
    call("io_uring_setup").descriptor(RESULT),
    call("iopl"),
    call("ioperm"),
    call("reboot"),
    call("swapon").name(HERE, 0),
    call("acct").name(HERE, 0),
    call("sethostname").data(0),
    call("settimeofday"),
    call("clock_settime"),
];

impl SystemCall {
    /// By the name that the kernel's tables use (`openat2`), if the sensor knows it.
    pub fn named(name: &str) -> Option<Self> {
        let name = if name == "umount2" { "umount" } else { name };
        let row = SHAPES.iter().position(|shape| shape.name == name)?;
        u16::try_from(row).ok().map(Self)
    }

    /// Its name. `umount2(2)` is `umount`: the kernel's tables call it so.
    pub fn name(self) -> &'static str {
        SHAPES.get(usize::from(self.0)).map_or("", |shape| shape.name)
    }

    /// Every one that the sensor knows.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..u16::try_from(SHAPES.len()).unwrap_or(0)).map(Self)
    }

    pub(crate) fn of_kind(kind: u16) -> Option<Self> {
        let row = kind.checked_sub(FIRST_KIND)?;
        (usize::from(row) < SHAPES.len()).then_some(Self(row))
    }

    pub(crate) fn kind(self) -> u16 {
        FIRST_KIND + self.0
    }

    pub(crate) fn shape(self) -> &'static Shape {
        &SHAPES[usize::from(self.0)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::interest::KINDS;

    #[test]
    fn every_call_has_one_line_and_a_kind_that_the_kernel_has_room_for() {
        let names: BTreeSet<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        assert_eq!(names.len(), SHAPES.len());
        assert!(SHAPES.len() + usize::from(FIRST_KIND) <= KINDS);
    }

    #[test]
    fn official_rules_name_no_other_call() {
        let wanted = "accept accept4 bpf chmod connect creat dup dup2 dup3 execve execveat fchmod fchmodat \
            finit_module init_module link linkat listen mkdir mkdirat open openat openat2 ptrace recvfrom \
            recvmsg rename renameat renameat2 rmdir sendmsg sendto setns setuid socket symlink symlinkat unlink \
            unlinkat unshare userfaultfd";
        for name in wanted.split_whitespace() {
            assert!(SystemCall::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_name_leads_back_to_its_call() {
        for call in SystemCall::all() {
            assert_eq!(SystemCall::named(call.name()), Some(call));
            assert_eq!(SystemCall::of_kind(call.kind()), Some(call));
        }
        assert_eq!(SystemCall::named("read"), None);
    }
}
