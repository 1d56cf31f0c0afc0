//! Files that the user names: a pipe would be waited for, a device give bytes for ever.

use std::fs::File;
use std::io::{self, Error, ErrorKind};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// Opens a regular file for reading, without waiting.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let irregular = || Error::new(ErrorKind::Unsupported, "it is not a regular file");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = match openat(CWD, path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        // A socket, or a device without a driver.
        Err(Errno::NXIO) => return Err(irregular()),
        Err(error) => return Err(error.into()),
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_waited_for_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        for path in [pipe.as_path(), directory.path(), Path::new("/dev/zero")] {
            assert_eq!(open(path).unwrap_err().kind(), ErrorKind::Unsupported, "{}", path.display());
        }
        let plain = directory.path().join("plain");
        std::fs::write(&plain, "x").unwrap();
        open(&plain).unwrap();
    }
}
