//! What the policy file says of responses as a whole: whom they spare, how often they act, how long they last.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::limits::REACHABLE_MAX;
use crate::waiver::Glob;

/// What holds for all responses.
#[derive(Debug, Clone)]
pub struct ResponseSettings {
    /// What the names mean that rules themselves ask for.
    pub rules: RuleResponses,
    /// Whether processes outside of containers may be killed.
    pub host: Hosts,
    /// Who is spared.
    pub protected: Protected,
    /// So many responses a minute, on all targets together.
    pub per_minute: u32,
    /// The same is not done to the same target again within this time.
    pub repeat_after: Duration,
    /// How long a container stays frozen or isolated; without it, until somebody undoes it.
    pub hold: Option<Duration>,
    /// What remains when Seawall ends, however it ends.
    pub after_death: AfterDeath,
    /// Whom an isolated container may still reach: whoever examines it.
    pub reachable: Vec<Network>,
}

impl Default for ResponseSettings {
    fn default() -> ResponseSettings {
        ResponseSettings {
            rules: RuleResponses::default(),
            host: Hosts::default(),
            protected: Protected::default(),
            per_minute: 10,
            repeat_after: Duration::from_secs(60),
            hold: None,
            after_death: AfterDeath::default(),
            reachable: Vec::new(),
        }
    }
}

/// What a rule's own `respond` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleResponses {
    /// As if a clause said it.
    #[default]
    Honour,
    /// It is rehearsed, also where clauses are carried out.
    Rehearse,
    /// Nothing: only clauses count.
    Ignore,
}

/// What may happen to processes of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hosts {
    /// Nothing.
    #[default]
    Spare,
    /// They may be killed.
    Kill,
}

/// What remains when Seawall ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterDeath {
    /// Nothing: what is frozen goes on, what is isolated is connected again.
    #[default]
    Release,
    /// Everything, until it is undone or its time is over.
    Keep,
}

/// Who is spared.
#[derive(Debug, Clone, Default)]
pub struct Protected {
    names: Vec<Glob>,
    images: Vec<Glob>,
    labels: BTreeMap<String, Glob>,
    programs: Vec<Glob>,
}

impl Protected {
    /// Whether containers of this name are spared.
    pub fn names(&self, name: &str) -> bool {
        self.names.iter().any(|glob| glob.matches(name))
    }

    /// Whether containers of this image are spared.
    pub fn images(&self, image: &str) -> bool {
        self.images.iter().any(|glob| glob.matches(image))
    }

    /// The label for which a container is spared.
    pub fn label<'l>(&self, labels: &'l BTreeMap<String, String>) -> Option<&'l str> {
        let spares = |(name, value): &(&String, &String)| {
            self.labels.get(*name).is_some_and(|glob| glob.matches(value))
        };
        labels.iter().find(spares).map(|(name, _)| name.as_str())
    }

    /// Whether processes of this executable (its whole path) are spared.
    pub fn programs(&self, path: &str) -> bool {
        self.programs.iter().any(|glob| glob.matches(path.trim_start_matches('/')))
    }

    /// The patterns of the executables that are spared, without the slash at their beginning.
    pub fn program_patterns(&self) -> impl Iterator<Item = &str> {
        self.programs.iter().map(Glob::text)
    }

    /// Whether it takes more than an id to know that a container is not spared.
    pub fn asks_for_containers(&self) -> bool {
        !(self.names.is_empty() && self.images.is_empty() && self.labels.is_empty())
    }
}

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Any of them.
    pub address: IpAddr,
    /// How many bits count: 32 or 128 for a single address.
    pub bits: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address and no network (`10.0.0.5`, `10.0.0.0/24`, `fd00::/8`)")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let error = || NetworkError(text.chars().take(100).collect());
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), |bits| bits.parse().map_err(|_| error()))?;
        if bits > all { Err(error()) } else { Ok(Network { address, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// The part `respond` of the policy file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SettingsText {
    #[serde(default)]
    rules: RuleResponses,
    #[serde(default)]
    host: Hosts,
    #[serde(default)]
    protect: ProtectText,
    #[serde(default)]
    per_minute: Option<u32>,
    #[serde(default)]
    repeat_after: Option<SignedDuration>,
    #[serde(default)]
    hold: Option<SignedDuration>,
    #[serde(default)]
    after_death: AfterDeath,
    #[serde(default)]
    reachable: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ProtectText {
    #[serde(default)]
    name: Vec<String>,
    #[serde(default)]
    image: Vec<String>,
    #[serde(default)]
    label: BTreeMap<String, String>,
    #[serde(default)]
    program: Vec<String>,
}

impl SettingsText {
    pub(crate) fn compile(self) -> Result<ResponseSettings, String> {
        let usual = ResponseSettings::default();
        if self.reachable.len() > REACHABLE_MAX {
            return Err(format!("`reachable` has more than {REACHABLE_MAX} networks"));
        }
        let name = |text: &String| Glob::name(text).map_err(|error| error.to_string());
        let path = |text: &String| Glob::path(text).map_err(|error| error.to_string());
        let positive = |name: &str, time: SignedDuration| {
            let time = Duration::try_from(time).ok().filter(|time| !time.is_zero());
            time.ok_or_else(|| format!("`{name}` is a time above zero"))
        };
        let labels = self.protect.label.iter().map(|(label, text)| Ok((label.clone(), name(text)?)));
        let networks =
            self.reachable.iter().map(|text| text.parse().map_err(|error: NetworkError| error.to_string()));
        Ok(ResponseSettings {
            rules: self.rules,
            host: self.host,
            protected: Protected {
                names: self.protect.name.iter().map(name).collect::<Result<_, _>>()?,
                images: self.protect.image.iter().map(name).collect::<Result<_, _>>()?,
                labels: labels.collect::<Result<_, String>>()?,
                programs: self.protect.program.iter().map(path).collect::<Result<_, _>>()?,
            },
            per_minute: self.per_minute.unwrap_or(usual.per_minute),
            repeat_after: match self.repeat_after {
                Some(time) => positive("repeat-after", time)?,
                None => usual.repeat_after,
            },
            hold: self.hold.map(|time| positive("hold", time)).transpose()?,
            after_death: self.after_death,
            reachable: networks.collect::<Result<_, _>>()?,
        })
    }
}
