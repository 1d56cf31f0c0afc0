//! The module text of a Go program (`runtime/debug.BuildInfo`): tab-separated lines `path`, `mod`, `dep`, `=>`, `build`.

use std::sync::LazyLock;

use regex::Regex;

use crate::limits::GO_MODULES_MAX;

/// One module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Module {
    pub(super) path: String,
    /// With leading `v`; empty when the build states none that can be compared.
    pub(super) version: String,
}

/// What the module text says.
#[derive(Debug, Default)]
pub(super) struct BuildInfo {
    pub(super) main: Option<Module>,
    pub(super) dependencies: Vec<Module>,
    linker_flags: String,
    /// Whether it is a program of the Go distribution, which is part of no module.
    pub(super) is_toolchain: bool,
    /// Whether modules were left out because there are too many.
    pub(super) is_cut: bool,
}

impl BuildInfo {
    pub(super) fn parse(text: &str) -> BuildInfo {
        let mut info = BuildInfo::default();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let kind = fields.next().unwrap_or_default();
            let first = fields.next().unwrap_or_default();
            let second = fields.next().unwrap_or_default();
            match kind {
                "path" => info.is_toolchain = first.starts_with("cmd/"),
                "mod" => info.main = Some(Module { path: first.to_owned(), version: second.to_owned() }),
                "dep" if info.dependencies.len() >= GO_MODULES_MAX => info.is_cut = true,
                "dep" => info.dependencies.push(dependency(first, second)),
                "=>" if !info.is_cut => info.replace(first, second),
                "build" => {
                    if let Some(flags) = first.strip_prefix("-ldflags=") {
                        info.linker_flags = unquote(flags);
                    }
                }
                _ => {}
            }
        }
        info
    }

    /// `=>` replaces the module of the line before. A directory in its place has no version of its own: what is built
    /// in is some unknown state of the replaced module.
    fn replace(&mut self, path: &str, version: &str) {
        let Some(replaced) = self.dependencies.last_mut().or(self.main.as_mut()) else { return };
        let is_directory = path.starts_with('.') || path.starts_with('/') || version.is_empty();
        if is_directory {
            replaced.version = String::new();
        } else {
            *replaced = dependency(path, version);
        }
    }

    /// The main module with a version that can be compared with advisories: the recorded one; where that is `(devel)`
    /// or counts from no tag (`v0.0.0-date-commit`), the one that linker flags set; else none.
    pub(super) fn main_module(&self) -> Option<Module> {
        let main = self.main.as_ref().filter(|main| !main.path.is_empty())?;
        let is_stated = main.version.starts_with('v') && !main.version.starts_with("v0.0.0-");
        let version = if is_stated {
            main.version.clone()
        } else {
            version_in_flags(&self.linker_flags, &main.path).unwrap_or_default()
        };
        Some(Module { path: main.path.clone(), version })
    }
}

fn dependency(path: &str, version: &str) -> Module {
    let version = if version == "(devel)" { "" } else { version };
    Module { path: path.to_owned(), version: version.to_owned() }
}

/// Go quotes a value with blanks or quotes as a string literal.
fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.trim_matches('`').to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next().map(|escaped| if escaped == 'n' { ' ' } else { escaped })),
            other => plain.push(other),
        }
    }
    plain
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by a test")]
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"-X[ =]+['"]?([A-Za-z0-9._~/-]+)\.([A-Za-z_][A-Za-z0-9_]*)=v?([0-9]+\.[0-9]+[A-Za-z0-9.+~-]*)"#,
    )
    .expect("a valid pattern")
});

/// The version that `-X package.variable=1.2.3` sets in the main module: of a variable called `version` in `main` or a
/// package of the module (the first in the order given), with leading `v`.
fn version_in_flags(flags: &str, main_path: &str) -> Option<String> {
    let of_module = |package: &str| package == "main" || package.starts_with(main_path);
    let of_version = |variable: &str| {
        let variable = variable.to_ascii_lowercase();
        matches!(
            variable.as_str(),
            "version"
                | "gitversion"
                | "buildversion"
                | "appversion"
                | "releaseversion"
                | "semver"
                | "tag"
                | "gittag"
        ) || variable.ends_with("_version")
    };
    let mut candidates: Vec<(bool, String)> = Vec::new();
    for found in ASSIGNMENT.captures_iter(flags) {
        let (_, [package, variable, version]) = found.extract();
        if of_module(package) && of_version(variable) {
            candidates.push((package != "main", format!("v{}", padded(version))));
        }
    }
    candidates.sort_by_key(|(is_elsewhere, _)| *is_elsewhere);
    candidates.into_iter().next().map(|(_, version)| version)
}

/// Module versions have three numbers; programs sometimes say `1.2`.
fn padded(version: &str) -> String {
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let missing = 2usize.saturating_sub(numbers.trim_end_matches('.').matches('.').count());
    format!("{}{}{rest}", numbers.trim_end_matches('.'), ".0".repeat(missing))
}
