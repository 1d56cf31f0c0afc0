//! `seawall admit`: one decision, and those who ask for it.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use seawall_admit::docker::Plugin;
use seawall_admit::evidence::Registries;
use seawall_admit::kubernetes::{self, Authority, Certificates};
use seawall_admit::{Admission, Cache, Decision, Settings, limits, podman, server, verifier};
use seawall_engine::{Endpoint, EngineKind};
use seawall_image::registry::Registry;
use seawall_trust::limits::TRUSTED_ROOT_BYTES_MAX;

use super::trust;
use crate::Session;
use crate::args::admit::{Admit, DecidingArgs, DockerPlugin, ImageVerifier, OciHook, Webhook};
use crate::args::trust::RegistryArgs;
use crate::exit::Exit;
use crate::target::registry_options;
use crate::terminal::{Talk, Terminal};

/// How soon a changed policy counts.
const RELOAD_EVERY: Duration = Duration::from_secs(5);
/// What cert-manager's `Certificate` is called in the manifest.
const CERTIFICATE: &str = "seawall-admit";

pub(crate) fn run(command: &Admit, session: &Session<'_>) -> Result<Exit> {
    match command {
        Admit::DockerPlugin(args) => docker_plugin(args, session),
        Admit::ImageVerifier(args) => image_verifier(args, session),
        Admit::OciHook(args) => oci_hook(args, session),
        Admit::Webhook(args) => webhook(args, session),
    }
}

fn docker_plugin(args: &DockerPlugin, session: &Session<'_>) -> Result<Exit> {
    let policy = &args.deciding.policy;
    let admission = admission(policy, &args.deciding.registry, session)?;
    let log = log(session);
    reload(&admission, policy, &log)?;
    let endpoint = match session.config.variable("DOCKER_HOST") {
        Some(address) => address.parse()?,
        None => Endpoint::unix(EngineKind::Docker, "/var/run/docker.sock"),
    };
    let above = |path: &Path| std::path::absolute(path).map(|path| path.parent().unwrap_or(&path).to_owned());
    let own = [
        above(policy),
        above(&args.socket),
        std::path::absolute(cache_directory(session)),
        Ok(program_directory()?),
    ];
    let own = own.into_iter().map(|path| Ok(path?.display().to_string())).collect::<Result<_>>()?;
    let socket = &args.socket;
    let plugin = Plugin::new(admission, endpoint, own, log);
    let ended = match socket.as_os_str() == "-" {
        true => std::io::stdin().as_fd().try_clone_to_owned().and_then(|fd| plugin.answer_at(&fd.into())),
        false => plugin.listen(socket),
    };
    ended.with_context(|| format!("cannot listen at {}", socket.display()))?;
    Ok(Exit::Allowed)
}

fn image_verifier(args: &ImageVerifier, session: &Session<'_>) -> Result<Exit> {
    if args.wrapper {
        let arguments = once_more("image-verifier", &args.deciding, session)?;
        session.terminal.text(&verifier::wrapper(&program()?, &arguments))?;
        return Ok(Exit::Allowed);
    }
    let admission = admission(&args.deciding.policy, &args.deciding.registry, session)?;
    let (decision, reason) = verifier::answer(&admission, &args.arguments, &input()?);
    session.terminal.text(&format!("{reason}\n"))?;
    tell(&admission, &decision, session);
    Ok(if decision.allowed { Exit::Allowed } else { Exit::Denied })
}

fn oci_hook(args: &OciHook, session: &Session<'_>) -> Result<Exit> {
    if args.definition {
        let arguments = once_more("oci-hook", &args.deciding, session)?;
        let environment = session.config.for_registries();
        session.terminal.text(&podman::definition(&program()?, &arguments, &environment))?;
        return Ok(Exit::Allowed);
    }
    let admission = admission(&args.deciding.policy, &args.deciding.registry, session)?;
    let decision = podman::decide(&admission, &input()?);
    tell(&admission, &decision, session);
    if decision.allowed {
        return Ok(Exit::Allowed);
    }
    session.terminal.denial(&decision.reasons());
    Ok(Exit::Denied)
}

/// The arguments with which somebody else, anywhere, starts what is started now.
fn once_more(verb: &str, deciding: &DecidingArgs, session: &Session<'_>) -> Result<Vec<String>> {
    let (cache, policy) = (absolute(&cache_root(session))?, absolute(&deciding.policy)?);
    let mut arguments = vec!["--cache", &cache, "admit", verb, "--policy", &policy];
    if session.global.offline {
        arguments.insert(0, "--offline");
    }
    for registry in &deciding.registry.insecure_registry {
        arguments.extend(["--insecure-registry", registry]);
    }
    let ca_file = deciding.registry.ca_file.as_ref().map(|path| absolute(path)).transpose()?;
    if let Some(path) = &ca_file {
        arguments.extend(["--ca-file", path]);
    }
    Ok(arguments.into_iter().map(str::to_owned).collect())
}

