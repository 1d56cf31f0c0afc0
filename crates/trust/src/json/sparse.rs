//! JSON of which all or only what is looked at is kept. An object may hold megabytes of which a decision reads some names,
//! and a tree of all would take thirty times their length. All of it is read strictly all the same: no field twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits::JSON_DEPTH_MAX;

/// What of a value is looked at.
#[derive(Debug, Clone, Copy)]
pub enum Look {
    /// All of it.
    All,
    /// Nothing.
    Not,
    /// The value, where it is a text, a number, a boolean or null.
    Leaf,
    /// These fields.
    Fields(&'static [(&'static str, Look)]),
    /// Of so many entries each, and that there are more.
    Each(&'static Look, usize),
}

/// Reads of a document what is looked at. A list or an object that stands where none is looked for stays one, of no content.
///
/// # Errors
/// It is not JSON, too deep, or names a field twice.
pub fn value_of(bytes: &[u8], look: Look) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = At { look, depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct At {
    look: Look,
    depth: usize,
}

impl At {
    fn below(self, look: Look) -> At {
        At { look, depth: self.depth + 1 }
    }

    fn text(self, value: &str) -> Value {
        match self.look {
            Look::Not => Value::Null,
            Look::All | Look::Leaf | Look::Fields(_) | Look::Each(..) => Value::String(value.to_owned()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for At {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > JSON_DEPTH_MAX {
            return Err(D::Error::custom("it is nested too deeply"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(self.text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let look = match self.look {
            Look::All => Look::All,
            Look::Each(look, _) => *look,
            Look::Not | Look::Leaf | Look::Fields(_) => Look::Not,
        };
        let mut kept = Vec::new();
        while let Some(item) = items.next_element_seed(self.below(look))? {
            match self.look {
                Look::All => kept.push(item),
                Look::Each(_, max) if kept.len() <= max => kept.push(item),
                // With an entry that is none: an empty list could be read as an object whose fields are all absent.
                Look::Leaf | Look::Fields(_) if kept.is_empty() => kept.push(Value::Null),
                Look::Not | Look::Leaf | Look::Fields(_) | Look::Each(..) => {}
            }
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let (mut seen, mut kept) = (HashSet::new(), Map::new());
        while let Some(name) = fields.next_key::<String>()? {
            let look = match self.look {
                Look::Fields(known) => known.iter().find(|(known, _)| *known == name).map(|(_, look)| *look),
                Look::All => Some(Look::All),
                Look::Not | Look::Leaf | Look::Each(..) => None,
            };
            let value = fields.next_value_seed(self.below(look.unwrap_or(Look::Not)))?;
            if seen.contains(&name) {
                return Err(A::Error::custom(format_args!("the field `{name}` stands there twice")));
            }
            if look.is_some() {
                kept.insert(name.clone(), value);
            }
            seen.insert(name);
        }
        Ok(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENTRIES_MAX: usize = 1000;
    const LOOK: Look = Look::Fields(&[
        ("name", Look::Leaf),
        ("list", Look::Each(&Look::Fields(&[("image", Look::Leaf)]), ENTRIES_MAX)),
        ("part", Look::Fields(&[("name", Look::Leaf)])),
    ]);

    fn check(text: &str, expected: &Value) {
        assert_eq!(value_of(text.as_bytes(), LOOK).unwrap(), *expected, "{text}");
    }

    #[test]
    fn what_is_not_looked_at_is_not_kept_and_keeps_its_kind() {
        check(r#"{"name":"a","x":{"name":[1,2]},"y":"z"}"#, &json!({"name": "a"}));
        check(r#"{"list":[{"image":"a","x":1},1,"b"]}"#, &json!({"list": [{"image": "a"}, 1, "b"]}));
        check(r#"{"list":{"image":"a"},"part":["a","b"]}"#, &json!({"list": {}, "part": [null]}));
        check(r#"{"name":{"name":"a"},"part":"a"}"#, &json!({"name": {}, "part": "a"}));
        check(r#"{"name":["a"],"part":null}"#, &json!({"name": [null], "part": null}));
        let many = format!(r#"{{"list":[{}]}}"#, vec!["0"; 5000].join(","));
        let kept = value_of(many.as_bytes(), LOOK).unwrap();
        assert_eq!(kept["list"].as_array().unwrap().len(), ENTRIES_MAX + 1);
    }

    #[test]
    fn what_is_not_looked_at_is_read_strictly() {
        for text in [
            r#"{"name":"a","name":"b"}"#,
            r#"{"x":{"a":1,"\u0061":2}}"#,
            r#"{"list":[{"x":[{"b":1,"b":1}]}]}"#,
        ] {
            assert!(value_of(text.as_bytes(), LOOK).unwrap_err().to_string().contains("twice"), "{text}");
        }
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(110), "]".repeat(110));
        for text in [deep.as_str(), "{} {}", "{", r#"{"x":"\ud800"}"#, r#"{"x":01}"#] {
            assert!(value_of(text.as_bytes(), LOOK).is_err(), "{text}");
        }
    }
}
