//! Judged findings → text for people and programs.
//!
//! Every format is one file with its foreign structs private to it; formats read [`Report`] and
//! nothing else, and none of them decides anything.

mod advice;
mod cyclonedx;
mod format;
mod github;
mod gitlab;
mod grype;
mod html;
mod identity;
pub mod incident;
mod json;
mod junit;
mod license;
mod problem;
mod report;
mod sarif;
mod score;
mod spdx;
mod spdx_3;
mod table;
mod template;
mod text;
mod trivy;
mod web;

pub use advice::{Advice, advise};
pub use format::{Colour, Format, FormatError, RenderError, RenderOptions, render};
pub use report::{Collector, Report, RuleText};
pub use text::{log_line, printable};

#[cfg(test)]
mod tests;
