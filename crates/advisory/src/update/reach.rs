//! From the address that stays to the file of today: pointers, mirror lists, rpm repositories.

use std::io::Read;

use super::fetch::{Address, Fetch, FetchError, Response};
use super::mirror::plain;
use super::sources::{Reach, Unit};
use crate::feed::repomd;
use crate::limits::POINTER_BYTES_MAX;

/// What was read on the way to a feed: addresses and bytes.
pub(super) type Steps = Vec<(String, Vec<u8>)>;

/// The unit with the address of the feed itself.
pub(super) fn resolved(unit: &Unit, fetch: &dyn Fetch) -> Result<Unit, FetchError> {
    trace(unit, fetch).map(|(unit, _)| unit)
}

/// The unit with the address of the feed itself, and what was read to find it.
pub(super) fn trace(unit: &Unit, fetch: &dyn Fetch) -> Result<(Unit, Steps), FetchError> {
    let mut steps = Vec::new();
    let url = match unit.reach {
        Reach::Direct => unit.url.clone(),
        Reach::Pointer => {
            let name = text(&unit.url, fetch, &mut steps)?;
            let (base, _) = unit.url.rsplit_once('/').ok_or_else(|| wrong(&unit.url))?;
            format!("{base}/{}", plain_name(name.trim())?)
        }
        Reach::Repository => updateinfo(&unit.url, fetch, &mut steps)?,
        Reach::MirrorList => {
            let list = text(&unit.url, fetch, &mut steps)?;
            let base = list.lines().map(str::trim).find(|line| line.starts_with("https://"));
            updateinfo(base.ok_or_else(|| wrong(&unit.url))?, fetch, &mut steps)?
        }
    };
    Ok((Unit { url, reach: Reach::Direct, ..unit.clone() }, steps))
}

/// The address of a repository's `updateinfo`.
fn updateinfo(base: &str, fetch: &dyn Fetch, steps: &mut Steps) -> Result<String, FetchError> {
    let base = base.trim_end_matches('/');
    let index = format!("{base}/repodata/repomd.xml");
    let xml = text(&index, fetch, steps)?;
    let found = repomd::updateinfo(&xml).ok_or_else(|| wrong(&index))?;
    Ok(format!("{base}/{}", found.path))
}

fn text(url: &str, fetch: &dyn Fetch, steps: &mut Steps) -> Result<String, FetchError> {
    let body = match fetch.fetch(&plain(Address::Published(url)))? {
        Response::Body(body) => body,
        Response::Absent | Response::NotModified => return Err(wrong(url)),
    };
    let mut bytes = Vec::new();
    body.reader.take(POINTER_BYTES_MAX).read_to_end(&mut bytes).map_err(|_| wrong(url))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    steps.push((url.to_owned(), bytes));
    Ok(text)
}

fn plain_name(name: &str) -> Result<&str, FetchError> {
    let is_plain = !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if is_plain { Ok(name) } else { Err(wrong(name)) }
}

fn wrong(url: &str) -> FetchError {
    FetchError::Pointer(url.to_owned())
}
