//! The settings of containers, judged by the rules that judge every workload.

use seawall_finding::Rule;

use crate::answer::Report;
use crate::machine::Machine;

pub(super) fn rules() -> Vec<&'static Rule> {
    Vec::new()
}

pub(super) fn ask(_machine: &Machine<'_>, _report: &mut Report) {}
