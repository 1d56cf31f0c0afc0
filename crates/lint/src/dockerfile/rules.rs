//! The checks, in the order of the reports: what a file is built from, how it is built, what it ships, its form.

mod controls;
mod invalid_instruction;

use super::Options;
use super::check::Check;

/// Every check of build files.
pub const CHECKS: &[&Check] = &[&invalid_instruction::CHECK];
