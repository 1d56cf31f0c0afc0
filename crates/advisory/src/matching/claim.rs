//! What every advisory says of one package, and which of it belongs together.

use std::collections::{BTreeSet, HashMap};

use seawall_inventory::{Ecosystem, Package};

use super::compare::{Hold, Judgement, Keyed, judge};
use super::rpm;
use super::space::{Role, Scope, order};
use crate::database::{AdvisoryRef, Damaged, Database, Fact, Identity, ShardError};
use crate::feed::Standing;
use crate::record::{KeyedBy, State};

/// One advisory that says something of the package.
#[derive(Debug, Clone)]
pub(super) struct Claim<'d> {
    pub(super) advisory: AdvisoryRef<'d>,
    pub(super) fact: Fact,
    pub(super) identity: Identity,
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) judgement: Judgement,
}

/// Everything that is said of one package.
#[derive(Debug, Default)]
pub(super) struct Claims<'d> {
    /// Affected and denied claims, and what streams have fixed.
    pub(super) made: Vec<Claim<'d>>,
    /// Advisories that speak of the package and whose ranges it is outside of.
    passed: Vec<(AdvisoryRef<'d>, Vec<String>)>,
    /// Ids of advisories that the version cannot be ordered against, with what could not be read.
    pub(super) unordered: Vec<(String, String)>,
    /// Shards that could not answer.
    pub(super) broken: Vec<ShardError>,
    /// Whether any advisory names the package.
    pub(super) is_known: bool,
}

/// Asks every scope about a package.
pub(super) fn collect<'d>(database: &'d Database, package: &Package, scopes: &[Scope]) -> Claims<'d> {
    let mut claims = Claims::default();
    for scope in scopes {
        claims.ask(database, package, scope, package.source_name());
        if package.source_name() != package.name {
            claims.ask(database, package, scope, &package.name);
        }
    }
    claims.respect_minor_streams(package);
    claims.keep_silent_upstreams();
    claims
}

impl<'d> Claims<'d> {
    fn ask(&mut self, database: &'d Database, package: &Package, scope: &Scope, name: &str) {
        for answer in database.lookup(&scope.space, name) {
            let advisory = match answer {
                Ok(advisory) => advisory,
                Err(error) => {
                    self.broken.push(error);
                    continue;
                }
            };
            if self.hear(package, scope, name, advisory).is_err() {
                let file = format!("{} of {}", scope.space, advisory.source().name);
                self.broken.push(ShardError { file, reason: "a damaged record".to_owned() });
            }
        }
    }

    fn hear(
        &mut self,
        package: &Package,
        scope: &Scope,
        name: &str,
        advisory: AdvisoryRef<'d>,
    ) -> Result<(), Damaged> {
        let fact = advisory.fact()?;
        // A name means a source or a binary package: a binary that is called as another source is not it.
        let (own_name, version) = match fact.keyed_by {
            KeyedBy::Source => (package.source_name(), package.source_version()),
            KeyedBy::Binary => (package.name.as_str(), package.version.as_str()),
        };
        if own_name != name {
            return Ok(());
        }
        self.is_known = true;
        let is_open = fact.state != State::Fixed && fact.state != State::NotAffected;
        if scope.role == Role::Upstream && !is_open {
            return Ok(());
        }
        let keyed =
            Keyed { package, name, version, keyed_by: fact.keyed_by, order: order(package.ecosystem) };
        let judgement = judge(&advisory, &fact, &keyed)?;
        let is_stream = matches!(scope.role, Role::Subscribed | Role::Extended(_));
        match &judgement {
            Judgement::Elsewhere => return Ok(()),
            Judgement::Unordered(what) => {
                if !matches!(scope.role, Role::Extended(_) | Role::Upstream) {
                    self.unordered.push((advisory.identity()?.id, what.clone()));
                }
                return Ok(());
            }
            Judgement::Passed(fixes) if !is_stream => {
                self.passed.push((advisory, fixes.clone()));
                return Ok(());
            }
            Judgement::Passed(_) | Judgement::Affected(_) | Judgement::Denied => {}
        }
        self.made.push(Claim {
            advisory,
            fact,
            identity: advisory.identity()?,
            role: scope.role.clone(),
            name: keyed.name.to_owned(),
            version: keyed.version.to_owned(),
            judgement,
        });
        Ok(())
    }

    /// A build of minor release 8.4 has the fix that was made for 8.4, although that made for 8.6 has a higher version.
    fn respect_minor_streams(&mut self, package: &Package) {
        if package.ecosystem != Ecosystem::Rpm {
            return;
        }
        let Some(own) = rpm::minor_stream(&package.version).map(str::to_owned) else { return };
        let is_own = |fixes: &[String]| fixes.iter().any(|fix| rpm::minor_stream(fix) == Some(&own));
        let mut fixed: BTreeSet<String> = BTreeSet::new();
        for (advisory, _) in self.passed.iter().filter(|(_, fixes)| is_own(fixes)) {
            if let Ok(identity) = advisory.identity() {
                fixed.extend(names(&identity));
            }
        }
        if fixed.is_empty() {
            return;
        }
        self.made.retain(|claim| {
            let is_other_minor = match &claim.judgement {
                Judgement::Affected(Hold { fixed: Some(fix), .. }) => {
                    rpm::minor_stream(fix).is_some_and(|minor| minor != own)
                }
                Judgement::Affected(_)
                | Judgement::Elsewhere
                | Judgement::Denied
                | Judgement::Passed(_)
                | Judgement::Unordered(_) => false,
            };
            !(is_other_minor && names(&claim.identity).any(|name| fixed.contains(&name)))
        });
    }

