//! Containers that an engine says it has just created: before they start, and while it keeps everybody waiting who
//! asks about them.

use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use crate::limits::EVENT_BYTES_MAX;
use crate::{Engine, EngineError, Failure};

/// A container that was created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Announcement {
    /// Its id.
    pub id: String,
    /// containerd: its namespace.
    pub namespace: Option<String>,
    /// Its name, where the engine says it.
    pub name: Option<String>,
    /// The image reference it was created from.
    pub image: String,
}

/// The containers that are created from now on, as they come. After [`Failure::Timeout`] it may go on.
pub type Announcements = Box<dyn Iterator<Item = Result<Announcement, EngineError>> + Send>;

impl Engine {
    /// Listens to the engine, which may wait until something is created.
    ///
    /// # Errors
    /// The engine does not answer as it should.
    pub fn announcements(&self) -> Result<Announcements, EngineError> {
        match self {
            Engine::Docker(docker) => docker.announcements(),
            Engine::Containerd(containerd) => containerd.announcements(),
        }
    }
}

/// One event of Docker's `/events`, a line each.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Actor")]
    actor: Actor,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes", default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    name: String,
    image: String,
}

/// The events of a stream, each a line of bounded length.
pub(crate) fn lines(stream: impl Read + Send) -> impl Iterator<Item = Result<Announcement, Failure>> + Send {
    let mut reader = BufReader::new(stream);
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match reader.by_ref().take(EVENT_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) if line.len() as u64 == EVENT_BYTES_MAX && !line.ends_with(b"\n") => {
                Some(Err(Failure::TooLarge { bytes_max: EVENT_BYTES_MAX }))
            }
            Ok(_) => Some(announcement(&line)),
            Err(error) => Some(Err(Failure::Connection(Box::new(error)))),
        }
    })
}

fn announcement(line: &[u8]) -> Result<Announcement, Failure> {
    let Event { actor } =
        serde_json::from_slice(line).map_err(|error| Failure::Malformed(Box::new(error)))?;
    let Attributes { name, image } = actor.attributes;
    let name = Some(name).filter(|name| !name.is_empty());
    Ok(Announcement { id: actor.id, namespace: None, name, image })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stream: &[u8], expected: &[&str]) {
        let shown: Vec<String> = lines(std::io::Cursor::new(stream.to_vec()))
            .map(|line| match line {
                Ok(Announcement { id, name, image, .. }) => {
                    format!("{id} {} {image}", name.unwrap_or_default())
                }
                Err(failure) => failure.to_string(),
            })
            .take(3)
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn events_are_read_line_by_line() {
        let event =
            br#"{"Type":"container","Action":"create","Actor":{"ID":"3a","Attributes":{"image":"nginx:1",
            "name":"web","tier":"front"}},"time":1}"#;
        let event: Vec<u8> = event.iter().filter(|byte| **byte != b'\n').copied().chain(*b"\n").collect();
        check(&[&event[..], &event[..]].concat(), &["3a web nginx:1", "3a web nginx:1"]);
        check(b"", &[]);
        check(b"{\"Actor\":{\"ID\":\"3a\"}}\n", &["3a  "]);
        check(b"{}\n", &["the answer cannot be understood"]);
        check(&[b'x'; 1_048_576], &["the answer is larger than 1048576 bytes"]);
    }
}
