//! Packages → matches.

use seawall_finding::{AdvisorySource, Findings};
use seawall_inventory::{Distro, EndOfLife, Inventory};

use crate::database::Database;

/// Settings of [`match_inventory`].
#[derive(Debug, Clone, Default)]
pub struct MatchOptions {
    /// Whether findings carry descriptions (titles they always carry).
    pub detail: Detail,
}

/// How much text a finding carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Title, description, references, ratings.
    #[default]
    Full,
    /// Facts only: no text shard is read.
    Facts,
}

/// What [`match_inventory`] found, and by which data.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matched {
    /// Findings and gaps.
    pub findings: Findings,
    /// Packages that some advisory source covers.
    pub packages_judged: u64,
    /// Claims that a vendor's "not affected" took away.
    pub claims_suppressed: u64,
    /// Language packages that are judged as part of the distribution package that owns their files.
    pub packages_owned: u64,
    /// The sources that were asked.
    pub advisories: Vec<AdvisorySource>,
    /// Digest of the database.
    pub database: String,
}

/// Matches every package of an inventory.
pub fn match_inventory(database: &Database, inventory: &Inventory, options: &MatchOptions) -> Matched {
    let _ = (inventory, options);
    Matched { database: database.digest().to_owned(), ..Matched::default() }
}

/// When the release stops getting fixes, and a finding if it has. `today` is `YYYY-MM-DD`.
pub fn end_of_life(database: &Database, distro: &Distro, today: &str) -> (Option<EndOfLife>, Findings) {
    let _ = (database, distro, today);
    (None, Findings::default())
}
