//! What rules mean: conditions over events, the official files, our own keys, mistakes and hostile files.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

mod audit;
mod conditions;
mod explanations;
mod extensions;
mod files;
mod hostile;
mod learning;
mod made;
mod mistakes;
mod needs;
mod official;
mod pack;
mod reference;
mod trial;
