//! The parts of a `pom.xml` that name dependencies and their versions.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::limits::{DOCUMENT_ITEMS_MAX, POM_DEPTH_MAX, POM_TEXT_BYTES_MAX};

#[derive(Debug, Default)]
pub(super) struct Project {
    own_group: String,
    pub(super) artifact: String,
    own_version: String,
    pub(super) parent_group: String,
    pub(super) parent_version: String,
    pub(super) properties: Vec<(String, String)>,
    pub(super) managed: Vec<Dependency>,
    pub(super) dependencies: Vec<Dependency>,
}

/// Values as written.
#[derive(Debug, Default)]
pub(super) struct Dependency {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    pub(super) scope: String,
}

impl Project {
    /// The project's own group or else its parent's.
    pub(super) fn group(&self) -> &str {
        if self.own_group.is_empty() { &self.parent_group } else { &self.own_group }
    }

    /// The project's own version or else its parent's.
    pub(super) fn version(&self) -> &str {
        if self.own_version.is_empty() { &self.parent_version } else { &self.own_version }
    }

    /// # Errors
    /// A clause for people, when it is no project.
    pub(super) fn read(text: &str) -> Result<Project, String> {
        let mut reader = Reader::from_str(text);
        let mut path: Vec<String> = Vec::new();
        let mut project = Project::default();
        let mut is_project = false;
        loop {
            match reader.read_event() {
                Ok(Event::Start(element)) => {
                    if path.len() >= POM_DEPTH_MAX {
                        return Err("not a Maven project: its elements nest too deep".to_owned());
                    }
                    path.push(element.local_name().as_ref().to_owned());
                    is_project |= path.first().is_some_and(|root| root == "project");
                    project.start(&path)?;
                }
                Ok(Event::End(_)) => _ = path.pop(),
                Ok(Event::Text(text)) => project.text(&path, &text.xml_content(Default::default())),
                Ok(Event::CData(text)) => project.text(&path, &text.xml_content(Default::default())),
                Ok(Event::Eof) if is_project => return Ok(project),
                Ok(Event::Eof) => return Err("not a Maven project".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(format!("not valid XML: {error}")),
            }
        }
    }

    fn start(&mut self, path: &[String]) -> Result<(), String> {
        match names(path).as_slice() {
            ["project", "dependencies", "dependency"] => self.dependencies.push(Dependency::default()),
            ["project", "dependencyManagement", "dependencies", "dependency"] => {
                self.managed.push(Dependency::default());
            }
            ["project", "properties", name] => self.properties.push(((*name).to_owned(), String::new())),
            _ => {}
        }
        let items = self.dependencies.len() + self.managed.len() + self.properties.len();
        if items > DOCUMENT_ITEMS_MAX {
            return Err(format!("more than {DOCUMENT_ITEMS_MAX} entries"));
        }
        Ok(())
    }

    /// Text may come in pieces, between comments and entities.
    fn text(&mut self, path: &[String], text: &str) {
        let field = match names(path).as_slice() {
            ["project", "groupId"] => Some(&mut self.own_group),
            ["project", "artifactId"] => Some(&mut self.artifact),
            ["project", "version"] => Some(&mut self.own_version),
            ["project", "parent", "groupId"] => Some(&mut self.parent_group),
            ["project", "parent", "version"] => Some(&mut self.parent_version),
            ["project", "properties", _] => self.properties.last_mut().map(|(_, value)| value),
            ["project", "dependencies", "dependency", field] => field_of(self.dependencies.last_mut(), field),
            ["project", "dependencyManagement", "dependencies", "dependency", field] => {
                field_of(self.managed.last_mut(), field)
            }
            _ => None,
        };
        match field {
            Some(field) if field.len() + text.len() <= POM_TEXT_BYTES_MAX => field.push_str(text.trim()),
            // A property that is never there: half of a value would be another value.
            Some(field) => *field = "${}".to_owned(),
            None => {}
        }
    }
}

fn names(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn field_of<'d>(dependency: Option<&'d mut Dependency>, field: &str) -> Option<&'d mut String> {
    let dependency = dependency?;
    match field {
        "groupId" => Some(&mut dependency.group),
        "artifactId" => Some(&mut dependency.artifact),
        "version" => Some(&mut dependency.version),
        "scope" => Some(&mut dependency.scope),
        _ => None,
    }
}
