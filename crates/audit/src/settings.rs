//! The settings of a Docker daemon: `daemon.json` and the arguments, merged as `dockerd` merges them.

mod arguments;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::root::{Root, Unread};

pub(crate) use arguments::arguments;

/// Where `dockerd` looks when nobody says where.
pub(crate) const CONFIG_FILE: &str = "/etc/docker/daemon.json";

/// A setting and where it was given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) value: Value,
    /// The file, or the command line.
    pub(crate) source: String,
}

/// All settings of a daemon that were given.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Settings {
    values: BTreeMap<String, Setting>,
    /// Its configuration file, whether it is there or not.
    pub(crate) config_file: String,
    /// Why the configuration file could not be read; its settings are not known then.
    pub(crate) refused: Option<String>,
    /// What keeps the daemon from starting.
    pub(crate) conflicts: Vec<String>,
    /// Where its command line was read; empty where there is none.
    pub(crate) command_source: String,
    /// Whether there is a file: with neither that nor a command line, nothing is known of the settings.
    has_file: bool,
}

/// A list of the file whose flag has another name.
const NAMES_IN_FILE: [(&str, &str); 15] = [
    ("host", "hosts"),
    ("label", "labels"),
    ("log-opt", "log-opts"),
    ("storage-opt", "storage-opts"),
    ("exec-opt", "exec-opts"),
    ("dns-opt", "dns-opts"),
    ("insecure-registry", "insecure-registries"),
    ("registry-mirror", "registry-mirrors"),
    ("authorization-plugin", "authorization-plugins"),
    ("default-ulimit", "default-ulimits"),
    ("default-address-pool", "default-address-pools"),
    ("add-runtime", "runtimes"),
    ("node-generic-resource", "node-generic-resources"),
    ("graph", "data-root"),
    ("cdi-spec-dir", "cdi-spec-dirs"),
];

impl Settings {
    /// Reads the file that the arguments name, and merges.
    pub(crate) fn read(root: &Root, command: &[String], command_source: &str) -> Settings {
        let given = arguments(command);
        let config_file = match given.get("config-file").and_then(Value::as_str) {
            Some(path) => path.to_owned(),
            None => CONFIG_FILE.to_owned(),
        };
        let text = match root.text(&config_file) {
            Ok(text) => Ok(Some(text)),
            Err(Unread::Absent) => Ok(None),
            Err(Unread::Refused(reason)) => Err(reason),
        };
        let mut settings = Settings::merge(
            text.as_ref().ok().and_then(Option::as_deref),
            &config_file,
            given,
            command_source,
        );
        settings.refused = settings.refused.or(text.err());
        settings
    }

    /// A key that is given on the command line and in the file keeps `dockerd` from starting, whatever its values.
    pub(crate) fn merge(
        file: Option<&str>,
        config_file: &str,
        given: BTreeMap<String, Value>,
        command_source: &str,
    ) -> Settings {
        let mut settings = Settings {
            config_file: config_file.to_owned(),
            command_source: command_source.to_owned(),
            has_file: file.is_some(),
            ..Settings::default()
        };
        match file.map(read_file) {
            None => {}
            Some(Ok(members)) => {
                for (key, value) in members {
                    let setting = Setting { value, source: config_file.to_owned() };
                    settings.values.insert(key.to_ascii_lowercase(), setting);
                }
            }
            Some(Err(reason)) => settings.refused = Some(reason),
        }
        for (flag, value) in given {
            let in_file = NAMES_IN_FILE.iter().find(|(name, _)| *name == flag);
            let key = in_file.map_or(flag.clone(), |(_, key)| (*key).to_owned());
            // Runtimes of both are taken together.
            if settings.values.contains_key(&key) && key != "runtimes" {
                settings.conflicts.push(key.clone());
            }
            settings.values.insert(key, Setting { value, source: command_source.to_owned() });
        }
        settings
    }

    /// Those of a daemon whose file and arguments are elsewhere.
    pub(crate) fn unknown() -> Settings {
        Settings { config_file: CONFIG_FILE.to_owned(), ..Settings::default() }
    }

