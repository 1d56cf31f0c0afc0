//! Docker's authorization plugin: dockerd asks before and after each call of its API whether it may be.
//!
//! A container is decided twice: when it is made, by what the name means now, and when it is started, by the image that
//! it was made of, which cannot change any more. So a tag that moves in between moves nothing. Changes nothing itself.

mod body;
mod call;
mod protect;
mod volume;

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use seawall_engine::docker::DockerImage;
use seawall_engine::{Docker, Endpoint, EngineError};
use seawall_inventory::{Digest, ImageName};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decide::{Admission, Decision, Meant, Request, Wanted};
use crate::evidence::told;
use crate::http::{self, Answer, Bodies, Open, Terms, Timed};
use crate::limits::{DECIDE_WITHIN, TRANSFER};
use crate::settings::{Engine, Grant, Mode, Place};
use call::Call;
use protect::Host;

/// Who is told of each decision that is more than a reading call: a line for a log.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The plugin.
#[derive(Clone)]
pub struct Plugin {
    admission: Admission,
    endpoint: Endpoint,
    /// Connected when it is first needed: dockerd may start after us.
    docker: Arc<Mutex<Option<Arc<Docker>>>>,
    /// The plugin's own files, which no container may have.
    own: Vec<String>,
    /// How long one decision may take.
    within: Duration,
    log: Log,
}

/// A call as dockerd tells of it (docs.docker.com, "Access authorization plugin").
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Asked {
    user: String,
    request_method: String,
    request_uri: String,
    request_headers: BTreeMap<String, String>,
    request_body: Option<String>,
    response_status_code: u16,
    response_body: Option<String>,
}

/// Decides a call by this time.
type Deciding = fn(&Plugin, &Asked, Instant) -> Result<(), String>;

impl Plugin {
    /// A plugin of the dockerd at this endpoint.
    pub fn new(admission: Admission, endpoint: Endpoint, own: Vec<String>, log: Log) -> Plugin {
        Plugin { admission, endpoint, docker: Arc::default(), own, within: DECIDE_WITHIN, log }
    }

