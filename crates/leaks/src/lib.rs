//! Leaked credentials: a file's bytes → findings with `Evidence::Leaked`.
//!
//! Owns the rules (`rules/leaks/*.yaml`), the engine that runs them in one pass, and the extractors that know
//! where credential files keep theirs. Refuses I/O, network, and ever handing out a value.

mod allow;
mod assess;
mod check;
mod decode;
mod engine;
mod entropy;
mod extract;
mod hide;
mod hit;
mod known;
mod limits;
mod literal;
mod look;
mod place;
mod placeholder;
mod prefilter;
mod rule;
mod rules;
#[cfg(test)]
mod samples;
mod spec;
mod text;
mod user;
mod value;
mod visitor;
mod vouch;

pub use assess::{CONFIDENCE_MIN, Location, controls, finding};
pub use hit::{Hit, LayerLeaks};
pub use limits::STREAMED_BYTES_MAX;
pub use rule::Rule;
pub use rules::{Rules, RulesError, UserRules};
pub use text::{Carrier, Texts};
pub use value::IdentityKey;
pub use visitor::Leaks;
