//! Who a process is and what confines it.

use serde::{Deserialize, Serialize};

use super::{Given, Origin};

/// What a pod may say for all its containers and each container for itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Security {
    /// The user.
    #[serde(default)]
    pub user: Option<Given<Account>>,
    /// The primary group.
    #[serde(default)]
    pub group: Option<Given<Account>>,
    /// Whether the engine refuses to start it as user 0.
    #[serde(default)]
    pub run_as_non_root: Option<Given<bool>>,
    /// Further groups.
    #[serde(default)]
    pub groups: Vec<Given<Account>>,
    /// The group that owns its volumes.
    #[serde(default)]
    pub volume_group: Option<Given<Account>>,
    /// System-call filter.
    #[serde(default)]
    pub seccomp: Option<Given<Profile>>,
    /// AppArmor profile.
    #[serde(default)]
    pub apparmor: Option<Given<Profile>>,
    /// SELinux context.
    #[serde(default)]
    pub selinux: Option<Given<SelinuxOptions>>,
    /// Windows: whether it is a process of the host.
    #[serde(default)]
    pub windows_host_process: Option<Given<bool>>,
    /// Windows: the user.
    #[serde(default)]
    pub windows_user: Option<Given<String>>,
}

/// A user or group, by number or by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Account {
    /// By number.
    Id(i64),
    /// By name, which only the image's `/etc/passwd` or `/etc/group` resolves.
    Name(String),
}

impl Account {
    /// One side of Docker's `user:group`.
    pub fn from_text(text: &str) -> Account {
        let text = text.trim();
        text.parse().map_or_else(|_| Account::Name(text.to_owned()), Account::Id)
    }

    /// Both sides of Docker's `user[:group]`; nothing for an empty text, which leaves it to the image.
    pub fn pair_from_text(text: &str) -> (Option<Account>, Option<Account>) {
        let (user, group) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
        let account = |text: &str| (!text.trim().is_empty()).then(|| Account::from_text(text));
        (account(user), account(group))
    }

    /// Whether it is user or group 0.
    pub fn is_root(&self) -> bool {
        match self {
            Account::Id(id) => *id == 0,
            Account::Name(name) => name == "root" || name == "toor",
        }
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Account::Id(id) => id.fmt(f),
            Account::Name(name) => name.fmt(f),
        }
    }
}

/// A seccomp or AppArmor profile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "profile", rename_all = "kebab-case")]
pub enum Profile {
    /// The engine's own: `RuntimeDefault`, `builtin`, `docker-default`.
    RuntimeDefault,
    /// None at all.
    Unconfined,
    /// A profile of the node by path or name: `Localhost`, `apparmor=NAME`, `seccomp=FILE`.
    Named(String),
    /// The profile itself, JSON: what an engine answers for `seccomp=FILE`.
    Inline(String),
    /// A type that Kubernetes does not know, as written.
    Other(String),
}

/// An SELinux context; a part that is not said is the engine's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct SelinuxOptions {
    /// `label=disable`, `SecurityLabelDisable=true`.
    #[serde(default)]
    pub disabled: bool,
    /// User part.
    #[serde(default)]
    pub user: Option<String>,
    /// Role part.
    #[serde(default)]
    pub role: Option<String>,
    /// Type part.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Level part.
    #[serde(default)]
    pub level: Option<String>,
}

/// How much of `/proc` and `/sys` is hidden.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcMount {
    /// The engine's masks.
    Default,
    /// None: `Unmasked`, `systempaths=unconfined`, `unmask=ALL`, an engine's empty `MaskedPaths`.
    Unmasked,
    /// The masks are taken off these paths.
    UnmaskedPaths(Vec<String>),
    /// A word that Kubernetes does not know, as written.
    Other(String),
}

/// A kernel setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Sysctl {
    /// `net.ipv4.ip_forward`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}
