//! What the user's text means: which source, which image, container, directory or document.
//!
//! A prefix (`registry:`, `oci:`, `dir:`, …) says it outright. Without one, a path that exists is read as what it is,
//! and anything else is an image: the engines of this machine are asked first, then the image's registry.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use seawall_engine::{Endpoint, EngineKind, usual_endpoints};
use seawall_finding::Confidence;
use seawall_image::credentials::{CredentialPlaces, Credentials, Secret, usual_files};
use seawall_image::manifest::PlatformChoice;
use seawall_image::registry::{Network, ProxySettings, Registry, RegistryOptions};
use seawall_image::source::container::{self, OpenContainer};
use seawall_image::source::engine::{self, EngineOptions, EngineSourceError, InPlace};
use seawall_image::source::local::{self, Local, LocalOptions};
use seawall_image::source::registry;
use seawall_image::{Limits, OpenImage};
use seawall_inventory::{Image, ImageName};
use seawall_leaks::{CONFIDENCE_MIN, IdentityKey, Rules};
use seawall_scan::{Examine, Examined, LayerCache, LeakSearch, examine};

use crate::Session;
use crate::args::TargetArgs;
use crate::progress::Reporter;

/// Where an example of a target is a path.
const PATH: &str = "PATH";

/// The prefixes that say outright what a target is, with what stands behind each.
const PREFIXES: &[(&str, &str)] = &[
    ("registry", "IMAGE[:TAG]"),
    ("docker", "IMAGE[:TAG]"),
    ("podman", "IMAGE[:TAG]"),
    ("containerd", "IMAGE[:TAG]"),
    ("container", "NAME"),
    ("dir", PATH),
    ("oci", PATH),
    ("oci-dir", PATH),
    ("archive", PATH),
    ("docker-archive", PATH),
    ("oci-archive", PATH),
    ("sbom", PATH),
];

fn prefixed(prefix: &str) -> Option<&'static (&'static str, &'static str)> {
    PREFIXES.iter().find(|(known, _)| *known == prefix)
}

/// Which platforms of a multi-platform image `--platform` wants.
pub(crate) fn platforms(args: &TargetArgs) -> PlatformChoice {
    args.platform.clone().map_or(PlatformChoice::Host, PlatformChoice::One)
}

/// A target that can be examined.
pub(crate) struct Opened {
    /// As the user named it, with the platform where there are several.
    name: String,
    what: What,
}

enum What {
    Image(OpenImage),
    Container(OpenContainer),
    Directory(PathBuf),
    Sbom(Vec<u8>),
}

impl Opened {
    fn new(name: &str, what: What) -> Opened {
        Opened { name: name.to_owned(), what }
    }

    /// The image with its layers, where the target is one.
    pub(crate) fn open_image(&self) -> Option<&OpenImage> {
        match &self.what {
            What::Image(open) => Some(open),
            What::Container(_) | What::Directory(_) | What::Sbom(_) => None,
        }
    }

    /// The image, or the one that a container was made from.
    pub(crate) fn image(&self) -> Option<&Image> {
        match &self.what {
            What::Image(open) => Some(&open.image),
            What::Container(open) => Some(&open.image.image),
            What::Directory(_) | What::Sbom(_) => None,
        }
    }
}

/// Opens and examines targets by the user's options.
pub(crate) struct Targets<'s> {
    session: &'s Session<'s>,
    limits: Limits,
    engines: EngineOptions,
    registries: RegistryOptions,
    /// Made when it is first asked: the certificates of all authorities take time and memory to read.
    registry: OnceCell<Registry>,
    cache: Option<LayerCache>,
    leaks: Option<LeakRules>,
    jobs: NonZeroUsize,
}

/// By what leaked credentials are looked for.
pub(crate) struct LeakRules {
    pub(crate) rules: Rules,
    pub(crate) key: Option<IdentityKey>,
    pub(crate) confidence_min: Confidence,
}

impl LeakRules {
    /// The built-in rules, and what most probably is a credential.
    pub(crate) fn builtin(session: &Session<'_>) -> LeakRules {
        LeakRules { rules: Rules::builtin(), key: LeakRules::key(session), confidence_min: CONFIDENCE_MIN }
    }

