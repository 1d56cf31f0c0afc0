//! Reads large JSON documents entry by entry, so that no tree of the whole is held.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer as _;
use serde::de::{Deserialize, IgnoredAny, MapAccess, Visitor};

/// Calls `each` for every entry of the top-level object. An entry that is not a `T` ends the document: the
/// parser cannot tell where the next one begins.
pub(crate) fn each_entry<T: for<'de> Deserialize<'de>>(
    bytes: &[u8],
    each: &mut dyn FnMut(String, T),
) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    deserializer.deserialize_map(Entries { each, kind: PhantomData })?;
    deserializer.end()
}

struct Entries<'a, T> {
    each: &'a mut dyn FnMut(String, T),
    kind: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value::<T>()?;
            (self.each)(key, value);
        }
        Ok(())
    }
}

/// Calls `each` for every element of the array under `field` of the top-level object; other fields are
/// skipped. Elements that are not a `T` go to `bad`.
pub(crate) fn each_element<T: for<'de> Deserialize<'de>>(
    bytes: &[u8],
    field: &'static str,
    each: &mut dyn FnMut(Result<T, serde_json::Error>),
) -> Result<bool, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let found = deserializer.deserialize_map(Field { field, each, kind: PhantomData })?;
    deserializer.end()?;
    Ok(found)
}

struct Field<'a, T> {
    field: &'static str,
    each: &'a mut dyn FnMut(Result<T, serde_json::Error>),
    kind: PhantomData<T>,
}

impl<'de, T: for<'t> Deserialize<'t>> Visitor<'de> for Field<'_, T> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with `{}`", self.field)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == self.field {
                found = true;
                map.next_value_seed(Elements { each: &mut *self.each, kind: PhantomData })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Elements<'a, T> {
    each: &'a mut dyn FnMut(Result<T, serde_json::Error>),
    kind: PhantomData<T>,
}

impl<'de, T: for<'t> Deserialize<'t>> serde::de::DeserializeSeed<'de> for Elements<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: for<'t> Deserialize<'t>> Visitor<'de> for Elements<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        // Through a value, so that one bad element does not end the document.
        while let Some(value) = sequence.next_element::<serde_json::Value>()? {
            (self.each)(T::deserialize(value));
        }
        Ok(())
    }
}
