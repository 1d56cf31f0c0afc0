//! Responses: what is done about a finding beside showing it. Here they are data; `respond` carries them out.

use std::fmt;
use std::str::FromStr;

use seawall_finding::Finding;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Policy;
use crate::limits::NAME_CHARS_SHOWN;

mod settings;

pub(crate) use settings::SettingsText;
pub use settings::{AfterDeath, Hosts, Network, NetworkError, Protected, ResponseSettings, RuleResponses};

/// What can be done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Response {
    /// People are told, as of every finding; says that this is all.
    Notify,
    /// The process is killed.
    Kill,
    /// The container's processes stand still.
    Freeze,
    /// The container reaches nothing but itself.
    Isolate,
    /// The container is stopped.
    Stop,
    /// Frozen, isolated, and its evidence kept.
    Quarantine,
    /// Evidence is kept.
    Capture,
    /// The kernel refuses the operation itself.
    Deny,
}

/// A name that is no response's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no response; {hint}")]
pub struct UnknownResponse {
    name: String,
    hint: String,
}

impl Response {
    /// Every response.
    pub const ALL: [Response; 8] = [
        Response::Notify,
        Response::Kill,
        Response::Freeze,
        Response::Isolate,
        Response::Stop,
        Response::Quarantine,
        Response::Capture,
        Response::Deny,
    ];

    /// As policies and rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Response::Notify => "notify",
            Response::Kill => "kill",
            Response::Freeze => "freeze",
            Response::Isolate => "isolate",
            Response::Stop => "stop",
            Response::Quarantine => "quarantine",
            Response::Capture => "capture",
            Response::Deny => "deny",
        }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Response {
    type Err = UnknownResponse;

    fn from_str(text: &str) -> Result<Response, UnknownResponse> {
        let known = |response: &Response| response.name() == text;
        Response::ALL.into_iter().find(known).ok_or_else(|| UnknownResponse::of(text))
    }
}

impl<'de> Deserialize<'de> for Response {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Response, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl UnknownResponse {
    fn of(text: &str) -> UnknownResponse {
        let name: String = text.chars().take(NAME_CHARS_SHOWN).collect();
        let lower = name.to_ascii_lowercase();
        let near = Response::ALL.into_iter().map(|response| (distance(&lower, response.name()), response));
        let hint = match near.min_by_key(|(distance, _)| *distance) {
            Some((distance, response)) if distance <= 2 => format!("did you mean `{response}`?"),
            Some(_) | None => {
                let names: Vec<&str> = Response::ALL.into_iter().map(Response::name).collect();
                format!("there are {}", names.join(", "))
            }
        };
        UnknownResponse { name, hint }
    }
}

/// Insertions, deletions and replacements that make one word out of the other.
fn distance(left: &str, right: &str) -> usize {
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, byte) in left.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut last[0], row + 1);
        for (column, other) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(byte != other);
            diagonal = last[column + 1];
            last[column + 1] = replaced.min(diagonal + 1).min(last[column] + 1);
        }
    }
    last[right.len()]
}

/// A response that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// What is to be done.
    pub response: Response,
    /// Who asks: the name of a clause, or [`Requested::RULE`].
    pub by: String,
    /// It is only ever rehearsed, whatever else is said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearse: bool,
}

impl Requested {
    /// Stands for the rule that found it.
    pub const RULE: &'static str = "rule";
}

impl Policy {
    /// Every response that some clause may ask for, with the clause's name: for checks before anything happens.
    pub fn wanted_responses(&self) -> impl Iterator<Item = (&str, Response)> {
        self.clauses
            .iter()
            .flat_map(|clause| clause.respond.iter().map(|response| (clause.name.as_str(), *response)))
    }

    /// What the rule itself asks for, behind what the clauses do; nothing is asked for twice. A clause's word counts
    /// before the rule's.
    pub(crate) fn requested(&self, finding: &Finding, by_clauses: Vec<Requested>) -> Vec<Requested> {
        let rule_asks = match (self.respond.rules, finding.evidence.happened()) {
            (RuleResponses::Ignore, _) | (_, None) => &[][..],
            (RuleResponses::Honour | RuleResponses::Rehearse, Some(happened)) => &happened.respond,
        };
        let rehearse = self.respond.rules == RuleResponses::Rehearse;
        // Whoever loads rules refuses other names: `"kil".parse::<Response>()` says what was meant.
        let by_rule = rule_asks.iter().filter_map(|name| name.parse().ok());
        let by_rule =
            by_rule.map(|response| Requested { response, by: Requested::RULE.to_owned(), rehearse });
        let mut requested: Vec<Requested> = Vec::new();
        for request in by_clauses.into_iter().chain(by_rule) {
            if !requested.iter().any(|earlier| earlier.response == request.response) {
                requested.push(request);
            }
        }
        requested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_policies_know_the_same_names() {
        assert_eq!(Response::ALL.map(Response::name), seawall_finding::RESPONSE_NAMES);
        for name in seawall_finding::RESPONSE_NAMES {
            assert_eq!(name.parse::<Response>().map(Response::name), Ok(name));
        }
    }
}
