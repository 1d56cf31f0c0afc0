//! containerd's image verifier (`docs/image-verification.md` of containerd 1.7 and later): a program that is given a name
//! and a digest before the image is pulled, and whose exit code decides.
//!
//! containerd hands over the digest that it will pull, so no name is resolved here.

use seawall_inventory::{Digest, ImageName};
use serde::Deserialize;

use crate::decide::{Admission, Decision, Meant, Request, Wanted};
use crate::limits::{DECIDE_WITHIN, REASON_BYTES_MAX};
use crate::settings::{Engine, Place};

const DESCRIPTOR: &str = "application/vnd.oci.descriptor.v1+json";

/// What containerd asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Asked {
    name: String,
    digest: String,
    media_type: String,
}

/// The arguments as Go programs take them: `-name N`, `--name N`, `-name=N`.
fn asked(arguments: &[String]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let bare = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'));
        let bare = bare.ok_or_else(|| format!("`{argument}` is no option"))?;
        let (name, value) = match bare.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (bare, rest.next().cloned().ok_or_else(|| format!("`{argument}` has no value"))?),
        };
        let field = match name {
            "name" => &mut asked.name,
            "digest" => &mut asked.digest,
            "stdin-media-type" => &mut asked.media_type,
            _ => return Err(format!("`{argument}` is not known")),
        };
        if !std::mem::replace(field, value).is_empty() {
            return Err(format!("`{argument}` is there twice"));
        }
    }
    Ok(asked)
}

/// What containerd writes on standard input.
#[derive(Deserialize)]
struct Descriptor {
    digest: Digest,
}

fn wanted(arguments: &[String], input: &[u8]) -> Result<Wanted, String> {
    let asked = asked(arguments)?;
    let digest: Digest = asked.digest.parse().map_err(|error| format!("{error}"))?;
    let name: ImageName = asked.name.parse().map_err(|error| format!("{error}"))?;
    if name.digest().is_some_and(|named| *named != digest) {
        return Err(format!("{} is asked for with the digest {digest}", asked.name));
    }
    if asked.media_type == DESCRIPTOR {
        let descriptor: Descriptor = seawall_trust::json::read(input)
            .map_err(|error| format!("the descriptor cannot be read: {error}"))?;
        if descriptor.digest != digest {
            return Err(format!("the descriptor is that of {}, not of {digest}", descriptor.digest));
        }
    }
    Ok(Wanted { written: asked.name, meant: Ok(Meant::Remote(name.with_digest(digest))) })
}

/// Decides what containerd asks with these arguments and this standard input; and one line for standard output, which
/// containerd logs or shows. What cannot be read is not trusted.
pub fn answer(admission: &Admission, arguments: &[String], input: &[u8]) -> (Decision, String) {
    let unknown = |reason| Wanted { written: "the image".to_owned(), meant: Err(reason) };
    let images = vec![wanted(arguments, input).unwrap_or_else(unknown)];
    let place = Place { engine: Engine::Containerd, namespace: None, user: None };
    let decision = admission.decide(&Request { place, images, within: DECIDE_WITHIN });
    let reasons = decision.reasons().join(" ");
    let by = || decision.images.iter().filter_map(|image| image.verified.as_ref());
    let mut reason = match (reasons.is_empty(), decision.allowed) {
        (true, _) => {
            let by = by().map(|verified| format!("signed by {}", verified.by.join(", ")));
            by.chain(decision.leniences()).collect::<Vec<_>>().join("; ")
        }
        (false, true) => format!("{} mode: {reasons}", decision.mode),
        (false, false) => reasons,
    };
    reason = reason.replace(char::is_control, " ");
    while reason.len() > REASON_BYTES_MAX - 1 {
        reason.pop();
    }
    (decision, reason)
}

/// The program that containerd calls, which knows no arguments of ours: it hands over these.
pub fn wrapper(program: &str, arguments: &[String]) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let words: Vec<String> =
        [program].into_iter().chain(arguments.iter().map(String::as_str)).map(quoted).collect();
    format!(
        "#!/bin/sh\n# Put this file, executable, into containerd's image verifiers: /opt/containerd/image-verifier/bin\n\
         exec {} -- \"$@\"\n",
        words.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], input: &str, expected: &str) {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let shown = match wanted(&arguments, input.as_bytes()) {
            Ok(Wanted { meant: Ok(Meant::Remote(name)), .. }) => name.to_string(),
            Ok(other) => format!("{other:?}"),
            Err(reason) => reason,
        };
        assert!(shown.contains(expected), "{arguments:?}: {shown}");
    }

    #[test]
    fn arguments_are_read_as_containerd_writes_them() {
        let digest = format!("sha256:{}", "1".repeat(64));
        let other = format!("sha256:{}", "2".repeat(64));
        let named = format!("a.b/c:1@{digest}");
        let descriptor = |digest: &str| format!(r#"{{"mediaType":"x","digest":"{digest}","size":3}}"#);
        let media = ["-stdin-media-type", DESCRIPTOR];
        let with = |more: &[&str], input: &str, expected: &str| {
            check(&[more, &media[..]].concat(), input, expected);
        };
        with(&["-name", "a.b/c:1", "-digest", &digest], &descriptor(&digest), &named);
        with(&["--name=a.b/c:1", "--digest", &digest], &descriptor(&digest), &named);
        with(&["-name", &named, "-digest", &digest], &descriptor(&digest), &named);
        with(&["-name", &named, "-digest", &other], &descriptor(&other), "is asked for with the digest");
        with(&["-name", "a.b/c:1", "-digest", &digest], &descriptor(&other), "the descriptor is that of");
        with(&["-name", "a.b/c:1", "-digest", &digest], "{", "cannot be read");
        with(&["-name", "a.b/c:1"], &descriptor(&digest), "not a digest");
        with(&["-name", "a.b/c:1", "-name", "d", "-digest", &digest], "", "twice");
        check(&["-name", "a.b/c:1", "-digest", &digest], "", &named);
        check(&["-digest"], "", "has no value");
        check(&["name"], "", "is no option");
        check(&["-force", "yes"], "", "is not known");
    }

    #[test]
    fn what_is_only_logged_stands_in_the_answer() {
        let site = crate::testing::site("", std::time::Duration::ZERO);
        let arguments = ["-name", "a.b/team/app:1", "-digest", &crate::testing::digest('7').to_string()];
        let (decision, reason) = answer(&site.admission, &arguments.map(str::to_owned), b"");
        assert!(decision.allowed && reason.starts_with("signed by "), "{reason}");
        assert!(
            reason.contains("; a.b/team/app:1: notation's trust policy only logs: it expired"),
            "{reason}"
        );
    }
}
