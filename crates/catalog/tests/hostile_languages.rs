//! The readers of language packages on broken, cut, mistyped, deep and huge files: they end soon, do not panic, and
//! do not lose what is sound beside what is not.

use std::time::{Duration, Instant};

use seawall_catalog::{Catalog, Cataloger};
use seawall_inventory::{Entry, EntryKind, InMemory, Interest, Visitor};

fn catalog(path: &str, bytes: &[u8]) -> Catalog {
    let mut cataloger = Cataloger::new();
    let size_bytes = bytes.len() as u64;
    let entry = Entry { path, kind: EntryKind::File, size_bytes, mode: 0o644, uid: 0, gid: 0 };
    assert_ne!(cataloger.interest(&entry), Interest::No, "{path} is read");
    cataloger.visit(&entry, &mut InMemory::new(bytes));
    cataloger.finish()
}

/// A path of each reader with a small sound file.
const SOUND: &[(&str, &str)] = &[
    ("a-1.dist-info/METADATA", "Name: a\nVersion: 1\nLicense: MIT\n\ntext"),
    ("x/pip/_vendor/vendor.txt", "a==1\n"),
    (
        "poetry.lock",
        "[[package]]\nname = \"a\"\nversion = \"1\"\ngroups = [\"main\"]\n[package.source]\ntype = \"git\"\n",
    ),
    ("pdm.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\ngroups = [\"dev\"]\n"),
    (
        "uv.lock",
        "version = 1\n[[package]]\nname = \"p\"\nversion = \"1\"\nsource = { editable = \".\" }\ndependencies = [{ name = \"a\" }]\n\
         [[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"r\" }\n",
    ),
    ("pylock.toml", "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\n"),
    ("Pipfile.lock", r#"{"_meta": {}, "default": {"a": {"version": "==1"}}}"#),
    ("requirements.txt", "a==1 \\\n  --hash=sha256:0\nb>=1\n"),
    ("specifications/a-1.gemspec", "# stub: a 1 ruby lib\ns.name = \"a\".freeze\ns.licenses = [\"MIT\"]\n"),
    ("Gemfile.lock", "GEM\n  specs:\n    a (1-java)\n      b (= 1)\n"),
    (
        "a.deps.json",
        r#"{"targets": {"t": {"a/1": {"runtime": {"a.dll": {}}}}}, "libraries": {"a/1": {"type": "package"}}}"#,
    ),
    ("project.assets.json", r#"{"version": 3, "libraries": {"a/1": {"type": "package"}}}"#),
    (
        "packages.lock.json",
        r#"{"version": 1, "dependencies": {"t": {"a": {"type": "Direct", "resolved": "1"}}}}"#,
    ),
    ("packages.config", r#"<packages><package id="a" version="1"/></packages>"#),
    (
        "vendor/composer/installed.json",
        r#"{"packages": [{"name": "a/a", "version": "1", "license": ["MIT"]}]}"#,
    ),
    ("composer.lock", r#"{"packages": [{"name": "a/a", "version": "1"}], "packages-dev": []}"#),
    ("go.mod", "module m\ngo 1.21.1\nrequire (\n\ta v1 // indirect\n)\nreplace a v1 => b v2\nexclude a v3\n"),
    ("Cargo.lock", "version = 4\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \"registry+r\"\n"),
    ("gradle.lockfile", "a:a:1=runtimeClasspath\nempty=\n"),
    (
        "pom.xml",
        "<project><properties><v>1</v></properties><dependencies><dependency><groupId>a</groupId><artifactId>a</artifactId>\
         <version>${v}</version></dependency></dependencies></project>",
    ),
    (
        "build.sbt.lock",
        r#"{"lockVersion": 1, "modules": [{"org": "a", "name": "a", "version": "1", "configurations": ["test"]}]}"#,
    ),
    ("mix.lock", "%{\n  \"a\": {:hex, :a, \"1\", \"0\"},\n}\n"),
    ("rebar.lock", "[{<<\"a\">>,{pkg,<<\"a\">>,<<\"1\">>},0}].\n"),
    ("pubspec.lock", "packages:\n  a:\n    source: hosted\n    version: \"1\"\n"),
    (
        "Package.resolved",
        r#"{"pins": [{"identity": "a", "location": "https://h/a.git", "state": {"version": "1"}}], "version": 2}"#,
    ),
    ("Podfile.lock", "PODS:\n  - a (1)\n  - b (1):\n    - a\n"),
    ("conan.lock", r#"{"version": "0.5", "requires": ["a/1#0"], "build_requires": ["b/1"]}"#),
    ("conda-meta/a-1-0.json", r#"{"name": "a", "version": "1", "license": "MIT"}"#),
    (
        "renv.lock",
        r#"{"R": {}, "Packages": {"a": {"Package": "a", "Version": "1", "Source": "Repository"}}}"#,
    ),
    ("cabal.project.freeze", "constraints: any.a ==1,\n  any.b ==2\n"),
    ("stack.yaml.lock", "packages:\n- completed:\n    hackage: a-1@sha256:0,1\n"),
    ("library/a/DESCRIPTION", "Package: a\nVersion: 1\nLicense: MIT\nBuilt: R 4\n"),
];

/// Far above what any of these takes, on a busy machine too.
const SECONDS_MAX: Duration = Duration::from_secs(60);

#[test]
fn sound_files_give_a_package() {
    for (path, text) in SOUND {
        assert!(!catalog(path, text.as_bytes()).packages.is_empty(), "{path}");
    }
}

#[test]
fn cut_and_damaged_files_are_read_or_are_gaps() {
    for (path, text) in SOUND {
        for end in 0..text.len() {
            catalog(path, &text.as_bytes()[..end]);
        }
        for at in 0..text.len() {
            for byte in [0, b'"', b'[', b'{', b'\\', b'=', b'<', b'\n', 0xff] {
                let mut damaged = text.as_bytes().to_vec();
                damaged[at] = byte;
                catalog(path, &damaged);
            }
        }
    }
}

#[test]
fn values_of_other_types_cost_at_most_themselves() {
    let values = [
        "null",
        "true",
        "-1",
        "1.5e300",
        "\"x\"",
        "[]",
        "{}",
        "[[]]",
        "{\"a\": [{\"a\": {}}]}",
        "[1, \"a\", null]",
    ];
    for (path, text) in SOUND.iter().filter(|(_, text)| text.starts_with('{')) {
        let quotes: Vec<usize> = text.match_indices(": ").map(|(at, _)| at + 2).collect();
        for at in quotes {
            for value in values {
                let end = value_end(text, at);
                let mistyped = format!("{}{value}{}", &text[..at], &text[end..]);
                let is_json =
                    catalog(path, mistyped.as_bytes()).gaps.iter().all(|gap| !gap.reason.contains("JSON"));
                assert!(is_json, "{path}: {mistyped}");
            }
        }
    }
}

/// The end of the JSON value that begins at `start`.
fn value_end(text: &str, start: usize) -> usize {
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<serde_json::Value>();
    assert!(matches!(values.next(), Some(Ok(_))), "{text}");
    start + values.byte_offset()
}

#[test]
fn deep_nesting_ends() {
    let deep = 50_000;
    let json =
        ["{\"packages\":", "[", "{\"a\":", "{\"default\":", "{\"dependencies\":{\"a\":", "{\"targets\":"];
    for (path, text) in SOUND {
        let begun = Instant::now();
        for opening in json {
            catalog(path, opening.repeat(deep).as_bytes());
        }
        for opening in ["a = [", "a = {a = ", "<a>", "(\n", "- ", "a: {"] {
            catalog(path, format!("{text}\n{}", opening.repeat(deep)).as_bytes());
        }
        // Keys with dots nest without brackets.
        catalog(path, format!("{}b = 1\n", "a.".repeat(deep)).as_bytes());
        catalog(path, format!("[{}b]\nc = 1\n", "a.".repeat(deep)).as_bytes());
        catalog(path, format!("[[package{}]]\nc = 1\n", ".a".repeat(deep)).as_bytes());
        assert!(begun.elapsed() < SECONDS_MAX, "{path}");
    }
}

#[test]
fn huge_lists_end() {
    let many = 50_000;
    for (path, text) in SOUND {
        let begun = Instant::now();
        catalog(path, text.repeat(5_000).as_bytes());
        catalog(path, "a==1\n".repeat(many).as_bytes());
        catalog(path, &vec![b'['; 1 << 18]);
        catalog(path, &vec![b'\n'; 1 << 18]);
        catalog(path, &vec![b'"'; 1 << 18]);
        catalog(path, &vec![0; 1 << 18]);
        assert!(begun.elapsed() < SECONDS_MAX, "{path}");
    }
}

#[test]
fn more_packages_than_a_file_may_have_are_a_gap() {
    let pins: String = (0..200_100).map(|number| format!("p{number}==1\n")).collect();
    let catalog = catalog("requirements.txt", pins.as_bytes());
    assert_eq!(catalog.packages.len(), 200_000);
    assert_eq!(catalog.gaps.len(), 1);
}
