//! What holds of a package → a finding.

use std::collections::BTreeSet;

use seawall_finding::{
    Confidence, Epss, Evidence, ExtendedFix, Finding, FixState, Malicious, Match, Rating, Severity, Subject,
    Vulnerable,
};
use seawall_inventory::{Distro, Package, Presence};

use super::claim::{Affected, Claim};
use super::compare::{Hold, Judgement};
use super::space::{Role, order};
use super::{Detail, remedy, severity};
use crate::database::{BlockCache, Database, Text};
use crate::feed::Standing;
use crate::record::{Enrichment, State};
use crate::rules::{MALICIOUS_PACKAGE, VULNERABLE_PACKAGE};

/// What makes a finding of a package less sure, as a clause for its summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The distribution's feed says nothing of the package that owns its files.
    OwnerUnknown(String),
    /// Somebody else than the distribution built it.
    Stranger(String),
    /// It has the kernel's headers and no code of it.
    KernelHeaders,
}

/// Makes findings of one inventory; keeps decoded text between them.
#[derive(Debug)]
pub(super) struct Composer<'d> {
    pub(super) database: &'d Database,
    pub(super) distro: Option<&'d Distro>,
    pub(super) detail: Detail,
    pub(super) cache: BlockCache,
}

impl<'d> Composer<'d> {
    /// The finding of one problem of one package.
    pub(super) fn compose(
        &mut self,
        package: &Package,
        affected: &Affected<'d>,
        doubts: &[Doubt],
    ) -> Finding {
        let texts = self.texts(affected);
        let (id, aliases) = named(affected);
        if affected.names.iter().any(|name| name.starts_with("MAL-")) {
            return self.malicious(package, affected, &texts, aliases);
        }
        let enrichment = self.enrichment(affected);
        let ratings = ratings(affected, &texts, &enrichment);
        let state = state(affected);
        let fixed_versions = fixed_versions(package, affected);
        let rated = match state {
            // Nobody knows yet whether it is affected: a severity would say more than is known.
            FixState::Undetermined => Severity::Unknown,
            FixState::Fixed
            | FixState::NotFixed
            | FixState::Deferred
            | FixState::WillNotFix
            | FixState::UnderInvestigation
            | FixState::EndOfLife => severity::of(&ratings),
        };
        let rated = if doubts.contains(&Doubt::KernelHeaders) { Severity::Negligible } else { rated };
        let epss = enrichment.epss.map(|(score, percentile)| Epss { score, percentile });
        let risk = severity::risk(
            rated,
            epss.as_ref(),
            enrichment.known_exploited.as_ref(),
            !fixed_versions.is_empty(),
        );
        let title = title(&texts, &enrichment);
        let first = |pick: fn(&Text) -> &str| {
            texts.iter().map(pick).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
        };
        let vulnerable = Vulnerable {
            description: first(|text| &text.description),
            state,
            extended: affected
                .extended
                .clone()
                .map(|(stream, fixed_version)| ExtendedFix { stream, fixed_version }),
            matched: affected.claims.iter().map(|(claim, hold)| matched(claim, hold)).collect(),
            ratings,
            weaknesses: weaknesses(&texts, &enrichment),
            epss,
            known_exploited: enrichment.known_exploited.clone(),
            risk,
            published: texts.iter().filter_map(|text| text.published.clone()).min(),
            id,
            aliases,
            title,
            fixed_versions,
        };
        let target = lowest_complete_fix(package, affected, &vulnerable.fixed_versions);
        Finding {
            rule: VULNERABLE_PACKAGE.id.to_owned(),
            subject: subject(package, self.distro),
            place: package.places.first().cloned().unwrap_or_default(),
            severity: rated,
            confidence: confidence(package, affected, state, doubts),
            summary: summary(package, &vulnerable, doubts),
            remedy: remedy::sentence(package, state, target.as_deref(), affected.extended.as_ref()),
            references: references(&texts),
            controls: VULNERABLE_PACKAGE.finding_controls(),
            evidence: Evidence::Vulnerable(Box::new(vulnerable)),
        }
    }

    fn malicious(
        &self,
        package: &Package,
        affected: &Affected<'_>,
        texts: &[Text],
        aliases: Vec<String>,
    ) -> Finding {
        let id = affected.names.iter().find(|name| name.starts_with("MAL-")).cloned().unwrap_or_default();
        let mut others: Vec<String> =
            affected.names.iter().chain(&aliases).filter(|name| **name != id).cloned().collect();
        others.sort();
        others.dedup();
        let title =
            texts.iter().map(|text| text.title.clone()).find(|title| !title.is_empty()).unwrap_or_default();
        let label = format!("{} {}", package.name, package.version);
        Finding {
            rule: MALICIOUS_PACKAGE.id.to_owned(),
            subject: subject(package, self.distro),
            place: package.places.first().cloned().unwrap_or_default(),
            severity: MALICIOUS_PACKAGE.severity,
            confidence: Confidence::High,
            summary: format!("{} is a malicious package ({id}).", label.trim_end()),
            remedy: format!("Remove {} and rotate every secret that it could read.", package.name),
            references: references(texts),
            controls: MALICIOUS_PACKAGE.finding_controls(),
            evidence: Evidence::Malicious(Malicious { id, aliases: others, title }),
        }
    }

