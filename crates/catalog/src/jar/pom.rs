//! What Maven puts into a jar about the project that built it: `pom.properties` and `pom.xml`.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::limits::{JAR_LICENSES_MAX, POM_DEPTH_MAX};

/// Maven coordinates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Coordinates {
    /// Empty when it is not known.
    pub(super) group: String,
    pub(super) artifact: String,
    /// Empty when it is not known.
    pub(super) version: String,
}

/// What one `pom.properties` or `pom.xml` says.
#[derive(Debug, Clone, Default)]
pub(super) struct Project {
    pub(super) coordinates: Coordinates,
    pub(super) licenses: Vec<String>,
}

/// A value that stands for itself.
fn is_literal(value: &str) -> bool {
    !value.is_empty() && !value.contains("${") && !value.contains(char::is_whitespace) && value.len() <= 256
}

impl Coordinates {
    /// `None` without an artifact; a group or version that is a placeholder becomes empty.
    fn checked(group: &str, artifact: &str, version: &str) -> Option<Coordinates> {
        let literal = |value: &str| if is_literal(value) { value.to_owned() } else { String::new() };
        is_literal(artifact).then(|| Coordinates {
            group: literal(group),
            artifact: artifact.to_owned(),
            version: literal(version),
        })
    }
}

/// Java properties with the three keys that Maven writes.
pub(super) fn from_properties(bytes: &[u8]) -> Option<Coordinates> {
    let text = String::from_utf8_lossy(bytes);
    let (mut group, mut artifact, mut version) = ("", "", "");
    for line in text.lines() {
        let Some((key, value)) = line.split_once(['=', ':']) else { continue };
        match key.trim() {
            "groupId" => group = value.trim(),
            "artifactId" => artifact = value.trim(),
            "version" => version = value.trim(),
            _ => {}
        }
    }
    Coordinates::checked(group, artifact, version)
}

/// A project description; group and version are the parent's where it has none of its own.
pub(super) fn from_xml(bytes: &[u8]) -> Option<Project> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    reader.config_mut().check_end_names = false;
    let mut path: Vec<String> = Vec::new();
    let mut fields = Fields::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                if path.len() >= POM_DEPTH_MAX {
                    return None;
                }
                let name = element.local_name().as_ref().to_owned();
                fields.start(&path, &name);
                path.push(name);
            }
            Ok(Event::End(_)) => {
                path.pop();
            }
            Ok(Event::Text(text)) => fields.text(&path, &text.xml_content(Default::default())),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let own_or = |own: String, parent: String| if own.is_empty() { parent } else { own };
    let group = own_or(fields.group, fields.parent_group);
    let version = own_or(fields.version, fields.parent_version);
    let coordinates = Coordinates::checked(&group, &fields.artifact, &version)?;
    Some(Project { coordinates, licenses: fields.licenses })
}

#[derive(Default)]
struct Fields {
    group: String,
    artifact: String,
    version: String,
    parent_group: String,
    parent_version: String,
    licenses: Vec<String>,
}

impl Fields {
    fn start(&mut self, parents: &[String], name: &str) {
        if name == "name" && parents.iter().map(String::as_str).eq(["project", "licenses", "license"]) {
            self.licenses.truncate(JAR_LICENSES_MAX - 1);
            self.licenses.push(String::new());
        }
    }

    /// Text may come in pieces, between entities.
    fn text(&mut self, path: &[String], text: &str) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let field = match path.as_slice() {
            ["project", "groupId"] => &mut self.group,
            ["project", "artifactId"] => &mut self.artifact,
            ["project", "version"] => &mut self.version,
            ["project", "parent", "groupId"] => &mut self.parent_group,
            ["project", "parent", "version"] => &mut self.parent_version,
            ["project", "licenses", "license", "name"] => match self.licenses.last_mut() {
                Some(license) => license,
                None => return,
            },
            _ => return,
        };
        field.push_str(text.trim());
    }
}
