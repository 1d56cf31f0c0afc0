//! One event: a system call as it returned, or a step of a process's life.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Argument, ArgumentName, ArgumentValue, Container, Descriptor, Dns, EventType, FlagKind, ImageFile,
    Process, argument,
};

/// One event. There is one for each system call, told when it returns; there are no events of entries.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Event {
    /// Counts from 1 since the sensor started; 0 is no event's number.
    pub number: u64,
    /// The system call, or `procexit` and the like.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Nanoseconds since 1970.
    pub time_ns: u64,
    /// The processor it happened on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// What the system call returned: not negative, or a negated error number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i64>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Arc<Process>>,
    /// Where it ran; [`Container::host`] outside of containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Arc<Container>>,
    /// What a scan of the container's image says of the file that the process executes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_file: Option<Arc<ImageFile>>,
    /// The file, socket or other object that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<Descriptor>,
    /// The arguments in the order of the event's schema.
    #[serde(with = "argument::as_map", skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
    /// The first bytes that were read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<u8>>,
    /// The message, of an event of the DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<Box<Dns>>,
    /// The machine's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
}

impl Event {
    /// The argument of this name.
    pub fn argument(&self, name: ArgumentName) -> Option<&ArgumentValue> {
        self.arguments.iter().find(|argument| argument.name == name).map(|argument| &argument.value)
    }

    /// Bits of the `flags` argument of an opening call, in Linux's numbers.
    fn open_flags(&self) -> Option<u64> {
        if !self.kind.opens() {
            return None;
        }
        match self.argument(ArgumentName::Flags)? {
            ArgumentValue::Flags { bits, .. } => Some(*bits),
            ArgumentValue::Text(text) => Some(FlagKind::Open.bits(text)),
            ArgumentValue::Number(bits) => u64::try_from(*bits).ok(),
            ArgumentValue::Descriptor { .. } | ArgumentValue::User { .. } => None,
        }
    }

    /// Whether it opens something for reading. An event that opens nothing does not.
    pub fn opens_for_reading(&self) -> bool {
        self.open_flags().is_some_and(|bits| matches!(bits & 3, 0 | 2))
    }

    /// Whether it opens something for writing.
    pub fn opens_for_writing(&self) -> bool {
        self.open_flags().is_some_and(|bits| matches!(bits & 3, 1 | 2))
    }

    /// Whether it may create the file that it opens.
    pub fn opens_to_create(&self) -> bool {
        self.kind == EventType::CREAT || self.open_flags().is_some_and(|bits| bits & crate::open::CREAT != 0)
    }

    /// Whether it creates a file that can be executed.
    pub fn opens_executable(&self) -> bool {
        let creates = self.opens_to_create()
            || self.open_flags().is_some_and(|bits| bits & crate::open::TMPFILE == crate::open::TMPFILE);
        creates && self.mode().is_some_and(|mode| mode & 0o111 != 0)
    }

    fn mode(&self) -> Option<u64> {
        match self.argument(ArgumentName::Mode)? {
            ArgumentValue::Flags { bits, .. } => Some(*bits),
            ArgumentValue::Text(text) => Some(FlagKind::Mode.bits(text)),
            ArgumentValue::Number(bits) => u64::try_from(*bits).ok(),
            ArgumentValue::Descriptor { .. } | ArgumentValue::User { .. } => None,
        }
    }
}
