//! Metadata and lock files of language packages; the first byte chooses which.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod catalog_content;

const PATHS: &[&str] = &[
    "a-1.dist-info/METADATA",
    "pip/_vendor/vendor.txt",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pylock.toml",
    "requirements.txt",
    "specifications/a-1.gemspec",
    "Gemfile.lock",
    "a.deps.json",
    "project.assets.json",
    "packages.lock.json",
    "packages.config",
    "vendor/composer/installed.json",
    "composer.lock",
    "go.mod",
    "Cargo.lock",
    "gradle.lockfile",
    "pom.xml",
    "build.sbt.lock",
    "mix.lock",
    "rebar.lock",
    "pubspec.lock",
    "Package.resolved",
    "Podfile.lock",
    "conan.lock",
    "conda-meta/a-1-0.json",
    "library/a/DESCRIPTION",
    "renv.lock",
    "cabal.project.freeze",
    "stack.yaml.lock",
    "node_modules/a/package.json",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
];

fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, file)) = bytes.split_first() {
        catalog_content::show(PATHS[usize::from(*choice) % PATHS.len()], file);
    }
});