    /// Whether a setting that is not given has its default, or nobody has seen where it would be given.
    pub(crate) fn are_known(&self) -> bool {
        self.has_file || !self.command_source.is_empty()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Setting> {
        self.values.get(key)
    }

    /// The settings that come from there.
    pub(crate) fn keys_from(&self, source: &str) -> Vec<String> {
        let its = self.values.iter().filter(|(_, setting)| setting.source == source);
        its.map(|(key, _)| key.clone()).collect()
    }

    /// A switch, and where it was set; a text that Go reads as a truth value counts.
    pub(crate) fn is_on(&self, key: &str, default: bool) -> bool {
        match self.get(key).map(|setting| &setting.value) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => truth(text).unwrap_or(default),
            Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => default,
        }
    }

    /// A text; empty where it was not given.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).and_then(|setting| setting.value.as_str()).unwrap_or_default()
    }

    /// The items of a list, or `key=value` of a map.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self.get(key).map(|setting| &setting.value) {
            Some(Value::Array(items)) => items.iter().map(plain).collect(),
            Some(Value::Object(members)) => {
                members.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect()
            }
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
        }
    }

    /// Where a setting comes from, for people.
    pub(crate) fn source(&self, key: &str) -> String {
        match self.get(key) {
            Some(setting) => setting.source.clone(),
            None if self.command_source.is_empty() => self.config_file.clone(),
            None => format!("{} and {}", self.config_file, self.command_source),
        }
    }

    /// The addresses it listens on; the default where none was given.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let hosts = self.list("hosts");
        match hosts.is_empty() {
            true => vec!["unix:///var/run/docker.sock".to_owned()],
            false => hosts.iter().map(|host| host.trim().to_owned()).collect(),
        }
    }

    pub(crate) fn data_root(&self) -> &str {
        [self.text("data-root"), self.text("graph")]
            .into_iter()
            .find(|path| !path.is_empty())
            .unwrap_or("/var/lib/docker")
    }
}

fn read_file(text: &str) -> Result<Map<String, Value>, String> {
    // An empty file is no settings to dockerd.
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(format!("it is no JSON: {error}")),
    }
}

/// What Go's `strconv.ParseBool` takes.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(file: &str, command: &str) -> Settings {
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        Settings::merge(Some(file), CONFIG_FILE, arguments(&command), "command line")
    }

    #[test]
    fn arguments_and_file_are_joined() {
        let settings = merged(
            "{\"hosts\": [\n\"tcp://0.0.0.0:2375\"\n], \"tlsverify\": true}",
            "dockerd --icc=false -D -l debug",
        );
        assert_eq!(settings.hosts(), ["tcp://0.0.0.0:2375"]);
        assert!(settings.is_on("tlsverify", false));
        assert!(!settings.is_on("icc", true));
        assert!(settings.is_on("debug", false));
        assert_eq!(settings.text("log-level"), "debug");
        assert_eq!(settings.source("icc"), "command line");
        assert!(settings.conflicts.is_empty());
    }

    #[test]
    fn what_is_given_twice_keeps_it_from_starting() {
        let settings = merged(
            "{\"hosts\": [\"fd://\"], \"log-opts\": {\"max-size\": \"1m\"}}",
            "dockerd -H fd:// --log-opt tag=x",
        );
        assert_eq!(settings.conflicts, ["hosts", "log-opts"]);
    }

    #[test]
    fn repeated_flags() {
        let settings = merged(
            "",
            "dockerd --log-level debug --log-level=info -H fd:// --host unix:///a --no-new-privileges --no-new-privileges=false",
        );
        assert_eq!(settings.text("log-level"), "info");
        assert_eq!(settings.hosts(), ["fd://", "unix:///a"]);
        assert!(!settings.is_on("no-new-privileges", true));
    }

    #[test]
    fn a_broken_file_is_not_an_empty_one() {
        assert!(merged("{", "dockerd").refused.is_some());
        assert!(merged("[]", "dockerd").refused.is_some());
        assert!(merged("", "dockerd").refused.is_none());
    }
}
