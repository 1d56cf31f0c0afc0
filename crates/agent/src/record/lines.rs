//! The lines of a recording.

use seawall_event::{Container, Event, Process};
use serde::{Deserialize, Serialize};

use crate::waiting::Denied;

/// The version of the format.
pub(super) const FORMAT: u32 = 1;

/// One line: an object with one key that says what it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "one lives at a time")]
pub(super) enum Line {
    /// The first.
    Recording(Header),
    /// A process, without its ancestors.
    Process(Numbered<Process>),
    /// A container.
    Container(Numbered<Container>),
    /// An event, without its process, its container and the machine's name.
    Event(Placed),
    /// The last, where nothing is missing.
    End {
        /// So many events were before it.
        events: u64,
    },
}

/// Whose recording it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Version of the format: 1.
    pub(crate) format: u32,
    /// Version of Seawall.
    pub(crate) version: String,
    /// The machine's name.
    pub(crate) host: String,
    /// Its kernel.
    pub(crate) kernel: String,
    /// When it began, nanoseconds since 1970.
    pub(crate) start_ns: u64,
}

impl Header {
    /// Of this Seawall.
    pub(crate) fn new(host: String, kernel: String, start_ns: u64) -> Self {
        Self { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned(), host, kernel, start_ns }
    }
}

/// Something that other lines name by its number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Numbered<T> {
    /// Its number.
    pub(super) id: u64,
    /// The number of its parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<u64>,
    /// It.
    pub(super) is: T,
}

/// An event with the numbers of what it does not say itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Placed {
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) process: Option<u64>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) container: Option<u64>,
    /// The rule by which the kernel has denied it, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) denied: Option<Denied>,
    /// The rules by which the kernel denies from here on: of events they are not asked. Written where that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) denies: Option<Vec<String>>,
    /// What.
    pub(super) event: Event,
}
