//! JSON, YAML, TOML and plain-text documents as the readers want them: bounded, and forgiving where a field has
//! another shape than expected.
//!
//! One odd field must not cost a lock file with a thousand packages, so the shapes below take any value and keep
//! it only where it has the wanted form. A document that is not JSON, YAML or TOML at all is a gap.

use std::borrow::Cow;
use std::fmt;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Entry};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Catalog;
use crate::limits::{
    DOCUMENT_BYTES_MAX, DOCUMENT_ITEMS_MAX, REASON_CHARS_MAX, YAML_ANCHOR_EVENTS_MAX, YAML_DEPTH_MAX,
    YAML_DOCUMENTS_MAX, YAML_EVENTS_MAX,
};

/// The document as text: UTF-8 with or without byte-order mark, or UTF-16 with one (what PowerShell's `>` writes).
/// Bytes that are neither become replacement characters.
pub(crate) fn text<'c>(
    entry: &Entry<'_>,
    content: &'c mut dyn Content,
    catalog: &mut Catalog,
) -> Option<Cow<'c, str>> {
    catalog.whole(entry, content, DOCUMENT_BYTES_MAX).map(decoded)
}

fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).into(),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).into(),
        _ => String::from_utf8_lossy(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|&pair| unit(pair)))
        .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The document read as JSON.
pub(crate) fn json<T: DeserializeOwned>(
    entry: &Entry<'_>,
    content: &mut dyn Content,
    catalog: &mut Catalog,
) -> Option<T> {
    let text = text(entry, content, catalog)?;
    kept(serde_json::from_str(&text).map_err(|error| format!("not valid JSON: {error}")), entry, catalog)
}

/// The document read as a JSON object; a document of another shape is a gap.
pub(crate) fn json_table<T: DeserializeOwned>(
    entry: &Entry<'_>,
    content: &mut dyn Content,
    catalog: &mut Catalog,
) -> Option<T> {
    let Table(table) = json::<Table<T>>(entry, content, catalog)?;
    if table.is_none() {
        malformed(entry, catalog, "it is no JSON object");
    }
    table
}

/// The document read as TOML.
pub(crate) fn toml<T: DeserializeOwned>(
    entry: &Entry<'_>,
    content: &mut dyn Content,
    catalog: &mut Catalog,
) -> Option<T> {
    let text = text(entry, content, catalog)?;
    kept(
        toml::from_str(&text).map_err(|error| format!("not valid TOML: {}", error.message())),
        entry,
        catalog,
    )
}

/// Each document of a YAML stream.
pub(crate) fn yaml<T: DeserializeOwned>(
    entry: &Entry<'_>,
    content: &mut dyn Content,
    catalog: &mut Catalog,
) -> Option<Vec<T>> {
    let text = text(entry, content, catalog)?;
    kept(yaml_of(&text), entry, catalog)
}

/// Each document of a YAML stream that is at hand as text.
pub(crate) fn yaml_of<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: YAML_EVENTS_MAX,
            max_nodes: YAML_EVENTS_MAX,
            max_depth: YAML_DEPTH_MAX,
            max_documents: YAML_DOCUMENTS_MAX,
            max_recorded_anchor_events: YAML_ANCHOR_EVENTS_MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: YAML_ANCHOR_EVENTS_MAX,
        },
        with_snippet: false,
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| yaml_words(&error))
}

/// What is wrong with a YAML stream; the parser shows limits as its own source code does.
#[expect(clippy::wildcard_enum_match_arm, reason = "the parser's errors are open")]
fn yaml_words(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::budget::BudgetBreach;
    let serde_saphyr::Error::Budget { breach, .. } = error else {
        return format!("not valid YAML: {error}");
    };
    match breach {
        BudgetBreach::Depth { .. } => format!("its YAML is nested more than {YAML_DEPTH_MAX} deep"),
        BudgetBreach::Documents { .. } => format!("it has more than {YAML_DOCUMENTS_MAX} YAML documents"),
        BudgetBreach::Events { .. } | BudgetBreach::Nodes { .. } => {
            format!("its YAML has more than {YAML_EVENTS_MAX} values")
        }
        BudgetBreach::RecordedAnchorEvents { .. } => {
            format!("its YAML repeats more than {YAML_ANCHOR_EVENTS_MAX} values by anchors")
        }
        _ => "its YAML has more parts than are read".to_owned(),
    }
}

fn kept<T>(read: Result<T, String>, entry: &Entry<'_>, catalog: &mut Catalog) -> Option<T> {
    read.map_err(|reason| malformed(entry, catalog, &reason)).ok()
}

