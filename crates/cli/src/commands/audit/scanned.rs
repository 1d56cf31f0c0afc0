//! What a scan of an engine's image says, for the questions of the benchmark that only a scan can answer.

use std::collections::BTreeMap;

use anyhow::Result;
use seawall_advisory::Database;
use seawall_audit::ScannedImage;
use seawall_finding::{Evidence, FixState, Severity};
use seawall_image::manifest::PlatformChoice;
use seawall_scan::assess;

use crate::Session;
use crate::args::TargetArgs;
use crate::target::{LeakRules, Targets};

/// Scans of the images that engines of this machine have.
pub(super) struct Scans<'s> {
    targets: Targets<'s>,
    session: &'s Session<'s>,
}

impl<'s> Scans<'s> {
    pub(super) fn new(session: &'s Session<'s>) -> Result<Scans<'s>> {
        Ok(Scans {
            targets: Targets::new(&TargetArgs::of(""), session)?.with_leaks(LeakRules::builtin(session)),
            session,
        })
    }

    /// Of the image with this id; `None` where it cannot be read, which is told.
    pub(super) fn about(&self, id: &str, database: Option<&Database>) -> Option<ScannedImage> {
        let name = format!("docker:{}", id.strip_prefix("sha256:").unwrap_or(id));
        let examined = self.targets.open(&name, &PlatformChoice::Host).and_then(|opened| {
            let first = opened.first().ok_or_else(|| anyhow::anyhow!("it has no image"))?;
            self.targets.examine(first)
        });
        let examined = match examined {
            Ok(examined) => examined,
            Err(error) => {
                self.session.terminal.note(format_args!("note: image {id} is not scanned: {error:#}"));
                return None;
            }
        };
        let assessed = assess(examined, database, &crate::commands::assess_options(self.session));
        let mut fixable: BTreeMap<Severity, u32> = BTreeMap::new();
        for finding in &assessed.findings.found {
            if finding.evidence.vulnerable().is_some_and(|vulnerable| vulnerable.state == FixState::Fixed) {
                *fixable.entry(finding.severity).or_default() += 1;
            }
        }
        let leaks = assessed.findings.found.iter().filter_map(|finding| match &finding.evidence {
            Evidence::Leaked(leaked) => {
                Some(format!("{} {} in {}", leaked.secret, leaked.redacted, finding.place))
            }
            Evidence::Vulnerable(_)
            | Evidence::Outdated(_)
            | Evidence::Malicious(_)
            | Evidence::Misset(_)
            | Evidence::Happened(_)
            | Evidence::Untrusted(_) => None,
        });
        Some(ScannedImage {
            packages: Some(assessed.inventory.packages.iter().map(|package| package.name.clone()).collect()),
            fixable: database.map(|_| fixable),
            leaks: Some(leaks.collect()),
            base: assessed.inventory.base.and_then(|base| base.name),
            ..ScannedImage::default()
        })
    }
}
