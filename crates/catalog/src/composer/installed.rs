//! `vendor/composer/installed.json`: a list of packages in Composer 1, `{"packages": […]}` in Composer 2.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use super::Described;
use crate::document::{self, List, Table};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "composer-installed", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let named = project::ends(entry, "/composer/installed.json") || entry.path == "composer/installed.json";
    project::whole_if(named)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let is_list = text.trim_start().starts_with('[');
    let packages = if is_list {
        serde_json::from_str::<List<Table<Described>>>(&text).map(|list| Some(list.0))
    } else {
        serde_json::from_str::<Table<Installed>>(&text).map(|map| map.0.map(|installed| installed.packages.0))
    };
    match packages {
        Ok(Some(packages)) => {
            let packages = packages.iter().filter_map(|package| installed(package.0.as_ref()?));
            catalog.declare_each_once(entry.path, packages);
        }
        Ok(None) => document::malformed(entry, catalog, "not Composer's list of packages"),
        Err(error) => document::malformed(entry, catalog, &format!("not valid JSON: {error}")),
    }
}

#[derive(Debug, Deserialize)]
struct Installed {
    #[serde(default)]
    packages: List<Table<Described>>,
}

fn installed(described: &Described) -> Option<Package> {
    let mut package = Package::new(Ecosystem::Composer, described.name()?, described.version.or_empty());
    package.licenses = described.licenses();
    Some(package)
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    const PACKAGES: &str = r#"[
        {"name": "symfony/Console", "version": "v5.4.1", "version_normalized": "5.4.1.0", "license": ["MIT"], "dist": {"type": "zip"}},
        {"name": "ours/x", "version": "dev-main", "dist": {"type": "path", "url": "../x"}},
        {"name": "phpunit/phpunit", "version": "9.6.0", "license": "BSD-3-Clause"},
        7, {"name": []}
    ]"#;

    #[test]
    fn both_forms_are_read() {
        let expected = [
            "composer phpunit/phpunit 9.6.0 installed BSD-3-Clause",
            "composer symfony/console v5.4.1 installed MIT",
        ];
        check("app/vendor/composer/installed.json", PACKAGES, &expected);
        let second =
            format!(r#"{{"packages": {PACKAGES}, "dev": true, "dev-package-names": ["phpunit/phpunit"]}}"#);
        check("app/vendor/composer/installed.json", second, &expected);
        check("app/installed.json", PACKAGES, &[]);
    }

    #[test]
    fn what_is_no_list_is_a_gap() {
        check("vendor/composer/installed.json", "3", &["gap malformed: not Composer's list of packages"]);
        check(
            "vendor/composer/installed.json",
            "[",
            &["gap malformed: not valid JSON: EOF while parsing a list at line 1 column 1"],
        );
        check("vendor/composer/installed.json", "{}", &[]);
    }
}
