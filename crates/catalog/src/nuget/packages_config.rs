//! `packages.config` of NuGet before project files held the references: XML, `<package id="" version=""/>`.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader as XmlReader, XmlVersion};
use seawall_inventory::{Content, Entry, Interest, Package};

use super::locked;
use crate::document;
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "nuget-packages-config", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "packages.config"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let mut reader = XmlReader::from_str(&text);
    let mut packages = Vec::new();
    let mut is_list = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => match element.local_name().as_ref() {
                "packages" => is_list = true,
                "package" if is_list => packages.extend(package(&element)),
                _ => {}
            },
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => {
                document::malformed(entry, catalog, &format!("not valid XML: {error}"));
                break;
            }
        }
    }
    catalog.declare_each_once(entry.path, packages);
}

fn package(element: &BytesStart<'_>) -> Option<Package> {
    let (mut id, mut version, mut is_for_development) = (String::new(), String::new(), false);
    for attribute in element.attributes().flatten() {
        let Ok(value) = attribute.normalized_value(XmlVersion::default()) else { continue };
        match attribute.key.local_name().as_ref() {
            "id" => id = value.trim().to_owned(),
            "version" => version = value.trim().to_owned(),
            "developmentDependency" => is_for_development = value.eq_ignore_ascii_case("true"),
            _ => {}
        }
    }
    (!id.is_empty()).then(|| locked(&id, &version, is_for_development))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn packages_are_read() {
        let text = r#"<?xml version="1.0" encoding="utf-8"?>
<packages>
  <package id="jQuery" version="3.1.1" targetFramework="net45" />
  <package id="StyleCop" version="6.0" developmentDependency="true"></package>
  <package version="1"/>
  <package id="Bare"/>
</packages>"#;
        let expected =
            ["nuget Bare  locked", "nuget StyleCop 6.0 locked-for-development", "nuget jQuery 3.1.1 locked"];
        check("src/App/packages.config", text, &expected);
        check("packages.config", format!("\u{feff}{text}"), &expected);
    }

    #[test]
    fn what_is_before_a_fault_is_kept() {
        check(
            "packages.config",
            r#"<packages><package id="A" version="1"/></x>"#,
            &[
                "gap malformed: not valid XML: ill-formed document: expected `</packages>`, but `</x>` was found",
                "nuget A 1 locked",
            ],
        );
        check("packages.config", "<configuration/>", &[]);
    }
}
