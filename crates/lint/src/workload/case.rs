//! What a rule sees and what it answers.

use seawall_finding::{Confidence, Control, Severity};
use seawall_inventory::Workload;
use seawall_inventory::workload::{Account, ContainerSpec, Given, Namespace, Origin, Source};

use super::Context;
use crate::limits::{NAMESPACE_CHAIN_MAX, QUOTE_CHARS_MAX};

/// A workload and what is known around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) workload: &'a Workload,
    pub(crate) context: &'a Context<'a>,
}

/// The answer to a rule.
#[derive(Debug)]
pub(crate) enum Answer {
    /// As it should be; what was seen.
    Pass(String),
    /// Not as it should be.
    Fail(Vec<Wrong>),
    /// The question does not arise; why.
    NotApplicable(&'static str),
    /// Nobody can tell from here; why.
    Unknown(String),
}

impl Answer {
    /// The same, where the finding that says it already is made only if `is_told`.
    pub(crate) fn implied_if(mut self, is_told: bool) -> Answer {
        if let Answer::Fail(wrongs) = &mut self {
            wrongs.iter_mut().for_each(|wrong| wrong.is_implied &= is_told);
        }
        self
    }

    /// Fails with what is wrong; passes where that is nothing.
    pub(crate) fn from(wrongs: Vec<Wrong>, otherwise: impl Into<String>) -> Answer {
        if wrongs.is_empty() { Answer::Pass(otherwise.into()) } else { Answer::Fail(wrongs) }
    }
}

/// A setting that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Wrong {
    pub(crate) origin: Origin,
    pub(crate) setting: String,
    pub(crate) seen: String,
    pub(crate) expected: String,
    pub(crate) because: Vec<String>,
    /// Where it differs from the rule's.
    pub(crate) severity: Option<Severity>,
    pub(crate) confidence: Confidence,
    /// Where the rule's title and what was seen do not say it.
    pub(crate) summary: Option<String>,
    /// What would mend it.
    pub(crate) hardening: Option<Hardening>,
    /// Controls of other rules that it violates too.
    pub(crate) controls: Vec<Control>,
    /// Whether another rule's finding about the same setting says it already.
    pub(crate) is_implied: bool,
}

impl Wrong {
    pub(crate) fn new(origin: &Origin, setting: &str, seen: impl Into<String>, expected: &str) -> Wrong {
        Wrong {
            origin: origin.clone(),
            setting: setting.to_owned(),
            seen: quoted(&seen.into()),
            expected: expected.to_owned(),
            ..Wrong::default()
        }
    }

    pub(crate) fn severity(self, severity: Severity) -> Wrong {
        Wrong { severity: Some(severity), ..self }
    }

    pub(crate) fn because(self, because: Vec<String>) -> Wrong {
        Wrong { because: because.iter().map(|reason| quoted(reason)).collect(), ..self }
    }

    /// Another finding says it already; the question is answered with no all the same.
    pub(crate) fn implied(self) -> Wrong {
        Wrong { is_implied: true, ..self }
    }

    pub(crate) fn hardening(self, hardening: Hardening) -> Wrong {
        Wrong { hardening: Some(hardening), ..self }
    }
}

/// A piece of the input as a report may show it.
pub(crate) fn quoted(text: &str) -> String {
    let is_long = text.chars().nth(QUOTE_CHARS_MAX).is_some();
    let kept: String =
        text.chars().take(QUOTE_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if is_long { kept + "…" } else { kept }
}

/// A mechanical change, in the words of no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hardening {
    /// Processes may not gain privileges.
    NoPrivilegeEscalation,
    /// Every capability is dropped.
    DropCapabilities,
    /// The root file system is read-only.
    ReadOnlyRoot,
    /// The engine refuses user 0.
    RunAsNonRoot,
    /// The runtime's system-call filter.
    DefaultSeccomp,
    /// No service account token.
    NoServiceAccountToken,
    /// What was found is switched off where it stands.
    Replace,
}

impl<'a> Case<'a> {
    pub(crate) fn is(&self, source: Source) -> bool {
        self.workload.source == source
    }

    pub(crate) fn is_kubernetes(&self) -> bool {
        self.is(Source::Kubernetes)
    }

    /// The name of a setting as the users of its source know it.
    pub(crate) fn word(&self, kubernetes: &'a str, docker: &'a str) -> &'a str {
        if self.is_kubernetes() { kubernetes } else { docker }
    }

    /// Whether a namespace is the host's, through containers that it joins: the reasons, nearest first.
    pub(crate) fn host_namespace(&self, pick: fn(&Workload) -> &Option<Given<Namespace>>) -> HostNamespace {
        let (mut workload, mut joined) = (self.workload, Vec::new());
        for _ in 0..NAMESPACE_CHAIN_MAX {
            let Some(given) = pick(workload) else { return HostNamespace::No };
            match &given.value {
                Namespace::Host => return HostNamespace::Yes(joined),
                Namespace::Container(name) => {
                    let is_it = |peer: &&Workload| {
                        let is_id = |id: &String| name.len() >= 12 && id.starts_with(name.as_str());
                        peer.name == *name || peer.id.as_ref().is_some_and(is_id)
                    };
                    joined.push(name.clone());
                    let Some(peer) = self.context.peers.iter().find(is_it) else {
                        return HostNamespace::Unknown(name.clone());
                    };
                    workload = peer;
                }
                Namespace::Private | Namespace::None | Namespace::Shareable | Namespace::Named(_) => {
                    return HostNamespace::No;
                }
            }
        }
        HostNamespace::Unknown(joined.pop().unwrap_or_default())
    }

    /// Whether the container certainly runs as root, certainly not, or nobody can tell from here.
    pub(crate) fn root(&self, container: &ContainerSpec) -> Root {
        let non_root = self.workload.effective(container, |security| &security.run_as_non_root);
        match self.workload.effective(container, |security| &security.user) {
            Some(user) if user.value.is_root() => Root::Yes,
            Some(Given { value: Account::Id(_), .. }) => Root::No,
            Some(Given { value: Account::Name(_), .. }) => Root::No,
            None if non_root.is_some_and(|given| given.value) => Root::No,
            None if self.is(Source::Engine) => Root::Yes,
            None => Root::ByImage,
        }
    }

    /// Whether users of the container are others on the host.
    pub(crate) fn has_user_namespace(&self) -> bool {
        match self.workload.namespaces.user.as_ref().map(|given| &given.value) {
            Some(Namespace::Host) => false,
            Some(_) => true,
            None => {
                self.context.host.user_namespaces == Some(true) || self.context.host.rootless == Some(true)
            }
        }
    }
}

/// Whether a namespace is the host's.
#[derive(Debug)]
pub(crate) enum HostNamespace {
    /// It is, through these containers.
    Yes(Vec<String>),
    No,
    /// It is that of a container that is not known.
    Unknown(String),
}

/// Who runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Yes,
    No,
    /// Whoever the image names, root where it names nobody.
    ByImage,
}

/// A capability without its prefix, in capitals.
pub(crate) fn capability(name: &str) -> String {
    let name = name.trim().to_ascii_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

/// Whether a container has a capability, by what is added (a privileged one has all).
pub(crate) fn has_capability(container: &ContainerSpec, wanted: &str) -> bool {
    let is_added =
        |given: &Given<String>| matches!(capability(&given.value), name if name == wanted || name == "ALL");
    is_on(&container.privileged) || container.capabilities_add.iter().any(is_added)
}

pub(crate) fn is_on(given: &Option<Given<bool>>) -> bool {
    given.as_ref().is_some_and(|given| given.value)
}
