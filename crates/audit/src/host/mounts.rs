//! The mount table: `/proc/1/mountinfo` where it may be read, `/proc/self/mountinfo` otherwise, `/etc/fstab` of a
//! machine that does not run.

use crate::limits::{COMMAND_LINE_BYTES_MAX, MOUNTS_MAX};
use crate::root::{Root, Unread};

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mount {
    /// Where.
    pub(crate) point: String,
    /// `major:minor`, or the source for an entry of `fstab`.
    pub(crate) device: String,
    /// `ext4`.
    pub(crate) kind: String,
    /// Options of the mount and of the file system.
    pub(crate) options: Vec<String>,
}

pub(crate) fn mounts(root: &Root) -> Result<Vec<Mount>, Unread> {
    const BYTES_MAX: u64 = COMMAND_LINE_BYTES_MAX * 256;
    // Below another root, `self` would be a link to our own process.
    let tables = ["/proc/1/mountinfo", "/proc/self/mountinfo"];
    for table in tables {
        if let Ok(bytes) = root.read_up_to(table, BYTES_MAX) {
            return Ok(String::from_utf8_lossy(&bytes)
                .lines()
                .take(MOUNTS_MAX)
                .filter_map(of_mountinfo)
                .collect());
        }
    }
    Ok(root.text("/etc/fstab")?.lines().take(MOUNTS_MAX).filter_map(of_fstab).collect())
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue` (proc(5)).
fn of_mountinfo(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let (device, _root, point, options) = (left.next()?, left.next()?, left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (kind, _source) = (right.next()?, right.next()?);
    let options = options.split(',').chain(right.next().unwrap_or_default().split(','));
    Some(Mount {
        point: unescaped(point),
        device: device.to_owned(),
        kind: kind.to_owned(),
        options: options.map(str::to_owned).collect(),
    })
}

fn of_fstab(line: &str) -> Option<Mount> {
    let mut words = line.split_whitespace();
    let device = words.next().filter(|word| !word.starts_with('#'))?;
    let (point, kind) = (words.next()?, words.next()?);
    let options = words.next().unwrap_or_default().split(',').map(str::to_owned).collect();
    Some(Mount { point: unescaped(point), device: device.to_owned(), kind: kind.to_owned(), options })
}

/// The kernel writes blanks and backslashes of a path as three octal digits.
fn unescaped(text: &str) -> String {
    ["\\040", "\\011", "\\012"]
        .iter()
        .zip([" ", "\t", "\n"])
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
        .replace("\\134", "\\")
}

/// The mount that holds a path: the last of the longest.
pub(crate) fn holding<'m>(mounts: &'m [Mount], path: &str) -> Option<&'m Mount> {
    let holds = |mount: &&Mount| {
        mount.point == "/"
            || path == mount.point
            || path.strip_prefix(mount.point.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    mounts.iter().filter(holds).max_by_key(|mount| mount.point.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mount_holds_a_path() {
        let lines = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
                     28 27 254:1 / /var/lib/docker rw,nodev - xfs /dev/vdb rw\n\
                     29 27 254:2 / /var/lib/do rw - xfs /dev/vdc rw\n\
                     30 27 254:3 / /mnt/a\\040b rw shared:1 master:2 - xfs /dev/vdd rw\n\
                     broken line\n";
        let mounts: Vec<Mount> = lines.lines().filter_map(of_mountinfo).collect();
        assert_eq!(mounts.len(), 4);
        let device = |path: &str| holding(&mounts, path).map(|mount| mount.device.as_str());
        assert_eq!(device("/var/lib/docker/overlay2"), Some("254:1"));
        assert_eq!(device("/var/lib/docker"), Some("254:1"));
        assert_eq!(device("/var/lib/dockerx"), Some("254:0"));
        assert_eq!(device("/mnt/a b/c"), Some("254:3"));
        assert_eq!(mounts.get(1).map(|mount| mount.options.join(",")), Some("rw,nodev,rw".to_owned()));
    }
}
