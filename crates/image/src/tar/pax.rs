//! PAX extended headers (POSIX.1-2001): `length key=value\n` records.

use seawall_finding::GapKind;

use crate::limits::Limits;

/// What a PAX header says about the next member; extended attributes and the other times are passed over.
#[derive(Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size_bytes: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    /// Nanoseconds since 1970.
    pub(super) changed_ns: Option<u64>,
    pub(super) sparse: PaxSparse,
}

/// GNU's sparse formats 0.0, 0.1 and 1.0.
#[derive(Default)]
pub(super) struct PaxSparse {
    major: Option<u64>,
    minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    pub(super) size_bytes: Option<u64>,
    /// `offset,bytes,offset,bytes…`
    pub(super) map: Vec<u8>,
}

impl PaxSparse {
    /// A version that is not known is read as a plain file, as engines do.
    pub(super) fn is_sparse(&self) -> bool {
        match (self.major, self.minor) {
            (None, None) => !self.map.is_empty(),
            (Some(0), Some(0 | 1)) | (Some(1), Some(0)) => true,
            _ => false,
        }
    }

    pub(super) fn map_is_in_data(&self) -> bool {
        self.major == Some(1)
    }
}

impl Pax {
    /// # Errors
    /// A record is not one; the member that follows cannot be trusted.
    pub(super) fn parse(mut bytes: &[u8], limits: &Limits) -> Result<Pax, (GapKind, String)> {
        let mut pax = Pax::default();
        while !bytes.is_empty() {
            let malformed = || (GapKind::Malformed, "its PAX header is not one".to_owned());
            let (key, value, rest) = record(bytes).ok_or_else(malformed)?;
            pax.take(key, value, limits).ok_or_else(malformed)?;
            bytes = rest;
        }
        Ok(pax)
    }

    fn take(&mut self, key: &[u8], value: &[u8], limits: &Limits) -> Option<()> {
        // An empty value keeps what the ustar header says.
        if value.is_empty() {
            return Some(());
        }
        let name = || Some(value.to_vec()).filter(|name| !name.contains(&0));
        match key {
            b"path" => self.path = Some(name()?),
            b"linkpath" => self.link = Some(name()?),
            b"size" => self.size_bytes = Some(decimal(value)?),
            b"uid" => self.uid = decimal(value),
            b"gid" => self.gid = decimal(value),
            b"mtime" => self.changed_ns = nanoseconds(value),
            b"GNU.sparse.major" => self.sparse.major = Some(decimal(value)?),
            b"GNU.sparse.minor" => self.sparse.minor = Some(decimal(value)?),
            b"GNU.sparse.name" => self.sparse.name = Some(name()?),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.size_bytes = Some(decimal(value)?),
            b"GNU.sparse.map" => self.sparse.map = value.to_vec(),
            // Version 0.0 repeats these two keys in turn.
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                let room = limits.extended_header_bytes_max.saturating_sub(self.sparse.map.len() as u64);
                if value.len() as u64 >= room || decimal(value).is_none() {
                    return None;
                }
                if !self.sparse.map.is_empty() {
                    self.sparse.map.push(b',');
                }
                self.sparse.map.extend_from_slice(value);
            }
            _ => {}
        }
        Some(())
    }
}

/// Splits the first record off: key, value, rest.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(bytes.get(..space)?)?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let text = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = text.iter().position(|&byte| byte == b'=')?;
    let (key, value) = text.split_at_checked(equals)?;
    (!key.is_empty()).then_some((key, value.get(1..)?, rest))
}

/// Seconds with a fraction, `1.5`. Times before 1970 and beyond reason are none.
fn nanoseconds(text: &[u8]) -> Option<u64> {
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let seconds = decimal(parts.next()?)?.checked_mul(1_000_000_000)?;
    let fraction = parts.next().unwrap_or_default();
    let digits = &fraction[..fraction.len().min(9)];
    let value = if digits.is_empty() { 0 } else { decimal(digits)? };
    let scale = (digits.len()..9).fold(1, |scale: u64, _| scale * 10);
    seconds.checked_add(value * scale)
}

/// A decimal number below 2^63.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let value = text.iter().try_fold(0u64, |value, &byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })?;
    i64::try_from(value).is_ok().then_some(value)
}
