//! `Gemfile.lock` and `gems.locked` of Bundler.
//!
//! Sections at the margin; under `specs:` of `GEM`, `GIT` and `PLUGIN SOURCE` a line of four blanks for each gem,
//! `name (version)` or `name (version-platform)`, and deeper ones for what it needs. `PATH` holds the project's own
//! gems. Bundler does not record which groups a gem belongs to.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use crate::document;
use crate::lock;
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "bundler-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    // `gems.rb` has `gems.locked`; any other `x.gemfile` has `x.gemfile.lock` (the Appraisal tool), which is not in use.
    let named = project::is_named(entry, "Gemfile.lock") || project::is_named(entry, "gems.locked");
    project::lock_if(named, entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let mut section = "";
    let mut is_lock = text.trim().is_empty();
    let mut packages = Vec::new();
    for line in text.lines() {
        if line.starts_with(|c: char| c.is_ascii_uppercase()) {
            section = line.trim_end();
            is_lock |= matches!(section, "GEM" | "GIT" | "PATH" | "PLATFORMS" | "DEPENDENCIES");
        } else if matches!(section, "GEM" | "GIT" | "PLUGIN SOURCE") {
            packages.extend(gem(line));
        }
    }
    if !is_lock {
        return document::malformed(entry, catalog, "not a Bundler lock file: no section is in it");
    }
    catalog.declare_each_once(entry.path, packages);
}

/// `    nokogiri (1.16.0-x86_64-linux)`; a version has no dash, so what follows one is the platform.
fn gem(line: &str) -> Option<Package> {
    let line = line.strip_prefix("    ")?.trim_end();
    let line = line.strip_suffix('!').unwrap_or(line);
    let (name, version) = line.strip_suffix(')')?.split_once(" (")?;
    let version = version.split('-').next().unwrap_or(version);
    let is_gem = !name.is_empty() && !name.contains(' ') && version.starts_with(|c: char| c.is_ascii_digit());
    is_gem.then(|| lock::locked(Ecosystem::Gem, name, version, false))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    const LOCK: &str = "GIT\n  remote: https://github.com/a/forked.git\n  revision: 0123\n  specs:\n    forked (1.2.3)\n      rack (>= 2)\n\n\
PATH\n  remote: .\n  specs:\n    ours (0.1.0)\n\n\
GEM\n  remote: https://rubygems.org/\n  specs:\n    nokogiri (1.16.0)\n      racc (~> 1.4)\n    nokogiri (1.16.0-x86_64-linux)\n    rack (2.2.8)\n    racc (1.7.3.pre1-java)\n\n\
PLATFORMS\n  ruby\n  x86_64-linux\n\nDEPENDENCIES\n  forked!\n  rack (~> 2)\n\nCHECKSUMS\n  rack (9.9.9) sha256=aa\n\nRUBY VERSION\n   ruby 3.1.2p20\n\nBUNDLED WITH\n   2.4.1\n";

    #[test]
    fn gems_are_read_without_platforms() {
        let expected = [
            "gem forked 1.2.3 locked",
            "gem nokogiri 1.16.0 locked",
            "gem racc 1.7.3.pre1 locked",
            "gem rack 2.2.8 locked",
        ];
        check("app/Gemfile.lock", LOCK, &expected);
        check("gems.locked", LOCK.replace('\n', "\r\n"), &expected);
        check("usr/local/bundle/gems/x-1.0/Gemfile.lock", LOCK, &[]);
    }

    #[test]
    fn odd_lines_cost_only_themselves() {
        check(
            "Gemfile.lock",
            "GEM\n  specs:\n    a (1)\n<<<<<<< HEAD\n    b (\n    (1)\n    c ()\n    d (x)\n    e (2)\n",
            &["gem a 1 locked", "gem e 2 locked"],
        );
        check("Gemfile.lock", "", &[]);
        check("Gemfile.lock", "hello\n", &["gap malformed: not a Bundler lock file: no section is in it"]);
    }
}
