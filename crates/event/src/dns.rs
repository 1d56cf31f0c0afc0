//! A message of the DNS, and what its answers make of addresses: names.

use serde::{Deserialize, Serialize};

/// A question to the DNS, or an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// The name that is asked for, in lower case, without a dot at its end. Bytes that are no plain character are told
    /// as a backslash with three digits, a dot inside a label as `\.`.
    pub question: String,
    /// `A`, `AAAA`, `TXT` …; a type that has no name here is `TYPE65`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it is the answer.
    pub is_answer: bool,
    /// `NOERROR`, `NXDOMAIN` …; only an answer has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcode: Option<String>,
    /// Addresses, names and texts of the answer, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
}

impl Dns {
    /// The end of the name that somebody has registered, as far as the name alone tells: its last two labels, or three
    /// where the last has two letters and the one before it at most three (`example.co.uk`).
    pub fn domain(&self) -> &str {
        let name = self.question.as_str();
        let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
        let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return name };
        let is_shared = name.len() - last - 1 == 2 && last - second - 1 <= 3;
        match (is_shared, dots.next()) {
            (false, _) => &name[second + 1..],
            (true, Some(third)) => &name[third + 1..],
            (true, None) => name,
        }
    }
}

/// The names of one address, the one that was asked for last first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Names(Vec<String>);

impl Names {
    /// These.
    pub fn new(names: Vec<String>) -> Names {
        Names(names)
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The one that was asked for last.
    pub fn first(&self) -> Option<&str> {
        self.iter().next()
    }

    /// Whether nobody knows one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Names {
    fn from(name: &str) -> Names {
        Names(vec![name.to_owned()])
    }
}

/// One name is written as itself.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl From<Written> for Names {
    fn from(written: Written) -> Names {
        match written {
            Written::One(name) => Names(vec![name]),
            Written::Several(names) => Names(names),
        }
    }
}

impl From<Names> for Written {
    fn from(Names(mut names): Names) -> Written {
        match (names.len(), names.pop()) {
            (1, Some(name)) => Written::One(name),
            (_, last) => {
                names.extend(last);
                Written::Several(names)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_somebody_registered() {
        let check = |question: &str, domain: &str| {
            let dns = Dns { question: question.to_owned(), ..Dns::default() };
            assert_eq!(dns.domain(), domain);
        };
        check("a.b.example.org", "example.org");
        check("example.org", "example.org");
        check("localhost", "localhost");
        check("", "");
        check("a.b.example.co.uk", "example.co.uk");
        check("example.co.uk", "example.co.uk");
        check("co.uk", "co.uk");
        check("a.example.de", "example.de");
        check("..", ".");
    }

    #[test]
    fn one_name_is_written_as_itself_and_several_as_a_list() {
        let check = |names: &[&str], json: &str| {
            let names = Names::new(names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(serde_json::to_string(&names).unwrap(), json);
            assert_eq!(serde_json::from_str::<Names>(json).unwrap(), names);
        };
        check(&["a.example"], "\"a.example\"");
        check(&["a.example", "b.example"], "[\"a.example\",\"b.example\"]");
        check(&[], "[]");
    }
}
