//! What a call of Docker's API does, as far as admission is concerned: the method and the request's line → one of a few
//! things. A line that could be read in two ways, and a call that is not known, is refused.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// Nothing that runs an image: it looks, stops, removes, or stores what cannot run without another call.
    Harmless,
    /// Makes a container; the image is in the body.
    Create,
    /// Starts a container that is there, or gives it another's name.
    Start(String),
    /// A command in a container; whether with more rights is in the body.
    Exec,
    /// Pulls an image.
    Pull(String),
    /// Makes a volume; where it lies on the host may be in the body.
    Volume,
    /// Makes or changes a service; the image is in the body.
    Service,
    /// Builds: runs steps in containers of its own.
    Build,
    /// A managed plugin.
    Plugin,
    /// Joins or makes a swarm.
    Swarm,
}

/// A request's line, read once as Go's `net/url` and Docker's router read it.
struct Line<'a> {
    /// `1.41`; none is the newest that the daemon knows.
    version: Option<String>,
    segments: Vec<String>,
    query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Line<'_> {
    /// A parameter; one that stands there twice could be read in two ways.
    fn parameter(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_ref());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(format!("the parameter `{name}` stands there twice")),
        }
    }
}

fn line(uri: &str) -> Result<Line<'_>, String> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    // `http://host/path` and `//path` are read otherwise by Go than they look.
    if !path.starts_with('/') || uri.contains(['#', '\\']) {
        return Err("its path does not begin with one `/`".to_owned());
    }
    let path = decoded_path(path)?;
    let mut segments: Vec<String> = path.trim_start_matches('/').split('/').map(str::to_owned).collect();
    if segments.iter().any(|segment| segment.is_empty() || segment == "." || segment == "..")
        || path.starts_with("//")
    {
        return Err("its path has empty parts or dots".to_owned());
    }
    let version = segments.first().and_then(|first| first.strip_prefix('v')).filter(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    let version = version.map(str::to_owned);
    if version.is_some() {
        segments.remove(0);
    }
    // Older Go took `;` for `&`.
    if query.contains(';') {
        return Err("its query has a `;`".to_owned());
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decoded_parameter(key)?, decoded_parameter(value)?))
    });
    Ok(Line { version, segments, query: pairs.collect::<Result<_, String>>()? })
}

/// A path's text: nothing in it that some reader takes for another end or separator.
fn decoded_path(text: &str) -> Result<Cow<'_, str>, String> {
    let is_plain = |path: &Cow<'_, str>| !path.chars().any(|c| c.is_control() || c == '\\');
    decoded(text).and_then(|path| if is_plain(&path) { Ok(path) } else { Err(UNREADABLE.to_owned()) })
}

const UNREADABLE: &str = "it has an encoding that cannot be read";

fn decoded(text: &str) -> Result<Cow<'_, str>, String> {
    let broken = text.split('%').skip(1).any(|after| {
        !after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let decoded = percent_decode_str(text).decode_utf8().ok().filter(|_| !broken);
    decoded.ok_or_else(|| UNREADABLE.to_owned())
}

fn decoded_parameter(text: &str) -> Result<Cow<'_, str>, String> {
    if text.contains('+') {
        return decoded(&text.replace('+', " ")).map(|decoded| Cow::Owned(decoded.into_owned()));
    }
    decoded(text)
}

