//! Trivy's `.trivyignore` (an id a line, `exp:YYYY-MM-DD`) and `.trivyignore.yaml`.

use jiff::civil::Date;
use seawall_inventory::Purl;
use serde::Deserialize;

use crate::waiver::{Glob, Selector, Waiver};

pub(super) fn read_lines(text: &str, name: &str) -> Result<Vec<Waiver>, String> {
    let mut waivers = Vec::new();
    let mut comment = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(words) = line.strip_prefix('#') {
            words.trim().clone_into(&mut comment);
            continue;
        }
        let line = line.split_once(" #").map_or(line, |(line, _)| line);
        let mut words = line.split_whitespace();
        let Some(id) = words.next() else {
            comment.clear();
            continue;
        };
        let mut expires = None;
        for word in words {
            if let Some(date) = word.strip_prefix("exp:") {
                let date: Date = date
                    .parse()
                    .map_err(|_| format!("line {}: `{word}` is not exp:YYYY-MM-DD", index + 1))?;
                expires = Some(date);
            }
        }
        let reason = if comment.is_empty() { "listed in the ignore file" } else { &comment };
        waivers.push(Waiver {
            by: format!("{name}:{}", index + 1),
            selector: Selector { vulnerabilities: vec![id.to_owned()], ..Selector::default() },
            reason: reason.to_owned(),
            expires,
            ..Waiver::default()
        });
    }
    Ok(waivers)
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    vulnerabilities: Vec<Ignored>,
}

#[derive(Deserialize)]
struct Ignored {
    id: String,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    purls: Vec<String>,
    #[serde(default)]
    expired_at: Option<String>,
    #[serde(default)]
    statement: Option<String>,
}

pub(super) fn read_yaml(text: &str, name: &str) -> Result<Vec<Waiver>, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let waiver = |(index, ignored): (usize, Ignored)| {
        let purls: Result<Vec<Purl>, _> = ignored.purls.iter().map(|purl| purl.parse()).collect();
        let paths: Result<Vec<Glob>, _> = ignored.paths.iter().map(|path| Glob::path(path)).collect();
        let date = |text: &String| {
            text.get(..10)
                .unwrap_or(text)
                .parse()
                .map_err(|_| format!("{}: `{text}` is not a date", ignored.id))
        };
        Ok(Waiver {
            by: format!("{name}, entry {}", index + 1),
            selector: Selector {
                vulnerabilities: vec![ignored.id.clone()],
                purls: purls.map_err(|error| error.to_string())?,
                paths: paths.map_err(|error| error.to_string())?,
                ..Selector::default()
            },
            reason: ignored.statement.clone().unwrap_or_else(|| "listed in the ignore file".to_owned()),
            expires: ignored.expired_at.as_ref().map(date).transpose()?,
            ..Waiver::default()
        })
    };
    file.vulnerabilities.into_iter().enumerate().map(waiver).collect()
}
