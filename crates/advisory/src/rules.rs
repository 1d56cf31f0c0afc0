//! The rules of this crate: what `explain` says of each.

use seawall_finding::{Framework, Rule, Severity};

/// A package version that an advisory covers.
pub const VULNERABLE_PACKAGE: Rule = Rule {
    id: "vulnerable-package",
    title: "Package with a known vulnerability",
    why: "A public advisory says that this version of the package can be attacked. Whoever reaches the \
          vulnerable code through the container's inputs can use what is known of it.",
    fix: "Upgrade the package to one of the fixed versions, usually by rebuilding on a newer base image. Where \
          none is published, remove the package, or record in the policy why the vulnerability does not matter \
          here and until when.",
    severity: Severity::Unknown,
    references: &["https://csrc.nist.gov/pubs/sp/800/190/final"],
    controls: &[
        (Framework::CisDocker18, "4.4"),
        (Framework::CisDocker17, "4.4"),
        (Framework::CisDocker16, "4.4"),
        (Framework::NistSp800190, "4.1.1"),
    ],
};

/// A package that is itself an attack.
pub const MALICIOUS_PACKAGE: Rule = Rule {
    id: "malicious-package",
    title: "Package that is itself an attack",
    why: "The package was published to harm whoever installs it: it steals credentials, opens a back door or \
          destroys data. Its code has run at the latest when it was installed.",
    fix: "Remove the package and rebuild from a clean base. Treat every secret that the build or the container \
          could read as stolen, and rotate it.",
    severity: Severity::Critical,
    references: &["https://github.com/ossf/malicious-packages"],
    controls: &[
        (Framework::CisDocker18, "4.3"),
        (Framework::CisDocker17, "4.3"),
        (Framework::CisDocker16, "4.3"),
        (Framework::NistSp800190, "4.1.3"),
    ],
};

/// A distribution release that gets no fixes any more.
pub const END_OF_LIFE_DISTRIBUTION: Rule = Rule {
    id: "end-of-life-distribution",
    title: "Distribution release past its end of life",
    why: "Nobody fixes vulnerabilities in this release any more, and many are no longer even recorded for it: \
          a short list of findings means silence, not safety.",
    fix: "Rebuild on a supported release, or subscribe to the release's extended support where there is one.",
    severity: Severity::High,
    references: &["https://endoflife.date"],
    controls: &[
        (Framework::CisDocker18, "4.2"),
        (Framework::CisDocker17, "4.2"),
        (Framework::CisDocker16, "4.2"),
        (Framework::NistSp800190, "4.1.1"),
    ],
};

/// A language runtime that gets no fixes any more.
pub const END_OF_LIFE_RUNTIME: Rule = Rule {
    id: "end-of-life-runtime",
    title: "Language runtime past its end of life",
    why: "The project fixes no vulnerabilities in this release of the runtime any more.",
    fix: "Upgrade to a supported release of the runtime.",
    severity: Severity::Medium,
    references: &["https://endoflife.date"],
    controls: &[
        (Framework::CisDocker18, "4.4"),
        (Framework::CisDocker17, "4.4"),
        (Framework::CisDocker16, "4.4"),
        (Framework::NistSp800190, "4.1.1"),
    ],
};

/// Every rule of this crate.
pub const RULES: &[Rule] =
    &[VULNERABLE_PACKAGE, MALICIOUS_PACKAGE, END_OF_LIFE_DISTRIBUTION, END_OF_LIFE_RUNTIME];
