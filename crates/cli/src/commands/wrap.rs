//! `seawall verify --wrap -- docker run …`: the image of the command is verified, its name becomes the digest, and the
//! command runs. For whoever wants it: it hinders nobody from calling the engine directly.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
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
    for waiver in decision.waivers() {
        session.terminal.note(format_args!("note: {waiver}"));
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
