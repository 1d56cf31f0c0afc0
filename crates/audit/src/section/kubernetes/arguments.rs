//! What a program of Kubernetes is told: the command of its static pod, of its process or its unit, and for the kubelet
//! its configuration file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::host::command_line;
use crate::machine::Machine;
use crate::root::Unread;

/// Flags, and where each was read.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    flags: BTreeMap<String, String>,
    source: String,
    /// A configuration file; flags count more.
    config: Option<(String, Value)>,
    /// Flag → path in the configuration.
    members: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pod {
    spec: PodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodSpec {
    containers: Vec<PodContainer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodContainer {
    command: Vec<String>,
    args: Vec<String>,
}

impl Arguments {
    pub(super) fn of_words(words: &[String], source: String) -> Arguments {
        let mut flags = BTreeMap::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => match words.peek() {
                    Some(next) if !next.starts_with('-') => (flag, words.next().cloned().unwrap_or_default()),
                    Some(_) | None => (flag, "true".to_owned()),
                },
            };
            flags.insert(name.replace('_', "-"), value);
        }
        Arguments { flags, source, ..Arguments::default() }
    }

    /// A static pod's, or those of the process where there is no manifest; nothing where it does not run here.
    pub(super) fn of_static_pod(
        machine: &Machine<'_>,
        program: &str,
        manifest: &str,
    ) -> Result<Option<Arguments>, String> {
        match machine.host.root.text(manifest) {
            Ok(text) => {
                let pod: Pod =
                    serde_saphyr::from_str(&text).map_err(|error| format!("{manifest}: {error}"))?;
                let words = pod
                    .spec
                    .containers
                    .iter()
                    .flat_map(|container| container.command.iter().chain(&container.args));
                Ok(Some(Arguments::of_words(&words.cloned().collect::<Vec<_>>(), manifest.to_owned())))
            }
            Err(Unread::Refused(reason)) => Err(format!("{manifest}: {reason}")),
            Err(Unread::Absent) => Ok(Arguments::of_process(machine, program)),
        }
    }

    pub(super) fn of_process(machine: &Machine<'_>, program: &str) -> Option<Arguments> {
        let process = machine.host.processes.known.iter().find(|process| process.name() == program)?;
        let words = command_line(machine.host.root, process.pid);
        Some(Arguments::of_words(&words, format!("command line of process {}", process.pid)))
    }

    /// Adds a configuration file.
    pub(super) fn with_config(
        mut self,
        path: &str,
        text: &str,
        members: &'static [(&'static str, &'static str)],
    ) -> Result<Arguments, String> {
        let config: Value = serde_saphyr::from_str(text).map_err(|error| format!("{path}: {error}"))?;
        self.config = Some((path.to_owned(), config));
        self.members = members;
        Ok(self)
    }

    fn member(&self, flag: &str) -> Option<(&str, String)> {
        let (path, config) = self.config.as_ref()?;
        let (_, pointer) = self.members.iter().find(|(name, _)| *name == flag)?;
        let text = match config.pointer(pointer)? {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => other.to_string(),
        };
        Some((path, text))
    }

    pub(super) fn get(&self, flag: &str) -> Option<String> {
        self.flags.get(flag).cloned().or_else(|| self.member(flag).map(|(_, value)| value))
    }

    pub(super) fn source(&self, flag: &str) -> String {
        match (self.flags.contains_key(flag), self.member(flag)) {
            (false, Some((path, _))) => path.to_owned(),
            (_, _) => self.source.clone(),
        }
    }
}
