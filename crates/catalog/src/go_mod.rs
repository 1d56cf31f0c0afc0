//! `go.mod`: the modules a Go project is built from, and the Go release it asks for.
//!
//! Format: <https://go.dev/ref/mod#go-mod-file>. Since Go 1.17 the file names every module that the project's packages
//! need; before, only those it imports itself, which is a gap. `go.sum` is not read: it names versions that were only
//! looked at. Refused: the project's own module, and `go.work`.

mod syntax;

use std::collections::HashMap;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use crate::document;
use crate::go_binary::standard_library;
use crate::lock;
use crate::project;
use crate::{Catalog, Reader};

use syntax::{Line, lines};

pub(crate) const READERS: &[Reader] = &[Reader { name: "go-mod", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "go.mod"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let module = Module::of(lines(&text));
    if module.name.is_none() && module.required.is_empty() {
        return document::malformed(entry, catalog, "not a go.mod file: it names no module");
    }
    if !module.is_complete() && !module.required.is_empty() {
        let reason = "before Go 1.17 a go.mod names no modules but those that the project imports itself";
        catalog.gap(GapKind::Unsupported, entry.path, reason);
    }
    catalog.declare_each_once(entry.path, module.packages());
}

type Versioned = (String, String);

/// What the file says.
#[derive(Debug, Default)]
struct Module {
    name: Option<String>,
    go: Option<String>,
    toolchain: Option<String>,
    required: Vec<Versioned>,
    /// By path and version, which is empty where all versions are replaced.
    replaced: HashMap<Versioned, Versioned>,
    excluded: Vec<Versioned>,
}

impl Module {
    fn of<'a>(lines: impl Iterator<Item = Line<'a>>) -> Module {
        let mut module = Module::default();
        for Line { verb, words } in lines {
            let word = |index: usize| words.get(index).map(|word| word.to_string());
            match verb {
                "module" => module.name = module.name.take().or_else(|| word(0)),
                "go" => module.go = word(0),
                "toolchain" => module.toolchain = word(0),
                "require" => module.required.extend(word(0).zip(word(1))),
                "exclude" => module.excluded.extend(word(0).zip(word(1))),
                "replace" => module.replace(&words),
                // `retract`, `tool`, `godebug`, `ignore` and what is yet to come.
                _ => {}
            }
        }
        module
    }

    /// `old [version] => new [version]`; a new one without version is a directory.
    fn replace(&mut self, words: &[std::borrow::Cow<'_, str>]) {
        let Some(arrow) = words.iter().position(|word| word == "=>") else { return };
        let word = |index: usize| words.get(index).map(|word| word.to_string());
        let (Some(old), Some(new)) = (word(0).filter(|_| arrow > 0), word(arrow + 1)) else { return };
        let old_version = word(1).filter(|_| arrow > 1).unwrap_or_default();
        self.replaced.insert((old, old_version), (new, word(arrow + 2).unwrap_or_default()));
    }

    /// Whether the file is of a Go release that names all modules. A file without a `go` line means Go 1.16.
    fn is_complete(&self) -> bool {
        let mut numbers =
            self.go.iter().flat_map(|go| go.split('.')).map_while(|number| number.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(1), Some(minor)) => minor >= 17,
            (Some(major), _) => major > 1,
            (None, _) => false,
        }
    }

    /// The release of Go that at least builds it: the toolchain that it asks for, or else a `go` line that names a
    /// release; `go 1.20` names only a version of the language.
    fn standard_library(&self) -> Option<String> {
        let toolchain = self.toolchain.as_deref().filter(|name| name.starts_with("go"));
        let is_release = |go: &&str| go.split('.').count() == 3 || go.contains("rc");
        let release = toolchain
            .map(str::to_owned)
            .or_else(|| self.go.as_deref().filter(is_release).map(|go| format!("go{go}")));
        release.map(|release| standard_library(&release)).filter(|version| !version.is_empty())
    }

    fn packages(&self) -> Vec<Package> {
        let locked = |name: &str, version: &str| lock::locked(Ecosystem::Golang, name, version, false);
        let mut packages: Vec<Package> =
            self.standard_library().iter().map(|version| locked("stdlib", version)).collect();
        packages.extend(self.required.iter().map(|required| {
            let (path, version) = required;
            let replacement =
                self.replaced.get(required).or_else(|| self.replaced.get(&(path.clone(), String::new())));
            match replacement {
                Some((new, version)) if !version.is_empty() => locked(new, version),
                // A directory: some unknown state of the module.
                Some(_) => locked(path, ""),
                // Go takes a higher version than one that is excluded; which, the file does not say.
                None if self.excluded.contains(required) => locked(path, ""),
                None => locked(path, version),
            }
        }));
        packages
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use crate::testing::check_listed as check;

    #[test]
    fn requirements_are_locked_with_what_replaces_them() {
        check(
            "app/go.mod",
            r#"// Deprecated: use v2.
module example.com/app // the project

go 1.22.3

toolchain go1.22.5

require github.com/Azure/go-autorest v14.2.0+incompatible
require (
	"golang.org/x/net" v0.17.0
	golang.org/x/text v0.3.0 // indirect
	example.com/ours v0.0.0
	example.com/forked v1.0.0
	example.com/forked-once v1.1.0
	example.com/kept v1.2.0
	example.com/excluded v1.0.0
	broken
)

replace (
	example.com/ours => ../ours
	example.com/forked => github.com/us/forked v1.0.1
	example.com/forked-once v1.1.0 => github.com/us/once v1.1.1
	example.com/kept v1.1.0 => github.com/us/kept v1.1.1
	=> x v1
	y =>
)

exclude example.com/excluded v1.0.0
retract v0.9.0
tool golang.org/x/tools/cmd/stringer
"#,
            &[
                "golang example.com/excluded  locked",
                "golang example.com/kept v1.2.0 locked",
                "golang example.com/ours  locked",
                "golang github.com/Azure/go-autorest v14.2.0+incompatible locked",
                "golang github.com/us/forked v1.0.1 locked",
                "golang github.com/us/once v1.1.1 locked",
                "golang golang.org/x/net v0.17.0 locked",
                "golang golang.org/x/text v0.3.0 locked",
                "golang stdlib 1.22.5 locked",
            ],
        );
    }

    #[test]
    fn the_go_line_is_a_release_only_with_three_numbers() {
        for (go, stdlib) in
            [("1.21.3", "golang stdlib 1.21.3 locked"), ("1.22rc1", "golang stdlib 1.22.0-rc.1 locked")]
        {
            check("go.mod", format!("module a\ngo {go}\n"), &[stdlib]);
        }
        for go in ["1.21", "1.20", "x", ""] {
            check("go.mod", format!("module a\ngo {go}\ntoolchain default\n"), &[]);
        }
    }

    #[test]
    fn old_files_are_known_to_be_incomplete() {
        for go in ["", "go 1.16\n"] {
            check(
                "go.mod",
                format!("module a\n{go}require b v1.0.0\n"),
                &[
                    "gap unsupported: before Go 1.17 a go.mod names no modules but those that the project imports itself",
                    "golang b v1.0.0 locked",
                ],
            );
        }
        check("go/pkg/mod/b@v1.0.0/go.mod", "module b\n", &[]);
        check("go.mod", "hello\n", &["gap malformed: not a go.mod file: it names no module"]);
    }

    /// What `go mod edit -json` reads from the same file, where Go is there.
    #[test]
    fn it_reads_requirements_as_go_does() {
        let text = "module example.com/app\n\ngo 1.21\n\nrequire example.com/a v1.0.0 // indirect\n\
            require (\n\t\"example.com/b\" v0.0.0-20200101000000-0123456789ab\n\n\texample.com/c/v2 v2.1.0-rc.1 // x\n)\n\
            retract (\n\tv1.0.0 // bad\n\t[v1.1.0, v1.2.0]\n)\n";
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("go.mod"), text).unwrap();
        let output = Command::new("go").args(["mod", "edit", "-json"]).current_dir(directory.path()).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            eprintln!("skipped: no go");
            return;
        };
        let module: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let expected: Vec<String> = module["Require"]
            .as_array()
            .unwrap()
            .iter()
            .map(|required| {
                format!(
                    "golang {} {} locked",
                    required["Path"].as_str().unwrap(),
                    required["Version"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(expected.len(), 3);
        check("go.mod", text, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
