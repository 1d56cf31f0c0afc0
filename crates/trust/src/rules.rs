//! What can be wrong with the trust in an image.

use seawall_finding::{Framework, Rule, Severity};

const CONTROLS: &[(Framework, &str)] =
    &[(Framework::NistSp800190, "4.1.5"), (Framework::CisDocker16, "4.5"), (Framework::CisDocker17, "4.5")];

/// No signature at all.
pub(crate) const SIGNATURE_MISSING: Rule = Rule {
    id: "image-signature-missing",
    title: "Image without a signature",
    why: "Nobody vouches for the image. Whoever can write to the registry, or stands between it and the host, decides \
          what runs.",
    fix: "Sign the image where it is built, with a key or identity that the policy names: `seawall sign --key KEY IMAGE`.",
    severity: Severity::High,
    references: &["https://docs.sigstore.dev/cosign/signing/overview/"],
    controls: CONTROLS,
};

/// Signatures that do not count.
pub(crate) const SIGNATURE_REFUSED: Rule = Rule {
    id: "image-signature-refused",
    title: "Image with signatures that do not count",
    why: "There are signatures, and they are by somebody else, of another image, too old, too few, or forged. That \
          is what an attack looks like, and also a key that was changed without telling the policy.",
    fix: "See why each was refused. If the signer is right, name its key or identity in the policy; if not, find out \
          who pushed the image.",
    severity: Severity::High,
    references: &["https://docs.sigstore.dev/cosign/verifying/verify/"],
    controls: CONTROLS,
};

/// A statement that is required and is not there.
pub(crate) const ATTESTATION_MISSING: Rule = Rule {
    id: "image-attestation-missing",
    title: "Image without a required attestation",
    why: "The policy asks for a signed statement, such as the provenance or the bill of materials, and none by a \
          signer who counts is there.",
    fix: "Attach it where the image is built: `seawall attest --key KEY --type TYPE --predicate FILE IMAGE`.",
    severity: Severity::Medium,
    references: &["https://slsa.dev/spec/v1.0/provenance"],
    controls: &[(Framework::NistSp800190, "4.1.5")],
};

/// An image that must not run.
pub(crate) const IMAGE_REVOKED: Rule = Rule {
    id: "image-revoked",
    title: "Revoked image",
    why: "The policy lists the image's digest as one that must not run, whoever signed it.",
    fix: "Deploy another version, and stop what still runs this one.",
    severity: Severity::Critical,
    references: &[],
    controls: &[(Framework::NistSp800190, "4.1.5")],
};

/// An image that the containers' policy turns away.
pub(crate) const IMAGE_REJECTED: Rule = Rule {
    id: "image-rejected",
    title: "Image that the containers policy rejects",
    why: "The policy.json of podman, CRI-O and skopeo says `reject` for the image: a pull would fail, or, for an image \
          that is here already, an engine would run what the policy forbids.",
    fix: "Use an image from a place that the policy allows, or add a scope for this one with the keys that may sign.",
    severity: Severity::High,
    references: &["https://github.com/containers/image/blob/main/docs/containers-policy.json.5.md"],
    controls: &[(Framework::NistSp800190, "4.1.5")],
};

/// Nothing says who may sign.
pub(crate) const TRUST_UNDEFINED: Rule = Rule {
    id: "image-trust-undefined",
    title: "Image for which no requirement of trust holds",
    why: "No entry of the policy's `trust` is about the image, or the one that is has expired. What nobody decided is \
          not trusted.",
    fix: "Add an entry whose `images` match, with the keys or identities that may sign; or renew the one that expired.",
    severity: Severity::High,
    references: &[],
    controls: &[(Framework::NistSp800190, "4.1.5")],
};

/// All rules.
pub static RULES: [Rule; 6] = [
    SIGNATURE_MISSING,
    SIGNATURE_REFUSED,
    ATTESTATION_MISSING,
    IMAGE_REVOKED,
    IMAGE_REJECTED,
    TRUST_UNDEFINED,
];
