//! One fact against one version.

use std::cmp::Ordering;

use seawall_inventory::{Ecosystem, Package};

use super::rpm;
use crate::Order;
use crate::database::{AdvisoryRef, Damaged, Fact, Limit};
use crate::record::{KeyedBy, State};

/// What an advisory says of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is not about this build: another architecture, module or flavour.
    Elsewhere,
    /// The version is affected.
    Affected(Hold),
    /// The source knows that it is not affected, whatever others say.
    Denied,
    /// The version is outside of the affected ranges; the fixes that it has.
    Passed(Vec<String>),
    /// The version cannot be ordered against the advisory; the bound that could not be read, or the version itself.
    Unordered(String),
}

/// A rule that held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hold {
    /// `3.0.11-1~deb12u2 < 3.0.14-1~deb12u2 (deb)`.
    pub(super) comparison: String,
    /// The version that ends the range, where it is a fix.
    pub(super) fixed: Option<String>,
}

/// A version in the space that an advisory is keyed by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyed<'p> {
    pub(super) package: &'p Package,
    pub(super) name: &'p str,
    pub(super) version: &'p str,
    pub(super) keyed_by: KeyedBy,
    pub(super) order: Order,
}

/// Judges a version by a fact.
pub(super) fn judge(
    advisory: &AdvisoryRef<'_>,
    fact: &Fact,
    keyed: &Keyed<'_>,
) -> Result<Judgement, Damaged> {
    if !is_about(advisory, fact, keyed)? {
        return Ok(Judgement::Elsewhere);
    }
    let affected = match holds(advisory, fact, keyed)? {
        Answer::Yes(hold) => hold,
        Answer::No(fixes) if is_fix_zero(&fixes, fact) => return Ok(Judgement::Denied),
        Answer::No(fixes) => return Ok(Judgement::Passed(fixes)),
        Answer::Unordered(what) => return Ok(Judgement::Unordered(what)),
    };
    Ok(match fact.state {
        State::NotAffected => Judgement::Denied,
        State::Fixed
        | State::NotFixed
        | State::Deferred
        | State::WillNotFix
        | State::UnderInvestigation
        | State::EndOfLife
        | State::Undetermined => Judgement::Affected(affected),
    })
}

/// Fixed in version `0`: the package was never affected (Debian, Alpine).
fn is_fix_zero(fixes: &[String], fact: &Fact) -> bool {
    fact.versions.is_empty() && !fixes.is_empty() && fixes.iter().all(|fix| fix == "0")
}

fn is_about(advisory: &AdvisoryRef<'_>, fact: &Fact, keyed: &Keyed<'_>) -> Result<bool, Damaged> {
    if !fact.architectures.is_empty() && !architecture_fits(advisory, fact, keyed.package)? {
        return Ok(false);
    }
    if keyed.package.ecosystem != Ecosystem::Rpm {
        return Ok(true);
    }
    let module = fact.module.map(|module| advisory.label(module)).transpose()?;
    let fixed = fact.ranges.iter().find_map(|range| match range.until {
        Limit::Fixed(fixed) => Some(fixed),
        Limit::Last(_) | Limit::Open => None,
    });
    let fixed = fixed.map(|fixed| advisory.version(fixed)).transpose()?;
    let flavour_fits = match fixed.as_deref() {
        Some(fixed) => rpm::flavour(fixed) == rpm::flavour(keyed.version),
        None => true,
    };
    Ok(flavour_fits && rpm::module_fits(keyed.package, module.as_deref(), fixed.as_deref()))
}

fn architecture_fits(advisory: &AdvisoryRef<'_>, fact: &Fact, package: &Package) -> Result<bool, Damaged> {
    let Some(own) = package.architecture.as_deref().map(architecture) else { return Ok(true) };
    if own == "noarch" {
        return Ok(true);
    }
    for number in &fact.architectures {
        let stated = advisory.label(*number)?;
        if matches!(architecture(&stated), stated if stated == own || stated == "noarch") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One name for architectures that dpkg, rpm and apk name differently.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" | "amd64" | "x86-64" => "x86_64",
        "aarch64" | "arm64" => "aarch64",
        "i386" | "i486" | "i586" | "i686" | "x86" => "i686",
        "armhf" | "armv7hl" | "armv7" | "armv7l" => "armv7",
        "ppc64el" | "ppc64le" => "ppc64le",
        "noarch" | "all" | "any" => "noarch",
        other => other,
    }
}

