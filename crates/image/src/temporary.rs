//! Files without a name for what must be read at random or twice: nothing is left behind however the process ends.
//!
//! Owns the words for a place that is full or missing: only somebody who knows which it is can make room.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// An empty file that tells its directory when it cannot be written.
#[derive(Debug)]
pub(crate) struct Temporary {
    file: File,
    place: Place,
}

#[derive(Debug)]
struct Place {
    directory: PathBuf,
    is_chosen: bool,
}

impl Place {
    fn failed(&self, error: &io::Error) -> io::Error {
        let how = if self.is_chosen { "" } else { ", which TMPDIR chooses" };
        let directory = self.directory.display();
        io::Error::new(
            error.kind(),
            format!("cannot write to the temporary directory {directory}{how}: {error}"),
        )
    }
}

impl Temporary {
    /// A file in `directory` or the system's place for temporary files.
    ///
    /// # Errors
    /// It cannot be made there.
    pub(crate) fn new(directory: Option<&Path>) -> io::Result<Temporary> {
        let place = Place {
            directory: directory.map_or_else(tempfile::env::temp_dir, Path::to_owned),
            is_chosen: directory.is_some(),
        };
        let file = tempfile::tempfile_in(&place.directory).map_err(|error| place.failed(&error))?;
        Ok(Temporary { file, place })
    }

    /// What was written, from its start.
    pub(crate) fn rewound(mut self) -> io::Result<File> {
        self.file.rewind()?;
        Ok(self.file)
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| self.place.failed(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| self.place.failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_room_is_named() {
        let full = |is_chosen| Temporary {
            file: File::options().write(true).open("/dev/full").unwrap(),
            place: Place { directory: "/scratch".into(), is_chosen },
        };
        let words = |mut file: Temporary| file.write_all(b"x").unwrap_err().to_string();
        assert_eq!(
            words(full(false)),
            "cannot write to the temporary directory /scratch, which TMPDIR chooses: No space left on device (os error 28)"
        );
        let chosen = words(full(true));
        assert!(chosen.starts_with("cannot write to the temporary directory /scratch: No space"), "{chosen}");
        let missing = Temporary::new(Some(Path::new("/nowhere"))).unwrap_err();
        assert!(missing.to_string().contains("temporary directory /nowhere: "), "{missing}");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
