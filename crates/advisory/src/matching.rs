//! Packages → matches.
//!
//! Owns which advisories are asked for a package, how versions are compared, which claims are one problem and
//! whose word counts. A version that cannot be read is a gap, never "not vulnerable"; a package that no
//! source covers is a gap, never "clean".

mod claim;
mod compare;
mod compose;
mod end_of_life;
mod open;
mod remedy;
mod rpm;
mod severity;
mod space;
mod vendor;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use seawall_finding::{AdvisorySource, Evidence, Finding, Findings, Gap, GapKind};
use seawall_inventory::{Distro, Ecosystem, Inventory, Package, Presence};

use crate::database::{BlockCache, Database};
use crate::limits::GAP_IDS_MAX;
use claim::{Claims, Standpoint};
use compose::{Composer, Doubt};
use space::{Role, Scope, Spaces};

pub use end_of_life::{end_of_life, end_of_life_runtimes};

/// Settings of [`match_inventory`].
#[derive(Debug, Clone, Default)]
pub struct MatchOptions {
    /// How much text a finding carries.
    pub detail: Detail,
    /// Whether packages for development only are judged.
    pub development: Development,
}

/// What becomes of packages that a lock file names for development or tests only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Development {
    /// They are counted and not judged: they do not run.
    #[default]
    LeaveOut,
    /// They are judged like all others.
    Judge,
}

/// How much text a finding carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Title, description, references, ratings with vectors.
    #[default]
    Full,
    /// Facts only: no text shard is read.
    Facts,
}

/// What [`match_inventory`] found, and by which data.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matched {
    /// Findings, in order of work, and gaps.
    pub findings: Findings,
    /// Packages that all advisories about them were compared with.
    pub packages_judged: u64,
    /// Packages whose version cannot be compared with some advisory; other advisories may have led to findings.
    pub packages_undetermined: u64,
    /// Packages of which the database does not tell all, because it is damaged.
    pub packages_unanswered: u64,
    /// Problems that a source claims and the vendor says the package does not have.
    pub problems_suppressed: u64,
    /// Language packages that are judged as part of the distribution package that owns their files.
    pub packages_owned: u64,
    /// Packages for development only that were left out.
    pub packages_for_development: u64,
    /// The sources that were asked, one entry per source and space.
    pub advisories: Vec<AdvisorySource>,
    /// Digest of the database.
    pub database: String,
}

/// Matches every package of an inventory.
pub fn match_inventory(database: &Database, inventory: &Inventory, options: &MatchOptions) -> Matched {
    let mut run = Run {
        database,
        inventory,
        composer: Composer {
            database,
            distro: inventory.distro.as_ref(),
            detail: options.detail,
            cache: BlockCache::default(),
        },
        installed: HashMap::new(),
        spaces: HashMap::new(),
        asked: BTreeSet::new(),
        bases: BTreeMap::new(),
        uncovered: BTreeMap::new(),
        broken: BTreeMap::new(),
        strangers: BTreeMap::new(),
        matched: Matched { database: database.digest().to_owned(), ..Matched::default() },
    };
    for package in inventory.packages.iter().filter(|package| package.ecosystem.is_distribution()) {
        run.installed.entry((package.ecosystem, &package.name)).or_insert(package);
    }
    for package in &inventory.packages {
        match (package.presence, options.development) {
            (Presence::LockedForDevelopment, Development::LeaveOut) => {
                run.matched.packages_for_development += 1;
            }
            _ => run.judge(package),
        }
    }
    run.finish()
}

struct Run<'d> {
    database: &'d Database,
    inventory: &'d Inventory,
    composer: Composer<'d>,
    /// The distribution packages by name: who owns files.
    installed: HashMap<(Ecosystem, &'d str), &'d Package>,
    /// The spaces of each ecosystem's packages, by the release that they are of.
    spaces: HashMap<(Ecosystem, String), Rc<Spaces>>,
    asked: BTreeSet<String>,
    /// The spaces that decide, each with the release that its own is rebuilt from.
    bases: BTreeMap<String, Option<String>>,
    uncovered: BTreeMap<String, u64>,
    broken: BTreeMap<(String, String), u64>,
    strangers: BTreeMap<&'d str, Vec<&'d str>>,
    matched: Matched,
}

