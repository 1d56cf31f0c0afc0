//! Enrichment shards: what is known of a CVE whatever the package.
//!
//! Sections: 1 per block of 32 CVEs two `u32` (first key, offset in 2), 2 blocks (per CVE the distance to the
//! key before, the length and the body), 3 strings. A body is a flag byte and what the flags announce:
//! EPSS score and percentile in units of 0.00001, the date of known exploitation, ratings, weaknesses, title.

use std::collections::BTreeMap;

use seawall_finding::{KnownExploited, Rating};

use super::facts::{severity_code, severity_of};
use super::ident::{cve_key, cve_text};
use super::shard::Shard;
use super::strings::{Interner, Strings};
use super::wire::{Cursor, Damaged, put_varint, u32_at};
use crate::record::Enrichment;

const BLOCK: usize = 32;
const WHAT: &str = "enrichment";
/// EPSS is published with five digits.
const EPSS_UNIT: f64 = 100_000.0;

const HAS_EPSS: u8 = 1;
const HAS_EXPLOITED: u8 = 1 << 1;
const RANSOMWARE: u8 = 1 << 2;
const HAS_RATINGS: u8 = 1 << 3;
const HAS_WEAKNESSES: u8 = 1 << 4;
const HAS_TITLE: u8 = 1 << 5;

/// Collects the enrichments of one source.
#[derive(Debug, Default)]
pub(crate) struct EnrichWriter {
    entries: BTreeMap<u32, Enrichment>,
}

impl EnrichWriter {
    /// Adds one; `false` when its id is not a CVE id.
    pub(crate) fn add(&mut self, enrichment: Enrichment) -> bool {
        let Some(key) = cve_key(&enrichment.id) else { return false };
        match self.entries.get_mut(&key) {
            Some(known) => merge(known, enrichment),
            None => {
                self.entries.insert(key, enrichment);
            }
        }
        true
    }

