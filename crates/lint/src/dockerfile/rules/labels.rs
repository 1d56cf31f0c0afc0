//! Labels (OCI image-spec, `annotations.md`).

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::expand::expand;
use crate::dockerfile::instruction::{Keyword, Pair};

pub(super) const KEY: Check = Check {
    rule: Rule {
        id: "label-key-invalid",
        title: "Label with a name against the rules",
        why: "Names with other characters, or in the name space of Docker, may mean something else to the engine.",
        fix: "Use lower-case letters, digits, dots and dashes, and a domain of your own in front.",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/engine/manage-resources/labels/#key-format-recommendations"],
        controls: controls::NONE,
    },
    aliases: &["DL3048", "labels/valid-key"],
    standing: Standing::Off,
    bad: &[
        "FROM debian:12\nLABEL Foo=x\n",
        "FROM debian:12\nLABEL com.docker.x=y\n",
        "FROM debian:12\nLABEL a..b=y\n",
    ],
    good: &["FROM debian:12\nLABEL org.example.a-b=x maintainer=y\n"],
    look: key,
};

pub(super) const VALUE: Check = Check {
    rule: Rule {
        id: "label-value-invalid",
        title: "Standard label with a value of another kind",
        why: "Tools read these labels: an address, a date, a licence, a revision. What they cannot read they drop.",
        fix: "Write what the specification asks for.",
        severity: Severity::Low,
        references: &["https://github.com/opencontainers/image-spec/blob/main/annotations.md"],
        controls: controls::NONE,
    },
    aliases: &["DL3051", "DL3052", "DL3053", "DL3054", "DL3055", "DL3056", "DL3058"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nLABEL org.opencontainers.image.created=yesterday\n",
        "FROM debian:12\nLABEL org.opencontainers.image.source=\"\"\n",
        "FROM debian:12\nLABEL org.opencontainers.image.url=example\n",
    ],
    good: &[
        "FROM debian:12\nLABEL org.opencontainers.image.created=2026-01-02T03:04:05Z org.opencontainers.image.url=https://example.org\n",
        "FROM debian:12\nARG D\nLABEL org.opencontainers.image.created=$D\n",
        "FROM debian:12\nLABEL org.opencontainers.image.licenses=\"MIT OR Apache-2.0\" x=\"\"\n",
    ],
    look: value,
};

pub(super) const MISSING: Check = Check {
    rule: Rule {
        id: "label-missing",
        title: "Image without a label that is asked for",
        why: "Whoever finds the image running does not know whose it is and where it comes from.",
        fix: "Add the label.",
        severity: Severity::Low,
        references: &["https://github.com/opencontainers/image-spec/blob/main/annotations.md"],
        controls: controls::NONE,
    },
    aliases: &["DL3049"],
    standing: Standing::On,
    bad: &[],
    good: &["FROM debian:12\n"],
    look: missing,
};

fn labels<'f>(file: &'f File<'_>) -> impl Iterator<Item = &'f Pair> {
    file.of(Keyword::Label).flat_map(|(label, _)| label.pairs())
}

fn key(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for pair in labels(file) {
        let name = pair.name.text.trim_matches(['"', '\'']);
        let plain =
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        let ends = name.starts_with(|ch: char| ch.is_ascii_lowercase())
            && name.ends_with(|ch: char| ch.is_ascii_alphanumeric());
        let reserved =
            ["com.docker.", "io.docker.", "org.dockerproject."].iter().any(|space| name.starts_with(space));
        let doubled = name.contains("..") || name.contains("--");
        if !name.contains('$') && (!plain || !ends || reserved || doubled) {
            hits.add(
                pair.name.span,
                format!("{name} is no good name of a label"),
                "a name such as org.example.key",
            );
        }
    }
}

fn value(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for pair in labels(file) {
        let name = pair.name.text.trim_matches(['"', '\'']);
        let Some(kind) = name.strip_prefix("org.opencontainers.image.") else { continue };
        let Some(word) = &pair.value else { continue };
        let Ok(expanded) = expand(&word.text, file.parsed.escape, &|_| None) else { continue };
        // A value that is given when the image is built is not known here.
        if !expanded.unset.is_empty() || word.text.contains('$') {
            continue;
        }
        let text = expanded.value.trim();
        let (wrong, expected, alias) = match kind {
            _ if text.is_empty() => (true, "a value", "DL3051"),
            "url" | "documentation" | "source" => (!is_address(text), "an address", "DL3052"),
            "created" => (!is_time(text), "a time such as 2026-01-02T03:04:05Z", "DL3053"),
            "licenses" => (!is_licence(text), "an SPDX expression", "DL3054"),
            "revision" => (text.contains(char::is_whitespace), "the name of a revision", "DL3055"),
            _ => continue,
        };
        if wrong {
            hits.add(word.span, format!("{name} is not {expected}"), expected).detail(name).alias(alias);
        }
    }
}

fn is_address(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
            && !rest.is_empty()
    })
}

/// RFC 3339, by its shape.
fn is_time(text: &str) -> bool {
    let shape: String =
        text.chars().map(|ch| if ch.is_ascii_digit() { '0' } else { ch.to_ascii_uppercase() }).collect();
    let Some(rest) = shape.strip_prefix("0000-00-00") else { return false };
    let Some(rest) = rest.strip_prefix(['T', ' ']).and_then(|rest| rest.strip_prefix("00:00:00")) else {
        return false;
    };
    let rest = rest.strip_prefix('.').map_or(rest, |fraction| fraction.trim_start_matches('0'));
    rest == "Z" || rest == "+00:00" || rest == "-00:00"
}

/// Words of letters, digits, dots and dashes, joined by AND, OR and WITH.
fn is_licence(text: &str) -> bool {
    let text = text.replace(['(', ')'], " ");
    let mut wants_name = true;
    for word in text.split_whitespace() {
        let joins = matches!(word.to_ascii_uppercase().as_str(), "AND" | "OR" | "WITH");
        let is_name = word.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+:".contains(&b));
        if joins == wants_name || !is_name {
            return false;
        }
        wants_name = joins;
    }
    !wants_name
}

fn missing(file: &File<'_>, options: &Options<'_>, hits: &mut Hits) {
    let Some(last) = file.last_stage() else { return };
    let set: Vec<&str> = file
        .lineage(last)
        .flat_map(|stage| file.own(stage).collect::<Vec<_>>())
        .filter(|(instruction, _)| instruction.keyword == Keyword::Label)
        .flat_map(|(instruction, _)| instruction.pairs())
        .map(|pair| pair.name.text.trim_matches(['"', '\'']))
        .collect();
    for label in options.labels.iter().filter(|label| !set.contains(label)) {
        let from = file.stages.get(last).and_then(|stage| file.parsed.instructions.get(stage.from));
        let span = from.map(|from| from.span).unwrap_or_default();
        hits.add(span, format!("the image has no label {label}"), format!("LABEL {label}=…")).detail(*label);
    }
}