impl<'d> Run<'d> {
    fn judge(&mut self, package: &'d Package) {
        // A key that rpm keeps among the packages.
        if package.ecosystem == Ecosystem::Rpm && package.name == "gpg-pubkey" {
            return;
        }
        let spaces = self.spaces(package);
        let Spaces::Known(scopes) = spaces.as_ref() else {
            *self.uncovered.entry(String::new()).or_default() += 1;
            return;
        };
        let mut doubts = Vec::new();
        match self.owner(package) {
            Owner::None => {}
            Owner::Judged => {
                self.matched.packages_owned += 1;
                return;
            }
            Owner::Silent(name) => doubts.push(Doubt::OwnerUnknown(name)),
        }
        if !self.covered(scopes) {
            return;
        }
        let claims = claim::collect(self.database, package, scopes);
        for error in &claims.broken {
            *self.broken.entry((error.file.clone(), error.reason.clone())).or_default() += 1;
        }
        // Half an answer is none: the other half may hold what is wrong with the package.
        let answered = match (claims.broken.is_empty(), claims.unordered.is_empty()) {
            (true, true) => &mut self.matched.packages_judged,
            (true, false) => &mut self.matched.packages_undetermined,
            (false, _) => &mut self.matched.packages_unanswered,
        };
        *answered += 1;
        if let Some(distro) = package.distro(self.inventory.distro.as_ref())
            && let Some(vendor) = vendor::stranger(package, distro)
        {
            self.strangers.entry(vendor).or_default().push(&package.name);
            doubts.push(Doubt::Stranger(vendor.to_owned()));
        }
        if vendor::is_kernel_headers(package) {
            doubts.push(Doubt::KernelHeaders);
        }
        self.gap_of_unordered(package, &claims);
        for problem in claim::by_problem(claims.made) {
            match claim::weigh(problem, package) {
                Standpoint::Clear => {}
                Standpoint::Suppressed => self.matched.problems_suppressed += 1,
                Standpoint::Affected(affected) => {
                    let finding = self.composer.compose(package, &affected, &doubts);
                    self.matched.findings.found.push(finding);
                }
            }
        }
    }

    fn spaces(&mut self, package: &Package) -> Rc<Spaces> {
        let (database, ecosystem) = (self.database, package.ecosystem);
        let distro = package.distro(self.inventory.distro.as_ref());
        let release = distro.map(Distro::release).unwrap_or_default();
        let known = self.spaces.entry((ecosystem, release));
        Rc::clone(known.or_insert_with(|| Rc::new(space::of(database, ecosystem, distro))))
    }

    /// Whether the database has data for the base space; notes where it has none.
    fn covered(&mut self, scopes: &[Scope]) -> bool {
        let is_covered =
            scopes.iter().any(|scope| scope.role == Role::Base && self.database.covers(&scope.space));
        for scope in scopes.iter().filter(|scope| self.database.covers(&scope.space)) {
            if !self.asked.contains(&scope.space) {
                self.asked.insert(scope.space.clone());
            }
        }
        let base = scopes.first().map(|scope| scope.space.as_str()).unwrap_or_default();
        if is_covered && !self.bases.contains_key(base) {
            let upstream = scopes.iter().find(|scope| scope.role == Role::Upstream);
            self.bases.insert(base.to_owned(), upstream.map(|scope| scope.space.clone()));
        }
        if !is_covered {
            let base = base.to_owned();
            *self.uncovered.entry(base).or_default() += 1;
        }
        is_covered
    }

    /// Who judges a language package whose files a distribution package owns.
    fn owner(&mut self, package: &Package) -> Owner {
        let Some(purl) = package.owner.as_ref().filter(|_| !package.ecosystem.is_distribution()) else {
            return Owner::None;
        };
        let installed = Ecosystem::from_purl_type(&purl.purl_type)
            .and_then(|ecosystem| self.installed.get(&(ecosystem, purl.name.as_str())));
        let owner = match (installed, purl.to_package()) {
            (Some(installed), _) => (*installed).clone(),
            (None, Some(stated)) => stated,
            (None, None) => return Owner::None,
        };
        // What the distribution did not build, its advisories do not judge, nor what was packed into it.
        let distro = owner.distro(self.inventory.distro.as_ref());
        if distro.is_some_and(|distro| vendor::stranger(&owner, distro).is_some()) {
            return Owner::Silent(owner.name);
        }
        let spaces = self.spaces(&owner);
        let Spaces::Known(scopes) = spaces.as_ref() else { return Owner::Silent(owner.name) };
        let base: Vec<Scope> = scopes.iter().filter(|scope| scope.role == Role::Base).cloned().collect();
        match claim::collect(self.database, &owner, &base).is_known {
            true => Owner::Judged,
            false => Owner::Silent(owner.name),
        }
    }

