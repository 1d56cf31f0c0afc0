//! `Podfile.lock` of CocoaPods, and the copy of it in `Pods/Manifest.lock`.
//!
//! Parts of a pod (`Firebase/Core`) are one pod here. Refused: pods of the project's own directories.

use std::collections::HashSet;

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::document::{self, List, Pairs, Shape, Table, Text};
use crate::project;
use crate::{Catalog, Reader, lock};

pub(crate) const READERS: &[Reader] = &[Reader { name: "cocoapods-lock", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let named = project::is_named(entry, "Podfile.lock") || project::ends(entry, "Pods/Manifest.lock");
    project::lock_if(named, entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(documents) = document::yaml::<Table<Lock>>(entry, content, catalog) else {
        return;
    };
    let mut packages = Vec::new();
    for lock in documents.iter().map(|document| document.0.as_ref()) {
        let Some((lock, pods)) = lock.and_then(|lock| Some((lock, lock.pods.as_ref()?))) else {
            document::malformed(entry, catalog, "not a CocoaPods lock file: it has no `PODS`");
            continue;
        };
        let local = lock.local();
        packages.extend(pods.0.iter().filter_map(|pod| package(pod, &local)));
    }
    catalog.declare_each_once(entry.path, packages);
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default, rename = "PODS")]
    pods: Option<List<Shape<IgnoredAny>>>,
    #[serde(default, rename = "EXTERNAL SOURCES")]
    sources: Pairs<Pairs<Text>>,
}

impl Lock {
    fn local(&self) -> HashSet<&str> {
        let sources =
            self.sources.0.iter().filter(|(_, source)| source.0.iter().any(|(key, _)| key == ":path"));
        sources.map(|(name, _)| root(name)).collect()
    }
}

/// A pod is `NAME (VERSION)`, as a text or, where it needs others, as the one key of a map.
fn package(pod: &Shape<IgnoredAny>, local: &HashSet<&str>) -> Option<Package> {
    let text = match pod {
        Shape::Text(text) => text,
        Shape::Map(pairs) => &pairs.first()?.0,
        Shape::Absent | Shape::Flag(_) | Shape::Number(_) | Shape::List(_) => return None,
    };
    let (name, version) = text.strip_suffix(')')?.split_once(" (")?;
    let name = root(name);
    (!local.contains(name)).then(|| lock::locked(Ecosystem::Cocoapods, name, version, false))
}

fn root(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn pods_are_read() {
        check(
            "ios/Podfile.lock",
            "PODS:\n  - Alamofire (5.6.4)\n  - Firebase/Core (10.0.0):\n    - Firebase/CoreOnly\n  - Firebase/CoreOnly (10.0.0)\n  - \"Quoted+Name (1.0)\"\n  - Ours (0.1.0)\n  - 7\n  - [a]\n\n\
             DEPENDENCIES:\n  - Alamofire\n\nEXTERNAL SOURCES:\n  Ours:\n    :path: \"../ours\"\n  Forked:\n    :git: x\n\nCOCOAPODS: 1.12.1\n",
            &[
                "cocoapods Alamofire 5.6.4 locked",
                "cocoapods Firebase 10.0.0 locked",
                "cocoapods Quoted+Name 1.0 locked",
            ],
        );
        check("Podfile.lock", "a: 1\n", &["gap malformed: not a CocoaPods lock file: it has no `PODS`"]);
    }
}