    /// What makes identities of values that could be guessed.
    pub(crate) fn key(session: &Session<'_>) -> Option<IdentityKey> {
        session.config.variable("SEAWALL_LEAKS_KEY").map(|key| IdentityKey::new(key.as_bytes()))
    }

    fn search(&self) -> LeakSearch<'_> {
        let LeakRules { rules, key, confidence_min } = self;
        LeakSearch { rules, key: key.as_ref(), confidence_min: *confidence_min }
    }
}

impl<'s> Targets<'s> {
    pub(crate) fn new(args: &TargetArgs, session: &'s Session<'s>) -> Result<Targets<'s>> {
        let limits = Limits::default();
        let engines = EngineOptions {
            endpoints: endpoints(session)?,
            in_place: InPlace::default(),
            temporary: None,
            limits: limits.clone(),
        };
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let directory = session.config.cache(session.global.cache.as_deref());
        Ok(Targets {
            session,
            engines,
            registries: registries(args, session, &limits),
            registry: OnceCell::new(),
            cache: (!args.no_cache).then(|| LayerCache::new(&directory)),
            leaks: None,
            jobs: args.jobs.unwrap_or(cores),
            limits,
        })
    }

    /// Looks for leaked credentials too.
    pub(crate) fn with_leaks(self, leaks: LeakRules) -> Targets<'s> {
        Targets { leaks: Some(leaks), ..self }
    }

    /// Opens what the text names: one target, or one for each platform.
    pub(crate) fn open(&self, text: impl AsRef<OsStr>, choice: &PlatformChoice) -> Result<Vec<Opened>> {
        let Some(text) = text.as_ref().to_str() else {
            return self.at_path_of_bytes(text.as_ref(), choice);
        };
        if text == "-" {
            return self.on_stream(choice);
        }
        if let Some((prefix, example)) = text.strip_suffix(':').and_then(prefixed) {
            bail!("`{text}` names nothing to scan: write {prefix}:{example}")
        }
        match text.split_once(':') {
            Some(("registry", reference)) => self.in_registry(reference, choice),
            Some(("docker", reference)) => self.in_engine(reference, Some(EngineKind::Docker), choice),
            Some(("podman", reference)) => self.in_engine(reference, Some(EngineKind::Podman), choice),
            Some(("containerd", reference)) => {
                self.in_engine(reference, Some(EngineKind::Containerd), choice)
            }
            Some(("container", name)) => self.of_container(name),
            Some(("dir", path)) => directory(text, path),
            Some(("oci" | "oci-dir" | "archive" | "docker-archive" | "oci-archive" | "sbom", path)) => {
                self.at_path(text, path, choice)
            }
            Some(_) | None => self.by_name(text, choice),
        }
    }

    /// A path that exists, or else an image.
    fn by_name(&self, text: &str, choice: &PlatformChoice) -> Result<Vec<Opened>> {
        let is_path = text.starts_with(['/', '.', '~']) || Path::new(text).exists();
        if !is_path {
            return self.in_engine_or_registry(text, choice);
        }
        // `app.tar` is an image's name too, but nobody means one.
        let is_name = !text.contains('/') && (!text.contains('.') || text.contains(':'));
        if is_name && text.parse::<ImageName>().is_ok() {
            self.session.terminal.note(format_args!(
                "note: `{text}` is a path here; for the image of that name write registry:{text} or docker:{text}"
            ));
        }
        self.at_path(text, text, choice)
    }

    /// `PATH`, `PATH:TAG` or `PATH@DIGEST`.
    fn at_path(&self, name: &str, text: &str, choice: &PlatformChoice) -> Result<Vec<Opened>> {
        let Some((path, reference)) = local::split(text) else {
            bail!("there is no file or directory {text}")
        };
        let opened = local::open(&path, reference, &self.local(choice))?;
        Ok(of_local(name, opened))
    }

    /// A path that is no UTF-8: what Linux calls a name is bytes. Images have no such names.
    fn at_path_of_bytes(&self, text: &OsStr, choice: &PlatformChoice) -> Result<Vec<Opened>> {
        let bytes = text.as_bytes();
        let mut known = PREFIXES.iter().filter(|(_, example)| *example == PATH);
        let path = known.find_map(|(prefix, _)| bytes.strip_prefix(prefix.as_bytes())?.strip_prefix(b":"));
        let path = Path::new(OsStr::from_bytes(path.unwrap_or(bytes)));
        let opened = local::open(path, None, &self.local(choice))?;
        Ok(of_local(&text.to_string_lossy(), opened))
    }

    fn on_stream(&self, choice: &PlatformChoice) -> Result<Vec<Opened>> {
        let opened = local::open_stream(io::stdin(), "standard input", None, &self.local(choice))?;
        Ok(of_local("standard input", opened))
    }

    fn local(&self, choice: &PlatformChoice) -> LocalOptions {
        LocalOptions { choice: choice.clone(), temporary: None, limits: self.limits.clone() }
    }

    fn registry(&self) -> Result<&Registry> {
        if let Some(known) = self.registry.get() {
            return Ok(known);
        }
        let made = Registry::new(self.registries.clone()).context("cannot set up the registry client")?;
        Ok(self.registry.get_or_init(|| made))
    }

    fn in_registry(&self, reference: &str, choice: &PlatformChoice) -> Result<Vec<Opened>> {
        let name: ImageName = reference.parse()?;
        Ok(named(reference, registry::open(self.registry()?, &name, choice)?))
    }

    fn in_engine(
        &self,
        reference: &str,
        kind: Option<EngineKind>,
        choice: &PlatformChoice,
    ) -> Result<Vec<Opened>> {
        let mut options = self.engines.clone();
        if let Some(kind) = kind {
            options.endpoints.retain(|endpoint| endpoint.kind == kind);
        }
        Ok(named(reference, engine::open(reference, choice, &options)?))
    }

    fn of_container(&self, name: &str) -> Result<Vec<Opened>> {
        let opened = container::open(name, &self.engines)?;
        Ok(vec![Opened::new(name, What::Container(opened))])
    }

    /// An image of the first engine that has it, or else of its registry.
    fn in_engine_or_registry(&self, reference: &str, choice: &PlatformChoice) -> Result<Vec<Opened>> {
        let name: ImageName = reference
            .parse()
            .with_context(|| format!("{reference} is no file or directory here, and no image either"))?;
        let nowhere = match self.in_engine(reference, None, choice) {
            Ok(opened) => return Ok(opened),
            Err(error) => match error.downcast::<EngineSourceError>() {
                Ok(nowhere @ EngineSourceError::Nowhere { .. }) => nowhere,
                Ok(failed) => return Err(failed.into()),
                Err(other) => return Err(other),
            },
        };
        if self.session.global.offline {
            let found = anyhow!("{nowhere}\nIts registry was not asked: --offline");
            return Err(found.context(format!("cannot find {reference}")));
        }
        match registry::open(self.registry()?, &name, choice) {
            Ok(images) => Ok(named(reference, images)),
            Err(error) => {
                let told = anyhow::Error::new(error);
                bail!("{reference} is no file here; {nowhere}\nand from its registry: {told:#}")
            }
        }
    }

    /// Examines one target, with progress on the terminal.
    pub(crate) fn examine(&self, opened: &Opened) -> Result<Examined> {
        let reporter = Reporter::new(self.session.terminal, &opened.name);
        let options = Examine {
            cache: self.cache.as_ref(),
            leaks: self.leaks.as_ref().map(LeakRules::search),
            jobs: self.jobs,
            limits: &self.limits,
            progress: &|progress| reporter.tell(progress),
        };
        let examined = match &opened.what {
            What::Image(image) => examine::image(&opened.name, image, &options),
            What::Container(container) => examine::container(&opened.name, container, &options),
            What::Directory(path) => examine::directory(&opened.name, path, &options)
                .with_context(|| format!("cannot look into {}", path.display()))?,
            What::Sbom(bytes) => examine::sbom(&opened.name, bytes)
                .with_context(|| format!("cannot read {} as an SBOM", opened.name))?,
        };
        if let Some(error) = &examined.cache_error {
            let directory = self.session.config.cache(self.session.global.cache.as_deref());
            self.session
                .terminal
                .note(format_args!("note: layers could not be cached in {}: {error}", directory.display()));
        }
        Ok(examined)
    }
}