    /// Listens at a socket for ever. One that is left of a process that ended is replaced; others' are not.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(&self, socket: &Path) -> io::Result<()> {
        self.answer_at(&bind(socket)?)
    }

    /// Answers at a socket that somebody else made and keeps open while this process is replaced.
    ///
    /// # Errors
    /// It is no listening socket.
    pub fn answer_at(&self, listener: &UnixListener) -> io::Result<()> {
        // What is no listener would fail for ever below.
        if !rustix::net::sockopt::socket_acceptconn(listener)? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "nobody can connect to it"));
        }
        let (open, terms) = (Open::default(), Terms::new(Bodies::default()));
        loop {
            // One connection that fails is no reason to leave the others.
            let Ok((stream, _)) = listener.accept() else { continue };
            let mut stream = Timed::new(stream, TRANSFER);
            let (plugin, terms) = (self.clone(), terms.clone());
            // One that is dropped is a refusal to dockerd.
            let _ = open.run(move || http::serve(&mut stream, &terms, &|request| plugin.answer(request)));
        }
    }

    fn answer(&self, request: &http::Request) -> Answer {
        match request.target.as_str() {
            "/Plugin.Activate" => Answer::json(&json!({"Implements": ["authz"]})),
            "/AuthZPlugin.AuthZReq" => Answer::json(&self.before(&request.body)),
            "/AuthZPlugin.AuthZRes" => Answer::json(&self.authorization(&request.body, Plugin::response)),
            _ => Answer::text(404, "there is no such call"),
        }
    }

    /// What dockerd is told before a call that it describes so: `Allow`, and otherwise `Msg` or `Err`.
    pub fn before(&self, asked: &[u8]) -> Value {
        self.authorization(asked, Plugin::request)
    }

    fn authorization(&self, body: &[u8], decide: Deciding) -> Value {
        let asked: Asked = match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => return json!({"Allow": false, "Err": error.to_string()}),
        };
        match decide(self, &asked, Instant::now() + self.within) {
            Ok(()) => json!({"Allow": true}),
            Err(reason) => {
                let mode = self.admission.settings().mode(&asked.place());
                let line = format!("{} {}: {reason}", asked.request_method, asked.request_uri);
                (self.log)(&format!(
                    "{} {line}",
                    if mode == Mode::Enforce { "denied" } else { "would be denied" }
                ));
                match mode {
                    Mode::Enforce => {
                        json!({"Allow": false, "Msg": format!("seawall: {reason}")})
                    }
                    Mode::Warn | Mode::Audit => json!({"Allow": true}),
                }
            }
        }
    }

    /// Before a call.
    fn request(&self, asked: &Asked, until: Instant) -> Result<(), String> {
        let call = call::read(&asked.request_method, &asked.request_uri)?;
        if call == Call::Harmless {
            return Ok(());
        }
        // Docker takes parameters from there before those of the line, and does not show it.
        if asked.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("form")) {
            return Err("Docker does not show what comes as a form".to_owned());
        }
        let settings = self.admission.settings();
        let host = Host::new(&settings.docker, &self.own);
        let granted = |grant: Grant, what: &str, name: &str| match grant {
            Grant::Allow => Ok(()),
            Grant::Deny => Err(format!("{what}; the policy's `admission.docker.{name}: allow` lets it")),
        };
        match call {
            Call::Harmless => Ok(()),
            Call::Create => {
                let wish = body::create(&asked.body()?, &host)?;
                for mounted in &wish.mounted {
                    let image = self.local(mounted, until)?;
                    self.decide(
                        asked,
                        image.ok_or_else(|| format!("there is no image {mounted} to mount"))?,
                        until,
                    )?;
                }
                match self.local(&wish.image, until)? {
                    Some(image) => self.decide(asked, image, until),
                    // There is nothing to make it of: Docker says so, and the client pulls, which is decided, too. One
                    // that comes between is decided when the container is started.
                    None => Ok(()),
                }
            }
            Call::Start(container) => {
                // Docker before 20.10 took settings of the host here.
                if !asked.body()?.trim_ascii().is_empty() {
                    return Err("settings that come with the start were not seen when it was made".to_owned());
                }
                match self.of_container(&container, until)? {
                    Some(image) => self.decide(asked, image, until),
                    None => Ok(()),
                }
            }
            Call::Exec => body::exec(&asked.body()?, &host),
            Call::Pull(image) => self.decide(asked, Wanted::remote(&image), until),
            Call::Volume => body::volume(&asked.body()?, &host),
            Call::Service => {
                let wish = body::service(&asked.body()?, &host)?;
                let mut images = wish.mounted.iter().chain([&wish.image]);
                images.try_for_each(|image| self.decide(asked, Wanted::remote(image), until))
            }
            Call::Build => {
                granted(settings.docker.build, "steps of a build run in images nobody verified", "build")
            }
            Call::Plugin => granted(settings.docker.plugins, "a plugin has the daemon's rights", "plugins"),
            Call::Swarm => {
                granted(settings.docker.swarm, "a swarm decides elsewhere what runs here", "swarm")
            }
        }
    }

    /// After a call: a container that was made must be of an image that is trusted, whatever its name meant before.
    fn response(&self, asked: &Asked, until: Instant) -> Result<(), String> {
        let is_made = asked.response_status_code == 201
            && call::read(&asked.request_method, &asked.request_uri) == Ok(Call::Create);
        if !is_made {
            return Ok(());
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Made {
            id: String,
        }
        let body = decoded(asked.response_body.as_deref())?;
        let made: Made = serde_json::from_slice(&body)
            .map_err(|error| format!("which container was made is not told: {error}"))?;
        match self.of_container(&made.id, until)? {
            Some(image) => self
                .decide(asked, image, until)
                .map_err(|reason| format!("{} will not start: {reason}", made.id)),
            None => Ok(()),
        }
    }

    fn decide(&self, asked: &Asked, image: Wanted, until: Instant) -> Result<(), String> {
        let request = Request { place: asked.place(), images: vec![image], within: left(until)? };
        let decision = self.admission.decide(&request);
        self.tell(asked, &decision);
        match decision.images.iter().all(super::decide::Image::is_trusted) {
            true => Ok(()),
            false => Err(decision.reasons().join(" ")),
        }
    }

    fn tell(&self, asked: &Asked, decision: &Decision) {
        for gap in self.admission.cache().gaps() {
            (self.log)(&gap.as_named());
        }
        for lenience in decision.leniences() {
            (self.log)(&format!("{} {}: {lenience}", asked.request_method, asked.request_uri));
        }
        for image in decision.images.iter().filter(|image| image.is_trusted()) {
            let pinned = image.pinned.as_ref().map(ToString::to_string).unwrap_or_default();
            (self.log)(&format!("allowed {}: {} is {pinned}", asked.request_uri, image.written));
        }
    }

    /// The engine, with what is left of the decision's time for each answer.
    fn docker(&self, until: Instant) -> Result<Docker, String> {
        let known = || self.docker.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = known().clone();
        let docker = match connected {
            Some(docker) => docker,
            None => {
                // Nobody holds the lock meanwhile: one that hangs would keep all others waiting, each in turn.
                let docker = Docker::connect_within(&self.endpoint, left(until)?);
                let docker = Arc::new(docker.map_err(|error| told(&error))?);
                *known() = Some(Arc::clone(&docker));
                docker
            }
        };
        Ok(docker.within(left(until)?))
    }

    /// What a name means to the engine, which is asked so that its own reading counts; none where it has no such image.
    fn local(&self, written: &str, until: Instant) -> Result<Option<Wanted>, String> {
        let image = found(self.docker(until)?.image(written))?;
        Ok(image.map(|image| wanted(written, &image)))
    }

    /// The image that a container was made of; none where there is no such container.
    fn of_container(&self, container: &str, until: Instant) -> Result<Option<Wanted>, String> {
        let Some(details) = found(self.docker(until)?.container(container))? else { return Ok(None) };
        let written = details.container.image;
        let Some(id) = details.container.image_id else {
            return Err(format!("which image the container {container} is of is not told"));
        };
        let image = match found(self.docker(until)?.image(&id.to_string()))? {
            Some(image) => wanted(&written, &image),
            None => Wanted { written, meant: Err(format!("the engine has its image {id} no longer")) },
        };
        Ok(Some(image))
    }
}

