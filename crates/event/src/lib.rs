//! What happened, in workload terms: one system call of one process in one container, one message of the DNS, or
//! one request to the Kubernetes API.
//!
//! Owns the words and their texts as Falco's rules expect them (flag names, error names, tuples), the lineage of
//! processes, and their JSON, in which tests and recordings keep events. Refuses I/O, the kernel's layouts (that is
//! `sensor`) and judgement (that is `detect`). What is unknown is `None`, never an empty text or a zero.

mod argument;
mod audit;
mod container;
mod descriptor;
mod dns;
mod error_number;
mod event;
mod event_type;
mod flags;
mod image_file;
pub mod limits;
mod process;

pub use argument::{Argument, ArgumentName, ArgumentValue};
pub use audit::{AuditError, AuditEvent, AuditItem};
pub use container::{Container, Image, Mount, Pod};
pub use descriptor::{Descriptor, DescriptorKind, Protocol, Socket};
pub use dns::{Dns, Names};
pub use error_number::error_name;
pub use event::Event;
pub use event_type::{EventType, EventTypes};
pub use flags::{FlagKind, open};
pub use image_file::ImageFile;
pub use process::{Capabilities, ExeFile, Group, Leader, Lineage, Process, Texts, User};
