//! Times and sizes as people write them: `60s`, `24h`, `100MiB`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// `500ms`, `60s`, `5m`, `24h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) Duration);

/// `64KiB`, `100MiB`, `1GiB`, or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) u64);

/// How long repeats are folded: a time, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fold(pub(super) Option<Duration>);

const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// A number with a unit, in the smallest one.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Seconds, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = quantity(&text, TIMES).map(|ms| Seconds(Duration::from_millis(ms)));
        time.ok_or_else(|| de::Error::custom(format!("`{text}` is not a time like 60s, 5m or 24h")))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        let size = quantity(&text, SIZES).map(Bytes);
        size.ok_or_else(|| de::Error::custom(format!("`{text}` is not a size like 64KiB or 100MiB")))
    }
}

impl<'de> Deserialize<'de> for Fold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fold, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fold = match text.as_str() {
            // YAML 1.1 has `off` for no.
            "off" | "false" => Some(None),
            _ => quantity(&text, TIMES).filter(|ms| *ms > 0).map(|ms| Some(Duration::from_millis(ms))),
        };
        fold.map(Fold)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is neither a time like 60s nor off")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units() {
        let check = |text: &str, units: &[(&str, u64)], expected: Option<u64>| {
            assert_eq!(quantity(text, units), expected, "{text}");
        };
        check("60s", TIMES, Some(60_000));
        check("24 h", TIMES, Some(86_400_000));
        check("60", TIMES, None);
        check("-1s", TIMES, None);
        check("99999999999999999999d", TIMES, None);
        check("18446744073709551615d", TIMES, None);
        check("100MiB", SIZES, Some(104_857_600));
        check("4096", SIZES, Some(4096));
        check("1 GB", SIZES, Some(1_000_000_000));
        check("many", SIZES, None);
        assert_eq!(serde_saphyr::from_str::<Fold>("off").unwrap(), Fold(None));
        assert_eq!(serde_saphyr::from_str::<Fold>("2m").unwrap(), Fold(Some(Duration::from_secs(120))));
        assert!(serde_saphyr::from_str::<Fold>("0s").is_err());
    }
}
