//! `NAME.deps.json`, which the .NET build writes beside each application and framework.
//!
//! Format: <https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md>. `libraries`
//! names what the application was built from; `targets` says which files of each are needed when it runs. A package
//! that has none (analysers, reference assemblies, bare collections of other packages) has left nothing in the
//! application. Refused: the application's own projects.

use std::collections::HashSet;

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::document::{self, Pairs, Table, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "nuget-installed", interest, read };

/// Self-contained applications carry the runtime under the package's name with this before it.
const RUNTIME_PACK: &str = "runtimepack.";

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::whole_if(project::ends(entry, ".deps.json"))
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(deps) = document::json_table::<Deps>(entry, content, catalog) else {
        return;
    };
    if deps.targets.0.is_empty() && deps.libraries.0.is_empty() {
        return document::malformed(
            entry,
            catalog,
            "not a .NET dependency file: it has neither targets nor libraries",
        );
    }
    let running = deps.running();
    let (mut named, mut without_files) = (Vec::new(), HashSet::new());
    for (_, target) in &deps.targets.0 {
        without_files
            .extend(target.0.iter().map(|(key, _)| key.as_str()).filter(|key| !running.contains(key)));
    }
    for (key, library) in &deps.libraries.0 {
        if !without_files.contains(key.as_str()) {
            named.extend(library.0.as_ref().and_then(|library| library.package(key)));
        }
    }
    catalog.declare_each_once(entry.path, named);
}

#[derive(Debug, Deserialize)]
struct Deps {
    #[serde(default)]
    targets: Pairs<Pairs<Table<Assets>>>,
    #[serde(default)]
    libraries: Pairs<Table<Library>>,
}

/// The files of a library for one target, of which only whether there are any matters.
#[derive(Debug, Deserialize)]
struct Assets {
    #[serde(default)]
    runtime: Pairs<IgnoredAny>,
    #[serde(default)]
    native: Pairs<IgnoredAny>,
    #[serde(default)]
    resources: Pairs<IgnoredAny>,
    #[serde(default, rename = "runtimeTargets")]
    runtime_targets: Pairs<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Library {
    #[serde(default, rename = "type")]
    kind: Text,
}

impl Deps {
    /// The libraries that some target needs files of.
    fn running(&self) -> HashSet<&str> {
        let all = self.targets.0.iter().flat_map(|(_, target)| &target.0);
        all.filter(|(_, assets)| assets.0.as_ref().is_some_and(Assets::is_any))
            .map(|(key, _)| key.as_str())
            .collect()
    }
}

impl Assets {
    fn is_any(&self) -> bool {
        [&self.runtime, &self.native, &self.resources, &self.runtime_targets]
            .iter()
            .any(|files| !files.0.is_empty())
    }
}

impl Library {
    fn package(&self, key: &str) -> Option<Package> {
        let (name, version) = key.split_once('/')?;
        let name = match self.kind.get()?.to_ascii_lowercase().as_str() {
            "package" => name,
            "runtimepack" => name.strip_prefix(RUNTIME_PACK).unwrap_or(name),
            _ => return None,
        };
        Some(Package::new(Ecosystem::Nuget, name, version))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn packages_and_the_runtime_are_installed_projects_are_not() {
        check(
            "app/MyApp.deps.json",
            r#"{
                "runtimeTarget": {"name": ".NETCoreApp,Version=v6.0/linux-x64", "signature": ""},
                "targets": {
                    ".NETCoreApp,Version=v6.0": {},
                    ".NETCoreApp,Version=v6.0/linux-x64": {
                        "MyApp/1.0.0": {"dependencies": {"Newtonsoft.Json": "13.0.1"}, "runtime": {"MyApp.dll": {}}},
                        "Newtonsoft.Json/13.0.1": {"runtime": {"lib/netstandard2.0/Newtonsoft.Json.dll": {}}},
                        "SQLitePCLRaw.lib/2.0.0": {"runtimeTargets": {"runtimes/linux-x64/native/libe_sqlite3.so": {}}},
                        "NETStandard.Library/2.0.3": {"dependencies": {"x": "1"}},
                        "Library/1.0.0": {"runtime": {"Library.dll": {}}},
                        "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1": {"runtime": {"System.dll": {}}}
                    }
                },
                "libraries": {
                    "MyApp/1.0.0": {"type": "project"},
                    "Newtonsoft.Json/13.0.1": {"type": "Package", "serviceable": true, "sha512": "sha512-x"},
                    "SQLitePCLRaw.lib/2.0.0": {"type": "package"},
                    "NETStandard.Library/2.0.3": {"type": "package"},
                    "Library/1.0.0": {"type": "reference"},
                    "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1": {"type": "runtimepack"},
                    "Unlisted/3.0.0": {"type": "package"},
                    "odd": {"type": "package"},
                    "Odd/1": 7
                }
            }"#,
            &[
                "nuget Microsoft.NETCore.App.Runtime.linux-x64 6.0.1 installed",
                "nuget Newtonsoft.Json 13.0.1 installed",
                "nuget SQLitePCLRaw.lib 2.0.0 installed",
                "nuget Unlisted 3.0.0 installed",
            ],
        );
    }

    #[test]
    fn without_targets_all_packages_count() {
        check(
            "a.deps.json",
            r#"{"libraries": {"A/1.0.0": {"type": "package"}}, "targets": 3}"#,
            &["nuget A 1.0.0 installed"],
        );
        check(
            "a.deps.json",
            "{}",
            &["gap malformed: not a .NET dependency file: it has neither targets nor libraries"],
        );
        check(
            "a.deps.json",
            "{",
            &["gap malformed: not valid JSON: EOF while parsing an object at line 1 column 1"],
        );
    }
}
