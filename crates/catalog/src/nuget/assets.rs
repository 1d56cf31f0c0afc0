//! `obj/project.assets.json`, what NuGet resolved for one project.

use seawall_inventory::{Content, Entry, Interest};
use serde::Deserialize;

use super::locked;
use crate::document::{self, Pairs, Table, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "nuget-assets", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "project.assets.json"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(assets) = document::json_table::<Assets>(entry, content, catalog) else {
        return;
    };
    if assets.version.get().is_none() {
        return document::malformed(entry, catalog, "not a NuGet assets file: it states no version");
    }
    let libraries = assets.libraries.0.iter().filter_map(|(key, library)| {
        let is_package = library.0.as_ref()?.kind.get()? == "package";
        let (name, version) = key.split_once('/')?;
        is_package.then(|| locked(name, version, false))
    });
    catalog.declare_each_once(entry.path, libraries);
}

#[derive(Debug, Deserialize)]
struct Assets {
    #[serde(default)]
    version: Text,
    #[serde(default)]
    libraries: Pairs<Table<Library>>,
}

#[derive(Debug, Deserialize)]
struct Library {
    #[serde(default, rename = "type")]
    kind: Text,
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn resolved_packages_are_locked() {
        check(
            "src/App/obj/project.assets.json",
            r#"{"version": 3, "targets": {"net8.0": {}}, "libraries": {
                "Serilog/3.1.1": {"sha512": "x", "type": "package", "path": "serilog/3.1.1", "files": []},
                "Other/1.0.0": {"type": "project", "path": "../Other/Other.csproj"},
                "odd": 1
            }}"#,
            &["nuget Serilog 3.1.1 locked"],
        );
        check("project.assets.json", "{}", &["gap malformed: not a NuGet assets file: it states no version"]);
    }
}
