//! What builds and deploys containers → findings with `Evidence::Misset`: Dockerfiles, image configurations,
//! Kubernetes manifests, Compose files, Quadlet and systemd units, `docker run` lines.
//!
//! [`files`] is the way in for files of any kind. Refuses I/O: text comes in with its name.

pub mod cluster;
mod command;
mod compose;
mod dialect;
pub mod dockerfile;
mod document;
pub mod files;
pub mod fix;
pub mod image_config;
mod kubernetes;
mod limits;
pub mod manifest;
mod pipeline;
pub mod pss;
mod shell;
mod suppress;
mod unit;
mod words;
pub mod workload;

pub use command::image_position;
use seawall_finding::Rule;

/// A rule of this crate.
#[derive(Debug, Clone, Copy)]
pub struct LintRule {
    /// What it says about itself.
    pub rule: &'static Rule,
    /// What other tools call it.
    pub aliases: &'static [&'static str],
    /// Whether it is asked when nobody names it.
    pub by_default: bool,
}

/// Every rule of this crate: of build files, of images, of workloads, of cluster objects, of the Pod Security Standards.
pub fn rules() -> impl Iterator<Item = LintRule> {
    let dockerfile = dockerfile::CHECKS.iter().map(|check| LintRule {
        rule: &check.rule,
        aliases: check.aliases,
        by_default: check.standing == dockerfile::Standing::On,
    });
    let workload = workload::rules().map(|rule| LintRule {
        rule: &rule.rule,
        aliases: suppress::aliases(rule.rule.id),
        by_default: rule.by_default,
    });
    let cluster = cluster::rules().map(|rule| LintRule {
        rule: &rule.rule,
        aliases: suppress::aliases(rule.rule.id),
        by_default: rule.by_default,
    });
    let image = image_config::rules().map(|rule| LintRule { rule, aliases: &[], by_default: true });
    let pod_security = pss::rules().map(|rule| LintRule { rule, aliases: &[], by_default: false });
    dockerfile.chain(image).chain(workload).chain(cluster).chain(pod_security)
}
