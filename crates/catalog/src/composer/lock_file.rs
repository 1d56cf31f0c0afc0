//! `composer.lock`.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use super::Described;
use crate::document::{self, List, Table};
use crate::project;
use crate::{Catalog, Reader, lock};

pub(super) const READER: Reader = Reader { name: "composer-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "composer.lock"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::json_table::<Lock>(entry, content, catalog) else {
        return;
    };
    let Some(production) = lock.packages else {
        return document::malformed(entry, catalog, "not a Composer lock file: it has no packages");
    };
    let production = production.0.iter().filter_map(|package| locked(package.0.as_ref()?, false));
    let development = lock.development.0.iter().filter_map(|package| locked(package.0.as_ref()?, true));
    catalog.declare_each_once(entry.path, production.chain(development));
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    packages: Option<List<Table<Described>>>,
    #[serde(default, rename = "packages-dev")]
    development: List<Table<Described>>,
}

fn locked(described: &Described, is_for_development: bool) -> Option<Package> {
    let version = described.version.or_empty();
    let mut package = lock::locked(Ecosystem::Composer, &described.name()?, version, is_for_development);
    package.licenses = described.licenses();
    Some(package)
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn production_and_development_are_told_apart() {
        check(
            "app/composer.lock",
            r#"{
                "content-hash": "0",
                "packages": [
                    {"name": "Monolog/Monolog", "version": "2.9.1", "license": ["MIT"], "dist": {"type": "zip"}},
                    {"name": "a/dev", "version": "dev-main"},
                    {"name": "ours/x", "version": "1.0.0", "dist": {"type": "path"}},
                    null
                ],
                "packages-dev": [{"name": "phpunit/phpunit", "version": "9.6.0"}]
            }"#,
            &[
                "composer a/dev dev-main locked",
                "composer monolog/monolog 2.9.1 locked MIT",
                "composer phpunit/phpunit 9.6.0 locked-for-development",
            ],
        );
        check("app/vendor/a/b/composer.lock", r#"{"packages": [{"name": "a/b"}]}"#, &[]);
        check("composer.lock", "{}", &["gap malformed: not a Composer lock file: it has no packages"]);
        check("composer.lock", r#"{"packages": 7, "packages-dev": {}}"#, &[]);
    }
}