fn of_local(name: &str, opened: Local) -> Vec<Opened> {
    match opened {
        Local::Images(images) => named(name, images),
        Local::Directory(path) => vec![Opened::new(name, What::Directory(path))],
        Local::Sbom(bytes) => vec![Opened::new(name, What::Sbom(bytes))],
    }
}

fn named(name: &str, images: Vec<OpenImage>) -> Vec<Opened> {
    let is_one = images.len() == 1;
    let label = |image: &OpenImage| match is_one {
        true => name.to_owned(),
        false => format!("{name} ({})", image.image.platform),
    };
    images.into_iter().map(|image| Opened { name: label(&image), what: What::Image(image) }).collect()
}

fn directory(name: &str, path: &str) -> Result<Vec<Opened>> {
    let path = Path::new(path);
    if !path.is_dir() {
        bail!("{} is not a directory", path.display());
    }
    Ok(vec![Opened::new(name, What::Directory(path.to_owned()))])
}

/// `DOCKER_HOST`, `CONTAINER_HOST` and `CONTAINERD_ADDRESS` where they are set, else the usual sockets.
pub(crate) fn endpoints(session: &Session<'_>) -> Result<Vec<Endpoint>> {
    let config = session.config;
    let mut given = named_endpoints(session)?;
    let mut usual = usual_endpoints(config.uid(), config.variable("XDG_RUNTIME_DIR").map(Path::new));
    usual.retain(|one| !given.iter().any(|known| known.kind == one.kind));
    given.append(&mut usual);
    Ok(given)
}

