//! Checksums and structures: what a token proves of itself without asking anybody.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// What a token can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// A PEM body that decodes to DER or an OpenPGP packet (RFC 7468, RFC 9580).
    Pem,
    /// `openssh-key-v1` (PROTOCOL.key).
    OpenSsh,
    /// A bech32 checksum (BIP 173).
    Bech32,
    /// An account number in the key id.
    AwsKeyId,
    /// CRC-32 in base 62, as GitHub and npm append it.
    GitHub,
    /// CRC-32 in hexadecimal, as Atlassian appends it.
    Atlassian,
    /// A macaroon of PyPI.
    Macaroon,
    /// A user id in the first part.
    Discord,
    /// `user:password` in base64 (RFC 7617).
    Basic,
    /// A header with an algorithm (RFC 7519).
    Jwt,
}

impl Check {
    /// By its name in rule files.
    pub(crate) fn named(name: &str) -> Option<Check> {
        Some(match name {
            "pem" => Check::Pem,
            "openssh" => Check::OpenSsh,
            "bech32" => Check::Bech32,
            "aws-key-id" => Check::AwsKeyId,
            "github" => Check::GitHub,
            "atlassian" => Check::Atlassian,
            "macaroon" => Check::Macaroon,
            "discord" => Check::Discord,
            "basic" => Check::Basic,
            "jwt" => Check::Jwt,
            _ => return None,
        })
    }

    /// What a value that holds proves; `None` for one that does not.
    pub(crate) fn prove(self, value: &[u8]) -> Option<&'static str> {
        let (holds, proof) = match self {
            Check::Pem => (pem_body(value).is_some_and(|body| is_key(&body)), "structure"),
            Check::OpenSsh => (pem_body(value).is_some_and(|body| is_openssh(&body)), "structure"),
            Check::Bech32 => (is_bech32(value), "checksum"),
            Check::AwsKeyId => {
                (value.get(4..).is_some_and(|id| crate::entropy::is_mixed(id) || id.len() > 12), "structure")
            }
            Check::GitHub => (has_base62_crc(value), "checksum"),
            Check::Atlassian => (has_hex_crc(value), "checksum"),
            Check::Macaroon => (is_macaroon(value), "structure"),
            Check::Discord => (is_discord(value), "structure"),
            Check::Basic => (is_basic(value), "structure"),
            Check::Jwt => (is_jwt(value), "structure"),
        };
        holds.then_some(proof)
    }
}

/// The decoded body between the lines of a PEM block, which may stand escaped in a string.
pub(crate) fn pem_body(value: &[u8]) -> Option<Vec<u8>> {
    let after = memchr::memmem::find(value, b"-----BEGIN")? + 10;
    let start = after + memchr::memmem::find(value.get(after..)?, b"-----")? + 5;
    let end = memchr::memmem::find(value.get(start..)?, b"-----END").map_or(value.len(), |at| start + at);
    let text = value.get(start..end)?;
    let mut body = Vec::with_capacity(text.len());
    for line in lines(text) {
        // Headers (`Proc-Type: 4,ENCRYPTED`) and OpenPGP's checksum line.
        if line.contains(&b':') || line.first() == Some(&b'=') {
            continue;
        }
        body.extend(line.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'/')));
    }
    // Two bits of a last character say nothing alone.
    if body.len() % 4 == 1 {
        body.pop();
    }
    let lenient = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    lenient.decode(body).ok()
}

/// Lines that end with a line break or with one that is spelled `\n`.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b'\n' | b'\r')).flat_map(|line| {
        let mut parts = Vec::new();
        let mut rest = line;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            parts.push(rest.get(..at).unwrap_or_default());
            // `\n`, `\r`, `\\n`, and the backslash that continues a line of a shell or of C.
            let mut next = at;
            while rest.get(next) == Some(&b'\\') {
                next += 1;
            }
            let is_break = matches!(rest.get(next), Some(b'n' | b'r' | b't'));
            rest = rest.get(next + usize::from(is_break)..).unwrap_or_default();
        }
        parts.push(rest);
        parts
    })
}

/// DER that begins with a sequence of about the right length, an OpenPGP secret-key packet, or the bytes of an encrypted key.
fn is_key(body: &[u8]) -> bool {
    if body.len() < 40 || crate::entropy::bits_per_byte(body) < 4.0 {
        return false;
    }
    match body {
        [0x30, 0x82, high, low, ..] => usize::from(*high) * 256 + usize::from(*low) + 4 <= body.len() + 3,
        [0x30, 0x81, length, ..] => usize::from(*length) + 3 <= body.len() + 3,
        [0x30, length @ 0..=0x7f, ..] => usize::from(*length) + 2 <= body.len() + 3,
        // OpenPGP: tag 5, secret key, in the old and the new format.
        [0x94 | 0x95 | 0x96 | 0x97 | 0xc5, ..] => true,
        // What `Proc-Type: 4,ENCRYPTED` leaves is a block cipher's output.
        _ => body.len().is_multiple_of(8) && crate::entropy::bits_per_byte(body) > 6.0,
    }
}

