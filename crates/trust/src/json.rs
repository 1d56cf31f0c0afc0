//! JSON, strictly: an object that names a field twice is refused, because two readers may each believe another one.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Value;

mod sparse;

pub use sparse::{Look, value_of};

/// Reads a document into `T`. Fields that `T` does not know are left alone, but not twice.
///
/// # Errors
/// It is not JSON, not a `T`, too deep, or names a field twice.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_value(value(bytes)?)
}

/// Reads any document.
///
/// # Errors
/// It is not JSON, too deep, or names a field twice.
pub fn value(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    value_of(bytes, Look::All)
}

/// Bytes as the protobuf mapping writes them: base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Base64, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(&text).map(Base64).map_err(|_| D::Error::custom("bytes that are not base64"))
    }
}

impl serde::Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

/// A 64-bit integer as the protobuf mapping writes it, in a string; a number is read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Int64(pub(crate) i64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Int64, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_i64(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
        .map(Int64)
        .ok_or_else(|| D::Error::custom("a number of 64 bits is expected"))
    }
}

impl serde::Serialize for Int64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_fields_are_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":{"a":1,"a":2}}"#, r#"[{"a":1,"\u0061":2}]"#] {
            assert!(value(text.as_bytes()).unwrap_err().to_string().contains("twice"), "{text}");
        }
        assert!(value(br#"{"a":{"a":[1,-1,1.5,true,null,"x"]}}"#).is_ok());
    }

    #[test]
    fn depth_and_trailing_bytes_are_refused() {
        let deep = "[".repeat(110) + &"]".repeat(110);
        assert!(value(deep.as_bytes()).is_err());
        assert!(value(b"{} {}").is_err());
    }
}
