//! Streams through an XML document. No document type is read and no entity but the five of XML and
//! character references is replaced, so nothing expands.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::limits;

/// What a reader of an XML format implements.
pub(crate) trait Handler {
    /// An element begins; prefixes of namespaces are removed from names.
    fn start(&mut self, name: &str, attributes: &Attributes<'_>);
    /// An element ends; `text` is what stood in it since the last tag.
    fn end(&mut self, name: &str, text: &str);
}

/// The attributes of an element.
pub(crate) struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// The value of the attribute, with references replaced.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        for attribute in self.0.attributes().with_checks(false).flatten() {
            if local(attribute.key.as_ref()) == name {
                return attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned);
            }
        }
        None
    }
}

/// Runs through the document.
///
/// # Errors
/// A sentence for people, when the document is not well-formed or nests too deeply.
pub(crate) fn walk(text: &str, handler: &mut dyn Handler) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut depth = 0usize;
    let mut elements = 0u64;
    let mut content = String::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                depth += 1;
                elements += 1;
                if depth > limits::XML_DEPTH_MAX {
                    return Err("its elements nest too deeply".to_owned());
                }
                content.clear();
                handler.start(local(start.name().as_ref()), &Attributes(&start));
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                handler.end(local(end.name().as_ref()), content.trim());
                content.clear();
            }
            Event::Text(text) => content.push_str(&text),
            Event::CData(text) => content.push_str(&text),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => content.push(character),
                _ => content.push_str(entity(&reference)),
            },
            Event::Eof if depth > 0 => return Err("it ends inside an element".to_owned()),
            Event::Eof if elements == 0 => return Err("it has no elements".to_owned()),
            Event::Eof => return Ok(()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn entity(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}

/// The name without the prefix of its namespace.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}
