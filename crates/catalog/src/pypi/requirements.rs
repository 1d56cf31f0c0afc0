//! `requirements.txt` and its relatives (`requirements-dev.txt`, `dev-requirements.txt`, `requirements/base.txt`).
//!
//! Format: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>. Only what is pinned to one version is a
//! package; that there is more is a gap. Files that others include with `-r` are seen on their own.

use seawall_finding::GapKind;
use seawall_inventory::{Content, Entry, Interest};

use super::{locked, pin, requirement_name};
use crate::document;
use crate::limits::NAMES_IN_GAP_MAX;
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "python-requirements", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::ends(entry, ".txt") && is_requirements(entry), entry)
}

fn is_requirements(entry: &Entry<'_>) -> bool {
    entry.name().contains("requirements") || entry.parent().rsplit('/').next() == Some("requirements")
}

/// Whether the name says that it is for development: `requirements-dev.txt`, `test_requirements.txt`.
fn is_for_development(name: &str) -> bool {
    let mut words = name.split(['-', '_', '.']);
    words.any(|word| {
        matches!(
            word,
            "dev" | "develop" | "development" | "test" | "tests" | "testing" | "lint" | "docs" | "doc"
        )
    })
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let is_for_development = is_for_development(entry.name());
    let mut packages = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut open_count = 0_usize;
    for line in logical_lines(&text) {
        let line = line.split(" --").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('-') {
            continue;
        }
        match (pin(line), requirement_name(line)) {
            (Some((name, version)), _) => packages.push(locked(name, version, is_for_development)),
            (None, Some((name, _))) if is_requirement(line) => {
                open_count += 1;
                if open.len() < NAMES_IN_GAP_MAX {
                    open.push(name.to_owned());
                }
            }
            (None, _) => {}
        }
    }
    catalog.declare_each_once(entry.path, packages);
    if open_count > 0 {
        let more = if open_count > open.len() { ", …" } else { "" };
        let reason = format!("not pinned to one version: {}{more}", open.join(", "));
        document::gap(entry, catalog, GapKind::Undetermined, &reason);
    }
}

/// Lines without comments, those that end in a backslash joined with the next.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    for line in text.lines() {
        let line = without_comment(line);
        match line.trim_end().strip_suffix('\\') {
            Some(begun) => joined.push_str(begun),
            None => {
                joined.push_str(line);
                lines.push(std::mem::take(&mut joined));
            }
        }
    }
    lines.push(joined);
    lines
}

/// A comment begins a line or stands behind a blank; an address may hold a `#`.
fn without_comment(line: &str) -> &str {
    let mut hashes = line.match_indices('#').map(|(at, _)| at);
    let comment = hashes
        .find(|at| line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t'])));
    comment.and_then(|at| line.get(..at)).unwrap_or(line)
}

/// Whether a line that pins nothing still asks for a package by name: a bare path or address does not, and prose in
/// a text file that happens to have the name does not either.
fn is_requirement(line: &str) -> bool {
    let Some((_, rest)) = requirement_name(line) else { return false };
    rest.is_empty() || rest.starts_with(['<', '>', '=', '!', '~', ';', '@', '('])
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn pins_are_packages_and_the_rest_is_a_gap() {
        let text = "# comment\n\
            -r base.txt\n\
            --index-url https://example.org/simple\n\
            Django==4.2.1\t# LTS\n\
            requests[socks]==2.31.0 ; python_version >= '3.8'\n\
            certifi==2024.7.4 \\\n    --hash=sha256:aaaa \\\n    --hash=sha256:bbbb\n\
            idna==3.7 --hash=sha256:cccc\n\
            flask>=2\n\
            celery\n\
            numpy==1.*\n\
            forked @ git+https://github.com/a/forked@v1\n\
            ./ours\n\
            https://example.org/a-1.0.whl#egg=a\n\
            -e .\n";
        let expected = [
            "gap undetermined: not pinned to one version: flask, celery, numpy, forked",
            "pypi certifi 2024.7.4 locked",
            "pypi django 4.2.1 locked",
            "pypi idna 3.7 locked",
            "pypi requests 2.31.0 locked",
        ];
        for path in ["requirements.txt", "app/requirements/base.txt", "app/requirements_prod.txt"] {
            check(path, text, &expected);
        }
        check("requirements.txt", text.replace('\n', "\r\n"), &expected);
        check("site-packages/x/requirements.txt", text, &[]);
    }

    #[test]
    fn the_name_of_the_file_may_say_development() {
        for path in ["requirements-dev.txt", "test_requirements.txt", "requirements/docs.txt"] {
            check(path, "a==1\n", &["pypi a 1 locked-for-development"]);
        }
    }

    #[test]
    fn prose_and_rubbish_ask_for_nothing() {
        check("system-requirements.txt", "You need a computer.\nIt must be on.\n\u{0}\u{1}\n", &[]);
        check("requirements.txt", "", &[]);
        check("requirements.txt", "\\", &[]);
        check("requirements.txt", "a==1\\", &["pypi a 1 locked"]);
    }

    #[test]
    fn utf_16_of_windows_is_read() {
        let text: Vec<u8> = "\u{feff}a==1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check("requirements.txt", text, &["pypi a 1 locked"]);
    }
}
