//! Tells by its path whether a file is what a reader looks for.
//!
//! These run for every file of an image, so they compare bytes and allocate nothing. A lock file counts where it
//! belongs to a project: the ones that lie inside an installed dependency (`node_modules/x/yarn.lock`,
//! `gems/x-1.0/Gemfile.lock`, the Go module cache) say what its authors developed with, not what is here.

use seawall_inventory::{Entry, EntryKind, Interest};

/// Whether the entry is a regular file (or another name of one) with exactly this last path component.
#[inline(always)]
pub(crate) fn is_named(entry: &Entry<'_>, name: &str) -> bool {
    match entry.path.as_bytes().strip_suffix(name.as_bytes()) {
        Some([] | [.., b'/']) => is_file(entry),
        _ => false,
    }
}

/// Whether the entry is a regular file (or another name of one) whose path ends so.
#[inline(always)]
pub(crate) fn ends(entry: &Entry<'_>, suffix: &str) -> bool {
    entry.path.as_bytes().ends_with(suffix.as_bytes()) && is_file(entry)
}

#[inline(always)]
fn is_file(entry: &Entry<'_>) -> bool {
    matches!(entry.kind, EntryKind::File | EntryKind::Hardlink(_))
}

/// The whole of a file where `wanted`.
#[inline(always)]
pub(crate) fn whole_if(wanted: bool) -> Interest {
    if wanted { Interest::Whole } else { Interest::No }
}

/// The whole of a lock file where `named` and it does not lie inside an installed dependency.
#[inline(always)]
pub(crate) fn lock_if(named: bool, entry: &Entry<'_>) -> Interest {
    whole_if(named && !is_inside_dependency(entry.path))
}

/// Whether a path lies inside a dependency that some package manager unpacked.
pub(crate) fn is_inside_dependency(path: &str) -> bool {
    let mut previous = ["", ""];
    for component in path.split('/') {
        let inside = match component {
            "node_modules" | "site-packages" | "dist-packages" | "bower_components" => true,
            // Bundler and RubyGems: gems/NAME-VERSION/… beside specifications/; bundler/gems for git sources.
            _ if previous[1] == "gems" => ends_in_version(component),
            // Cargo: ~/.cargo/registry/src/INDEX/NAME-VERSION and git/checkouts.
            "src" => previous[1] == "registry",
            "checkouts" => previous[1] == "git",
            // Go module cache: $GOPATH/pkg/mod.
            "mod" => previous[1] == "pkg",
            // Composer: vendor/VENDOR/NAME/…; only a file two levels down, so checked below.
            _ => false,
        };
        if inside {
            return true;
        }
        previous = [previous[1], component];
    }
    is_inside_composer_vendor(path)
}

/// `nokogiri-1.16.0`, `nokogiri-1.16.0-x86_64-linux`, `thing-1a2b3c4d` (a git checkout).
fn ends_in_version(directory: &str) -> bool {
    directory.split('-').skip(1).any(|part| part.starts_with(|c: char| c.is_ascii_digit()) || is_hash(part))
}

fn is_hash(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `vendor/symfony/console/composer.lock`.
fn is_inside_composer_vendor(path: &str) -> bool {
    let Some(directory) = path.strip_suffix("/composer.lock") else {
        return false;
    };
    let mut above = directory.rsplit('/');
    above.nth(2) == Some("vendor")
}

#[cfg(test)]
mod tests {
    use super::is_inside_dependency;

    fn check(path: &str, inside: bool) {
        assert_eq!(is_inside_dependency(path), inside, "{path}");
    }

    #[test]
    fn lock_files_of_dependencies_are_not_the_projects_own() {
        check("app/node_modules/fsevents/yarn.lock", true);
        check("usr/lib/python3/dist-packages/x/requirements.txt", true);
        check("usr/local/bundle/gems/nokogiri-1.16.0-x86_64-linux/Gemfile.lock", true);
        check("usr/lib/ruby/gems/3.1.0/gems/rbs-2.1.0/steep/Gemfile.lock", true);
        check("usr/local/bundle/bundler/gems/thing-1a2b3c4d5e6f/Gemfile.lock", true);
        check("root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/ring-0.17.8/Cargo.lock", true);
        check("root/.cargo/git/checkouts/x-1a2b3c4d5e6f7a8b/1a2b3c4/Cargo.lock", true);
        check("go/pkg/mod/golang.org/x/net@v0.17.0/go.mod", true);
        check("app/vendor/symfony/console/composer.lock", true);
    }

    #[test]
    fn lock_files_of_projects_are() {
        check("composer.lock", false);
        check("app/composer.lock", false);
        check("srv/vendor/composer.lock", false);
        check("srv/gems/Gemfile.lock", false);
        check("srv/gems/my-app/Gemfile.lock", false);
        check("srv/mod/go.mod", false);
        check("app/src/Cargo.lock", false);
        check("yarn.lock", false);
    }
}
