//! Decides whether an image may run, and says so to whoever asks: Docker, containerd, Kubernetes, podman.
//!
//! Owns `decide` and its thin adapters, and the small server at which an API server asks; the guard's audit webhook is
//! served by it too. Refuses what makes a signature right (`trust`) and printing.

pub mod cache;
mod claims;
pub mod decide;
pub mod docker;
pub mod evidence;
pub mod http;
pub mod kubernetes;
pub mod limits;
pub mod podman;
mod rules;
pub mod server;
pub mod settings;
#[cfg(test)]
mod testing;
pub mod verifier;

pub use cache::Cache;
pub use decide::{Admission, Clock, Decision, Meant, Request, Wanted};
pub use rules::RULES;
pub use settings::{Engine, Mode, Place, Settings};
