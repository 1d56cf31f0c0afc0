//! The history as the build file it comes from, as far as it tells.
//!
//! | builder | a step looks like |
//! |---|---|
//! | BuildKit | `RUN /bin/sh -c apt-get update # buildkit`, `RUN \|1 A=b /bin/sh -c … # buildkit`, `COPY a /b # buildkit` |
//! | Docker before it, buildah | `/bin/sh -c apt-get update`, `\|1 A=b /bin/sh -c …`, `/bin/sh -c #(nop)  ENV A=b` |

use seawall_finding::Finding;
use seawall_inventory::{Image, Place, PlaceLayer};

use super::{Hit, ImageOptions, finding, pointer};
use crate::dockerfile::{Instructions, check_named, names_secret};

/// The checks that hold without the rest of the build file.
const CHECKS: [&str; 14] = [
    "download-piped-to-shell",
    "tls-check-off",
    "signature-check-off",
    "ssh-host-key-unchecked",
    "password-set-in-build",
    "credential-in-address",
    "credential-file-copied",
    "add-instead-of-copy",
    "add-without-checksum",
    "world-writable",
    "setuid-set",
    "sudo-in-build",
    "distribution-upgraded",
    "package-lists-updated-alone",
];

pub(super) fn look(image: &Image, options: &ImageOptions<'_>, found: &mut Vec<Finding>) {
    let base_layers = options.base_layers.unwrap_or(0) as usize;
    let mut layer = 0;
    for (index, step) in image.history.iter().enumerate() {
        let own_layer = (!step.empty_layer).then_some(layer);
        layer += usize::from(!step.empty_layer);
        // A step without a layer belongs to what lies below it.
        let is_base = match own_layer {
            Some(own) => own < base_layers,
            None => layer <= base_layers && base_layers > 0,
        };
        if is_base {
            continue;
        }
        let place = place_of(image, index, own_layer);
        let read = instruction(&step.created_by);
        for name in read.arguments.iter().filter(|name| names_secret(name)) {
            let summary = format!("the build argument {name} left a credential in the history of the image");
            let hit =
                Hit::new(format!("ARG {name}"), format!("{name}=…"), summary).expected("a secret mount");
            if let Some(check) = check_named("secret-in-variable") {
                found.push(finding(image, &check.rule, hit.at(place.clone())));
            }
        }
        // The first step of most images unpacks the distribution itself.
        let is_root_file_system =
            index == 0 || read.text.starts_with("ADD file:") || read.text.starts_with("COPY file:");
        if read.text.is_empty() || (is_root_file_system && !read.text.starts_with("RUN")) {
            continue;
        }
        for (check, hit) in Instructions::read(&read.text).hits(&CHECKS) {
            let shown = Hit::new(hit.setting, hit.seen, hit.summary).expected(hit.expected);
            let mut shown = shown.at(place.clone());
            (shown.severity, shown.confidence) = (hit.severity, hit.confidence);
            found.push(finding(image, &check.rule, shown));
        }
    }
}

fn place_of(image: &Image, index: usize, layer: Option<usize>) -> Place {
    let layer = layer.and_then(|at| Some((at, image.layers.get(at)?))).map(|(at, layer)| PlaceLayer {
        index: u32::try_from(at).unwrap_or(u32::MAX),
        diff_id: layer.diff_id.clone(),
        instruction: layer.instruction.clone(),
    });
    Place { layer, ..pointer(format!("/history/{index}")) }
}

/// A step as an instruction, and the names of the arguments that it was built with.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    text: String,
    arguments: Vec<String>,
}

fn instruction(created_by: &str) -> Read {
    let text = created_by.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.strip_suffix("# buildkit").unwrap_or(&text).trim();
    if let Some((_, rest)) = text.split_once("#(nop)") {
        return Read { text: rest.trim().to_owned(), arguments: Vec::new() };
    }
    let run = text.strip_prefix("RUN ").unwrap_or(text);
    let (run, arguments) = without_arguments(run);
    const SHELLS: [&str; 6] = [
        "/bin/sh -c ",
        "/bin/bash -c ",
        "/bin/ash -c ",
        "/bin/sh -ec ",
        "/bin/bash -o pipefail -c ",
        "/bin/bash -euxo pipefail -c ",
    ];
    let command = SHELLS.iter().find_map(|shell| run.strip_prefix(shell));
    let text = match command {
        Some(command) => format!("RUN {}", command.trim()),
        None => text.to_owned(),
    };
    Read { text, arguments }
}

/// Takes `|2 A=b C=d` off the front of a command. A value may hold blanks: up to the shell all is arguments.
fn without_arguments(run: &str) -> (&str, Vec<String>) {
    let Some(rest) = run.strip_prefix('|') else { return (run, Vec::new()) };
    let Some((count, rest)) = rest.split_once(' ') else { return (run, Vec::new()) };
    if count.parse::<u32>().is_err() {
        return (run, Vec::new());
    }
    let at = rest.find("/bin/").unwrap_or(rest.len());
    let (arguments, command) = rest.split_at(at);
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let names = arguments.split(' ').filter_map(|word| word.split_once('=')).map(|(name, _)| name);
    (command, names.filter(|name| is_name(name)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::instruction;

    fn check(created_by: &str, text: &str, arguments: &[&str]) {
        let read = instruction(created_by);
        assert_eq!(
            (read.text.as_str(), read.arguments),
            (text, arguments.iter().map(|a| (*a).to_owned()).collect())
        );
    }

    #[test]
    fn steps_of_every_builder() {
        check("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]", &[]);
        check("/bin/sh -c apt-get update", "RUN apt-get update", &[]);
        check("RUN /bin/sh -c apk add x # buildkit", "RUN apk add x", &[]);
        check("RUN |2 A=b TOKEN=x y /bin/sh -c make # buildkit", "RUN make", &["A", "TOKEN"]);
        check("|1 A=b /bin/sh -c make", "RUN make", &["A"]);
        check("COPY a /b # buildkit", "COPY a /b", &[]);
        check("ENV A=b", "ENV A=b", &[]);
        check("", "", &[]);
    }
}
