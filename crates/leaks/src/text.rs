//! Texts of an image's configuration: environment, labels, command lines, build history with its build arguments.

use std::collections::HashSet;

use crate::hit::LayerLeaks;
use crate::look::{Look, Where};
use crate::rules::Rules;
use crate::value::IdentityKey;
use crate::{entropy, placeholder};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier<'c> {
    /// `NAME=value` of the environment.
    Environment,
    /// A label with this name.
    Label(&'c str),
    /// Entry point, command, health check.
    CommandLine,
    /// An instruction of the build history, `|2 A=x B=y /bin/sh -c …` with its build arguments.
    History,
    /// Anything else, by its name.
    Other(&'c str),
}

/// Words in names of variables whose values are secret.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "access_key",
    "private_key",
    "credential",
    "auth_key",
    "encryption_key",
    "signing_key",
    "_pass",
    "_pwd",
    "_psk",
];
/// Words in such names that say that the value is not the secret itself.
const OPEN_NAMES: &[&str] = &[
    "_file",
    "_path",
    "_url",
    "_uri",
    "_endpoint",
    "_id",
    "_name",
    "_user",
    "_length",
    "_expir",
    "_ttl",
    "_min",
    "_max",
    "_type",
    "_host",
    "_dir",
    "_public",
    "publickey",
    "public_key",
    "gpg_key",
    "_enabled",
    "_required",
    "_policy",
    "_header",
    "_issuer",
    "_audience",
    "_algorithm",
    "_alg",
    "_lifetime",
    "_timeout",
    "_field",
    "_size",
    "_arn",
    "_sha256",
    "_version",
    "_store",
    "_provider",
    "_class",
    "_method",
    "_mode",
];

/// Whether a variable's name says that its value is secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase().replace(['-', '.'], "_");
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    has(SECRET_NAMES) && !has(OPEN_NAMES)
}

/// Whether the value of a variable with a secret's name is one.
pub(crate) fn is_secret_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() >= 6
        && bytes.len() <= 4096
        && !placeholder::is_placeholder(bytes)
        && placeholder::is_plausible_password(bytes)
        && !(bytes.len() < 12
            && bytes.iter().all(u8::is_ascii_lowercase)
            && entropy::bits_per_byte(bytes) < 2.6)
        && !value.contains("://")
}

/// What is shown in the place of a value.
const HIDDEN: &str = "…";
/// More build arguments than any build has.
const BUILD_ARGUMENTS_MAX: usize = 1000;

/// What leaks in texts, one call each; [`Texts::finish`] gives all.
pub struct Texts<'r> {
    look: Look<'r>,
    /// `NAME=value` that the configuration tells of itself.
    configured: Option<&'r HashSet<String>>,
}

