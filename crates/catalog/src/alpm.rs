//! Arch Linux packages: `var/lib/pacman/local/<name>-<version>-<release>/{desc,files}` at any depth.
//!
//! The format is that of libalpm's local database (lib/libalpm/be_local.c): `%FIELD%` on a line of its own, then a value
//! a line, then a blank line. Does not read what is known of repositories (`sync/*.db`): that is not installed.

use seawall_finding::GapKind;
use seawall_inventory::{
    Content, Ecosystem, Entry, EntryKind, Interest, OwnedFiles, Package, PathList, SourcePackage,
};

use crate::limits::{
    DATABASE_BYTES_MAX, FILE_LIST_BYTES_MAX, LICENSE_NAME_BYTES_MAX, LICENSES_PER_FILE_MAX, PATH_BYTES_MAX,
};
use crate::{Catalog, Reader};

pub(crate) const READERS: &[Reader] = &[
    Reader { name: "alpm-desc", interest: |entry| interest(entry, "desc"), read: read_desc },
    Reader { name: "alpm-files", interest: |entry| interest(entry, "files"), read: read_files },
];

fn interest(entry: &Entry<'_>, name: &str) -> Interest {
    let is_wanted = entry.kind == EntryKind::File && entry.name() == name && location(entry).is_some();
    if is_wanted { Interest::Whole } else { Interest::No }
}

/// The root that the database administers, with `/` at its end or empty, and the package's directory.
fn location<'a>(entry: &Entry<'a>) -> Option<(&'a str, &'a str)> {
    let (above, directory) = entry.parent().rsplit_once('/')?;
    let root = above.strip_suffix("var/lib/pacman/local")?;
    (root.is_empty() || root.ends_with('/')).then_some((root, directory))
}

/// The values of a file with their fields: `("NAME", "bash")`.
fn values(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut field = "";
    text.lines().filter_map(move |line| {
        if line.is_empty() {
            field = "";
            return None;
        }
        match line.strip_prefix('%').and_then(|line| line.strip_suffix('%')) {
            // A value may begin and end with the sign too; a field's name follows a blank line.
            Some(name) if field.is_empty() => {
                field = name;
                None
            }
            _ => Some((field, line)),
        }
    })
}

fn read_desc(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(bytes) = catalog.whole(entry, content, DATABASE_BYTES_MAX) else { return };
    let text = String::from_utf8_lossy(bytes);
    let mut package = Package::new(Ecosystem::Alpm, "", "");
    let mut base = None;
    for (field, value) in values(&text) {
        match field {
            "NAME" => value.clone_into(&mut package.name),
            "VERSION" => value.clone_into(&mut package.version),
            "BASE" => base = Some(value),
            "ARCH" => package.architecture = Some(value.to_owned()),
            "PACKAGER" => package.vendor = Some(value.to_owned()),
            "LICENSE" => license(&mut package.licenses, value),
            _ => {}
        }
    }
    if package.name.is_empty() || package.version.is_empty() {
        catalog.gap(GapKind::Malformed, entry.path, "it names no package or no version");
        return;
    }
    package.source = base
        .filter(|base| *base != package.name)
        .map(|base| SourcePackage { name: base.to_owned(), version: package.version.clone() });
    catalog.declare(entry.path, package);
}

/// `custom:MIT` as makepkg had it before SPDX names the same licence as `MIT`.
fn license(licenses: &mut Vec<String>, value: &str) {
    let name = value.strip_prefix("custom:").unwrap_or(value).trim();
    let fits = !name.is_empty() && name.len() <= LICENSE_NAME_BYTES_MAX;
    if fits && licenses.len() < LICENSES_PER_FILE_MAX && !licenses.iter().any(|known| known == name) {
        licenses.push(name.to_owned());
    }
}

fn read_files(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some((root, directory)) = location(entry) else { return };
    let Some(bytes) = catalog.whole(entry, content, FILE_LIST_BYTES_MAX) else { return };
    let Some(name) = directory.rsplitn(3, '-').nth(2) else {
        catalog.gap(GapKind::Malformed, entry.path, "its directory names no package and version");
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    let mut files = PathList::default();
    for (field, path) in values(&text) {
        let is_file = field == "FILES" && !path.ends_with('/');
        if is_file && root.len() + path.len() <= PATH_BYTES_MAX {
            files.push(&format!("{root}{path}"));
        }
    }
    files.shrink();
    if !files.is_empty() {
        catalog.owned.push(OwnedFiles {
            path: entry.path.to_owned(),
            ecosystem: Ecosystem::Alpm,
            name: name.to_owned(),
            architecture: None,
            files,
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{catalog_of, check_listed};

    const DESC: &str = "%NAME%\nlibstdc++\n\n%VERSION%\n1:14.2.1+r753-1\n\n%BASE%\ngcc\n\n%DESC%\n%odd%\n\n\
                        %ARCH%\nx86_64\n\n%PACKAGER%\nA B <a@archlinux.org>\n\n%LICENSE%\nGPL-3.0-or-later\ncustom:MIT\n\n";

    #[test]
    fn descriptions() {
        let path = "var/lib/pacman/local/libstdc++-1:14.2.1+r753-1/desc";
        check_listed(path, DESC, &["alpm libstdc++ 1:14.2.1+r753-1 installed GPL-3.0-or-later, MIT"]);
        let package = catalog_of(path, DESC).packages.remove(0);
        let source = package.source.unwrap();
        assert_eq!((source.name.as_str(), source.version.as_str()), ("gcc", "1:14.2.1+r753-1"));
        assert_eq!(package.architecture.as_deref(), Some("x86_64"));
        assert_eq!(package.vendor.as_deref(), Some("A B <a@archlinux.org>"));
        check_listed(
            "srv/a/var/lib/pacman/local/a-1-1/desc",
            "%NAME%\na\n\n%VERSION%\n1-1\n",
            &["alpm a 1-1 installed"],
        );
        let gap = "gap malformed: it names no package or no version";
        check_listed("var/lib/pacman/local/a-1-1/desc", "%NAME%\na\n%VERSION%\n1-1\n", &[gap]);
        check_listed("var/lib/pacman/local/a-1-1/desc", "", &[gap]);
        check_listed("var/lib/pacman/sync/a-1-1/desc", "", &[]);
    }

    fn check_files(path: &str, text: &str, expected: &[&str]) {
        let catalog = catalog_of(path, text);
        let gaps = catalog.gaps.iter().map(|gap| gap.reason.clone());
        let files = catalog
            .owned
            .iter()
            .flat_map(|owned| owned.files.to_vec().into_iter().map(|file| format!("{} {file}", owned.name)));
        assert_eq!(files.chain(gaps).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn files() {
        let text = "%FILES%\nusr/\nusr/bin/\nusr/bin/a-b\nusr/share/100%\n\n%BACKUP%\netc/x\t0123\n\n";
        let expected = ["a-b usr/bin/a-b", "a-b usr/share/100%"];
        check_files("var/lib/pacman/local/a-b-1:2.0-3/files", text, &expected);
        let expected = ["a-b srv/usr/bin/a-b", "a-b srv/usr/share/100%"];
        check_files("srv/var/lib/pacman/local/a-b-2.0-3/files", text, &expected);
        check_files("var/lib/pacman/local/a-b-2.0-3/files", "%FILES%\nusr/\n", &[]);
        let gap = "its directory names no package and version";
        check_files("var/lib/pacman/local/a-1/files", text, &[gap]);
    }
}