/// What a call does.
///
/// # Errors
/// Why that cannot be told.
pub(super) fn read(method: &str, uri: &str) -> Result<Call, String> {
    // A reading call changes nothing, but for the stream of a terminal, which is of a container that runs.
    if ["GET", "HEAD", "OPTIONS", "DELETE"].contains(&method) {
        return Ok(Call::Harmless);
    }
    let line = line(uri)?;
    let segments: Vec<&str> = line.segments.iter().map(String::as_str).collect();
    match (method, segments.as_slice()) {
        ("POST", ["containers", "create"]) => Ok(Call::Create),
        ("POST", ["containers", id, "start"]) => {
            // Before 1.24 a start brought settings, in a body that a plugin need not see.
            if line.version.as_ref().is_some_and(|version| !is_from_1_24(version)) {
                return Err(
                    "a start by a version of the API before 1.24 may change what was decided".to_owned()
                );
            }
            // The memory of a process, from anywhere on the host.
            match line.parameter("checkpoint-dir")? {
                Some(directory) if !directory.is_empty() => {
                    Err("a checkpoint from a directory is no image that somebody signed".to_owned())
                }
                Some(_) | None => Ok(Call::Start((*id).to_owned())),
            }
        }
        ("POST", ["containers", id, "restart" | "rename"]) => Ok(Call::Start((*id).to_owned())),
        ("POST", ["containers", _, "exec"]) => Ok(Call::Exec),
        ("POST", ["images", "create"]) => pull(&line),
        ("POST", ["volumes", "create"]) => Ok(Call::Volume),
        ("POST", ["services", "create"]) => Ok(Call::Service),
        ("POST", ["services", _, "update"]) => match line.parameter("rollback")? {
            Some(rollback) if !rollback.is_empty() => {
                Err("a service is rolled back to an image that is not told; update it to that by digest"
                    .to_owned())
            }
            Some(_) | None => Ok(Call::Service),
        },
        ("POST", ["build"] | ["session"] | ["grpc"]) => Ok(Call::Build),
        // Names of plugins have slashes.
        ("POST", ["plugins", .., "disable" | "push"]) => Ok(Call::Harmless),
        ("POST", ["plugins", ..]) => Ok(Call::Plugin),
        ("POST", ["swarm", "init" | "join"]) => Ok(Call::Swarm),
        _ if is_harmless(method, &segments) => Ok(Call::Harmless),
        _ => Err(format!("Seawall does not know the call {method} /{}", segments.join("/"))),
    }
}

fn is_from_1_24(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next().flatten(), numbers.next().flatten());
    major > Some(1) || (major == Some(1) && minor >= Some(24))
}

/// Without a tag Docker pulls them all. `fromSrc` makes an image that came from nowhere, which cannot run.
fn pull(line: &Line<'_>) -> Result<Call, String> {
    let (from, tag) = (line.parameter("fromImage")?.unwrap_or(""), line.parameter("tag")?.unwrap_or(""));
    match (from, tag) {
        ("", _) => Ok(Call::Harmless),
        (from, tag) if tag.contains(':') => Ok(Call::Pull(format!("{from}@{tag}"))),
        (from, "") => {
            let last = from.rsplit('/').next().unwrap_or_default();
            match last.contains([':', '@']) {
                true => Ok(Call::Pull(from.to_owned())),
                false => Err(format!("say which image of {from}: a tag or a digest")),
            }
        }
        (from, tag) => Ok(Call::Pull(format!("{from}:{tag}"))),
    }
}