fn is_openssh(body: &[u8]) -> bool {
    body.starts_with(b"openssh-key-v1\0") && body.len() > 60
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The last six characters are the CRC-32 of the others between the prefix and them.
fn has_base62_crc(value: &[u8]) -> bool {
    let Some(body) = memchr::memchr(b'_', value).and_then(|at| value.get(at + 1..)) else { return false };
    let Some((body, sum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    base62(crc32(body)) == sum
}

pub(crate) fn base62(mut number: u32) -> [u8; 6] {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(number % 62) as usize];
        number /= 62;
    }
    digits
}

fn has_hex_crc(value: &[u8]) -> bool {
    let Some((body, sum)) = value.len().checked_sub(8).and_then(|at| value.split_at_checked(at)) else {
        return false;
    };
    format!("{:08X}", crc32(body)).as_bytes() == sum
}

/// CRC-32 of IEEE 802.3, bit by bit: it runs over some forty bytes a token.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

const BECH32: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";

pub(crate) fn bech32_polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let next = (sum & 0x1ff_ffff) << 5 ^ u32::from(value);
        GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1).fold(next, |sum, (_, g)| sum ^ g)
    })
}

/// The values that the checksum of `prefix` runs over before the data's.
pub(crate) fn bech32_prefix(prefix: &[u8]) -> Vec<u8> {
    let lower = prefix.to_ascii_lowercase();
    let high = lower.iter().map(|byte| byte >> 5);
    high.chain([0]).chain(lower.iter().map(|byte| byte & 31)).collect()
}

fn is_bech32(value: &[u8]) -> bool {
    let Some(at) = memchr::memrchr(b'1', value) else { return false };
    let Some((prefix, data)) = value.split_at_checked(at) else { return false };
    let data: Option<Vec<u8>> = data
        .iter()
        .skip(1)
        .map(|byte| BECH32.iter().position(|c| c == byte).and_then(|at| u8::try_from(at).ok()))
        .collect();
    data.is_some_and(|data| bech32_polymod(bech32_prefix(prefix).into_iter().chain(data)) == 1)
}

/// An NKEY seed: base 32 with a CRC-16 (XMODEM) behind it (github.com/nats-io/nkeys, strkey).
pub(crate) fn is_nkey_seed(value: &[u8]) -> bool {
    if value.len() != 58 || value.first() != Some(&b'S') {
        return false;
    }
    let Some(raw) = base32(value) else { return false };
    let Some((body, sum)) = raw.split_last_chunk::<2>() else { return false };
    body.len() == 34 && body[0] & 0xf8 == 18 << 3 && crc16(body).to_le_bytes() == *sum
}

pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    let step = |crc: u16, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ u16::from(*byte) << 8, step))
}

fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    Some(out)
}

/// `AgE` + location `pypi.org` (or `test.pypi.org`) as libmacaroons' version 2 encodes them.
fn is_macaroon(value: &[u8]) -> bool {
    let decoded = value.get(5..).map(|body| {
        let body = body.get(..body.len() - usize::from(body.len() % 4 == 1)).unwrap_or(body);
        lenient_url(body)
    });
    decoded.flatten().is_some_and(|bytes| {
        bytes.first() == Some(&2)
            && memchr::memmem::find(bytes.get(..24.min(bytes.len())).unwrap_or_default(), b"pypi.org")
                .is_some()
    })
}

fn lenient_url(text: &[u8]) -> Option<Vec<u8>> {
    let config = base64::engine::GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
    base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, config).decode(text).ok()
}

/// The first part is a user's number in base64.
fn is_discord(value: &[u8]) -> bool {
    let first = value.split(|byte| *byte == b'.').next().unwrap_or_default();
    lenient_url(first).is_some_and(|id| (17..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit))
}

fn is_basic(value: &[u8]) -> bool {
    let decoded = STANDARD.decode(value).or_else(|_| STANDARD_NO_PAD.decode(value));
    decoded.is_ok_and(|text| {
        let colon = memchr::memchr(b':', &text);
        let is_text = text.iter().all(|byte| (0x20..0x7f).contains(byte));
        let password = colon.and_then(|at| text.get(at + 1..)).unwrap_or_default();
        is_text
            && crate::placeholder::is_plausible_password(password)
            && !crate::placeholder::is_placeholder(password)
    })
}

fn is_jwt(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'.');
    let mut json = || {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).ok()
    };
    let (Some(header), Some(claims)) = (json(), json()) else { return false };
    // The example of jwt.io stands in half of all documentation.
    let is_example = claims.get("name").and_then(|name| name.as_str()).is_some_and(|name| name == "John Doe");
    let registered = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "email", "role", "azp"];
    let is_token = registered.iter().any(|claim| claims.contains_key(*claim));
    header.contains_key("alg") && is_token && !is_example
}

/// The fingerprint under which a publicly known key is listed: SHA-256 of the key's bytes.
pub(crate) fn key_fingerprint(value: &[u8]) -> Option<[u8; 32]> {
    pem_body(value).map(|body| Sha256::digest(body).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // The example of github.blog, "Behind GitHub's new authentication token formats", has no published value; this
        // one is made by its rule.
        let body = b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ";
        let mut token = b"ghp_".to_vec();
        token.extend(body);
        token.extend(base62(crc32(body)));
        assert!(has_base62_crc(&token));
        token[10] ^= 1;
        assert!(!has_base62_crc(&token));
    }

    #[test]
    fn a_key_escaped_in_a_string_is_the_same_key() {
        let plain = b"-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----";
        let escaped = b"-----BEGIN PRIVATE KEY-----\\nAAAA\\nBBBB\\n-----END PRIVATE KEY-----";
        assert_eq!(pem_body(plain), pem_body(escaped));
    }
}
