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

/// An image of which the right ones say the wrong thing.
pub(crate) const CLAIM_UNMET: Rule = Rule {
    id: "image-attestation-unmet",
    title: "Image whose attestation does not say what is required",
    why: "Those who may sign say something of the image, such as the result of a scan, and it is too old or not what the \
          policy asks for.",
    fix: "Scan or build the image again and attest the result; or mend what the attestation says.",
    severity: Severity::High,
    references: &["https://github.com/in-toto/attestation/tree/main/spec/predicates"],
    controls: &[(Framework::NistSp800190, "4.1.1"), (Framework::NistSp800190, "4.1.5")],
};

/// All rules.
pub static RULES: [Rule; 2] = [UNVERIFIABLE, CLAIM_UNMET];
