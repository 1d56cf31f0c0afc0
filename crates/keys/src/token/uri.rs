//! PKCS #11 addresses (RFC 7512): which token, which object in it, which module speaks with it, where the PIN is.
//!
//! Strict where the RFC is lenient: an attribute that is not known or stands twice is an error, because one that is
//! skipped would choose another key.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use seawall_trust::Secret;

use super::TokenError;
use crate::limits::PIN_BYTES_MAX;

/// An address of a key in a token. It does not print its PIN.
#[derive(Debug, Clone, Default)]
pub struct TokenUri {
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) slot: Option<u64>,
    pub(super) object: Option<Vec<u8>>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) module: Option<PathBuf>,
    pin: Option<Pin>,
}

#[derive(Debug, Clone)]
enum Pin {
    Value(Secret),
    File(PathBuf),
}

impl TokenUri {
    /// Reads what comes behind `pkcs11:`. An error shows no value: that may be a PIN in the wrong place.
    pub(crate) fn parse(text: &str) -> Result<TokenUri, String> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let parts = path.split(';').map(|part| (part, Part::Path));
        let parts = parts.chain(query.split('&').map(|part| (part, Part::Query)));
        let mut uri = TokenUri::default();
        let mut seen = Vec::new();
        for (index, (text, part)) in parts.filter(|(text, _)| !text.is_empty()).enumerate() {
            let place = index + 1;
            let (name, value) = text.split_once('=').ok_or(format!("no `=` at place {place}"))?;
            if seen.contains(&name) {
                return Err(format!("the attribute at place {place} stands twice"));
            }
            seen.push(name);
            let value = decoded(value).ok_or(format!("a lone `%` at place {place}"))?;
            if value.is_empty() {
                return Err(format!("nothing behind the `=` at place {place}"));
            }
            match part {
                Part::Path => uri.choose(name, value, place)?,
                Part::Query => uri.reach(name, value, place)?,
            }
        }
        Ok(uri)
    }

    fn choose(&mut self, name: &str, value: Vec<u8>, place: usize) -> Result<(), String> {
        match name {
            "token" => self.token = Some(text(value, place)?),
            "manufacturer" => self.manufacturer = Some(text(value, place)?),
            "model" => self.model = Some(text(value, place)?),
            "serial" => self.serial = Some(text(value, place)?),
            "slot-id" => {
                let number = text(value, place)?.parse();
                self.slot = Some(number.map_err(|_| "`slot-id` is a number".to_owned())?);
            }
            "object" => self.object = Some(value),
            "id" => self.id = Some(value),
            // Both halves of a key have the same label and id, and which of them is meant is clear.
            "type" if value == b"private" || value == b"public" => {}
            "type" => return Err("its `type` is neither `private` nor `public`".to_owned()),
            _ => return Err(format!("the attribute at place {place} is not known")),
        }
        Ok(())
    }

    fn reach(&mut self, name: &str, value: Vec<u8>, place: usize) -> Result<(), String> {
        let pin = match name {
            "module-path" => {
                self.module = Some(PathBuf::from(text(value, place)?));
                return Ok(());
            }
            "pin-value" => Pin::Value(Secret::new(value)),
            "pin-source" => {
                let source = text(value, place)?;
                let path = source.strip_prefix("file://").or(source.strip_prefix("file:")).unwrap_or(&source);
                if path.starts_with('|') || path.contains("://") {
                    return Err("its `pin-source` is not a file".to_owned());
                }
                Pin::File(PathBuf::from(path))
            }
            _ => return Err(format!("the attribute at place {place} is not known")),
        };
        match self.pin.replace(pin) {
            Some(_) => Err("both `pin-value` and `pin-source`".to_owned()),
            None => Ok(()),
        }
    }

    /// The PIN that the address itself gives, from the file that it names if it names one.
    ///
    /// # Errors
    /// The file cannot be read, or holds no PIN.
    pub fn pin(&self) -> Result<Option<Secret>, TokenError> {
        match &self.pin {
            None => Ok(None),
            Some(Pin::Value(value)) => Ok(Some(value.clone())),
            Some(Pin::File(path)) => pin_of(path).map(Some),
        }
    }
}

#[derive(Clone, Copy)]
enum Part {
    Path,
    Query,
}

