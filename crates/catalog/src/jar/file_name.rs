//! What a jar's file name says: `artifact-version[-classifier].jar`, the layout of Maven repositories.

/// The parts of a file name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct FileName {
    /// `log4j-1.2-api` of `log4j-1.2-api-2.17.1.jar`; the whole stem when no version can be told.
    pub(super) artifact: String,
    /// Empty when there is none.
    pub(super) version: String,
}

/// Words that continue a version.
const QUALIFIERS: [&str; 22] = [
    "alpha",
    "beta",
    "rc",
    "cr",
    "m",
    "milestone",
    "snapshot",
    "final",
    "ga",
    "release",
    "sp",
    "jre",
    "android",
    "incubating",
    "b",
    "build",
    "redhat",
    "patch",
    "pre",
    "ea",
    "fuse",
    "v",
];

/// Words behind the version that name a variant of the same artifact.
const CLASSIFIERS: [&str; 24] = [
    "sources",
    "javadoc",
    "tests",
    "test",
    "shaded",
    "all",
    "jar",
    "with",
    "dependencies",
    "uber",
    "fat",
    "standalone",
    "linux",
    "windows",
    "osx",
    "macos",
    "x",
    "aarch",
    "amd",
    "exec",
    "bundle",
    "plain",
    "boot",
    "native",
];

impl FileName {
    /// Reads the last component of a path.
    pub(super) fn parse(name: &str) -> FileName {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let tokens: Vec<&str> = stem.split('-').collect();
        for start in 1..tokens.len() {
            let (artifact, version) = tokens.split_at(start);
            if let Some(version) = version_of(version) {
                return FileName { artifact: artifact.join("-"), version };
            }
        }
        bundle(stem).unwrap_or_else(|| FileName { artifact: stem.to_owned(), version: String::new() })
    }
}

/// The version that these tokens are, without classifiers; `None` when one of them is neither.
fn version_of(tokens: &[&str]) -> Option<String> {
    let (first, rest) = tokens.split_first()?;
    let digits = first.strip_prefix('v').unwrap_or(first);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut version = vec![*first];
    let mut is_over = false;
    for token in rest {
        let is_number = token.starts_with(|c: char| c.is_ascii_digit());
        if !is_over && (is_number || is_word(token, &QUALIFIERS)) {
            version.push(token);
        } else if is_word(token, &CLASSIFIERS) {
            is_over = true;
        } else {
            return None;
        }
    }
    Some(version.join("-"))
}

/// A word of the list, digits or a dotted rest behind it allowed: `rc1`, `x86_64`, `jre8`.
fn is_word(token: &str, words: &[&str]) -> bool {
    let token = token.to_ascii_lowercase();
    let letters = token.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(token.len());
    token.get(..letters).is_some_and(|word| words.contains(&word))
}

/// Eclipse names bundles `symbolic.name_1.2.3.jar`.
fn bundle(stem: &str) -> Option<FileName> {
    let (artifact, version) = stem.rsplit_once('_')?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && version.matches('.').count() >= 2;
    (is_version && !artifact.is_empty())
        .then(|| FileName { artifact: artifact.to_owned(), version: version.to_owned() })
}
