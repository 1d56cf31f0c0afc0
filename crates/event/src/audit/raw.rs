//! JSON cut into its parts before values are made of them.
//!
//! Owns the syntax of one level. Refuses to look into a part: a number out of range, half a surrogate, bytes that are no
//! UTF-8 and any depth are syntax, as they are to the API server, and whoever reads that part meets them there. It takes
//! time by the length and, besides a byte for each level of depth, no memory.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Error, Map, Value};

use super::AuditError;

/// Hands over the members of an object: each key with its quotation marks, and its value.
pub(super) fn members<'a>(
    text: &'a [u8],
    mut take: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), AuditError>,
) -> Result<(), AuditError> {
    let mut rest = Rest(text);
    rest.expect(b'{', "it is no object")?;
    if !rest.takes(b'}') {
        loop {
            if rest.peek() != Some(b'"') {
                return Err(syntax("a key is no string"));
            }
            let key = rest.value()?;
            rest.expect(b':', "a key has no value")?;
            take(key, rest.value()?)?;
            if !rest.takes(b',') {
                break;
            }
        }
        rest.expect(b'}', "an object does not end")?;
    }
    rest.end()
}

/// Hands over the elements of an array.
pub(super) fn elements<'a>(
    text: &'a [u8],
    mut take: impl FnMut(&'a [u8]) -> Result<(), AuditError>,
) -> Result<(), AuditError> {
    let mut rest = Rest(text);
    rest.expect(b'[', "it is no array")?;
    if !rest.takes(b']') {
        loop {
            take(rest.value()?)?;
            if !rest.takes(b',') {
                break;
            }
        }
        rest.expect(b']', "an array does not end")?;
    }
    rest.end()
}

fn syntax(reason: &'static str) -> AuditError {
    AuditError::Json(Error::custom(reason))
}

/// What is not cut off yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn peek(&mut self) -> Option<u8> {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.0 {
            self.0 = rest;
        }
        self.0.first().copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
        is_next
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), AuditError> {
        if self.takes(byte) { Ok(()) } else { Err(syntax(otherwise)) }
    }

    fn end(&mut self) -> Result<(), AuditError> {
        if self.peek().is_none() { Ok(()) } else { Err(syntax("something follows")) }
    }

    fn value(&mut self) -> Result<&'a [u8], AuditError> {
        self.peek();
        // What is ignored is not nested by the stack.
        let mut values = Deserializer::from_slice(self.0).into_iter::<IgnoredAny>();
        values.next().ok_or_else(|| syntax("a value is missing"))?.map_err(AuditError::Json)?;
        let (value, rest) = self.0.split_at_checked(values.byte_offset()).unwrap_or_default();
        self.0 = rest;
        Ok(value)
    }
}

/// How much the values of one event may still be. A byte of text can become a hundred in memory.
pub(super) struct Budget {
    bytes: usize,
    values: usize,
}

impl Budget {
    pub(super) fn new(bytes: usize, values: usize) -> Budget {
        Budget { bytes, values }
    }

    /// Reads a part. One that cannot be read takes nothing.
    pub(super) fn read(&mut self, text: &[u8]) -> Result<Value, Error> {
        let bytes =
            self.bytes.checked_sub(text.len()).ok_or_else(|| Error::custom("the event is too large"))?;
        let values = Cell::new(self.values);
        let mut json = Deserializer::from_slice(text);
        let value = Counted(&values).deserialize(&mut json)?;
        json.end()?;
        *self = Budget { bytes, values: values.get() };
        Ok(value)
    }
}

/// A value that counts what it has.
struct Counted<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left =
            self.0.get().checked_sub(1).ok_or_else(|| D::Error::custom("the event has too many values"))?;
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Counted(self.0))? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            object.insert(key, members.next_value_seed(Counted(self.0))?);
        }
        Ok(Value::Object(object))
    }
}
