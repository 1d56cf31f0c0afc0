//! What of the build context goes into the image.

use seawall_finding::Confidence;

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Instruction, Keyword, Word};
use crate::dockerfile::limits::IGNORE_LINES_MAX;

pub(super) const IGNORED: Check = Check {
    rule: Rule {
        id: "copy-ignored-file",
        title: "Copy of a file that .dockerignore leaves out",
        why: "The builder never sees the file: the build fails, or copies less than was meant.",
        fix: "Take the file out of .dockerignore, or do not copy it.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/build-checks/copy-ignored-file/"],
        controls: controls::NONE,
    },
    aliases: &["CopyIgnoredFile"],
    standing: Standing::On,
    bad: &[],
    good: &["FROM debian:12\nCOPY a /a\n"],
    look: ignored,
};

pub(super) const UNFILTERED: Check = Check {
    rule: Rule {
        id: "context-copied-unfiltered",
        title: "Whole build context copied with its history and credentials",
        why: "Without a .dockerignore, `COPY .` takes .git with everything ever committed, .env files and keys into the \
              image, where everyone who can pull it reads them.",
        fix: "Write a .dockerignore that leaves out .git, .env and keys, or copy only what is needed.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/concepts/context/#dockerignore-files"],
        controls: controls::SECRETS,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[],
    good: &["FROM debian:12\nCOPY . /app\n"],
    look: unfiltered,
};

pub(super) const CREDENTIALS: Check = Check {
    rule: Rule {
        id: "credential-file-copied",
        title: "File with credentials copied into the image",
        why: "Whoever can pull the image has the credentials, also when a later step deletes the file: the layer stays.",
        fix: "Mount it for the one step that needs it: RUN --mount=type=secret,id=…, or --mount=type=ssh.",
        severity: Severity::High,
        references: &["https://docs.docker.com/build/building/secrets/"],
        controls: controls::SECRETS,
    },
    aliases: &["DS-0031", "CIS-DI-0010"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nCOPY .npmrc /root/\n",
        "FROM debian:12\nADD keys/id_rsa /root/.ssh/id_rsa\n",
        "FROM debian:12\nCOPY .env /app/.env\n",
    ],
    good: &[
        "FROM debian:12\nCOPY id_rsa.pub /root/.ssh/\n",
        "FROM debian:12\nCOPY .env.example /app/\n",
        "FROM debian:12 AS a\nFROM debian:12\nCOPY --from=a /app/x /x\n",
    ],
    look: credentials,
};

/// Copies from the build context: the instruction and its sources.
fn from_context<'f>(file: &'f File<'_>) -> impl Iterator<Item = (&'f Instruction, &'f [Word])> {
    let all = file.of(Keyword::Copy).chain(file.of(Keyword::Add));
    all.filter(|(instruction, _)| instruction.flag("from").is_none()).filter_map(|(instruction, _)| {
        instruction.sources_and_target().map(|(sources, _)| (instruction, sources))
    })
}

fn ignored(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let Some(patterns) = file.dockerignore else { return };
    for (_, sources) in from_context(file).take(IGNORE_LINES_MAX) {
        for word in sources.iter().take(IGNORE_LINES_MAX) {
            let text = word.text.trim_matches(['"', '\'']);
            let is_plain = !text.contains(['*', '?', '[', '$', '<']) && !text.contains("://");
            let path = clean(text);
            if is_plain && !path.is_empty() && is_ignored(patterns, &path) {
                hits.add(
                    word.span,
                    format!("{path} is left out by .dockerignore"),
                    "a file of the build context",
                );
            }
        }
    }
}

fn unfiltered(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let Some(patterns) = file.dockerignore else { return };
    for (instruction, sources) in from_context(file) {
        if instruction.flag("exclude").is_some() {
            continue;
        }
        let Some(word) = sources.iter().find(|word| clean(word.text.trim_matches(['"', '\''])).is_empty())
        else {
            continue;
        };
        let left =
            [".git", ".env"].into_iter().filter(|name| !is_ignored(patterns, name)).collect::<Vec<_>>();
        if left.contains(&".git") {
            let summary = format!(
                "the whole context is copied, and .dockerignore does not leave out {}",
                left.join(" and ")
            );
            hits.add(word.span, summary, "a .dockerignore with .git, .env and keys")
                .detail(word.text.clone());
        }
    }
}

