//! osv-scanner's `[[IgnoredVulns]]` of `osv-scanner.toml`.

use serde::Deserialize;

use crate::waiver::{Selector, Waiver};

#[derive(Deserialize)]
struct File {
    #[serde(default, rename = "IgnoredVulns")]
    ignored: Vec<Ignored>,
}

#[derive(Deserialize)]
struct Ignored {
    id: String,
    #[serde(default, rename = "ignoreUntil")]
    until: Option<toml::Value>,
    #[serde(default)]
    reason: Option<String>,
}

pub(super) fn read(text: &str, name: &str) -> Result<Vec<Waiver>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let waiver = |(index, ignored): (usize, Ignored)| {
        let until = ignored.until.map(|until| match until {
            toml::Value::String(text) => text,
            toml::Value::Datetime(time) => time.to_string(),
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Array(_)
            | toml::Value::Table(_) => String::new(),
        });
        let date = |text: String| {
            let date = text.get(..10).unwrap_or(&text).parse();
            date.map_err(|_| format!("{}: `{text}` is not a date", ignored.id))
        };
        Ok(Waiver {
            by: format!("{name}, entry {}", index + 1),
            selector: Selector { vulnerabilities: vec![ignored.id.clone()], ..Selector::default() },
            reason: ignored.reason.clone().unwrap_or_else(|| "listed in the ignore file".to_owned()),
            expires: until.map(date).transpose()?,
            ..Waiver::default()
        })
    };
    file.ignored.into_iter().enumerate().map(waiver).collect()
}
