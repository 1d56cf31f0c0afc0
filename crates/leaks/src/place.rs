//! What a path says of what stands in the file.

/// Directories whose files show how something is used.
const EXAMPLE_DIRECTORIES: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "test-data",
    "test_data",
    "__tests__",
    "spec",
    "specs",
    "fixtures",
    "fixture",
    "__fixtures__",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "doc",
    "docs",
    "documentation",
    "mock",
    "mocks",
    "__mocks__",
    "testutil",
    "testutils",
    "testsuite",
    "unittests",
    "idlelib",
    "benches",
    "benchmarks",
    "e2e",
    "man",
    "selftest",
    "vectors",
    "_examples",
];

/// Endings of files that show how something is used.
const EXAMPLE_ENDINGS: &[&str] = &[
    "_test.go",
    "_test.py",
    "_test.rs",
    ".test.js",
    ".test.ts",
    ".spec.js",
    ".spec.ts",
    "_spec.rb",
    "Test.java",
    "Tests.cs",
    ".md",
    ".markdown",
    ".rst",
    ".adoc",
    ".example",
    ".sample",
    ".template",
    ".tmpl",
    ".dist",
    ".j2",
    "_test.rb",
    "tests.rs",
    "test.c",
    ".schema.json",
];

/// Whether a path is that of a test, an example or documentation.
pub(crate) fn is_example(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    EXAMPLE_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || name.starts_with("test_")
        || matches!(name, "METADATA" | "PKG-INFO")
        || name.starts_with("README")
        || parts.any(|part| {
            EXAMPLE_DIRECTORIES.iter().any(|known| part.eq_ignore_ascii_case(known))
                || part.ends_with("_test")
                || part.ends_with("-test")
        })
}
