//! Which file systems mounted below the root are walked, by the kernel's number for their type (statfs(2)).

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, fstatfs, openat};
use seawall_finding::GapKind;

use crate::gaps::Gaps;

/// Mounts told in one gap: a host with many containers has thousands.
const MOUNTS_SHOWN: usize = 30;

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mount {
    /// Files of this machine, to be walked.
    Files,
    /// What the kernel makes up or holds in memory only until the next start.
    Pseudo(&'static str),
    /// Files of another machine: slow, maybe gone, and scanned there.
    Remote(&'static str),
}

/// Numbers of `linux/magic.h` and of the file systems' own sources.
const PSEUDO: &[(u32, &str)] = &[
    (0x0000_9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    // Also devtmpfs.
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x0000_1cd1, "devpts"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0xcafe_4a11, "bpf"),
    (0x6165_676c, "pstore"),
    (0xde5e_81e4, "efivarfs"),
    (0x1980_0202, "mqueue"),
    (0x9584_58f6, "hugetlbfs"),
    (0x6265_6570, "configfs"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x6573_5543, "fusectl"),
    (0x6e73_6673, "nsfs"),
    (0x0000_0187, "autofs"),
    (0x6759_6969, "rpc_pipefs"),
    (0x6c6f_6f70, "binder"),
    (0x0765_5821, "resctrl"),
];

const REMOTE: &[(u32, &str)] = &[
    (0x0000_6969, "nfs"),
    (0x0000_517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x7375_7245, "coda"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    // sshfs, s3fs and others; what is behind it cannot be told, and it may hang.
    (0x6573_5546, "fuse"),
];

/// What is mounted at a directory; `None` where it cannot be looked at.
pub(super) fn at(directory: &OwnedFd, name: &CStr) -> Option<Mount> {
    // Opened without reading it, which neither waits for another machine nor mounts anything.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(directory, name, flags, Mode::empty()).ok()?;
    let stat = fstatfs(&opened).ok()?;
    // The field's width differs between machines; the numbers have 32 bits.
    Some(of_type(stat.f_type as u32))
}

fn of_type(number: u32) -> Mount {
    let name = |table: &[(u32, &'static str)]| {
        table.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
    };
    match (name(PSEUDO), name(REMOTE)) {
        (Some(name), _) => Mount::Pseudo(name),
        (None, Some(name)) => Mount::Remote(name),
        (None, None) => Mount::Files,
    }
}

/// Mounts that were not walked.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    pseudo: Vec<String>,
    remote: Vec<(String, &'static str)>,
}

impl Skipped {
    pub(super) fn note(&mut self, path: String, mount: Mount) {
        match mount {
            Mount::Files => {}
            Mount::Pseudo(name) => self.pseudo.push(format!("/{path} ({name})")),
            Mount::Remote(name) => self.remote.push((path, name)),
        }
    }

    /// One gap for all that hold no files to scan, one for each of the others.
    pub(super) fn report(self, gaps: &mut Gaps) {
        for (path, name) in &self.remote {
            let reason = format!("a {name} file system is mounted there; scan it where its files are");
            gaps.push(GapKind::Unsupported, path, reason);
        }
        if self.pseudo.is_empty() {
            return;
        }
        let mut list = self.pseudo.iter().take(MOUNTS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if let Some(more) = self.pseudo.len().checked_sub(MOUNTS_SHOWN).filter(|&more| more > 0) {
            list.push_str(&format!(" and {more} more"));
        }
        let reason = format!("file systems of the kernel and in memory are not looked at: {list}");
        gaps.push(GapKind::Unsupported, "", reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_told_by_number() {
        assert_eq!(of_type(0x9fa0), Mount::Pseudo("proc"));
        assert_eq!(of_type(0x6969), Mount::Remote("nfs"));
        assert_eq!(of_type(0xef53), Mount::Files);
    }
}
