//! Which controls a family of checks serves. The ids of section 4 are the same in the three CIS benchmarks.

use seawall_finding::Framework::{self, CisDocker16, CisDocker17, CisDocker18, Cwe, NistSp800190};

/// Framework and id.
pub(crate) type Controls = &'static [(Framework, &'static str)];

pub(crate) const USER: Controls = &[
    (CisDocker16, "4.1"),
    (CisDocker17, "4.1"),
    (CisDocker18, "4.1"),
    (NistSp800190, "4.1.2"),
    (Cwe, "CWE-250"),
];
pub(crate) const TRUSTED_BASE: Controls = &[
    (CisDocker16, "4.2"),
    (CisDocker17, "4.2"),
    (CisDocker18, "4.2"),
    (NistSp800190, "4.1.5"),
    (Cwe, "CWE-829"),
];
pub(crate) const NOTHING_NEEDLESS: Controls =
    &[(CisDocker16, "4.3"), (CisDocker17, "4.3"), (CisDocker18, "4.3"), (NistSp800190, "4.1.2")];
pub(crate) const PATCHED: Controls = &[
    (CisDocker16, "4.4"),
    (CisDocker17, "4.4"),
    (CisDocker18, "4.4"),
    (NistSp800190, "4.1.1"),
    (Cwe, "CWE-1104"),
];
pub(crate) const HEALTH: Controls =
    &[(CisDocker16, "4.6"), (CisDocker17, "4.6"), (CisDocker18, "4.6"), (NistSp800190, "4.1.2")];
pub(crate) const UPDATES: Controls =
    &[(CisDocker16, "4.7"), (CisDocker17, "4.7"), (CisDocker18, "4.7"), (NistSp800190, "4.1.1")];
pub(crate) const SETUID: Controls = &[
    (CisDocker16, "4.8"),
    (CisDocker17, "4.8"),
    (CisDocker18, "4.8"),
    (NistSp800190, "4.1.2"),
    (Cwe, "CWE-732"),
];
pub(crate) const COPY: Controls =
    &[(CisDocker16, "4.9"), (CisDocker17, "4.9"), (CisDocker18, "4.9"), (NistSp800190, "4.1.2")];
pub(crate) const SECRETS: Controls = &[
    (CisDocker16, "4.10"),
    (CisDocker17, "4.10"),
    (CisDocker18, "4.10"),
    (NistSp800190, "4.1.4"),
    (Cwe, "CWE-522"),
];
pub(crate) const VERIFIED: Controls = &[
    (CisDocker16, "4.11"),
    (CisDocker17, "4.11"),
    (CisDocker18, "4.11"),
    (NistSp800190, "4.1.5"),
    (Cwe, "CWE-494"),
];
pub(crate) const TRANSPORT: Controls = &[
    (CisDocker16, "4.11"),
    (CisDocker17, "4.11"),
    (CisDocker18, "4.11"),
    (NistSp800190, "4.2.1"),
    (Cwe, "CWE-295"),
];
pub(crate) const SIGNED: Controls = &[
    (CisDocker18, "4.12"),
    (CisDocker17, "4.12"),
    (CisDocker16, "4.12"),
    (NistSp800190, "4.1.5"),
    (Cwe, "CWE-347"),
];
/// A defect of the image that no benchmark names.
pub(crate) const DEFECT: Controls = &[(NistSp800190, "4.1.2")];
/// Build steps with more power than a build needs.
pub(crate) const BUILD_POWER: Controls = &[(NistSp800190, "4.1.2"), (Cwe, "CWE-250")];
/// A matter of order, of no control.
pub(crate) const NONE: Controls = &[];
