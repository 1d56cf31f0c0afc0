//! Images built in memory, for tests: layers with arbitrary tar entries (hostile ones too), docker archives and OCI
//! layouts; engines and machines of a test's own. Only a dev-dependency; it knows no other crate of Seawall, so that it cannot share their mistakes.

mod daemon;
mod distribution;
mod image;
mod machine;
mod registry;
mod tar;

pub use daemon::{Daemon, Kind, Storage, output};
pub use distribution::Distribution;
pub use image::{Compression, Image, Layout, sha256};
pub use machine::{BpfLsm, Ended, Kernel, Machine};
pub use registry::{Answer, Request, Sending, Server, Store};
pub use tar::{Header, Tar};
