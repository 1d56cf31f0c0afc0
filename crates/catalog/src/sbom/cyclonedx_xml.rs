//! CycloneDX 1.2 to 1.7, XML.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::SbomError;
use super::component::{Component, Document};
use super::cyclonedx::{kind, layers, syft_paths, unknown_version};
use crate::limits::SBOM_XML_DEPTH_MAX;

/// A component whose end has not been read, and where it was found.
struct Open {
    component: Component,
    type_name: String,
    is_subject: bool,
}

pub(super) fn read(bytes: &[u8]) -> Result<Document, SbomError> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut state = State::default();
    loop {
        match reader.read_event().map_err(SbomError::Xml)? {
            Event::Start(element) => state.start(&element)?,
            Event::Empty(element) => {
                state.start(&element)?;
                state.end();
            }
            Event::End(_) => state.end(),
            Event::Text(text) => state.text.push_str(&text.xml_content(Default::default())),
            Event::CData(text) => state.text.push_str(&text.xml_content(Default::default())),
            Event::GeneralRef(reference) => state.text.push_str(&resolved(&reference)),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !state.is_bom {
        return Err(SbomError::Unknown);
    }
    let mut document = state.document;
    document.layers = document.subject.as_ref().map(layers).unwrap_or_default();
    Ok(document)
}

/// The five entities of XML and characters by number; documents cannot define others here.
fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    match reference.xml_content(Default::default()).as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
    .to_owned()
}

#[derive(Default)]
struct State {
    is_bom: bool,
    path: Vec<String>,
    open: Vec<Open>,
    text: String,
    property: String,
    document: Document,
}

impl State {
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), SbomError> {
        if self.path.len() >= SBOM_XML_DEPTH_MAX {
            return Err(SbomError::TooDeep);
        }
        let name = element.local_name().as_ref().to_owned();
        let attribute = |wanted: &str| {
            let mut attributes = element.attributes().filter_map(Result::ok);
            let found = attributes.find(|attribute| attribute.key.as_ref() == wanted)?;
            Some(found.normalized_value(Default::default()).ok()?.into_owned())
        };
        if self.path.is_empty() {
            self.is_bom = name == "bom";
            let version = attribute("xmlns")
                .and_then(|space| space.strip_prefix("http://cyclonedx.org/schema/bom/").map(str::to_owned));
            self.document.unknown_version = unknown_version(&version.unwrap_or_default());
        }
        if name == "component" {
            self.open.push(Open {
                component: Component::default(),
                type_name: attribute("type").unwrap_or_default(),
                is_subject: self.path.last().is_some_and(|parent| parent == "metadata"),
            });
        } else if name == "property" {
            self.property = attribute("name").unwrap_or_default();
        }
        self.text.clear();
        self.path.push(name);
        Ok(())
    }

    fn end(&mut self) {
        let Some(name) = self.path.pop() else { return };
        let parent = self.path.last().map(String::as_str).unwrap_or_default();
        let text = std::mem::take(&mut self.text).trim().to_owned();
        if name == "component" {
            if let Some(open) = self.open.pop() {
                self.close(open);
            }
            return;
        }
        let Some(Open { component, .. }) = self.open.last_mut() else { return };
        match (parent, name.as_str()) {
            ("component", "name") => component.name = text,
            ("component", "version") => component.version = text,
            ("component", "purl") => component.purl = Some(text),
            ("component", "scope") => component.is_excluded = text == "excluded",
            ("license", "id" | "name") | ("licenses", "expression") if !text.is_empty() => {
                component.licenses.push(text);
            }
            ("occurrence", "location") => component.paths.push(text),
            ("properties", "property") => {
                component.properties.push((std::mem::take(&mut self.property), text));
            }
            _ => {}
        }
    }

    fn close(&mut self, open: Open) {
        let Open { mut component, type_name, is_subject } = open;
        component.kind = kind(&type_name, component.purl.is_some());
        component.paths.extend(syft_paths(&component.properties));
        if is_subject {
            self.document.subject = Some(component);
        } else {
            self.document.components.push(component);
        }
    }
}