enum Answer {
    Yes(Hold),
    No(Vec<String>),
    Unordered(String),
}

fn holds(advisory: &AdvisoryRef<'_>, fact: &Fact, keyed: &Keyed<'_>) -> Result<Answer, Damaged> {
    if fact.ranges.is_empty() && fact.versions.is_empty() {
        return Ok(Answer::Yes(Hold { comparison: "every version is affected".to_owned(), fixed: None }));
    }
    let version = keyed.version;
    let mut fixes = Vec::new();
    let mut unordered = None;
    for range in &fact.ranges {
        let introduced = range.introduced.map(|number| advisory.version(number)).transpose()?;
        let introduced = introduced.filter(|from| from != "0" && !from.is_empty());
        let (until, ends_at) = match range.until {
            Limit::Fixed(fixed) => (Some(advisory.version(fixed)?), End::Before),
            Limit::Last(last) => (Some(advisory.version(last)?), End::At),
            Limit::Open => (None, End::At),
        };
        match within(keyed, introduced.as_deref(), until.as_deref(), ends_at) {
            Ok(true) => {
                let comparison =
                    shown(version, introduced.as_deref(), until.as_deref(), ends_at, keyed.order);
                let fixed = until.filter(|_| matches!(ends_at, End::Before));
                return Ok(Answer::Yes(Hold { comparison, fixed }));
            }
            Ok(false) => fixes.extend(until.filter(|_| matches!(ends_at, End::Before))),
            Err(bound) => unordered = Some(bound),
        }
    }
    for number in &fact.versions {
        let listed = advisory.version(*number)?;
        if listed == version || keyed.order.compare(&listed, version) == Some(Ordering::Equal) {
            return Ok(Answer::Yes(Hold {
                comparison: format!("{version} is listed as affected"),
                fixed: None,
            }));
        }
    }
    if unordered.is_none() && !fact.versions.is_empty() && !keyed.order.parses(version) {
        unordered = Some(version.to_owned());
    }
    Ok(match unordered {
        Some(bound) => Answer::Unordered(bound),
        None => Answer::No(fixes),
    })
}

/// How a range ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Below the bound.
    Before,
    /// With the bound.
    At,
}

/// Whether a version lies in a range; the text that cannot be read, where it cannot be told.
fn within(
    keyed: &Keyed<'_>,
    introduced: Option<&str>,
    until: Option<&str>,
    ends_at: End,
) -> Result<bool, String> {
    let compare = |bound: &str| {
        let bound = if keyed.package.ecosystem == Ecosystem::Rpm {
            rpm::bound(bound, keyed.version, keyed.keyed_by)
        } else {
            bound
        };
        let unreadable = || if keyed.order.parses(keyed.version) { bound } else { keyed.version };
        match keyed.order.compare(keyed.version, bound) {
            Some(order) if !keyed.version.is_empty() => Ok(order),
            _ => Err(unreadable().to_owned()),
        }
    };
    if let Some(until) = until {
        // Fixed in `0` needs no order: nothing is below it.
        if until == "0" && matches!(ends_at, End::Before) {
            return Ok(false);
        }
        let below = match (compare(until)?, ends_at) {
            (Ordering::Less, _) | (Ordering::Equal, End::At) => true,
            (Ordering::Equal, End::Before) | (Ordering::Greater, _) => false,
        };
        if !below {
            return Ok(false);
        }
    }
    match introduced {
        Some(introduced) => Ok(compare(introduced)? != Ordering::Less),
        None => Ok(true),
    }
}

fn shown(version: &str, introduced: Option<&str>, until: Option<&str>, ends_at: End, order: Order) -> String {
    let from = introduced.map(|introduced| format!("{introduced} <= ")).unwrap_or_default();
    let sign = if matches!(ends_at, End::Before) { "<" } else { "<=" };
    let to = until.map(|until| format!(" {sign} {until}")).unwrap_or_default();
    if from.is_empty() && to.is_empty() {
        return "every version is affected".to_owned();
    }
    format!("{from}{version}{to} ({})", order.name())
}
