//! Text shards: what people read about a problem, compressed in blocks, decoded only for rows that are shown.
//!
//! Sections: 1 keys (string table of `id` or `id\nadvisory`), 2 one `u32` document number per key,
//! 3 one `u32` per document and one more: offsets into the uncompressed text, 4 per block two `u32`
//! (where its text starts, where its bytes start in section 5) and one more pair at the end, 5 zstd blocks.
//! A document is the JSON of [`Text`]; equal documents are stored once.

use std::collections::{BTreeMap, HashMap};

use seawall_finding::Rating;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::shard::Shard;
use super::strings::{Strings, encode};
use super::wire::{Damaged, u32_at};
use crate::limits::{TEXT_BLOCK_BYTES, TEXT_BYTES_MAX};
use crate::record::Record;

const WHAT: &str = "text";

/// What people read about a problem, and what does not decide whether a package is affected.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Text {
    /// One line.
    #[serde(default, skip_serializing_if = "String::is_empty", rename = "t")]
    pub title: String,
    /// Paragraphs.
    #[serde(default, skip_serializing_if = "String::is_empty", rename = "d")]
    pub description: String,
    /// Web addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "r")]
    pub references: Vec<String>,
    /// Ratings of the source, with their vectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "s")]
    pub ratings: Vec<Rating>,
    /// `CWE-79`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "w")]
    pub weaknesses: Vec<String>,
    /// Date of first publication, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "p")]
    pub published: Option<String>,
    /// RFC 3339 time of the last change.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "m")]
    pub modified: Option<String>,
}

impl Text {
    fn of(record: &Record) -> Text {
        Text {
            title: record.title.clone(),
            description: record.description.clone(),
            references: record.references.clone(),
            ratings: record.ratings.clone(),
            weaknesses: record.weaknesses.clone(),
            published: record.published.clone(),
            modified: record.modified.clone(),
        }
    }
}

/// The key of a document.
fn key(id: &str, advisory: Option<&str>) -> String {
    match advisory {
        Some(advisory) => format!("{id}\n{advisory}"),
        None => id.to_owned(),
    }
}

/// Collects the texts of one source.
#[derive(Debug, Default)]
pub(crate) struct TextWriter {
    keys: BTreeMap<String, u32>,
    seen: HashMap<[u8; 32], u32>,
    starts: Vec<u32>,
    length: usize,
    block: Vec<u8>,
    table: Vec<u8>,
    blocks: Vec<u8>,
}

impl TextWriter {
    pub(crate) fn add(&mut self, record: &Record) -> std::io::Result<()> {
        let text = Text::of(record);
        if text == Text::default() {
            return Ok(());
        }
        let mut json = serde_json::to_vec(&text)?;
        if json.len() > TEXT_BYTES_MAX {
            // Longer than any real document: keep what a reader needs first.
            let title = text.title.chars().take(1000).collect();
            json = serde_json::to_vec(&Text { title, published: text.published, ..Text::default() })?;
        }
        let digest: [u8; 32] = Sha256::digest(&json).into();
        let number = match self.seen.get(&digest) {
            Some(&number) => number,
            None => {
                let number = self.starts.len() as u32;
                self.starts.push(self.length as u32);
                self.length += json.len();
                self.block.extend_from_slice(&json);
                self.seen.insert(digest, number);
                if self.block.len() >= TEXT_BLOCK_BYTES {
                    self.flush()?;
                }
                number
            }
        };
        self.keys.insert(key(&record.id, record.advisory.as_deref()), number);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let start = (self.length - self.block.len()) as u32;
        self.table.extend_from_slice(&start.to_le_bytes());
        self.table.extend_from_slice(&(self.blocks.len() as u32).to_le_bytes());
        self.blocks.extend(zstd::bulk::compress(&self.block, 15)?);
        self.block.clear();
        Ok(())
    }

    /// Documents so far.
    pub(crate) fn records(&self) -> u64 {
        self.keys.len() as u64
    }

    /// Bytes of uncompressed text so far.
    pub(crate) fn text_bytes(&self) -> usize {
        self.length
    }