fn bind(socket: &Path) -> io::Result<UnixListener> {
    if UnixStream::connect(socket).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there already"));
    }
    match fs::symlink_metadata(socket) {
        Ok(about) if about.file_type().is_socket() => fs::remove_file(socket)?,
        Ok(_) => {
            let told = format!("{} is no socket, and is left as it is", socket.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, told));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

impl Asked {
    fn place(&self) -> Place {
        let user = Some(self.user.clone()).filter(|user| !user.is_empty());
        Place { engine: Engine::Docker, namespace: None, user }
    }

    fn header(&self, name: &str) -> Option<&String> {
        self.request_headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn body(&self) -> Result<Vec<u8>, String> {
        decoded(self.request_body.as_deref())
    }
}

fn decoded(text: Option<&str>) -> Result<Vec<u8>, String> {
    BASE64_STANDARD.decode(text.unwrap_or_default()).map_err(|_| "a body is not base64".to_owned())
}

fn left(until: Instant) -> Result<Duration, String> {
    let left = until.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err("it was not decided in time".to_owned()),
        false => Ok(left),
    }
}

fn found<T>(answer: Result<T, EngineError>) -> Result<Option<T>, String> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.failure.is_not_found() => Ok(None),
        Err(error) => Err(told(&error)),
    }
}

/// What an engine says of an image.
fn wanted(written: &str, image: &DockerImage) -> Wanted {
    let Some(id) = image.id.clone() else {
        return Wanted { written: written.to_owned(), meant: Err("the engine tells no id of it".to_owned()) };
    };
    let origins = image.repo_digests.iter().filter_map(|name| name.parse().ok()).collect();
    let meant = match is_id(written, &id) {
        true => Ok(None),
        false => written.parse::<ImageName>().map(Some).map_err(|error| error.to_string()),
    };
    Wanted { written: written.to_owned(), meant: meant.map(|name| Meant::Local { id, name, origins }) }
}

/// Whether a text is an image's id or the beginning of one.
fn is_id(written: &str, id: &Digest) -> bool {
    let digits = written.strip_prefix("sha256:").unwrap_or(written);
    !digits.is_empty() && id.hex().starts_with(digits)
}

#[cfg(test)]
mod tests;
