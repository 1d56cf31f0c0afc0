//! What we do about findings: the policy file, waivers (VEX and ignore files too), verdicts, responses.
//!
//! [`Policy::judge`] is a pure function of a finding and its context; [`Funnel::pour`] is the only
//! loop between producers and sinks. This crate knows no producer and no output format.

mod baseline;
mod clause;
mod condition;
mod funnel;
mod ignore;
mod judged;
mod limits;
mod load;
mod policy;
mod response;
mod vex;
mod waiver;

pub use clause::Clause;
pub use condition::{Condition, ConditionError};
pub use funnel::{Funnel, Tally};
pub use judged::{Judged, Sink, Verdict, Waived};
pub use load::LoadError;
pub use policy::{Context, Policy};
pub use response::{
    AfterDeath, Hosts, Network, NetworkError, Protected, Requested, Response, ResponseSettings,
    RuleResponses, UnknownResponse,
};
pub use waiver::{Glob, GlobError, Selector, Waiver};
