//! Support shards: when a release stops getting fixes. One string table of
//! `product\0cycle\0last day\0last day of extended support`, looked up by prefix.

use std::collections::BTreeSet;

use super::shard::Shard;
use super::strings::{Strings, encode};
use super::wire::Damaged;
use crate::record::Support;

/// Collects the dates of one source.
#[derive(Debug, Default)]
pub(crate) struct SupportWriter {
    lines: BTreeSet<String>,
}

impl SupportWriter {
    pub(crate) fn add(&mut self, support: &Support) {
        let clean = |text: &str| text.replace('\0', "");
        let parts = [
            clean(&support.product),
            clean(&support.cycle),
            clean(support.ends_on.as_deref().unwrap_or_default()),
            clean(support.extended_ends_on.as_deref().unwrap_or_default()),
        ];
        self.lines.insert(parts.join("\0"));
    }

    pub(crate) fn records(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Section 1.
    pub(crate) fn finish(self) -> Vec<Vec<u8>> {
        vec![encode(self.lines.iter().map(String::as_str).collect::<Vec<_>>().into_iter())]
    }
}

/// The dates of one cycle of a product.
pub(crate) fn read(shard: &Shard, product: &str, cycle: &str) -> Result<Option<Support>, Damaged> {
    let prefix = format!("{product}\0{cycle}\0");
    let strings = Strings::new(shard.section(1)?)?;
    let at = strings.lower_bound(&prefix)?;
    if at >= strings.len() {
        return Ok(None);
    }
    let line = strings.get(at as u32)?;
    let Some(rest) = line.strip_prefix(&prefix) else { return Ok(None) };
    let (ends, extended) = rest.split_once('\0').ok_or(Damaged("support date"))?;
    let date = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(Some(Support {
        product: product.to_owned(),
        cycle: cycle.to_owned(),
        ends_on: date(ends),
        extended_ends_on: date(extended),
    }))
}
