//! Host, engines and containers against the CIS benchmarks → findings and checks.
//!
//! Looks, never changes: opens nothing for writing, starts nothing, follows no link out of the root that it is given.
