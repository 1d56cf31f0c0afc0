//! The configuration file of outputs (YAML) → outputs that are ready to be started.

mod kind;
mod quantity;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::filter::{Filter, FilterConfig};
use crate::limits::{CONFIG_BYTES_MAX, OUTPUTS_MAX, QUEUE_BYTES, QUEUE_COUNT, SPOOL_BYTES, SPOOL_BYTES_MIN};
use crate::output::{
    FileOutput, HttpOutput, Output, ProgramOutput, Reopen, StatsdOutput, SyslogOutput, UnixOutput,
};
use crate::secret::Resolver;
use crate::{Secret, SecretSource};
use kind::{FileConfig, HttpConfig, ProgramConfig, StatsdConfig, SyslogConfig, UnixConfig};
use quantity::{Bytes, Fold};

/// Outputs that are ready to be started.
#[derive(Debug, Default)]
pub struct Config {
    pub(crate) outputs: Vec<Planned>,
    pub(crate) reopen: Reopen,
}

/// One output with its queue.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) output: Output,
    pub(crate) filter: Filter,
    pub(crate) fold: Option<Duration>,
    pub(crate) queue_count: usize,
    pub(crate) queue_bytes: usize,
    /// Its directory and how much it may hold.
    pub(crate) spool: Option<(PathBuf, u64)>,
}

/// Why a text is not a configuration of outputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not what the documentation says.
    #[error("cannot read the outputs: {0}")]
    File(String),
    /// One output is wrong.
    #[error("output `{name}`: {reason}")]
    Output {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    version: u32,
    spool: Option<SpoolConfig>,
    outputs: Vec<OutputConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpoolConfig {
    directory: PathBuf,
    bytes: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputConfig {
    name: Option<String>,
    file: Option<FileConfig>,
    syslog: Option<SyslogConfig>,
    unix: Option<UnixConfig>,
    program: Option<ProgramConfig>,
    http: Option<HttpConfig>,
    otlp: Option<HttpConfig>,
    statsd: Option<StatsdConfig>,
    #[serde(default)]
    filter: FilterConfig,
    fold: Option<Fold>,
    #[serde(default)]
    queue: QueueConfig,
    spool: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct QueueConfig {
    count: Option<usize>,
    bytes: Option<Bytes>,
    spool_bytes: Option<Bytes>,
}

impl Config {
    /// Reads a configuration. `resolver` looks up what stands there as `{env: NAME}` or `{file: PATH}`; its error
    /// completes "cannot read …: ". Templates and certificates are read from where it says they are.
    ///
    /// # Errors
    /// It has unknown keys or values, or an output could not work.
    pub fn parse(
        text: &str,
        resolver: &dyn Fn(&SecretSource) -> Result<Secret, String>,
    ) -> Result<Config, ConfigError> {
        if text.len() > CONFIG_BYTES_MAX {
            return Err(ConfigError::File(format!("they have more than {CONFIG_BYTES_MAX} bytes")));
        }
        let file: ConfigFile =
            serde_saphyr::from_str(text).map_err(|error| ConfigError::File(error.to_string()))?;
        if file.version != 1 {
            let reason = format!("they have version {}; this Seawall reads version 1", file.version);
            return Err(ConfigError::File(reason));
        }
        if file.outputs.len() > OUTPUTS_MAX {
            return Err(ConfigError::File(format!("there are more than {OUTPUTS_MAX}")));
        }
        let mut config = Config::default();
        let mut names = BTreeSet::new();
        for (index, output) in file.outputs.into_iter().enumerate() {
            let name = output.name.clone().unwrap_or_else(|| format!("output-{}", index + 1));
            let planned = plan(&name, output, file.spool.as_ref(), &config.reopen, resolver);
            let is_new = names.insert(name.clone());
            let planned = planned.and_then(|planned| match is_new {
                true => Ok(planned),
                false => Err("another one has this name".to_owned()),
            });
            config.outputs.push(planned.map_err(|reason| ConfigError::Output { name, reason })?);
        }
        Ok(config)
    }

    /// The names of its outputs, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|planned| planned.name.as_str())
    }
}

fn plan(
    name: &str,
    config: OutputConfig,
    spool: Option<&SpoolConfig>,
    reopen: &Reopen,
    resolver: Resolver<'_>,
) -> Result<Planned, String> {
    // It becomes the name of a directory.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        return Err("its name has to be of letters, digits, `-` and `_`, at most 64".to_owned());
    }
    let filter = config.filter.compile()?;
    let (fold, is_spooled, queue) = (config.fold, config.spool, config.queue);
    let mut kinds: Vec<(Output, Option<Duration>)> = Vec::new();
    if let Some(file) = config.file {
        kinds.push((Output::File(FileOutput::new(file.settings()?, reopen.clone())), None));
    }
    if let Some(syslog) = config.syslog {
        kinds.push((Output::Syslog(SyslogOutput::new(syslog.settings()?)), None));
    }
    if let Some(unix) = config.unix {
        kinds.push((Output::Unix(UnixOutput::new(unix.settings()?)), None));
    }
    if let Some(program) = config.program {
        kinds.push((Output::Program(ProgramOutput::new(program.settings(resolver)?)), None));
    }
    for (http, template) in [(config.http, None), (config.otlp, Some("otlp"))] {
        if let Some(http) = http {
            let settings = http.settings(template, resolver)?;
            let fold = settings.template.fold();
            kinds.push((Output::Http(Box::new(HttpOutput::new(settings)?)), fold));
        }
    }
    if let Some(statsd) = config.statsd {
        let prefix = statsd.prefix.unwrap_or_else(|| "seawall.".to_owned());
        kinds.push((Output::Statsd(StatsdOutput::new(statsd.address, prefix)), None));
    }
    let (Some((output, fold_default)), true) = (kinds.pop(), kinds.is_empty()) else {
        return Err("it has to have one of: file, syslog, unix, program, http, otlp, statsd".to_owned());
    };
    // A file is on disk itself, and a counter says nothing of whether it was heard.
    let is_spooled = is_spooled.unwrap_or(!matches!(output, Output::File(_) | Output::Statsd(_)));
    let spool = match (spool, is_spooled) {
        (Some(spool), true) => {
            let bytes = queue.spool_bytes.or(spool.bytes).map_or(SPOOL_BYTES, |bytes| bytes.0);
            if bytes < SPOOL_BYTES_MIN {
                return Err(format!("its spool has {bytes} bytes; the least is {SPOOL_BYTES_MIN}"));
            }
            Some((spool.directory.join(name), bytes))
        }
        (None, _) | (_, false) => None,
    };
    Ok(Planned {
        name: name.to_owned(),
        output,
        filter,
        fold: fold.map_or(fold_default, |fold| fold.0),
        queue_count: queue.count.unwrap_or(QUEUE_COUNT).max(1),
        queue_bytes: queue
            .bytes
            .map_or(Ok(QUEUE_BYTES), |bytes| usize::try_from(bytes.0))
            .unwrap_or(usize::MAX),
        spool,
    })
}

#[cfg(test)]
mod tests;