impl<'r> Texts<'r> {
    /// A search by these rules.
    pub fn new(rules: &'r Rules, key: Option<&'r IdentityKey>) -> Texts<'r> {
        Texts { look: Look::new(rules, key), configured: None }
    }

    /// The same, where an instruction of the history that sets one of these `NAME=value` says nothing new.
    pub fn beside(self, configured: &'r HashSet<String>) -> Texts<'r> {
        Texts { configured: Some(configured), ..self }
    }

    /// Searches one text that stands at a JSON pointer of the image's configuration, and gives it back without the
    /// values that were found in it, for whoever shows the text.
    pub fn in_text(&mut self, carrier: Carrier<'_>, pointer: &str, text: &str) -> String {
        match carrier {
            Carrier::Environment => {
                let (name, value) = text.split_once('=').unwrap_or((text, ""));
                let name = &self.line("name of an environment variable", pointer, name);
                let carrier = format!("environment variable {name}");
                format!("{name}={}", self.variable("environment-secret", &carrier, pointer, name, value))
            }
            Carrier::Label(name) => {
                self.variable("label-secret", &format!("label {name}"), pointer, name, text)
            }
            Carrier::CommandLine => self.line("command line", pointer, text),
            Carrier::History => self.history(pointer, text),
            Carrier::Other(name) => self.line(name, pointer, text),
        }
    }

    /// What was found.
    pub fn finish(self) -> LayerLeaks {
        LayerLeaks { hits: self.look.hits, gaps: self.look.gaps, vouched: 0 }
    }

    /// A name and its value: any rule may know better, and the name alone may say enough. Gives the value to show.
    fn variable(
        &mut self,
        rule: &'static str,
        carrier: &str,
        pointer: &str,
        name: &str,
        value: &str,
    ) -> String {
        let before = self.look.hits.len();
        let at = Where {
            carrier: Some(carrier.to_owned()),
            pointer: Some(pointer.to_owned()),
            ..Where::default()
        };
        self.look.file(&at, format!("{name}={value}").as_bytes());
        // A rule without a doubt says what it is; a generic one says no more than the name.
        let is_told = self.look.told.iter().any(|confidence| *confidence >= crate::CONFIDENCE_MIN);
        if !is_told && is_secret_name(name) && is_secret_value(value) {
            self.look.hits.truncate(before);
            self.look.value(&at, rule, value.as_bytes(), "context");
        }
        if self.look.told.is_empty() { value.to_owned() } else { HIDDEN.to_owned() }
    }

    fn line(&mut self, carrier: &str, pointer: &str, text: &str) -> String {
        let at = Where {
            carrier: Some(carrier.to_owned()),
            pointer: Some(pointer.to_owned()),
            ..Where::default()
        };
        self.look.file(&at, text.as_bytes());
        if self.look.told.is_empty() {
            return text.to_owned();
        }
        if self.look.told.len() > self.look.spans.len() || self.look.is_cut {
            // What is hidden in an encoding, or was not told any more, cannot be cut out.
            return HIDDEN.to_owned();
        }
        let mut shown = Vec::new();
        let mut at = 0;
        for span in &self.look.spans {
            shown.extend_from_slice(text.as_bytes().get(at..span.start).unwrap_or_default());
            shown.extend_from_slice(HIDDEN.as_bytes());
            at = span.end;
        }
        shown.extend_from_slice(text.as_bytes().get(at..).unwrap_or_default());
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// `|2 TOKEN=abc NAME=x /bin/sh -c make`: as many build arguments as the number says; values may have spaces, so an
    /// argument ends where the next name or the shell begins.
    fn history(&mut self, pointer: &str, text: &str) -> String {
        let (run, instruction) = text.strip_prefix("RUN ").map_or(("", text), |rest| ("RUN ", rest));
        let Some((count, mut rest)) = instruction.strip_prefix('|').and_then(|rest| rest.split_once(' '))
        else {
            return self.instruction(pointer, text);
        };
        let mut shown = format!("{run}|{count} ");
        for _ in 0..count.parse::<usize>().unwrap_or(0).min(BUILD_ARGUMENTS_MAX) {
            let Some((name, value)) = rest.split_once('=').filter(|(name, _)| is_name(name)) else { break };
            let (value, more) = value.split_at(end_of_value(value));
            let value = self.variable(
                "build-argument-secret",
                &format!("build argument {name}"),
                pointer,
                name,
                value,
            );
            shown.push_str(&format!("{name}={value} "));
            rest = more.trim_start();
        }
        shown + &self.line("build instruction", pointer, rest)
    }

    /// `ENV A=b`, `ARG A=b`, `LABEL a=b`, and commands.
    fn instruction(&mut self, pointer: &str, text: &str) -> String {
        let body = text.strip_prefix("/bin/sh -c #(nop) ").unwrap_or(text).trim();
        let Some((word @ ("ENV" | "LABEL" | "ARG"), rest)) = body.split_once(' ') else {
            return self.line("build instruction", pointer, text);
        };
        let mut rest = rest.trim();
        let (rule, what) = match word {
            "ENV" => ("environment-secret", "environment variable"),
            "LABEL" => ("label-secret", "label"),
            _ => ("build-argument-secret", "build argument"),
        };
        let mut shown = word.to_owned();
        // `ENV A=b C="d e"`, or of old `ENV A b`.
        while let Some((name, value)) = rest.split_once(['=', ' ']).filter(|(name, _)| is_name(name)) {
            let (value, more) = value.split_at(end_of_value(value));
            let bare = value.trim().trim_matches(['"', '\'']);
            let before = self.look.hits.len();
            let safe = self.variable(rule, &format!("{what} {name}"), pointer, name, bare);
            // The configuration's own environment and labels tell of what is still in them.
            let is_configured =
                self.configured.is_some_and(|texts| texts.contains(&format!("{name}={bare}")));
            if word != "ARG" && is_configured {
                self.look.hits.truncate(before);
            }
            shown.push_str(&format!(" {name}={}", if safe == bare { value } else { &safe }));
            rest = more.trim_start();
        }
        if rest.is_empty() { shown } else { format!("{shown} {rest}") }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Where a build argument's value ends: before ` NAME=` or the shell.
fn end_of_value(value: &str) -> usize {
    let mut at = 0;
    for word in value.split(' ') {
        let is_next = at > 0
            && (word.starts_with('/')
                || word.split_once('=').is_some_and(|(name, _)| is_name(name))
                || word == "powershell"
                || word == "cmd");
        if is_next {
            return at - 1;
        }
        at += word.len() + 1;
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Sequence, fill};

    fn check(carrier: Carrier<'_>, text: &str, expected: &[(&str, &str)]) {
        let rules = Rules::builtin();
        let mut texts = Texts::new(&rules, None);
        texts.in_text(carrier, "/history/0", text);
        let hits = texts.finish().hits;
        let found: Vec<_> =
            hits.iter().map(|hit| (hit.rule.as_str(), hit.carrier.as_deref().unwrap_or(""))).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn variables_are_told_by_their_names() {
        check(
            Carrier::Environment,
            "DB_PASS=Kx7-lampion",
            &[("environment-secret", "environment variable DB_PASS")],
        );
        check(Carrier::Environment, "DB_PASSWORD_FILE=/run/secrets/db", &[]);
        check(Carrier::Environment, "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", &[]);
        check(Carrier::Environment, "PATH=/usr/bin:/bin", &[]);
        check(Carrier::Label("deploy.token"), "k7Qm2xWv9LpZ", &[("label-secret", "label deploy.token")]);
    }

    #[test]
    fn an_instruction_is_shown_without_its_secrets() {
        let rules = Rules::builtin();
        let check = |text: &str, expected: &str| {
            assert_eq!(Texts::new(&rules, None).in_text(Carrier::History, "", text), expected);
        };
        check("ENV A=b DB_PASSWORD=k7Qm2xWv9LpZ C=d", "ENV A=b DB_PASSWORD=… C=d");
        check("ENV DB_PASSWORD k7Qm2xWv9LpZ", "ENV DB_PASSWORD=…");
        check("ENV A=\"b c\" D=e", "ENV A=\"b c\" D=e");
        check("LABEL maintainer=me", "LABEL maintainer=me");
        check("RUN mysql -u root -pk7Qm2xWv9LpZ app", "RUN mysql -u root -p… app");
        check("RUN apt-get update", "RUN apt-get update");
    }

    /// A token that any rule set knows, put together here so that none stands in this file.
    fn token() -> String {
        fill("<github:ghp_>", &mut Sequence(3))
    }

    #[test]
    fn a_value_that_is_found_again_is_hidden_again() {
        let rules = Rules::builtin();
        let mut texts = Texts::new(&rules, None);
        let text = format!("serve {}", token());
        for pointer in ["/config/Entrypoint", "/config/Cmd"] {
            assert_eq!(texts.in_text(Carrier::CommandLine, pointer, &text), "serve …");
        }
        let variable = format!("A={}", token());
        for _ in 0..2 {
            assert_eq!(texts.in_text(Carrier::Environment, "/config/Env/0", &variable), "A=…");
        }
    }

    #[test]
    fn a_name_is_hidden_where_it_is_a_token() {
        let rules = Rules::builtin();
        assert_eq!(Texts::new(&rules, None).in_text(Carrier::Environment, "", &token()), "…=");
    }

    #[test]
    fn history_tells_what_the_configuration_does_not() {
        let rules = Rules::builtin();
        let check = |configured: &str, expected: &[&str]| {
            let configured = HashSet::from([configured.to_owned()]);
            let mut texts = Texts::new(&rules, None).beside(&configured);
            texts.in_text(Carrier::History, "", "ENV DB_PASSWORD=k7Qm2xWv9LpZ");
            let hits = texts.finish().hits;
            let found: Vec<_> = hits.iter().filter_map(|hit| hit.carrier.as_deref()).collect();
            assert_eq!(found, expected);
        };
        check("DB_PASSWORD=k7Qm2xWv9LpZ", &[]);
        check("DB_PASSWORD=", &["environment variable DB_PASSWORD"]);
    }

    #[test]
    fn build_arguments_stand_in_history() {
        check(
            Carrier::History,
            "RUN |2 REGISTRY_TOKEN=k7Qm2xWv9LpZ4 MODE=fast mode /bin/sh -c make # buildkit",
            &[("build-argument-secret", "build argument REGISTRY_TOKEN")],
        );
        check(Carrier::History, "|1 A=b /bin/sh -c echo", &[]);
    }
}
