//! Rules over events: Falco's language and our own keys, compiled; events → findings.
//!
//! Owns the rule files' language from YAML to answers: [`load`] reads files into a [`Loaded`], which an [`Engine`]
//! asks of events. Refuses where events come from (`sensor`, `event`), the clock (events carry their time), and what
//! is done about a finding (`policy`, `respond`).
//!
//! text → `yaml` (tree with places) → `definitions` (lists, macros, rules of all files) → `parser` (conditions) →
//! `compile` (macros and lists put in) → `program` (one graph of all conditions) → `engine` → `finding`.

mod check;
mod clock;
mod compile;
mod definitions;
mod denial;
mod diagnostic;
mod dispatch;
mod engine;
mod entries;
mod explain;
mod expr;
mod extension;
mod fields;
mod finding;
mod glob;
mod learn;
mod limits;
mod load;
mod memory;
mod need;
mod output;
mod pack;
mod parser;
mod prefix;
mod program;
mod replay;
mod rule;
mod source;
mod suggest;
mod texts;
mod trial;
mod value;
mod yaml;

pub use denial::{Atom, Beginning, Clause, Denied, Occasion, OfContainer, Property, Undeniable};
pub use diagnostic::{Code, Diagnostic, Level};
pub use engine::{Engine, Matching};
pub use explain::{Asked, Branch, ExplainError, Explanation, Matched, Part, explain};
pub use fields::Source;
pub use learn::{CapabilitySet, Connection, Learned, Learner, Needed, Profile, learn};
pub use load::{Counts, Loaded, load};
pub use need::{Need, Paths, Traits};
pub use output::Template;
pub use pack::{PackFile, meaning_and_advice, pack};
pub use replay::{Observed, ReadError};
pub use rule::Rule;
pub use trial::{Case, Outcome, TrialError};
