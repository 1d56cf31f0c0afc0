//! Images built in memory, for tests: layers with arbitrary tar entries (hostile ones too), docker archives and OCI
//! layouts; engines of a test's own. Only a dev-dependency; it knows no other crate of Seawall, so that it cannot share their mistakes.

mod daemon;
mod distribution;
mod image;
mod registry;
mod tar;

pub use daemon::{Daemon, Kind, Storage, output};
pub use distribution::Distribution;
pub use image::{Compression, Image, Layout, sha256};
pub use registry::{Answer, Request, Sending, Server, Store};
pub use tar::{Header, Tar};
