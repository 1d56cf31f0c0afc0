//! How a service wants to be told: address, headers and body of a request as templates in Jinja's language.
//!
//! A template is a file: a head in YAML, a line `---`, the body. Those in `templates/` are built in; users write their
//! own in the same way. Whatever a template shows is escaped for where it stands (as JSON in a body of JSON), so that
//! no text of an attacker can leave its place.

mod built_in;
mod escape;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize;

use crate::limits::{BATCH_COUNT_MAX, TEMPLATE_FUEL};
use crate::{Delivery, Secret};

/// A template as its file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Template {
    /// Of the request; in front of it all, settings are known by their names.
    address: String,
    #[serde(default = "post")]
    pub(crate) method: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Findings of one request.
    #[serde(default = "one")]
    batch: usize,
    #[serde(default)]
    audience: Audience,
    #[serde(default)]
    escape: Escape,
    #[serde(default)]
    pub(crate) answer: Answer,
    /// What else it wants to know, with a value where it can do without.
    #[serde(default)]
    settings: BTreeMap<String, Option<String>>,
    #[serde(skip)]
    body: String,
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Audience {
    /// A store or program that counts by itself: everything is told.
    #[default]
    Programs,
    /// People who are woken by it: repeats are folded.
    People,
}

/// What the body is, and so how values in it are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Escape {
    /// One JSON value.
    #[default]
    Json,
    /// A JSON value on each line.
    JsonLines,
    /// Plain text: only made tame.
    Text,
}

/// What an answer of success has to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// Nothing: the status says it all.
    #[default]
    Status,
    /// Which items of a bulk request were taken (Elasticsearch, OpenSearch, ZincSearch).
    Bulk,
    /// How many log records were rejected (OTLP).
    Otlp,
    /// `status: 0` (Splunk's event collector says more than HTTP does).
    Code,
}

fn post() -> String {
    "POST".to_owned()
}

const fn one() -> usize {
    1
}

/// How long repeats are folded for people, where the configuration does not say.
const FOLD_FOR_PEOPLE: Duration = Duration::from_secs(60);

impl Template {
    /// The built-in template of a name.
    pub(crate) fn built_in(name: &str) -> Result<Template, String> {
        match built_in::ALL.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Template::parse(text),
            None => {
                let names: Vec<&str> = built_in::ALL.iter().map(|(name, _)| *name).collect();
                Err(format!("`{name}` is not a template; use one of: {}", names.join(", ")))
            }
        }
    }

    /// A template from its file's text.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        let Some((head, body)) = text.split_once("\n---\n") else {
            return Err("it has no line `---` between its head and its body".to_owned());
        };
        let template: Template = serde_saphyr::from_str(head).map_err(|error| error.to_string())?;
        if template.batch == 0 || template.batch > BATCH_COUNT_MAX {
            return Err(format!("`batch` is {}; it has to be 1 to {BATCH_COUNT_MAX}", template.batch));
        }
        Ok(Template { body: body.trim_end_matches('\n').to_owned(), ..template })
    }

    /// How many findings a request of it takes.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// How long repeats are folded, where the configuration does not say.
    pub(crate) fn fold(&self) -> Option<Duration> {
        match self.audience {
            Audience::People => Some(FOLD_FOR_PEOPLE),
            Audience::Programs => None,
        }
    }

    /// Fits it with what the configuration says.
    pub(crate) fn compile(&self, given: &BTreeMap<String, Secret>) -> Result<Compiled, String> {
        let mut settings = BTreeMap::new();
        for (name, default) in &self.settings {
            let default = default.as_deref().map(Secret::new);
            let value = given.get(name).cloned().or(default);
            let value = value.ok_or_else(|| format!("its template needs `{name}`"))?;
            settings.insert(name.clone(), value);
        }
        if let Some(name) = given.keys().find(|name| !self.settings.contains_key(*name)) {
            let known: Vec<&str> = self.settings.keys().map(String::as_str).collect();
            return Err(format!("its template does not know `{name}`; it knows: {}", known.join(", ")));
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(TEMPLATE_FUEL));
        environment.set_formatter(escape::format);
        escape::add_filters(&mut environment);
        let syntax = minijinja::syntax::SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| error.to_string())?);
        let mut add = |name: String, text: &str| {
            let added = environment.add_template_owned(name, text.to_owned());
            added.map_err(|error| format!("its template is wrong: {error}"))
        };
        let body = match self.escape {
            Escape::Json => "body.json",
            Escape::JsonLines => "body.jsonl",
            Escape::Text => "body.txt",
        };
        add(body.to_owned(), &self.body)?;
        add("address.url".to_owned(), &self.address)?;
        for (name, text) in &self.headers {
            add(format!("{name}.header"), text)?;
        }
        let headers = self.headers.keys().cloned().collect();
        let compiled = Compiled { environment, body, escape: self.escape, headers, settings };
        compiled.try_out()?;
        Ok(compiled)
    }
}

/// A template with its settings, ready to be rendered.
pub(crate) struct Compiled {
    environment: Environment<'static>,
    /// The name of the body; its ending says how values are written.
    body: &'static str,
    escape: Escape,
    headers: Vec<String>,
    settings: BTreeMap<String, Secret>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("body", &self.body).field("settings", &self.settings).finish()
    }
}

/// A request as a template makes it.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) address: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Compiled {
    /// The request for these findings; the error completes "cannot render the template: ".
    pub(crate) fn render(&self, deliveries: &[Arc<Delivery>]) -> Result<Rendered, String> {
        let views: Vec<Value> = deliveries.iter().map(view::value).collect();
        let first = views.first().cloned().unwrap_or_default();
        let settings = self.settings.iter().map(|(name, value)| (name.clone(), Value::from(value.expose())));
        let own = [("alert".to_owned(), first), ("alerts".to_owned(), Value::from(views))];
        let context = Value::from(settings.chain(own).collect::<BTreeMap<String, Value>>());
        let render = |name: &str| {
            let template = self.environment.get_template(name);
            template.and_then(|template| template.render(&context)).map_err(|error| error.to_string())
        };
        let headers = self.headers.iter().map(|name| Ok((name.clone(), render(&format!("{name}.header"))?)));
        Ok(Rendered {
            address: render("address.url")?,
            headers: headers.collect::<Result<_, String>>()?,
            body: render(self.body)?,
        })
    }

    /// Renders findings of no consequence, so that a mistake shows when the configuration is read.
    fn try_out(&self) -> Result<(), String> {
        let sample = Arc::new(view::sample());
        let wrong = |error: String| format!("its template is wrong: {error}");
        let rendered = self.render(&[Arc::clone(&sample), sample]).map_err(wrong)?;
        let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).map(|_| ());
        let checked = match self.escape {
            Escape::Json => is_json(&rendered.body),
            Escape::JsonLines => rendered.body.lines().try_for_each(is_json),
            Escape::Text => Ok(()),
        };
        checked.map_err(|error| format!("its template does not make JSON: {error}"))?;
        match rendered.address.starts_with("http://") || rendered.address.starts_with("https://") {
            true => Ok(()),
            false => Err("its address does not begin with http:// or https://".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
