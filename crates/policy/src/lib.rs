//! What we do about findings: the policy file, waivers (VEX and ignore files too), verdicts.
//!
//! `Policy::judge` is a pure function of a finding and the date; `Funnel::pour` is the only
//! loop between producers and sinks. This crate knows no producer and no output format.

mod judged;

pub use judged::{Judged, Sink, Verdict, Waived};
