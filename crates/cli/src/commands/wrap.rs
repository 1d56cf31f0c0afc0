//! `seawall verify --wrap -- docker run …`: the image of the command is verified, its name becomes the digest, and the
//! command runs. For whoever wants it: it hinders nobody from calling the engine directly.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use seawall_admit::evidence::Registries;
use seawall_admit::{Admission, Cache, Engine, Place, Request, Settings, Wanted, limits};
use seawall_image::registry::Registry;

use super::judge::Judge;
use super::verify;
use crate::Session;
use crate::args::trust::Verify;
use crate::exit::Exit;
use crate::target::registry_options;

pub(crate) fn run(args: &Verify, session: &Session<'_>) -> Result<Exit> {
    let words = &args.command;
    let at = seawall_lint::image_position(words)
        .context("there is no `docker run`, `podman run` or `create` with an image behind `--`")?;
    if let Some(word) = unverified(words.get(..at).unwrap_or_default()) {
        bail!("`{word}` has the container run what no signature is asked of");
    }
    let settings = Settings::of(verify::requirements(args, session)?, Judge::new(&args.judging)?.policy);
    let registry = &args.registry;
    let options = registry_options(&registry.insecure_registry, registry.ca_file.as_deref(), session);
    let evidence = Box::new(Registries(Registry::new(options)?));
    let admission = Admission::new(settings, evidence, Cache::open(None), Arc::new(session.config.clock()));
    let mut words = words.clone();
    let image = words.get_mut(at).context("the command names no image")?;
    let decision = admission.decide(&Request {
        place: Place { engine: Engine::Command, namespace: None, user: None },
        images: vec![Wanted::remote(image)],
        within: limits::DECIDE_WITHIN,
    });
    for lenience in decision.leniences() {
        session.terminal.note(format_args!("note: {lenience}"));
    }
    if !decision.allowed {
        session.terminal.error(&anyhow!(decision.reasons().join(" ")));
        return Ok(Exit::Denied);
    }
    // Without a digest only a waiver lets it run, by its name.
    if let Some(pinned) = decision.pinned(image) {
        session.terminal.note(format_args!("{image} is {pinned}"));
        *image = pinned.to_string();
    }
    let (program, arguments) = words.split_first().context("there is no command")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {program}"))
}

/// The word before the image that takes a root file system from a directory, or mounts another image.
fn unverified(words: &[String]) -> Option<&str> {
    let mut before = "";
    for word in words {
        let mount = if before == "--mount" { Some(word.as_str()) } else { word.strip_prefix("--mount=") };
        if word == "--rootfs" || word.starts_with("--rootfs=") || mount.is_some_and(is_of_image) {
            return Some(word);
        }
        before = word;
    }
    None
}

/// Whether a value of `--mount`, which is a line of CSV, is of an image's files.
fn is_of_image(mount: &str) -> bool {
    let bare = |text: &str| {
        text.trim_matches(|character: char| character == '"' || character.is_whitespace())
            .to_ascii_lowercase()
    };
    let kinds = mount.split(',').filter_map(|field| field.split_once('='));
    let mut kinds = kinds.filter(|(name, _)| bare(name) == "type").map(|(_, kind)| bare(kind));
    kinds.any(|kind| ["image", "artifact"].contains(&kind.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_run_what_is_not_verified() {
        for (words, expected) in [
            ("docker run --rootfs /x", true),
            ("podman run --rootfs=true", true),
            ("podman run --mount=type=image,source=x,destination=/x", true),
            ("podman run --mount source=x,Type=Image,destination=/x", true),
            ("podman run --mount \"source=x\",\"type=image\"", true),
            ("podman run --mount \n\"type=image\",source=x", true),
            ("podman run --mount type=artifact,source=x", true),
            ("podman run --mount type=bind,source=/image,destination=/x", false),
            ("podman run --mount=type=volume,source=type,destination=/image", false),
            ("podman run --label type=image --name=rootfs", false),
        ] {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            assert_eq!(unverified(&words).is_some(), expected, "{words:?}");
        }
    }
}
