//! A project's `pom.xml`: the dependencies it states itself with a version that the file itself tells.
//!
//! Format: <https://maven.apache.org/pom.html>. Parents, imported bills of materials and what the dependencies need in
//! turn are other files, which are not here; what is missing for that reason is a gap. Versions from profiles and ranges
//! are not taken. Refused: the copies in `META-INF/maven`, which describe what they are packed in, and Maven's repository.

mod document;

use std::collections::HashMap;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use crate::limits::{NAMES_IN_GAP_MAX, POM_REPLACED_MAX, POM_TEXT_BYTES_MAX};
use crate::project;
use crate::{Catalog, Reader, lock};

use document::{Dependency, Project};

pub(crate) const READERS: &[Reader] = &[Reader { name: "maven-pom", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let named = project::is_named(entry, "pom.xml") && !entry.path.contains("META-INF/");
    project::lock_if(named, entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = crate::document::text(entry, content, catalog) else {
        return;
    };
    let project = match Project::read(&text) {
        Ok(project) => project,
        Err(reason) => return crate::document::malformed(entry, catalog, &reason),
    };
    let resolved = Resolved::of(&project);
    let (mut packages, mut open): (Vec<Package>, Vec<String>) = (Vec::new(), Vec::new());
    for dependency in &project.dependencies {
        let name = resolved.name(dependency);
        // What this build also makes is the project itself.
        if resolved.is_own(&name) {
            continue;
        }
        match resolved.version(dependency) {
            Some(version) => {
                let is_for_development = dependency.scope.trim() == "test";
                packages.push(lock::locked(Ecosystem::Maven, &name, &version, is_for_development));
            }
            None => open.push(name),
        }
    }
    catalog.declare_each_once(entry.path, packages);
    if !open.is_empty() {
        let more = if open.len() > NAMES_IN_GAP_MAX { ", …" } else { "" };
        open.truncate(NAMES_IN_GAP_MAX);
        let reason = format!("another file tells the version of {}{more}", open.join(", "));
        crate::document::gap(entry, catalog, GapKind::Undetermined, &reason);
    }
    if !project.dependencies.is_empty() {
        let reason = "a pom.xml does not name what its dependencies need in turn";
        catalog.gap(GapKind::Unsupported, entry.path, reason);
    }
}

/// The properties and managed versions of one file.
struct Resolved<'a> {
    project: &'a Project,
    properties: HashMap<String, &'a str>,
    managed: HashMap<(&'a str, &'a str), &'a str>,
}

impl<'a> Resolved<'a> {
    fn of(project: &'a Project) -> Resolved<'a> {
        let mut properties: HashMap<String, &str> = HashMap::new();
        let own =
            [("groupId", project.group()), ("artifactId", &project.artifact), ("version", project.version())];
        for (field, value) in own {
            // `pom.` is the prefix of Maven 2.
            properties.insert(format!("project.{field}"), value);
            properties.insert(format!("pom.{field}"), value);
        }
        properties.insert("project.parent.version".to_owned(), &project.parent_version);
        properties.insert("project.parent.groupId".to_owned(), &project.parent_group);
        properties.extend(project.properties.iter().map(|(name, value)| (name.clone(), value.as_str())));
        let managed = project
            .managed
            .iter()
            .map(|managed| ((managed.group.as_str(), managed.artifact.as_str()), managed.version.as_str()));
        Resolved { project, properties, managed: managed.collect() }
    }

    fn name(&self, dependency: &Dependency) -> String {
        let text = |text: &str| self.text(text).unwrap_or_else(|| text.trim().to_owned());
        format!("{}:{}", text(&dependency.group), text(&dependency.artifact))
    }

    fn is_own(&self, name: &str) -> bool {
        name.split_once(':') == Some((self.project.group(), self.project.artifact.as_str()))
    }

    /// The dependency's version, or else the one that the file's own `dependencyManagement` states.
    fn version(&self, dependency: &Dependency) -> Option<String> {
        self.text(&dependency.group)?;
        self.text(&dependency.artifact)?;
        let own = Some(dependency.version.as_str()).filter(|version| !version.is_empty());
        let key = (dependency.group.as_str(), dependency.artifact.as_str());
        let version = self.text(own.or_else(|| self.managed.get(&key).copied())?)?;
        let is_range = version.contains(['[', '(', ',']) || matches!(version.as_str(), "LATEST" | "RELEASE");
        (!is_range && !version.is_empty()).then_some(version)
    }

    /// A text with its `${…}` replaced by properties of the file; `None` where one is not there. A property may hold
    /// another, a few times in a row.
    fn text(&self, text: &str) -> Option<String> {
        let mut text = text.trim().to_owned();
        for _ in 0..POM_REPLACED_MAX {
            let Some((before, rest)) = text.split_once("${") else { break };
            let (name, after) = rest.split_once('}')?;
            let value = self.properties.get(name).filter(|value| !value.is_empty())?;
            text = format!("{before}{}{after}", value.trim());
            if text.len() > POM_TEXT_BYTES_MAX {
                return None;
            }
        }
        let is_literal = !text.is_empty() && !text.contains("${") && !text.contains(char::is_whitespace);
        is_literal.then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    const TURN: &str = "gap unsupported: a pom.xml does not name what its dependencies need in turn";

    #[test]
    fn literal_versions_and_properties_of_the_file_are_read() {
        check(
            "app/pom.xml",
            r#"<?xml version="1.0"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>1.2.3</version></parent>
  <artifactId>app</artifactId>
  <properties>
    <guava.version>31.1-jre</guava.version>
    <indirect>${guava.version}</indirect>
    <loop>${loop}</loop>
  </properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId><version>2.0.9</version></dependency>
    <dependency><groupId>b</groupId><artifactId>bom</artifactId><version>1</version><type>pom</type><scope>import</scope></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>log4j</groupId><artifactId>log4j</artifactId><version>1.2.17</version>
      <exclusions><exclusion><groupId>x</groupId><artifactId>y</artifactId></exclusion></exclusions>
    </dependency>
    <dependency><groupId>com.google.guava</groupId><artifactId>guava</artifactId><version>${indirect}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId></dependency>
    <dependency><groupId>${project.groupId}</groupId><artifactId>sibling</artifactId><version>${project.version}</version></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId><version> 4.13 <!-- x --></version><scope>test</scope></dependency>
    <dependency><groupId>m</groupId><artifactId>managed</artifactId></dependency>
    <dependency><groupId>m</groupId><artifactId>elsewhere</artifactId><version>${parent.property}</version></dependency>
    <dependency><groupId>m</groupId><artifactId>range</artifactId><version>[1,2)</version></dependency>
    <dependency><groupId>m</groupId><artifactId>loop</artifactId><version>${loop}</version></dependency>
  </dependencies>
  <build><plugins><plugin><dependencies><dependency><groupId>p</groupId><artifactId>p</artifactId><version>1</version></dependency></dependencies></plugin></plugins></build>
</project>"#,
            &[
                "gap undetermined: another file tells the version of m:managed, m:elsewhere, m:range, m:loop",
                TURN,
                "maven com.google.guava:guava 31.1-jre locked",
                "maven junit:junit 4.13 locked-for-development",
                "maven log4j:log4j 1.2.17 locked",
                "maven org.example:sibling 1.2.3 locked",
                "maven org.slf4j:slf4j-api 2.0.9 locked",
            ],
        );
        check("META-INF/maven/a/b/pom.xml", "<project/>", &[]);
        check("pom.xml", "<project><artifactId>a</artifactId></project>", &[]);
    }

    #[test]
    fn hostile_properties_and_nesting_end() {
        let doubling: String =
            (0..40).map(|n| format!("<p{n}>${{p{m}}}${{p{m}}}</p{n}>", m = n + 1)).collect();
        check(
            "pom.xml",
            format!(
                "<project><properties>{doubling}<p40>x</p40></properties><dependencies><dependency><groupId>g</groupId>\
                 <artifactId>a</artifactId><version>${{p0}}</version></dependency></dependencies></project>"
            ),
            &["gap undetermined: another file tells the version of g:a", TURN],
        );
        check(
            "pom.xml",
            "<project>".repeat(100_000),
            &["gap malformed: not a Maven project: its elements nest too deep"],
        );
        check("pom.xml", "hello", &["gap malformed: not a Maven project"]);
    }
}