/// The engines that the environment names.
pub(crate) fn named_endpoints(session: &Session<'_>) -> Result<Vec<Endpoint>> {
    let config = session.config;
    let mut given = Vec::new();
    for (name, kind) in [
        ("DOCKER_HOST", EngineKind::Docker),
        ("CONTAINER_HOST", EngineKind::Podman),
        ("CONTAINERD_ADDRESS", EngineKind::Containerd),
    ] {
        let Some(text) = config.variable(name) else { continue };
        let parsed: Endpoint = text.parse().with_context(|| format!("cannot use {name}"))?;
        given.push(Endpoint { kind, ..parsed });
    }
    if session.global.offline {
        given.retain(|endpoint| matches!(endpoint.address, seawall_engine::Address::Unix(_)));
    }
    Ok(given)
}

fn registries(args: &TargetArgs, session: &Session<'_>, limits: &Limits) -> RegistryOptions {
    let options = registry_options(&args.insecure_registry, args.ca_file.as_deref(), session);
    RegistryOptions { limits: limits.clone(), ..options }
}

/// How to reach registries, as the user's arguments and environment say.
pub(crate) fn registry_options(
    insecure: &[String],
    ca_file: Option<&Path>,
    session: &Session<'_>,
) -> RegistryOptions {
    let config = session.config;
    let path = |name| config.variable(name).map(Path::new);
    let places = CredentialPlaces {
        registry_auth_file: path("REGISTRY_AUTH_FILE"),
        docker_config: path("DOCKER_CONFIG"),
        runtime_dir: path("XDG_RUNTIME_DIR"),
        config_home: path("XDG_CONFIG_HOME"),
        home: Some(config.home()),
    };
    let either = |upper, lower| config.variable(upper).or_else(|| config.variable(lower));
    let proxies = ProxySettings {
        http: either("HTTP_PROXY", "http_proxy").map(Secret::new),
        https: either("HTTPS_PROXY", "https_proxy").map(Secret::new),
        no_proxy: either("NO_PROXY", "no_proxy").unwrap_or_default().to_owned(),
    };
    let mut ca_files: Vec<PathBuf> = ca_file.iter().map(|path| path.to_path_buf()).collect();
    ca_files.extend(config.variable("SSL_CERT_FILE").map(PathBuf::from));
    RegistryOptions {
        network: if session.global.offline { Network::Offline } else { Network::Allowed },
        credentials: Credentials {
            files: usual_files(&places),
            helper_path: config.variable("PATH").map(Into::into),
            ..Credentials::default()
        },
        insecure: insecure.iter().cloned().collect(),
        ca_files,
        proxies,
        ..RegistryOptions::default()
    }
}
