//! What a rule file requires of the engine that loads it.

use crate::diagnostic::{Code, shown};
use crate::entries::{Entries, Sink};
use crate::yaml::Node;

/// The version of Falco's engine whose language this is.
const ENGINE: Version = Version(0, 63, 0);

/// Falco's plugins whose fields are built in, with the version that they are like.
const PLUGINS: [(&str, Version); 3] =
    [("container", Version(0, 7, 1)), ("k8saudit", Version(0, 18, 0)), ("json", Version(0, 7, 4))];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u64, u64, u64);

impl Version {
    /// `0.57.0`; what stands behind a `-` or `+` does not count.
    fn parse(text: &str) -> Option<Version> {
        let core = text.split(['-', '+']).next()?;
        let mut numbers = core.split('.').map(|part| part.parse().ok());
        let version = Version(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }

    /// Whether this is enough where another is required.
    fn satisfies(self, required: Version) -> bool {
        self.0 == required.0 && self >= required
    }
}

/// `required_engine_version`: a version, or a number N for 0.N.0.
pub(super) fn engine(node: &Node, sink: &mut Sink) {
    let Some(written) = node.scalar() else {
        sink.error(node.place(), Code::LoadErrYamlValidate, "`required_engine_version` is a version");
        return;
    };
    let number = written.text.parse().ok().map(|minor| Version(0, minor, 0));
    match Version::parse(&written.text).or(number) {
        None => {
            let message = format!("`{}` is no version; write `0.57.0`", shown(&written.text));
            sink.error(&written.place, Code::LoadErrYamlValidate, message);
        }
        Some(required) if !ENGINE.satisfies(required) => {
            let Version(major, minor, patch) = ENGINE;
            let message =
                format!("the language is that of Falco's engine {major}.{minor}.{patch}, which is too old");
            sink.error(&written.place, Code::LoadErrValidate, message);
        }
        Some(_) => {}
    }
}

/// `required_plugin_versions`: each of them, or one of its alternatives.
pub(super) fn plugins(node: &Node, sink: &mut Sink) {
    let Node::Sequence(_, required) = node else {
        sink.error(node.place(), Code::LoadErrYamlValidate, "`required_plugin_versions` is a list");
        return;
    };
    for plugin in required {
        let Some(entries) = Entries::of(plugin, "a required plugin", sink) else { continue };
        entries.only(&["name", "version", "alternatives"], sink);
        let mut is_there = is_provided(&entries, sink);
        if let Some(Node::Sequence(_, alternatives)) = entries.get("alternatives") {
            for alternative in alternatives {
                let Some(entries) = Entries::of(alternative, "an alternative", sink) else { continue };
                is_there = match (is_there, is_provided(&entries, sink)) {
                    (Some(one), Some(other)) => Some(one || other),
                    (None, _) | (_, None) => None,
                };
            }
        }
        if is_there == Some(false) {
            let name = entries.text("name", sink).map_or("", |name| name.text.as_str());
            let message =
                format!("Falco's plugin `{}` is not built in, or its version is older", shown(name));
            sink.error(plugin.place(), Code::LoadErrValidate, message);
        }
    }
}

/// `None` for a mistake that was told.
fn is_provided(entries: &Entries<'_>, sink: &mut Sink) -> Option<bool> {
    let (Some(name), Some(version)) = (entries.text("name", sink), entries.text("version", sink)) else {
        if !(entries.has("name") && entries.has("version")) {
            sink.error(entries.place, Code::LoadErrYamlValidate, "a plugin has a `name` and a `version`");
        }
        return None;
    };
    let Some(required) = Version::parse(&version.text) else {
        let message = format!("`{}` is no version; write `0.4.0`", shown(&version.text));
        sink.error(&version.place, Code::LoadErrYamlValidate, message);
        return None;
    };
    Some(PLUGINS.iter().any(|(known, provided)| *known == name.text && provided.satisfies(required)))
}