fn credentials(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const NAMES: [&str; 22] = [
        ".npmrc",
        ".pypirc",
        ".netrc",
        "_netrc",
        ".git-credentials",
        ".env",
        ".htpasswd",
        ".pgpass",
        ".my.cnf",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        ".dockercfg",
        "kubeconfig",
        "service-account.json",
        "credentials.json",
        ".yarnrc.yml",
        "secring.gpg",
        ".s3cfg",
        ".terraformrc",
        "settings-security.xml",
    ];
    const PATHS: [&str; 6] = [
        ".aws/credentials",
        ".docker/config.json",
        ".kube/config",
        ".ssh",
        ".gnupg",
        "gcloud/credentials.db",
    ];
    for (_, sources) in from_context(file) {
        for word in sources {
            let text = word.text.trim_matches(['"', '\'']).trim_end_matches('/');
            let name = text.rsplit('/').next().unwrap_or(text);
            let is_path = PATHS.iter().any(|path| text == *path || text.ends_with(&format!("/{path}")));
            let is_key = name.ends_with("_rsa")
                || name.ends_with(".p12")
                || name.ends_with(".pfx")
                || name.ends_with(".ppk");
            if NAMES.contains(&name) || is_path || is_key {
                let configures = matches!(name, ".npmrc" | ".yarnrc.yml" | ".env");
                let confidence = if configures { Confidence::Medium } else { Confidence::High };
                hits.add(word.span, format!("{name} usually holds credentials"), "a secret mount")
                    .confidence(confidence);
            }
        }
    }
}

/// A path of the context without `./`, `/` and double slashes.
fn clean(path: &str) -> String {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
    parts.join("/")
}

/// Whether a `.dockerignore` leaves a path out: the last pattern that fits it or a directory above it decides.
fn is_ignored(patterns: &str, path: &str) -> bool {
    let mut ignored = false;
    let lines = patterns.lines().take(IGNORE_LINES_MAX).map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (pattern, keeps) = match line.strip_prefix('!') {
            Some(pattern) => (pattern.trim(), true),
            None => (line, false),
        };
        let pattern = clean(pattern);
        // Each `**` is tried at each depth.
        if pattern.matches("**").count() > 3 || path.len() > 1_000 {
            continue;
        }
        let parts: Vec<&str> = path.split('/').collect();
        let fits = (1..=parts.len()).any(|len| {
            let head = parts.get(..len).unwrap_or_default();
            fits_parts(&pattern.split('/').collect::<Vec<_>>(), head)
        });
        if fits {
            ignored = !keeps;
        }
    }
    ignored
}

/// `**` stands for any number of directories.
fn fits_parts(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            (0..=path.len()).any(|skip| fits_parts(rest, path.get(skip..).unwrap_or_default()))
        }
        (Some((first, rest)), Some((name, names))) => {
            fits_name(first.as_bytes(), name.as_bytes()) && fits_parts(rest, names)
        }
        _ => false,
    }
}

/// `*`, `?` and literal characters within one name.
fn fits_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut retry) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(&ch) if ch == b'?' || Some(&ch) == name.get(n) => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((from, at)) = retry else { return false };
                retry = Some((from, at + 1));
                (p, n) = (from, at + 1);
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::is_ignored;

    #[test]
    fn the_last_pattern_decides() {
        let cases = [
            ("*\n!src", "src/a", false),
            ("*\n!src", "b", true),
            (".git", ".git/config", true),
            ("**/*.md\n!README.md", "docs/a.md", true),
            ("**/*.md\n!README.md", "README.md", false),
            ("# a\n/b/", "b", true),
            ("", "a", false),
            ("a/**/c", "a/b/x/c", true),
        ];
        for (patterns, path, expected) in cases {
            assert_eq!(is_ignored(patterns, path), expected, "{patterns:?} {path}");
        }
    }
}