    /// One gap per package whose version cannot be ordered against advisories.
    fn gap_of_unordered(&mut self, package: &Package, claims: &Claims<'_>) {
        let Some((_, unreadable)) = claims.unordered.first() else { return };
        let ids: BTreeSet<&str> = claims.unordered.iter().map(|(id, _)| id.as_str()).collect();
        let named: Vec<&str> = ids.iter().copied().take(GAP_IDS_MAX).collect();
        let more = match ids.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let label = format!("{} {}", package.name, package.version);
        let why = match unreadable.as_str() {
            "" => "no version is recorded".to_owned(),
            version => {
                format!(
                    "the version `{version}` cannot be read as {}",
                    space::order(package.ecosystem).name()
                )
            }
        };
        let count = match ids.len() {
            1 => "1 advisory is".to_owned(),
            count => format!("{count} advisories are"),
        };
        let reason =
            format!("{}: {why}, so that {count} undetermined: {}{more}", label.trim_end(), named.join(", "));
        let place = package.places.first().cloned().unwrap_or_default();
        self.matched.findings.gaps.push(Gap { kind: GapKind::Undetermined, place, reason });
    }

    fn finish(mut self) -> Matched {
        let gaps = &mut self.matched.findings.gaps;
        for (space, count) in &self.uncovered {
            let packages = if *count == 1 { "1 package".to_owned() } else { format!("{count} packages") };
            gaps.push(Gap::of_target(
                GapKind::NoData,
                match space.as_str() {
                    "" => format!("{packages} of a distribution that is not known"),
                    space => format!("{packages} of {space}: the database has no advisories for {space}"),
                },
            ));
        }
        for ((file, reason), count) in &self.broken {
            let questions = if *count == 1 { "1 question" } else { &format!("{count} questions") };
            let reason = format!(
                "the advisory database cannot answer {questions}, because of its shard {file}: {reason}; \
                 `seawall db update` makes it anew"
            );
            gaps.push(Gap::of_target(GapKind::Malformed, reason));
        }
        if let Some(distro) = &self.inventory.distro {
            gaps.extend(self.strangers.iter().map(|(vendor, names)| stranger_gap(distro, vendor, names)));
        }
        gaps.extend(self.bases.iter().filter_map(|(base, up)| open::gap(self.database, base, up.as_deref())));
        gaps.extend(self.database.damaged_facts_of_problems().map(|error| {
            let reason = format!(
                "what is exploited, supported or described is not wholly known, because of the advisory database's \
                 {error}; `seawall db update` makes it anew"
            );
            Gap::of_target(GapKind::Malformed, reason)
        }));
        self.matched.findings.found.sort_by(by_urgency);
        for space in &self.asked {
            let mut sources: BTreeMap<&str, AdvisorySource> = BTreeMap::new();
            for shard in self.database.sources_for(space) {
                // A source may have come in several files: OSV's own and another publisher's collection.
                let source = sources.entry(&shard.source.name).or_insert_with(|| AdvisorySource {
                    name: shard.source.name.clone(),
                    covers: space.clone(),
                    as_of: None,
                    records: 0,
                });
                source.records += shard.records;
                source.as_of = source.as_of.take().max(shard.source.as_of.clone());
            }
            self.matched.advisories.extend(sources.into_values());
        }
        self.matched
    }
}

/// Who judges a language package.
enum Owner {
    /// Nobody owns its files.
    None,
    /// The distribution's advisories of the owner.
    Judged,
    /// Upstream's advisories, because the distribution's say nothing of the owner.
    Silent(String),
}

fn stranger_gap(distro: &Distro, vendor: &str, names: &[&str]) -> Gap {
    let named: Vec<&str> = names.iter().copied().take(GAP_IDS_MAX).collect();
    let more = match names.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let reason = format!(
        "{}{more} were built by {vendor}: the advisories of {} do not cover them",
        named.join(", "),
        distro.release()
    );
    Gap::of_target(GapKind::NoData, reason)
}

/// Highest risk first, then severity, then name and id.
fn by_urgency(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    let risk = |finding: &Finding| match &finding.evidence {
        Evidence::Vulnerable(vulnerable) => vulnerable.risk,
        Evidence::Malicious(_) => 100.0,
        Evidence::Outdated(_)
        | Evidence::Leaked(_)
        | Evidence::Misset(_)
        | Evidence::Happened(_)
        | Evidence::Untrusted(_) => 0.0,
    };
    risk(b)
        .total_cmp(&risk(a))
        .then_with(|| b.severity.cmp(&a.severity))
        .then_with(|| a.subject.label().cmp(&b.subject.label()))
        .then_with(|| a.evidence.key().cmp(&b.evidence.key()))
}
