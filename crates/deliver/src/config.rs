//! The configuration file of outputs (YAML) → outputs that are ready to be started.

mod quantity;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::filter::{Filter, FilterConfig};
use crate::limits::{
    BATCH_COUNT_MAX, CONFIG_BYTES_MAX, FILE_BYTES, FILES_KEPT, FILES_KEPT_MAX, LINE_BYTES, OUTPUTS_MAX,
    QUEUE_BYTES, QUEUE_COUNT, SPOOL_BYTES, SPOOL_BYTES_MIN, SYSLOG_BYTES, TEMPLATE_BYTES_MAX, TIMEOUT,
    TIMEOUT_MAX, UDP_BYTES_MAX,
};
use crate::output::{
    Durability, FileOutput, FileSettings, Framing, HttpOutput, HttpSettings, Lifetime, Output, ProgramOutput,
    ProgramSettings, Protocol, Reopen, SocketKind, StatsdOutput, SyslogAddress, SyslogOutput, SyslogSettings,
    TlsFiles, UnixOutput, UnixSettings, facility,
};
use crate::secret::{Given, Resolver};
use crate::template::Template;
use crate::{Format, Secret, SecretSource};
use quantity::{Bytes, Fold, Seconds};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    path: PathBuf,
    format: Option<String>,
    line_bytes: Option<Bytes>,
    #[serde(default)]
    rotate: RotateConfig,
    #[serde(default)]
    durability: DurabilityConfig,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RotateConfig {
    bytes: Option<Bytes>,
    every: Option<Seconds>,
    keep: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum DurabilityConfig {
    #[default]
    Process,
    Machine,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SyslogConfig {
    /// `unix:/dev/log`, `udp://host:514`, `tcp://host:601`.
    address: Option<String>,
    protocol: Option<ProtocolConfig>,
    #[serde(default)]
    framing: FramingConfig,
    facility: Option<String>,
    format: Option<String>,
    line_bytes: Option<Bytes>,
    timeout: Option<Seconds>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ProtocolConfig {
    Rfc5424,
    Rfc3164,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum FramingConfig {
    #[default]
    OctetCounting,
    LineBreak,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnixConfig {
    path: PathBuf,
    #[serde(default)]
    kind: KindConfig,
    format: Option<String>,
    line_bytes: Option<Bytes>,
    timeout: Option<Seconds>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum KindConfig {
    #[default]
    Stream,
    Datagram,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramConfig {
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, Given>,
    #[serde(default)]
    lifetime: LifetimeConfig,
    format: Option<String>,
    line_bytes: Option<Bytes>,
    timeout: Option<Seconds>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum LifetimeConfig {
    #[default]
    Kept,
    EachFinding,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpConfig {
    template: Option<String>,
    template_file: Option<PathBuf>,
    url: Option<Given>,
    token: Option<Given>,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Given>,
    #[serde(default)]
    settings: BTreeMap<String, Given>,
    batch: Option<usize>,
    #[serde(default)]
    tls: TlsConfig,
    proxy: Option<Given>,
    timeout: Option<Seconds>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TlsConfig {
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatsdConfig {
    address: String,
    prefix: Option<String>,
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

fn format(name: Option<&str>, default: Format) -> Result<Format, String> {
    name.map_or(Ok(default), |name| name.parse::<Format>().map_err(|error| error.to_string()))
}

fn line_bytes(given: Option<Bytes>, default: usize, format: Format) -> Result<usize, String> {
    let bytes = given.map_or(default, |bytes| usize::try_from(bytes.0).unwrap_or(usize::MAX));
    let least = format.line_bytes_min();
    match bytes < least {
        true => Err(format!("`line_bytes` is {bytes}; the least for `{format}` is {least}")),
        false => Ok(bytes.min(16 * LINE_BYTES)),
    }
}

fn timeout(given: Option<Seconds>) -> Result<Duration, String> {
    match given.map_or(TIMEOUT, |seconds| seconds.0) {
        Duration::ZERO => Err("`timeout` is 0".to_owned()),
        time => Ok(time.min(TIMEOUT_MAX)),
    }
}

impl FileConfig {
    fn settings(self) -> Result<FileSettings, String> {
        let keep = self.rotate.keep.unwrap_or(FILES_KEPT);
        if keep > FILES_KEPT_MAX {
            return Err(format!("`keep` is {keep}; the most is {FILES_KEPT_MAX}"));
        }
        let bytes_max = self.rotate.bytes.map_or(FILE_BYTES, |bytes| bytes.0);
        let format = format(self.format.as_deref(), Format::Json)?;
        Ok(FileSettings {
            path: self.path,
            format,
            line_bytes: line_bytes(self.line_bytes, LINE_BYTES, format)?,
            // 0: another program rotates.
            bytes_max: (bytes_max > 0).then_some(bytes_max),
            age_max: self.rotate.every.map(|every| every.0).filter(|every| !every.is_zero()),
            keep,
            durability: match self.durability {
                DurabilityConfig::Process => Durability::Process,
                DurabilityConfig::Machine => Durability::Machine,
            },
        })
    }
}

impl SyslogConfig {
    fn settings(self) -> Result<SyslogSettings, String> {
        let address = self.address.unwrap_or_else(|| "unix:/dev/log".to_owned());
        let address = match address.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => SyslogAddress::Unix(PathBuf::from(path)),
            Some(("udp", rest)) => SyslogAddress::Udp(host_and_port(rest)?),
            Some(("tcp", rest)) => SyslogAddress::Tcp(host_and_port(rest)?),
            Some(_) | None => {
                return Err(
                    "`address` has to be like unix:/dev/log, udp://host:514 or tcp://host:601".to_owned()
                );
            }
        };
        let protocol = match (self.protocol, &address) {
            (Some(ProtocolConfig::Rfc5424), _) => Protocol::Rfc5424,
            (Some(ProtocolConfig::Rfc3164), _) | (None, SyslogAddress::Unix(_)) => Protocol::Rfc3164,
            (None, SyslogAddress::Udp(_) | SyslogAddress::Tcp(_)) => Protocol::Rfc5424,
        };
        let format = format(self.format.as_deref(), Format::Falco)?;
        let line_bytes = line_bytes(self.line_bytes, SYSLOG_BYTES, format)?;
        let line_bytes_max =
            if matches!(address, SyslogAddress::Udp(_)) { UDP_BYTES_MAX } else { usize::MAX };
        Ok(SyslogSettings {
            address,
            protocol,
            framing: match self.framing {
                FramingConfig::OctetCounting => Framing::OctetCounting,
                FramingConfig::LineBreak => Framing::LineBreak,
            },
            facility: facility(self.facility.as_deref().unwrap_or("user"))?,
            format,
            line_bytes: line_bytes.min(line_bytes_max),
            timeout: timeout(self.timeout)?,
        })
    }
}

/// `//host:port`.
fn host_and_port(text: &str) -> Result<String, String> {
    let address = text.trim_start_matches('/');
    match address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>())) {
        Some((host, Ok(_))) if !host.is_empty() => Ok(address.to_owned()),
        Some(_) | None => Err(format!("`{address}` is not host:port")),
    }
}

impl UnixConfig {
    fn settings(self) -> Result<UnixSettings, String> {
        let format = format(self.format.as_deref(), Format::Json)?;
        Ok(UnixSettings {
            path: self.path,
            kind: match self.kind {
                KindConfig::Stream => SocketKind::Stream,
                KindConfig::Datagram => SocketKind::Datagram,
            },
            format,
            line_bytes: line_bytes(self.line_bytes, LINE_BYTES, format)?,
            timeout: timeout(self.timeout)?,
        })
    }
}

impl ProgramConfig {
    fn settings(self, resolver: Resolver<'_>) -> Result<ProgramSettings, String> {
        if self.command.first().is_none_or(String::is_empty) {
            return Err("`command` is a list of a program and its arguments".to_owned());
        }
        let format = format(self.format.as_deref(), Format::FalcoJson)?;
        Ok(ProgramSettings {
            command: self.command,
            environment: resolved(self.environment, resolver)?,
            lifetime: match self.lifetime {
                LifetimeConfig::Kept => Lifetime::Kept,
                LifetimeConfig::EachFinding => Lifetime::EachFinding,
            },
            format,
            line_bytes: line_bytes(self.line_bytes, LINE_BYTES, format)?,
            timeout: timeout(self.timeout)?,
        })
    }
}

fn resolved(given: BTreeMap<String, Given>, resolver: Resolver<'_>) -> Result<Vec<(String, Secret)>, String> {
    let resolve = |(name, given): (String, Given)| Ok((name, given.resolve(resolver)?));
    given.into_iter().map(resolve).collect()
}

impl HttpConfig {
    fn settings(self, template: Option<&str>, resolver: Resolver<'_>) -> Result<HttpSettings, String> {
        let template = match (template.or(self.template.as_deref()), &self.template_file) {
            (Some(name), None) => Template::built_in(name)?,
            (None, Some(path)) => {
                let wrong = |error: &dyn std::fmt::Display| format!("cannot use {}: {error}", path.display());
                let text = read(path).map_err(|error| wrong(&error))?;
                Template::parse(&text).map_err(|error| wrong(&error))?
            }
            (None, None) => Template::built_in("webhook")?,
            (Some(_), Some(_)) => return Err("it has a `template` and a `template_file`".to_owned()),
        };
        let mut settings: BTreeMap<String, Secret> = resolved(self.settings, resolver)?.into_iter().collect();
        for (name, given) in [("url", self.url), ("token", self.token)] {
            if let Some(given) = given {
                settings.insert(name.to_owned(), given.resolve(resolver)?);
            }
        }
        if let Some(url) = settings.get_mut("url") {
            // Templates put their path behind it.
            *url = Secret::new(url.expose().trim_end_matches('/'));
        }
        let client = match (self.tls.certificate, self.tls.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err("`tls` has to have both `certificate` and `key`, or none".to_owned());
            }
        };
        if self.batch.is_some_and(|batch| batch == 0 || batch > BATCH_COUNT_MAX.min(template.batch())) {
            return Err(format!(
                "`batch` has to be 1 to {}, which is what its template takes",
                template.batch()
            ));
        }
        Ok(HttpSettings {
            template,
            method: self.method,
            headers: resolved(self.headers, resolver)?,
            settings,
            batch: self.batch,
            tls: TlsFiles { ca: self.tls.ca, client },
            proxy: self.proxy.map(|proxy| proxy.resolve(resolver)).transpose()?,
            timeout: timeout(self.timeout)?,
        })
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(TEMPLATE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match text.len() as u64 > TEMPLATE_BYTES_MAX {
        true => Err(std::io::Error::other(format!("it has more than {TEMPLATE_BYTES_MAX} bytes"))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests;
