//! What was seen, one variant per capability.

use serde::{Deserialize, Serialize};

use crate::{Happened, Leaked, Misset, Untrusted, Vulnerable};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// A package version that an advisory covers.
    Vulnerable(Box<Vulnerable>),
    /// Something past its end of life.
    Outdated(Outdated),
    /// A package that is itself an attack (OSV `MAL-` records).
    Malicious(Malicious),
    /// A credential where others can read it.
    Leaked(Box<Leaked>),
    /// A setting that is wrong.
    Misset(Box<Misset>),
    /// A rule matched an event.
    Happened(Box<Happened>),
    /// A requirement of trust that is not met.
    Untrusted(Box<Untrusted>),
}

/// Something past its end of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outdated {
    /// `Debian 10`.
    pub product: String,
    /// Last day of support, `YYYY-MM-DD`.
    pub ended_on: String,
    /// Last day of the longest extended support, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_on: Option<String>,
}

/// A package that is itself an attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malicious {
    /// `MAL-2024-1234`.
    pub id: String,
    /// Other names of the record.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What the record says, one paragraph.
    pub title: String,
}

impl Evidence {
    /// The vulnerability, where it is one.
    pub fn vulnerable(&self) -> Option<&Vulnerable> {
        if let Evidence::Vulnerable(vulnerable) = self { Some(vulnerable) } else { None }
    }

    /// The wrong setting, where it is one.
    pub fn misset(&self) -> Option<&Misset> {
        if let Evidence::Misset(misset) = self { Some(misset) } else { None }
    }

    /// The leaked credential, where it is one.
    pub fn leaked(&self) -> Option<&Leaked> {
        if let Evidence::Leaked(leaked) = self { Some(leaked) } else { None }
    }

    /// The evidence of an event, where it is one.
    pub fn happened(&self) -> Option<&Happened> {
        if let Evidence::Happened(happened) = self { Some(happened) } else { None }
    }

    /// What makes two findings of one rule on one subject at one place different.
    pub fn key(&self) -> String {
        match self {
            Evidence::Vulnerable(vulnerable) => vulnerable.id.clone(),
            Evidence::Outdated(outdated) => outdated.product.clone(),
            Evidence::Malicious(malicious) => malicious.id.clone(),
            Evidence::Leaked(leaked) => leaked.value_id.clone(),
            Evidence::Misset(misset) => misset.setting.clone(),
            Evidence::Happened(happened) => happened.about.clone(),
            Evidence::Untrusted(untrusted) => untrusted.required.clone(),
        }
    }

    /// Label and value pairs, most telling first, so that a format needs no match on the variant.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Evidence::Vulnerable(vulnerable) => vulnerable.facts(),
            Evidence::Outdated(outdated) => {
                let mut facts =
                    vec![("product", outdated.product.clone()), ("support ended", outdated.ended_on.clone())];
                facts.extend(outdated.extended_on.clone().map(|on| ("extended support ends", on)));
                facts
            }
            Evidence::Malicious(malicious) => vec![
                ("record", malicious.id.clone()),
                ("aliases", malicious.aliases.join(", ")),
                ("description", malicious.title.clone()),
            ],
            Evidence::Leaked(leaked) => leaked.facts(),
            Evidence::Misset(misset) => misset.facts(),
            Evidence::Happened(happened) => happened.facts(),
            Evidence::Untrusted(untrusted) => untrusted.facts(),
        }
    }
}