/// The calls that change something and run no image.
fn is_harmless(method: &str, segments: &[&str]) -> bool {
    match (method, segments) {
        ("PUT", ["containers", _, "archive"] | ["volumes", _]) => true,
        ("POST", ["auth" | "commit"]) => true,
        ("POST", ["containers", "prune"]) => true,
        ("POST", ["containers", _, verb]) => {
            ["stop", "kill", "pause", "unpause", "attach", "resize", "update", "wait"].contains(verb)
        }
        ("POST", ["exec", _, "start" | "resize"]) => true,
        ("POST", ["images", "load" | "prune"] | ["build", "prune" | "cancel"]) => true,
        ("POST", ["images", .., "push" | "tag"]) => true,
        ("POST", ["networks", "create" | "prune"] | ["networks", _, "connect" | "disconnect"]) => true,
        ("POST", ["volumes", "prune"]) => true,
        ("POST", ["secrets" | "configs", "create"] | ["secrets" | "configs" | "nodes", _, "update"]) => true,
        ("POST", ["swarm", "leave" | "update" | "unlock"]) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, uri: &str, expected: &str) {
        let shown = match read(method, uri) {
            Ok(call) => format!("{call:?}"),
            Err(reason) => reason,
        };
        assert!(shown.starts_with(expected), "{method} {uri}: {shown}");
    }

    #[test]
    fn every_way_to_write_a_call_is_the_call_or_refused() {
        for uri in [
            "/containers/create",
            "/v1.43/containers/create",
            "/v1/containers/create?name=x",
            "/v1.41/containers/%63reate",
            "/v1.41%2fcontainers%2Fcreate",
        ] {
            check("POST", uri, "Create");
        }
        for uri in [
            "//containers/create",
            "http://h/containers/create",
            "/v1//containers/create",
            "/containers/create/",
            "/a/%2e%2e/b",
            "/./a",
            "/a\\b",
            "/a#b",
            "",
        ] {
            check("POST", uri, "its path");
        }
        for uri in
            ["/containers/%zzreate", "/containers/create%00", "/containers/create%c3", "/containers/create%"]
        {
            check("POST", uri, "it has an encoding");
        }
        // Encoded twice is another path, here and in Docker.
        check("POST", "/containers/%2563reate", "Seawall does not know");
        check("POST", "/Containers/Create", "Seawall does not know");
        check("post", "/containers/create", "Seawall does not know");
        check("POST", "/v1.x/containers/create", "Seawall does not know");
        check("PATCH", "/containers/create", "Seawall does not know");
        check("POST", "/containers/x/explode", "Seawall does not know");
    }

    #[test]
    fn pulls_are_read_as_docker_reads_them() {
        check("POST", "/images/create?fromImage=app&tag=1", "Pull(\"app:1\")");
        check("POST", "/images/create?fromImage=h:5000/app&tag=1", "Pull(\"h:5000/app:1\")");
        check("POST", "/images/create?fromImage=h%3A5000%2Fapp%3A1", "Pull(\"h:5000/app:1\")");
        check("POST", "/images/create?fromImage=app&tag=sha256:00", "Pull(\"app@sha256:00\")");
        check("POST", "/images/create?fromImage=h:5000/app", "say which image");
        check(
            "POST",
            "/images/create?fromImage=a&fromImage=b&tag=1",
            "the parameter `fromImage` stands there twice",
        );
        check("POST", "/images/create?fromImage=a;fromImage=b", "its query");
        check("POST", "/images/create?fromSrc=-&repo=x", "Harmless");
    }

    #[test]
    fn calls_that_run_something_and_calls_that_do_not() {
        check("GET", "/v1.41/images/a/json", "Harmless");
        check("DELETE", "/containers/x", "Harmless");
        check("POST", "/containers/x/start", "Start(\"x\")");
        check("POST", "/containers/x/start?checkpoint-dir=/tmp", "a checkpoint");
        check("POST", "/v1.24/containers/x/start", "Start(\"x\")");
        check("POST", "/v2.0/containers/x/start", "Start(\"x\")");
        for version in ["1.23", "1", "1.", "0.99", ".24"] {
            check("POST", &format!("/v{version}/containers/x/start"), "a start by a version");
        }
        check("POST", "/containers/x/checkpoints", "Seawall does not know");
        check("POST", "/commit?changes=a%0Ab%5C", "Harmless");
        check("POST", "/containers/x/restart?t=1", "Start(\"x\")");
        check("POST", "/containers/x/rename?name=y", "Start(\"x\")");
        check("POST", "/containers/x/exec", "Exec");
        check("POST", "/images/host:1/a/b/push?tag=1", "Harmless");
        check("POST", "/build?dockerfile=x", "Build");
        check("POST", "/session", "Build");
        check("POST", "/plugins/pull?remote=x", "Plugin");
        check("POST", "/plugins/a/b/enable", "Plugin");
        check("POST", "/plugins/a/b/disable", "Harmless");
        check("POST", "/swarm/join", "Swarm");
        check("POST", "/services/create", "Service");
        check("POST", "/services/x/update?version=1&rollback=previous", "a service");
        check("POST", "/volumes/create", "Volume");
    }
}
