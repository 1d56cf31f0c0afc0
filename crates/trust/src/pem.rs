//! PEM (RFC 7468): labelled base64 in text.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::limits::PEM_BLOCKS_MAX;

/// One block.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) bytes: zeroize::Zeroizing<Vec<u8>>,
}

/// A text that is not PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not PEM: {0}")]
pub(crate) struct PemError(&'static str);

/// The blocks of a text, of which there is at least one. What stands between them is no concern.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, PemError> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let begin = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"));
        let Some(label) = begin else { continue };
        if found.len() == PEM_BLOCKS_MAX {
            return Err(PemError("too many blocks"));
        }
        let end = format!("-----END {label}-----");
        let mut body = zeroize::Zeroizing::new(String::new());
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) => body.push_str(line),
                None => return Err(PemError("a block without its end")),
            }
        }
        let bytes =
            BASE64_STANDARD.decode(body.as_bytes()).map_err(|_| PemError("a block that is not base64"))?;
        found.push(Block { label: label.to_owned(), bytes: bytes.into() });
    }
    if found.is_empty() { Err(PemError("there is no block")) } else { Ok(found) }
}

/// Writes one block.
pub(crate) fn write(label: &str, bytes: &[u8]) -> String {
    let encoded = zeroize::Zeroizing::new(BASE64_STANDARD.encode(bytes));
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 48, 49, 200] {
            let bytes = vec![9; length];
            let text = format!("words before\n{}words behind\n", write("X Y", &bytes));
            let read = blocks(&text).unwrap();
            assert_eq!((read.len(), &read[0].label[..], &read[0].bytes[..]), (1, "X Y", &bytes[..]));
        }
    }

    #[test]
    fn what_is_no_pem_is_refused() {
        for text in ["", "x", "-----BEGIN X-----\nAAAA\n", "-----BEGIN X-----\n*\n-----END X-----\n"] {
            assert!(blocks(text).is_err(), "{text}");
        }
    }
}