fn pin_of(path: &Path) -> Result<Secret, TokenError> {
    let cannot = |reason: String| TokenError::PinFile { path: path.to_owned(), reason };
    // A pipe would be waited for.
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err(cannot("it is not a regular file".to_owned()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(PIN_BYTES_MAX).unwrap_or_default() + 1);
    let file = File::open(path).map_err(|error| cannot(error.to_string()))?;
    let read = file.take(PIN_BYTES_MAX + 1).read_to_end(&mut bytes);
    let length = bytes.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    let is_too_long = bytes.len() as u64 > PIN_BYTES_MAX;
    bytes.truncate(length);
    let pin = Secret::new(bytes);
    read.map_err(|error| cannot(error.to_string()))?;
    match (length, is_too_long) {
        (0, _) => Err(cannot("it is empty".to_owned())),
        (_, true) => Err(cannot(format!("it has more than {PIN_BYTES_MAX} bytes"))),
        (_, false) => Ok(pin),
    }
}

/// `None` where a `%` is not followed by two digits.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let is_escape =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    let is_whole = text.split('%').skip(1).all(is_escape);
    is_whole.then(|| percent_decode_str(text).collect())
}

fn text(value: Vec<u8>, place: usize) -> Result<String, String> {
    String::from_utf8(value).map_err(|_| format!("the value at place {place} is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        type Chosen<'a> = (Option<&'a str>, Option<&'a [u8]>, Option<&'a [u8]>);
        let check = |text: &str, expected: Result<Chosen<'_>, &str>| {
            let read = TokenUri::parse(text);
            let read =
                read.as_ref().map(|uri| (uri.token.as_deref(), uri.object.as_deref(), uri.id.as_deref()));
            assert_eq!(read.map_err(String::as_str), expected, "{text}");
        };
        check(
            "token=my%20token;object=release;id=%01%ff",
            Ok((Some("my token"), Some(b"release"), Some(&[1, 255]))),
        );
        check("object=a;type=private?module-path=/x.so&pin-value=1", Ok((None, Some(b"a"), None)));
        check("id=a%3bb", Ok((None, None, Some(b"a;b"))));
        check("", Ok((None, None, None)));
        check("token=a;token=b", Err("the attribute at place 2 stands twice"));
        check("token", Err("no `=` at place 1"));
        check("token=%1", Err("a lone `%` at place 1"));
        check("token=%zz", Err("a lone `%` at place 1"));
        check("token=%ff", Err("the value at place 1 is no text"));
        check("object=", Err("nothing behind the `=` at place 1"));
        check("type=cert", Err("its `type` is neither `private` nor `public`"));
        check("slot-id=x", Err("`slot-id` is a number"));
        check("object=a?module-name=x", Err("the attribute at place 2 is not known"));
        // What belongs in the query chooses nothing, and a PIN in the path is not shown.
        check("object=a;pin-value=1", Err("the attribute at place 2 is not known"));
        check("object=a?pin-value=1&pin-source=/x", Err("both `pin-value` and `pin-source`"));
        check("object=a?pin-source=|cat", Err("its `pin-source` is not a file"));
        check("object=a?pin-source=https://x", Err("its `pin-source` is not a file"));
    }

    #[test]
    fn pins() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pin");
        let check = |content: &str, expected: Result<&[u8], &str>| {
            std::fs::write(&path, content).unwrap();
            let uri = TokenUri::parse(&format!("object=a?pin-source=file:{}", path.display())).unwrap();
            let pin = uri.pin().map(|pin| pin.unwrap().expose().to_vec()).map_err(|error| error.to_string());
            match (&pin, expected) {
                (Ok(pin), Ok(expected)) => assert_eq!(pin, expected),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
                (Ok(_), Err(_)) | (Err(_), Ok(_)) => panic!("{content:?}: {pin:?}"),
            }
        };
        check("1234\n", Ok(b"1234"));
        check("12 34 \r\n", Ok(b"12 34 "));
        check("\n", Err("it is empty"));
        check(&"1".repeat(2000), Err("more than 1024 bytes"));
        let other = TokenUri::parse(&format!("object=a?pin-source={}", directory.path().display())).unwrap();
        assert!(other.pin().unwrap_err().to_string().contains("not a regular file"));
        assert!(TokenUri::parse("object=a").unwrap().pin().unwrap().is_none());
    }
}