fn webhook(args: &Webhook, session: &Session<'_>) -> Result<Exit> {
    if args.manifest {
        let pem = args.ca.as_ref().map(|path| trust::bytes(path, TRUSTED_ROOT_BYTES_MAX)).transpose()?;
        let authority = pem.as_deref().map_or(Authority::CertManager(CERTIFICATE), Authority::Pem);
        session.terminal.text(&kubernetes::manifest(&args.image, &args.namespace, authority))?;
        return Ok(Exit::Allowed);
    }
    let (Some(policy), Some(certificate), Some(key)) = (&args.policy, &args.tls_cert, &args.tls_key) else {
        bail!("--policy, --tls-cert and --tls-key are needed");
    };
    let admission = admission(policy, &args.registry, session)?;
    let log = log(session);
    reload(&admission, policy, &log)?;
    let certificates = Arc::new(Certificates::open(certificate, key, args.tls_client_ca.as_deref())?);
    let listener = server::bind(args.listen).with_context(|| format!("cannot listen at {}", args.listen))?;
    session.terminal.note(format_args!("listening at {}", listener.local_addr()?));
    kubernetes::Webhook::new(admission, log).listen(&listener, &certificates)
}

/// What decides, by this policy.
fn admission(policy: &Path, registry: &RegistryArgs, session: &Session<'_>) -> Result<Admission> {
    let settings = settings(policy)?;
    let options = registry_options(&registry.insecure_registry, registry.ca_file.as_deref(), session);
    let evidence = Box::new(Registries(Registry::new(options)?));
    let cache = Cache::open(Some(&cache_directory(session)));
    Ok(Admission::new(settings, evidence, cache, Arc::new(session.config.clock())))
}

fn cache_root(session: &Session<'_>) -> PathBuf {
    session.config.cache(session.global.cache.as_deref())
}

fn cache_directory(session: &Session<'_>) -> PathBuf {
    cache_root(session).join("admission")
}

/// The files that a policy names lie beside it.
fn settings(policy: &Path) -> Result<Settings> {
    let text = trust::text(policy, TRUSTED_ROOT_BYTES_MAX)?;
    let directory = policy.parent().unwrap_or_else(|| Path::new(""));
    let beside = |name: &str| {
        let path = directory.join(name);
        trust::text(&path, TRUSTED_ROOT_BYTES_MAX).map_err(|error| format!("{error:#}"))
    };
    Settings::read(&text, &policy.display().to_string(), Some(directory), &beside)
        .with_context(|| format!("cannot use {}", policy.display()))
}

/// Looks at the policy now and then. One that cannot be used is told, and the last one holds.
fn reload(admission: &Admission, policy: &Path, log: &kubernetes::Log) -> Result<()> {
    let (admission, policy, log) = (admission.clone(), policy.to_owned(), Arc::clone(log));
    let mut told = String::new();
    let work = move || loop {
        thread::sleep(RELOAD_EVERY);
        match settings(&policy) {
            Ok(settings) => {
                if settings.digest != admission.settings().digest {
                    log(&format!("the policy {} is now {}", policy.display(), settings.digest));
                    admission.replace(settings);
                }
                told.clear();
            }
            Err(error) => {
                let problem = format!("the last policy goes on: {error:#}");
                if problem != told {
                    log(&problem);
                    told = problem;
                }
            }
        }
    };
    thread::Builder::new().name("policy".to_owned()).spawn(work).context("cannot watch the policy")?;
    Ok(())
}

/// A log of a process that does not end: lines on stderr.
pub(super) fn log(session: &Session<'_>) -> kubernetes::Log {
    let talk = if session.global.quiet { Talk::Quiet } else { Talk::Normal };
    let terminal = Terminal::new(talk, session.config.no_color);
    Arc::new(move |line: &str| terminal.log(line))
}

fn tell(admission: &Admission, decision: &Decision, session: &Session<'_>) {
    for gap in admission.cache().gaps() {
        session.terminal.log(format_args!("note: {}", gap.as_named()));
    }
    for text in decision.leniences() {
        session.terminal.log(format_args!("note: {text}"));
    }
    if decision.allowed {
        for reason in decision.reasons() {
            session.terminal.log(format_args!("{}: would be denied: {reason}", decision.mode));
        }
    }
}

/// What the other side writes on standard input.
fn input() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(limits::INPUT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.context("cannot read standard input")?;
    match bytes.len() as u64 > limits::INPUT_BYTES_MAX {
        true => bail!("standard input is larger than {} bytes", limits::INPUT_BYTES_MAX),
        false => Ok(bytes),
    }
}

fn program_file() -> Result<PathBuf> {
    std::env::current_exe().context("cannot tell where this program lies")
}

fn program() -> Result<String> {
    Ok(program_file()?.display().to_string())
}

/// Where this program could be replaced; where that is `/`, as in an image of its own, the program itself: protecting `/`
/// would refuse every path.
fn program_directory() -> Result<PathBuf> {
    let program = program_file()?;
    let directory = program.parent().filter(|directory| directory.parent().is_some());
    Ok(directory.unwrap_or(&program).to_owned())
}

fn absolute(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).with_context(|| format!("cannot use {}", path.display()))?;
    Ok(path.display().to_string())
}