    /// What the release that this one is rebuilt from says counts only where this one says nothing.
    fn keep_silent_upstreams(&mut self) {
        if !self.made.iter().any(|claim| claim.role == Role::Upstream) {
            return;
        }
        let mut spoken: BTreeSet<String> = BTreeSet::new();
        for (advisory, _) in &self.passed {
            if let Ok(identity) = advisory.identity() {
                spoken.extend(names(&identity));
            }
        }
        for claim in self.made.iter().filter(|claim| claim.role != Role::Upstream) {
            spoken.extend(names(&claim.identity));
        }
        self.made.retain(|claim| {
            claim.role != Role::Upstream || !names(&claim.identity).any(|name| spoken.contains(&name))
        });
    }
}

fn names(identity: &Identity) -> impl Iterator<Item = String> {
    std::iter::once(identity.id.clone()).chain(identity.aliases.iter().cloned())
}

/// The claims about one problem, under all its names.
#[derive(Debug)]
pub(super) struct Problem<'d> {
    pub(super) names: BTreeSet<String>,
    pub(super) claims: Vec<Claim<'d>>,
}

/// Joins claims that share a name, directly or through others.
pub(super) fn by_problem(claims: Vec<Claim<'_>>) -> Vec<Problem<'_>> {
    let mut problems: Vec<Option<Problem<'_>>> = Vec::new();
    let mut of_name: HashMap<String, usize> = HashMap::new();
    for claim in claims {
        let own: BTreeSet<String> = names(&claim.identity).collect();
        let mut known: Vec<usize> = own.iter().filter_map(|name| of_name.get(name).copied()).collect();
        known.sort_unstable();
        known.dedup();
        let mut joined = Problem { names: own, claims: Vec::new() };
        for at in &known {
            if let Some(other) = problems.get_mut(*at).and_then(Option::take) {
                joined.names.extend(other.names);
                joined.claims.extend(other.claims);
            }
        }
        joined.claims.push(claim);
        for name in &joined.names {
            of_name.insert(name.clone(), problems.len());
        }
        problems.push(Some(joined));
    }
    problems.into_iter().flatten().collect()
}

/// What is left of a problem after the vendor's word and the streams' fixes.
#[derive(Debug)]
pub(super) enum Standpoint<'d> {
    /// Nothing: it is fixed here, or only said of a stream.
    Clear,
    /// A vendor says "not affected" to what another source claims.
    Suppressed,
    /// Affected.
    Affected(Affected<'d>),
}

/// The claims that hold.
#[derive(Debug)]
pub(super) struct Affected<'d> {
    pub(super) names: BTreeSet<String>,
    /// The decisive claim first.
    pub(super) claims: Vec<(Claim<'d>, Hold)>,
    /// A stream's fix that is not installed: stream and version.
    pub(super) extended: Option<(String, String)>,
}

/// Weighs the claims about one problem.
pub(super) fn weigh<'d>(problem: Problem<'d>, package: &Package) -> Standpoint<'d> {
    let mut held = Vec::new();
    let mut of_streams = Vec::new();
    let mut denied_by: Vec<String> = Vec::new();
    let mut has_stream_fix = false;
    let mut extended = None;
    for claim in problem.claims {
        let is_extended = matches!(claim.role, Role::Extended(_));
        match claim.judgement.clone() {
            Judgement::Denied if !is_extended => denied_by.push(claim.advisory.source().name.clone()),
            Judgement::Passed(fixes) => {
                has_stream_fix |= is_of_the_same_line(package, &fixes);
            }
            Judgement::Affected(hold) => match &claim.role {
                Role::Extended(stream) => {
                    if let Some(fix) = &hold.fixed {
                        extended = extended.or_else(|| Some((stream.clone(), fix.clone())));
                    }
                    of_streams.push((claim, hold));
                }
                Role::Base | Role::Subscribed | Role::Upstream => held.push((claim, hold)),
            },
            Judgement::Denied | Judgement::Elsewhere | Judgement::Unordered(_) => {}
        }
    }
    let claimed = held.len();
    held.retain(|(claim, _)| denied_by.iter().all(|source| *source == claim.advisory.source().name));
    if held.is_empty() && claimed > 0 {
        return Standpoint::Suppressed;
    }
    if has_stream_fix && held.iter().all(|(_, hold)| hold.fixed.is_none()) {
        return Standpoint::Clear;
    }
    // Debian's and Ubuntu's streams go on where the release stopped: what they fix is open in the release.
    // Red Hat's are of older minor releases, and the newer ones have a word of their own.
    if held.is_empty() && package.ecosystem == Ecosystem::Deb && denied_by.is_empty() {
        held = of_streams;
    }
    if held.is_empty() {
        return Standpoint::Clear;
    }
    held.sort_by_key(|(claim, hold)| decisiveness(claim, hold));
    Standpoint::Affected(Affected { names: problem.names, claims: held, extended })
}

/// Whether an installed version that is not below a stream's fix is of that stream: for rpm only where both
/// are of the same minor release.
fn is_of_the_same_line(package: &Package, fixes: &[String]) -> bool {
    if package.ecosystem != Ecosystem::Rpm {
        return !fixes.is_empty();
    }
    let own = rpm::minor_stream(&package.version);
    own.is_some() && fixes.iter().any(|fix| rpm::minor_stream(fix) == own)
}

/// Sorts the claim that decides first: definite before indefinite, authorities first, with a fix before without.
fn decisiveness(claim: &Claim<'_>, hold: &Hold) -> (bool, bool, Standing, bool, u8) {
    (
        claim.fact.state == State::Undetermined,
        claim.role == Role::Upstream,
        claim.advisory.source().standing,
        hold.fixed.is_none(),
        u8::from(claim.role != Role::Base),
    )
}