    /// The texts of the claims, in their order.
    fn texts(&mut self, affected: &Affected<'_>) -> Vec<Text> {
        if self.detail == Detail::Facts {
            return Vec::new();
        }
        let mut texts = Vec::new();
        for (claim, _) in &affected.claims {
            let (id, advisory) = (&claim.identity.id, claim.identity.advisory.as_deref());
            let source = &claim.advisory.source().name;
            texts.extend(self.database.text_cached(&mut self.cache, source, id, advisory));
        }
        texts
    }

    /// What is known of all CVEs of the problem: the worst of them.
    fn enrichment(&self, affected: &Affected<'_>) -> Enrichment {
        let mut known = Enrichment::default();
        for name in affected.names.iter().filter(|name| name.starts_with("CVE-")) {
            let Some(found) = self.database.enrichment(name) else { continue };
            let score = |enrichment: &Enrichment| enrichment.epss.map_or(-1.0, |(score, _)| score);
            if score(&found) > score(&known) {
                known.epss = found.epss;
            }
            known.known_exploited = known.known_exploited.or(found.known_exploited);
            known.ratings.extend(found.ratings);
            known.weaknesses.extend(found.weaknesses);
            if known.title.is_empty() {
                known.title = found.title;
            }
        }
        known
    }
}

/// The id that a problem goes by, and its other names: CVE, then GHSA, then the rest; last the documents.
fn named(affected: &Affected<'_>) -> (String, Vec<String>) {
    let rank = |name: &str| match name {
        name if name.starts_with("CVE-") => 0,
        name if name.starts_with("GHSA-") => 1,
        _ => 2,
    };
    let mut names: Vec<String> = affected.names.iter().cloned().collect();
    names.sort_by_key(|name| rank(name));
    let documents: BTreeSet<&String> =
        affected.claims.iter().filter_map(|(claim, _)| claim.identity.advisory.as_ref()).collect();
    for document in documents {
        if !names.contains(document) {
            names.push(document.clone());
        }
    }
    let id = if names.is_empty() { String::new() } else { names.remove(0) };
    (id, names)
}

fn matched(claim: &Claim<'_>, hold: &Hold) -> Match {
    Match {
        advisory: claim.identity.advisory.clone().unwrap_or_else(|| claim.identity.id.clone()),
        source: claim.advisory.source().name.clone(),
        space: claim.advisory.space().to_owned(),
        name: claim.name.clone(),
        version: claim.version.clone(),
        comparison: hold.comparison.clone(),
    }
}

/// Fixed where any advisory has a fix; otherwise the most telling of the states.
fn state(affected: &Affected<'_>) -> FixState {
    let of_claim = |(claim, hold): &(Claim<'_>, Hold)| {
        // A stream's fix is not one here.
        let is_fix = !matches!(claim.role, Role::Extended(_)) && hold.fixed.is_some();
        match claim.fact.state {
            State::Fixed | State::NotFixed if is_fix => FixState::Fixed,
            State::Fixed | State::NotFixed | State::NotAffected => FixState::NotFixed,
            State::Deferred => FixState::Deferred,
            State::WillNotFix => FixState::WillNotFix,
            State::UnderInvestigation => FixState::UnderInvestigation,
            State::EndOfLife => FixState::EndOfLife,
            State::Undetermined => FixState::Undetermined,
        }
    };
    let telling = |state: &FixState| match state {
        FixState::Fixed => 0,
        FixState::EndOfLife => 1,
        FixState::WillNotFix => 2,
        FixState::Deferred => 3,
        FixState::NotFixed => 4,
        FixState::UnderInvestigation => 5,
        FixState::Undetermined => 6,
    };
    affected.claims.iter().map(of_claim).min_by_key(telling).unwrap_or(FixState::Undetermined)
}

/// The fixes in the version space of the decisive claim.
fn fixed_versions(package: &Package, affected: &Affected<'_>) -> Vec<String> {
    let Some((decisive, _)) = affected.claims.first() else { return Vec::new() };
    let fixes = affected.claims.iter().filter(|(claim, _)| {
        claim.fact.keyed_by == decisive.fact.keyed_by && !matches!(claim.role, Role::Extended(_))
    });
    let fixes = fixes.filter_map(|(_, hold)| hold.fixed.clone()).collect();
    remedy::sorted(fixes, order(package.ecosystem))
}

/// The lowest of the fixes that no matched advisory calls affected.
fn lowest_complete_fix(package: &Package, affected: &Affected<'_>, fixes: &[String]) -> Option<String> {
    let is_complete = |fix: &&String| {
        affected.claims.iter().filter(|(_, hold)| hold.fixed.is_some()).all(|(claim, _)| {
            let keyed = super::compare::Keyed {
                package,
                name: &claim.name,
                version: fix,
                keyed_by: claim.fact.keyed_by,
                order: order(package.ecosystem),
            };
            !matches!(super::compare::judge(&claim.advisory, &claim.fact, &keyed), Ok(Judgement::Affected(_)))
        })
    };
    fixes.iter().find(is_complete).or(fixes.last()).cloned()
}