    pub(crate) fn records(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The sections 1 to 3.
    pub(crate) fn finish(self) -> Vec<Vec<u8>> {
        let mut strings = Interner::default();
        for enrichment in self.entries.values() {
            strings_of(enrichment, |text| {
                strings.intern(text);
            });
        }
        let (table, finals) = strings.finish();
        let mut number =
            |text: &str| u64::from(finals.get(strings.intern(text) as usize).copied().unwrap_or_default());
        let mut index = Vec::new();
        let mut blocks = Vec::new();
        let mut before = 0;
        for (at, (key, enrichment)) in self.entries.iter().enumerate() {
            if at % BLOCK == 0 {
                index.extend_from_slice(&key.to_le_bytes());
                index.extend_from_slice(&(blocks.len() as u32).to_le_bytes());
                before = *key;
            }
            let body = body(enrichment, &mut number);
            put_varint(&mut blocks, u64::from(key - before));
            put_varint(&mut blocks, body.len() as u64);
            blocks.extend(body);
            before = *key;
        }
        vec![index, blocks, table]
    }
}

/// Adds what one enrichment knows to another of the same CVE.
pub(crate) fn merge(into: &mut Enrichment, other: Enrichment) {
    into.epss = into.epss.or(other.epss);
    into.known_exploited = into.known_exploited.take().or(other.known_exploited);
    for rating in other.ratings {
        if !into.ratings.contains(&rating) {
            into.ratings.push(rating);
        }
    }
    for weakness in other.weaknesses {
        if !into.weaknesses.contains(&weakness) {
            into.weaknesses.push(weakness);
        }
    }
    if into.title.is_empty() {
        into.title = other.title;
    }
}

/// Visits every string that [`body`] will write.
fn strings_of(enrichment: &Enrichment, mut visit: impl FnMut(&str)) {
    if let Some(exploited) = &enrichment.known_exploited {
        visit(&exploited.added);
    }
    for rating in &enrichment.ratings {
        visit(&rating.source);
        if let Some(vector) = &rating.vector {
            visit(vector);
        }
    }
    for weakness in &enrichment.weaknesses {
        if cwe_number(weakness).is_none() {
            visit(weakness);
        }
    }
    if !enrichment.title.is_empty() {
        visit(&enrichment.title);
    }
}

/// The number of a canonical CWE id.
fn cwe_number(weakness: &str) -> Option<u64> {
    let number = weakness.strip_prefix("CWE-")?.parse().ok().filter(|number| *number < 1 << 32)?;
    (format!("CWE-{number}") == weakness).then_some(number)
}

fn body(enrichment: &Enrichment, number: &mut impl FnMut(&str) -> u64) -> Vec<u8> {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    let exploited = enrichment.known_exploited.as_ref();
    let mut out = vec![
        flag(enrichment.epss.is_some(), HAS_EPSS)
            | flag(exploited.is_some(), HAS_EXPLOITED)
            | flag(exploited.is_some_and(|exploited| exploited.ransomware), RANSOMWARE)
            | flag(!enrichment.ratings.is_empty(), HAS_RATINGS)
            | flag(!enrichment.weaknesses.is_empty(), HAS_WEAKNESSES)
            | flag(!enrichment.title.is_empty(), HAS_TITLE),
    ];
    if let Some((score, percentile)) = enrichment.epss {
        for share in [score, percentile] {
            put_varint(&mut out, (share.clamp(0.0, 1.0) * EPSS_UNIT).round() as u64);
        }
    }
    if let Some(exploited) = exploited {
        put_varint(&mut out, number(&exploited.added));
    }
    if !enrichment.ratings.is_empty() {
        put_varint(&mut out, enrichment.ratings.len() as u64);
        for rating in &enrichment.ratings {
            put_varint(&mut out, number(&rating.source));
            out.push(severity_code(rating.severity));
            let score = rating.score.map_or(0, |score| (score.clamp(0.0, 10.0) * 10.0).round() as u64 + 1);
            put_varint(&mut out, score);
            put_varint(&mut out, rating.vector.as_deref().map_or(0, |vector| number(vector) + 1));
        }
    }
    if !enrichment.weaknesses.is_empty() {
        put_varint(&mut out, enrichment.weaknesses.len() as u64);
        for weakness in &enrichment.weaknesses {
            let code = cwe_number(weakness).map_or_else(|| number(weakness) << 1 | 1, |cwe| cwe << 1);
            put_varint(&mut out, code);
        }
    }
    if !enrichment.title.is_empty() {
        put_varint(&mut out, number(&enrichment.title));
    }
    out
}

/// What the shard knows of a CVE.
pub(crate) fn read(shard: &Shard, key: u32) -> Result<Option<Enrichment>, Damaged> {
    let index = shard.section(1)?;
    let (mut low, mut high) = (0, index.len() / 8);
    while low < high {
        let middle = low + (high - low) / 2;
        if u32_at(index, middle * 2, WHAT)? <= key {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let Some(block) = low.checked_sub(1) else { return Ok(None) };
    let mut at = u32_at(index, block * 2, WHAT)?;
    let mut cursor = Cursor::at(shard.section(2)?, u64::from(u32_at(index, block * 2 + 1, WHAT)?), WHAT)?;
    for _ in 0..BLOCK {
        if cursor.is_empty() {
            break;
        }
        at = at.checked_add(cursor.index(WHAT)?).ok_or(Damaged(WHAT))?;
        let length = cursor.length(WHAT)?;
        let body = cursor.take(length, WHAT)?;
        if at == key {
            return decode(key, body, &Strings::new(shard.section(3)?)?).map(Some);
        }
        if at > key {
            break;
        }
    }
    Ok(None)
}

fn decode(key: u32, body: &[u8], strings: &Strings<'_>) -> Result<Enrichment, Damaged> {
    let mut cursor = Cursor::new(body);
    let flags = cursor.byte(WHAT)?;
    let mut enrichment = Enrichment { id: cve_text(key), ..Enrichment::default() };
    if flags & HAS_EPSS != 0 {
        let share = |cursor: &mut Cursor<'_>| cursor.index(WHAT).map(|units| f64::from(units) / EPSS_UNIT);
        enrichment.epss = Some((share(&mut cursor)?.min(1.0), share(&mut cursor)?.min(1.0)));
    }
    if flags & HAS_EXPLOITED != 0 {
        let added = strings.get(cursor.index(WHAT)?)?;
        enrichment.known_exploited = Some(KnownExploited { added, ransomware: flags & RANSOMWARE != 0 });
    }
    if flags & HAS_RATINGS != 0 {
        for _ in 0..cursor.length(WHAT)?.min(cursor.remaining()) {
            enrichment.ratings.push(rating(&mut cursor, strings)?);
        }
    }
    if flags & HAS_WEAKNESSES != 0 {
        for _ in 0..cursor.length(WHAT)?.min(cursor.remaining()) {
            let code = cursor.varint(WHAT)?;
            enrichment.weaknesses.push(match code & 1 {
                0 => format!("CWE-{}", code >> 1),
                _ => strings.get(u32::try_from(code >> 1).map_err(|_| Damaged(WHAT))?)?,
            });
        }
    }
    if flags & HAS_TITLE != 0 {
        enrichment.title = strings.get(cursor.index(WHAT)?)?;
    }
    Ok(enrichment)
}

fn rating(cursor: &mut Cursor<'_>, strings: &Strings<'_>) -> Result<Rating, Damaged> {
    let source = strings.get(cursor.index(WHAT)?)?;
    let severity = severity_of(cursor.byte(WHAT)?);
    let score = cursor.index(WHAT)?.checked_sub(1).map(|tenths| f64::from(tenths) / 10.0);
    let vector = cursor.index(WHAT)?.checked_sub(1).map(|number| strings.get(number)).transpose()?;
    Ok(Rating { source, severity, score, vector })
}
