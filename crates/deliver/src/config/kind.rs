//! What the configuration says of each kind of output → its settings.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::quantity::{Bytes, Seconds};
use crate::limits::{
    BATCH_COUNT_MAX, FILE_BYTES, FILES_KEPT, FILES_KEPT_MAX, LINE_BYTES, SYSLOG_BYTES, TEMPLATE_BYTES_MAX,
    TIMEOUT, TIMEOUT_MAX, UDP_BYTES_MAX,
};
use crate::output::{
    Durability, FileSettings, Framing, HttpSettings, Lifetime, ProgramSettings, Protocol, SocketKind,
    SyslogAddress, SyslogSettings, TlsFiles, UnixSettings, facility,
};
use crate::secret::{Given, Resolver};
use crate::template::Template;
use crate::{Format, Secret};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileConfig {
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
pub(super) struct SyslogConfig {
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
pub(super) struct UnixConfig {
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
pub(super) struct ProgramConfig {
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
pub(super) struct HttpConfig {
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
pub(super) struct StatsdConfig {
    pub(super) address: String,
    pub(super) prefix: Option<String>,
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
    pub(super) fn settings(self) -> Result<FileSettings, String> {
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
    pub(super) fn settings(self) -> Result<SyslogSettings, String> {
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
    pub(super) fn settings(self) -> Result<UnixSettings, String> {
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
    pub(super) fn settings(self, resolver: Resolver<'_>) -> Result<ProgramSettings, String> {
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
    pub(super) fn settings(
        self,
        template: Option<&str>,
        resolver: Resolver<'_>,
    ) -> Result<HttpSettings, String> {
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
    // A pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(TEMPLATE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match text.len() as u64 > TEMPLATE_BYTES_MAX {
        true => Err(std::io::Error::other(format!("it has more than {TEMPLATE_BYTES_MAX} bytes"))),
        false => Ok(text),
    }
}