/// Every rating, in the order in which they are believed.
fn ratings(affected: &Affected<'_>, texts: &[Text], enrichment: &Enrichment) -> Vec<Rating> {
    let mut ratings: Vec<Rating> = Vec::new();
    let mut push = |rating: Rating| {
        if rating.severity != Severity::Unknown && !ratings.contains(&rating) {
            ratings.push(rating);
        }
    };
    for (claim, _) in &affected.claims {
        // The source's word on this package stands before its word on the problem.
        if let Some(severity) = claim.fact.severity {
            push(Rating {
                source: claim.advisory.source().name.clone(),
                severity,
                score: None,
                vector: None,
            });
        }
    }
    for text in texts {
        text.ratings.iter().cloned().for_each(&mut push);
    }
    if texts.iter().all(|text| text.ratings.is_empty()) {
        for (claim, _) in &affected.claims {
            let source = claim.advisory.source().name.clone();
            push(Rating { source, severity: claim.identity.severity, score: None, vector: None });
        }
    }
    enrichment.ratings.iter().cloned().for_each(&mut push);
    ratings
}

fn title(texts: &[Text], enrichment: &Enrichment) -> String {
    let of_texts = texts.iter().map(|text| text.title.trim()).find(|title| !title.is_empty());
    of_texts.unwrap_or(enrichment.title.trim()).to_owned()
}

fn weaknesses(texts: &[Text], enrichment: &Enrichment) -> Vec<String> {
    let all: BTreeSet<String> =
        texts.iter().flat_map(|text| &text.weaknesses).chain(&enrichment.weaknesses).cloned().collect();
    all.into_iter().collect()
}

fn references(texts: &[Text]) -> Vec<String> {
    let mut references: Vec<String> = Vec::new();
    for reference in texts.iter().flat_map(|text| &text.references) {
        if !references.contains(reference) {
            references.push(reference.clone());
        }
    }
    references
}

fn subject(package: &Package, distro: Option<&Distro>) -> Subject {
    Subject::Package {
        purl: package.purl(distro),
        ecosystem: package.ecosystem,
        name: package.name.clone(),
        version: package.version.clone(),
    }
}

fn confidence(package: &Package, affected: &Affected<'_>, state: FixState, doubts: &[Doubt]) -> Confidence {
    let by_doubts = doubts.iter().map(|doubt| match doubt {
        Doubt::OwnerUnknown(_) | Doubt::Stranger(_) => Confidence::Medium,
        Doubt::KernelHeaders => Confidence::Low,
    });
    let by_presence = match package.presence {
        Presence::Installed | Presence::Locked | Presence::LockedForDevelopment => Confidence::High,
        Presence::Recovered => Confidence::Low,
    };
    let by_state = match state {
        FixState::Undetermined => Confidence::Low,
        FixState::UnderInvestigation => Confidence::Medium,
        FixState::Fixed
        | FixState::NotFixed
        | FixState::Deferred
        | FixState::WillNotFix
        | FixState::EndOfLife => Confidence::High,
    };
    let is_sure = |(claim, _): &(Claim<'_>, Hold)| {
        claim.advisory.source().standing != Standing::Hint
            && matches!(claim.role, Role::Base | Role::Subscribed)
    };
    let by_source = if affected.claims.iter().any(is_sure) { Confidence::High } else { Confidence::Medium };
    by_doubts.chain([by_presence, by_state, by_source]).min().unwrap_or_default()
}

fn summary(package: &Package, vulnerable: &Vulnerable, doubts: &[Doubt]) -> String {
    let label = format!("{} {}", package.name, package.version);
    let verb = match vulnerable.state {
        FixState::Undetermined => "may be affected by",
        FixState::UnderInvestigation => "is being examined for",
        FixState::Fixed
        | FixState::NotFixed
        | FixState::Deferred
        | FixState::WillNotFix
        | FixState::EndOfLife => "is affected by",
    };
    let mut summary = format!("{} {verb} {}", label.trim_end(), vulnerable.id);
    if !vulnerable.title.is_empty() && vulnerable.title != vulnerable.id {
        summary.push_str(&format!(" ({})", vulnerable.title.trim_end_matches('.')));
    }
    for doubt in doubts {
        summary.push_str(&match doubt {
            Doubt::OwnerUnknown(owner) => {
                format!("; judged by upstream advisories, because the distribution's say nothing of {owner}")
            }
            Doubt::Stranger(vendor) => {
                format!("; built by {vendor}, whose own fixes the distribution does not know")
            }
            Doubt::KernelHeaders => "; it holds the kernel's C headers and no code of it".to_owned(),
        });
    }
    summary.push('.');
    summary
}