    /// The sections 1 to 5.
    pub(crate) fn finish(mut self) -> std::io::Result<Vec<Vec<u8>>> {
        self.flush()?;
        self.table.extend_from_slice(&(self.length as u32).to_le_bytes());
        self.table.extend_from_slice(&(self.blocks.len() as u32).to_le_bytes());
        self.starts.push(self.length as u32);
        let keys = encode(self.keys.keys().map(String::as_str).collect::<Vec<_>>().into_iter());
        let little = |numbers: Vec<u32>| numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let documents = little(self.keys.into_values().collect());
        Ok(vec![keys, documents, little(self.starts), self.table, self.blocks])
    }
}

/// Blocks that were decoded last, so that the rows of one report do not decode a block twice.
#[derive(Default)]
pub(crate) struct BlockCache {
    blocks: HashMap<(usize, usize), Vec<u8>>,
    decoder: Option<zstd::bulk::Decompressor<'static>>,
}

impl std::fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockCache").field("blocks", &self.blocks.len()).finish_non_exhaustive()
    }
}

impl BlockCache {
    /// Making a decoder costs more than decoding a block.
    fn decompress(&mut self, compressed: &[u8], length: usize) -> Result<Vec<u8>, Damaged> {
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            None => self.decoder.insert(zstd::bulk::Decompressor::new().map_err(|_| Damaged(WHAT))?),
        };
        decoder.decompress(compressed, length).map_err(|_| Damaged(WHAT))
    }
}

/// How many decoded blocks are kept: 8 MB.
const CACHED_BLOCKS_MAX: usize = 256;

/// The text of a record, where the shard has it.
pub(crate) fn read(
    shard: &Shard,
    cache: &mut BlockCache,
    id: &str,
    advisory: Option<&str>,
) -> Result<Option<Text>, Damaged> {
    let Some(number) = Strings::new(shard.section(1)?)?.find(&key(id, advisory))? else { return Ok(None) };
    let document = u32_at(shard.section(2)?, number as usize, WHAT)? as usize;
    let starts = shard.section(3)?;
    let start = u32_at(starts, document, WHAT)?;
    let end = u32_at(starts, document.saturating_add(1), WHAT)?;
    let block = block_of(shard.section(4)?, start)?;
    let cached = (std::ptr::from_ref(shard).addr(), block);
    if !cache.blocks.contains_key(&cached) {
        if cache.blocks.len() >= CACHED_BLOCKS_MAX {
            cache.blocks.clear();
        }
        let decoded = decode(shard, block, cache)?;
        cache.blocks.insert(cached, decoded);
    }
    let bytes = cache.blocks.get(&cached).ok_or(Damaged(WHAT))?;
    let base = u32_at(shard.section(4)?, block * 2, WHAT)?;
    let from = start.checked_sub(base).ok_or(Damaged(WHAT))? as usize;
    let to = end.checked_sub(base).ok_or(Damaged(WHAT))? as usize;
    let json = bytes.get(from..to).ok_or(Damaged(WHAT))?;
    serde_json::from_slice(json).map(Some).map_err(|_| Damaged(WHAT))
}

/// The block that holds an offset of the uncompressed text.
fn block_of(table: &[u8], offset: u32) -> Result<usize, Damaged> {
    let blocks = (table.len() / 8).checked_sub(1).ok_or(Damaged(WHAT))?;
    let (mut low, mut high) = (0, blocks);
    while low < high {
        let middle = low + (high - low) / 2;
        if u32_at(table, middle * 2, WHAT)? <= offset {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1).ok_or(Damaged(WHAT))
}

fn decode(shard: &Shard, block: usize, cache: &mut BlockCache) -> Result<Vec<u8>, Damaged> {
    let table = shard.section(4)?;
    let entry = |position: usize| u32_at(table, block * 2 + position, WHAT);
    let length = entry(2)?.checked_sub(entry(0)?).ok_or(Damaged(WHAT))? as usize;
    let compressed = shard.section(5)?.get(entry(1)? as usize..entry(3)? as usize).ok_or(Damaged(WHAT))?;
    if length > TEXT_BLOCK_BYTES + TEXT_BYTES_MAX {
        return Err(Damaged(WHAT));
    }
    cache.decompress(compressed, length)
}
