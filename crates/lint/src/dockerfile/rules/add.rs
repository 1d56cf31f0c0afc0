//! `ADD`.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Instruction, Keyword, Word};

pub(super) const FOR_COPY: Check = Check {
    rule: Rule {
        id: "add-instead-of-copy",
        title: "ADD where COPY does the same",
        why: "ADD also fetches from the network and unpacks archives. Where neither is meant, a file with the wrong \
              name or content does more than the reader expects.",
        fix: "Use COPY.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#add-or-copy"],
        controls: controls::COPY,
    },
    aliases: &["DL3020", "DS-0005", "CKV_DOCKER_4", "CIS-DI-0009"],
    standing: Standing::On,
    bad: &["FROM debian:12\nADD app /app\n", "FROM debian:12\nADD [\"a b\", \"/x/\"]\n"],
    good: &[
        "FROM debian:12\nCOPY app /app\n",
        "FROM debian:12\nADD app.tar.gz /app\n",
        "FROM debian:12\nADD --checksum=sha256:aa https://example.org/x /x\n",
        "FROM debian:12\nADD --keep-git-dir=true https://github.com/a/b.git#v1 /x\n",
        "FROM debian:12\nADD $FILE /x\n",
    ],
    look: for_copy,
};

pub(super) const UNVERIFIED: Check = Check {
    rule: Rule {
        id: "add-without-checksum",
        title: "ADD from the network without a checksum",
        why: "Whoever controls the server or the way to it decides what goes into the image, and nobody notices a \
              change.",
        fix: "Add --checksum=sha256:… with the digest of what was reviewed; for a repository name a commit.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#add---checksum"],
        controls: controls::VERIFIED,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nADD https://example.org/x /x\n",
        "FROM debian:12\nADD https://github.com/a/b.git /x\n",
        "FROM debian:12\nADD git@github.com:a/b.git#main /x\n",
    ],
    good: &[
        "FROM debian:12\nADD --checksum=sha256:aa https://example.org/x /x\n",
        "FROM debian:12\nADD https://github.com/a/b.git#0123456789abcdef0123456789abcdef01234567 /x\n",
        "FROM debian:12\nADD x /x\n",
    ],
    look: unverified,
};

fn is_web(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

fn is_repository(text: &str) -> bool {
    let address = text.split(['#', '?']).next().unwrap_or(text);
    text.starts_with("git@")
        || text.starts_with("git://")
        || text.starts_with("ssh://")
        || (is_web(text) && address.ends_with(".git"))
}

/// Names of files that `ADD` unpacks; BuildKit looks at their content.
pub(super) fn is_archive(text: &str) -> bool {
    const ENDS: [&str; 12] = [
        ".tar",
        ".tar.gz",
        ".tgz",
        ".tar.bz2",
        ".tbz",
        ".tbz2",
        ".tar.xz",
        ".txz",
        ".tar.zst",
        ".tzst",
        ".tar.lzma",
        ".gz",
    ];
    let lower = text.trim_matches(['"', '\'']).to_ascii_lowercase();
    ENDS.iter().any(|end| lower.ends_with(end)) || lower.ends_with(".bz2") || lower.ends_with(".xz")
}

fn sources<'f>(file: &'f File<'_>) -> impl Iterator<Item = (&'f Instruction, &'f [Word])> {
    let adds = file.of(Keyword::Add).map(|(instruction, _)| instruction);
    adds.filter_map(|add| add.sources_and_target().map(|(sources, _)| (add, sources)))
}

fn for_copy(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (add, sources) in sources(file) {
        let needs_add = |word: &Word| {
            let text = word.text.as_str();
            is_web(text)
                || is_repository(text)
                || is_archive(text)
                || text.contains('$')
                || text.contains("tar.")
        };
        let is_special = add.flag("checksum").is_some() || add.flag("unpack").is_some();
        if is_special || sources.iter().any(needs_add) {
            continue;
        }
        let new = if add.name.text.starts_with('a') { "copy" } else { "COPY" };
        hits.add(add.name.span, "ADD brings files of the build context", "COPY")
            .detail(add.rest_text().split_whitespace().collect::<Vec<_>>().join(" "))
            .change(add.name.span, new);
    }
}

fn unverified(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (add, sources) in sources(file) {
        if add.flag("checksum").is_some() {
            continue;
        }
        for word in sources {
            let reference = word.text.split_once(['#', '?']).map_or("", |(_, reference)| reference);
            let commit = reference.split([':', '&']).next().unwrap_or_default();
            let commit = commit.rsplit('=').next().unwrap_or_default();
            let is_commit = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_repository(&word.text) && !is_commit {
                hits.add(
                    word.span,
                    "a repository is added at a name that moves",
                    "the id of a commit behind #",
                );
            } else if is_web(&word.text) && !is_repository(&word.text) {
                hits.add(word.span, "a file from the network is added unchecked", "--checksum=sha256:…");
            }
        }
    }
}
