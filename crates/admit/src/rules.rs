//! What can be wrong besides what `trust` finds.

use seawall_finding::{Framework, Rule, Severity};

/// An image of which nothing could be said.
pub(crate) const UNVERIFIABLE: Rule = Rule {
    id: "image-unverifiable",
    title: "Image that could not be verified",
    why: "Whether somebody vouches for the image could not be found out: its registry does not answer, its name cannot be \
          read, or it was built on this machine and lies in no registry. What could not be verified is not trusted.",
    fix: "Make the registry reachable for Seawall, with a login that may read signatures; push a local image, sign it \
          and pull it.",
    severity: Severity::High,
    references: &[],
    controls: &[(Framework::NistSp800190, "4.1.5")],
};

/// All rules.
pub static RULES: [Rule; 1] = [UNVERIFIABLE];
