//! `# syntax=`: the program that reads the file.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};

pub(super) const UNKNOWN: Check = Check {
    rule: Rule {
        id: "syntax-frontend-unknown",
        title: "Build file read by an unknown program",
        why: "# syntax= names an image that the builder pulls and lets decide what is built. A slip of a letter hands \
              the build to whoever took that name.",
        fix: "Use docker/dockerfile:1, or allow the image on purpose with a comment that says why.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/buildkit/frontend/"],
        controls: controls::TRUSTED_BASE,
    },
    aliases: &["syntax-directive-typo"],
    standing: Standing::On,
    bad: &["# syntax=dockr/dockerfile:1\nFROM debian:12\n", "# syntax=example.org/x/y:1\nFROM debian:12\n"],
    good: &[
        "# syntax=docker/dockerfile:1\nFROM debian:12\n",
        "# syntax=docker.io/docker/dockerfile:1.7-labs\nFROM debian:12\n",
        "# syntax=docker/dockerfile-upstream:master\nFROM debian:12\n",
    ],
    look: unknown,
};

pub(super) const UNPINNED: Check = Check {
    rule: Rule {
        id: "syntax-frontend-unpinned",
        title: "Program that reads the build file not pinned by its digest",
        why: "The tag can move to another program, which then decides what is built. (Off by default: Docker \
              recommends docker/dockerfile:1 for its fixes.)",
        fix: "Append the digest and let a bot raise it.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/buildkit/frontend/"],
        controls: controls::TRUSTED_BASE,
    },
    aliases: &[],
    standing: Standing::Off,
    bad: &["# syntax=docker/dockerfile:1\nFROM debian:12\n"],
    good: &[
        "# syntax=docker/dockerfile:1@sha256:0000000000000000000000000000000000000000000000000000000000000000\nFROM debian:12\n",
        "FROM debian:12\n",
    ],
    look: unpinned,
};

fn unknown(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const KNOWN: [&str; 4] = [
        "docker/dockerfile",
        "docker/dockerfile-upstream",
        "docker.io/docker/dockerfile",
        "docker.io/docker/dockerfile-upstream",
    ];
    for directive in file.parsed.directives.iter().filter(|directive| directive.name == "syntax") {
        let image = directive.value.split_whitespace().next().unwrap_or_default();
        let name = image.split('@').next().unwrap_or(image);
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        if !KNOWN.contains(&name) {
            hits.add(directive.value_span, format!("{name} is not Docker's own"), "docker/dockerfile:1");
        }
    }
}

fn unpinned(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for directive in file.parsed.directives.iter().filter(|directive| directive.name == "syntax") {
        if !directive.value.contains("@sha256:") {
            hits.add(
                directive.value_span,
                "the tag of the frontend can move",
                format!("{}@sha256:…", directive.value),
            );
        }
    }
}