/// Records that a document is not what its name says; the reason may quote hostile input, so it is cut.
pub(crate) fn malformed(entry: &Entry<'_>, catalog: &mut Catalog, reason: &str) {
    gap(entry, catalog, GapKind::Malformed, reason);
}

/// Records a gap whose reason quotes the input.
pub(crate) fn gap(entry: &Entry<'_>, catalog: &mut Catalog, kind: GapKind, reason: &str) {
    let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
    catalog.gap(kind, entry.path, reason);
}

/// A text; numbers are taken as written by their format, anything else is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Option<String>);

impl Text {
    /// The text, where there is one that is not empty.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The text or nothing.
    pub(crate) fn or_empty(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let shape: Shape<IgnoredAny> = Shape::deserialize(deserializer)?;
        Ok(Text(match shape {
            Shape::Text(text) => Some(text),
            Shape::Number(number) => Some(number),
            Shape::Absent | Shape::Flag(_) | Shape::List(_) | Shape::Map(_) => None,
        }))
    }
}

/// Whether a flag is set; anything but `true` is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Flag, D::Error> {
        let shape: Shape<IgnoredAny> = Shape::deserialize(deserializer)?;
        Ok(Flag(matches!(shape, Shape::Flag(true))))
    }
}

/// A struct read from a map; absent where the value is something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table<T>(pub(crate) Option<T>);

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Table<T>, D::Error> {
        struct AnyValue<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AnyValue<T> {
            type Value = Table<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|value| Table(Some(value)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Table<T>, A::Error> {
                IgnoredAny::deserialize(SeqAccessDeserializer::new(seq)).map(|_| Table(None))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Table<T>, E> {
                Ok(Table(None))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Table<T>, E> {
                Ok(Table(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Table<T>, E> {
                Ok(Table(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Table<T>, E> {
                Ok(Table(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<Table<T>, E> {
                Ok(Table(None))
            }
            fn visit_unit<E>(self) -> Result<Table<T>, E> {
                Ok(Table(None))
            }
            fn visit_none<E>(self) -> Result<Table<T>, E> {
                Ok(Table(None))
            }
        }
        deserializer.deserialize_any(AnyValue(std::marker::PhantomData))
    }
}

/// The values of a list; empty where the value is something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<List<T>, D::Error> {
        Ok(match Shape::deserialize(deserializer)? {
            Shape::List(list) => List(list),
            Shape::Absent | Shape::Flag(_) | Shape::Number(_) | Shape::Text(_) | Shape::Map(_) => {
                List(Vec::new())
            }
        })
    }
}

/// The entries of a map in their order; empty where the value is something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pairs<T>(pub(crate) Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Pairs<T> {
        Pairs(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs<T>, D::Error> {
        Ok(match Shape::deserialize(deserializer)? {
            Shape::Map(map) => Pairs(map),
            Shape::Absent | Shape::Flag(_) | Shape::Number(_) | Shape::Text(_) | Shape::List(_) => {
                Pairs(Vec::new())
            }
        })
    }
}

/// Any value, with the items of lists and maps as `T`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Shape<T> {
    /// Null, or a value of no other shape.
    #[default]
    Absent,
    /// A truth value.
    Flag(bool),
    /// A number, as decimal text.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<T>),
    /// A map in its order, with duplicate keys as they are.
    Map(Vec<(String, T)>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shape<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shape<T>, D::Error> {
        struct AnyValue<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AnyValue<T> {
            type Value = Shape<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Shape<T>, E> {
                Ok(Shape::Flag(flag))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Shape<T>, E> {
                Ok(Shape::Number(number.to_string()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Shape<T>, E> {
                Ok(Shape::Number(number.to_string()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Shape<T>, E> {
                Ok(Shape::Number(number.to_string()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Shape<T>, E> {
                Ok(Shape::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<Shape<T>, E> {
                Ok(Shape::Text(text))
            }
            fn visit_unit<E>(self) -> Result<Shape<T>, E> {
                Ok(Shape::Absent)
            }
            fn visit_none<E>(self) -> Result<Shape<T>, E> {
                Ok(Shape::Absent)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape<T>, A::Error> {
                // No allocation from a size hint: the items decide.
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    at_most(list.len())?;
                    list.push(item);
                }
                Ok(Shape::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    at_most(pairs.len())?;
                    pairs.push(pair);
                }
                Ok(Shape::Map(pairs))
            }
        }
        deserializer.deserialize_any(AnyValue(std::marker::PhantomData))
    }
}

/// Refuses one more item where there are already as many as a document may have.
fn at_most<E: Error>(items: usize) -> Result<(), E> {
    if items < DOCUMENT_ITEMS_MAX {
        return Ok(());
    }
    Err(E::custom(format_args!("more than {DOCUMENT_ITEMS_MAX} entries in one list")))
}
