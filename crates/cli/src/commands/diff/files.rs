//! `seawall diff --files`: which file of which layer two builds of an image differ in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use seawall_finding::Gap;
use seawall_image::{LayerFile, Limits, OpenImage, layer_files};
use seawall_inventory::Image;
use seawall_report::printable;
use serde::Serialize;

use super::after_name;
use crate::Session;
use crate::args::{Diff, DiffFormat};
use crate::exit::Exit;
use crate::output;
use crate::target::{Opened, Targets, platforms};

/// Differences of a layer that are shown; the others are counted.
const SHOWN_MAX: usize = 1000;

/// How two builds differ.
#[derive(Debug, Default, Serialize)]
struct Builds {
    /// What the configurations say differently: `created`, `env`.
    configuration: Vec<Change>,
    layers: Vec<LayerChange>,
    /// What could not be compared.
    gaps: Vec<Gap>,
}

/// A value on both sides.
#[derive(Debug, Serialize)]
struct Change {
    what: String,
    before: String,
    after: String,
}

#[derive(Debug, Serialize)]
struct LayerChange {
    /// From 0.
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction: Option<String>,
    files: Vec<FileChange>,
    /// Differences that are not listed.
    more: usize,
    /// The same members in another order, or bytes that belong to none.
    is_order_only: bool,
}

#[derive(Debug, Serialize)]
struct FileChange {
    path: String,
    /// Empty where the file is on one side only.
    changes: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<&'static str>,
}

pub(super) fn run(args: &Diff, session: &Session<'_>) -> Result<Exit> {
    let targets = Targets::new(&args.after, session)?;
    let open = |target: &str| targets.open(target, &platforms(&args.after));
    let (before, after) = (open(&args.before)?, open(&after_name(args))?);
    let builds = Builds::of(image(&before, &args.before)?, image(&after, &after_name(args))?)?;
    let bytes = match args.format {
        DiffFormat::Json => [serde_json::to_vec_pretty(&builds)?, b"\n".to_vec()].concat(),
        DiffFormat::Table => builds.text().into_bytes(),
    };
    output::write(args.output.as_ref(), &bytes, session.terminal)?;
    Ok(match (builds.configuration.is_empty() && builds.layers.is_empty(), builds.gaps.is_empty()) {
        (false, _) => Exit::Denied,
        (true, false) => Exit::NotExamined,
        (true, true) => Exit::Allowed,
    })
}

fn image<'o>(opened: &'o [Opened], target: &str) -> Result<&'o OpenImage> {
    match opened {
        [one] => one.open_image().with_context(|| format!("{target} is no image")),
        _ => bail!("{target} has {} images; choose one with --platform", opened.len()),
    }
}

impl Builds {
    fn of(before: &OpenImage, after: &OpenImage) -> Result<Builds> {
        let mut builds =
            Builds { configuration: configuration(&before.image, &after.image)?, ..Builds::default() };
        let count = before.image.layers.len().max(after.image.layers.len());
        for index in 0..count {
            let sides = [before, after].map(|image| (image, image.image.layers.get(index)));
            if let [(_, Some(one)), (_, Some(other))] = &sides
                && one.diff_id == other.diff_id
            {
                continue;
            }
            let mut lists = Vec::new();
            for (image, layer) in sides {
                let Some(layer) = layer else {
                    lists.push(Vec::new());
                    continue;
                };
                let blob = image.blobs.open(layer)?;
                let (files, gaps) = layer_files(blob, &Limits::default());
                builds.gaps.extend(gaps);
                lists.push(files);
            }
            let instruction = after.image.layers.get(index).and_then(|layer| layer.instruction.clone());
            if let [before, after] = lists.as_slice() {
                builds.layers.push(layer_change(index, instruction, before, after));
            }
        }
        Ok(builds)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for Change { what, before, after } in &self.configuration {
            let _ = writeln!(text, "configuration: {what}: {before} → {after}");
        }
        for layer in &self.layers {
            let by = layer.instruction.as_deref().map(|by| format!(" ({by})")).unwrap_or_default();
            let _ = writeln!(text, "layer {}{by}", layer.index);
            if layer.is_order_only {
                text.push_str("  the same files in another order, or written by another program\n");
            }
            for FileChange { path, changes, only } in &layer.files {
                match only {
                    Some(side) => _ = writeln!(text, "  {path}: only {side}"),
                    None => {
                        let told: Vec<String> = changes
                            .iter()
                            .map(|change| format!("{} {} → {}", change.what, change.before, change.after))
                            .collect();
                        let _ = writeln!(text, "  {path}: {}", told.join(", "));
                    }
                }
            }
            if layer.more > 0 {
                let _ = writeln!(text, "  and {} more", layer.more);
            }
        }
        for gap in &self.gaps {
            let _ = writeln!(text, "not compared: {gap}");
        }
        if text.is_empty() {
            text.push_str("the same\n");
        }
        text.lines().map(|line| format!("{}\n", printable(line))).collect()
    }
}

/// What the configurations say, field by field; layers and digests follow from the layers.
fn configuration(before: &Image, after: &Image) -> Result<Vec<Change>> {
    let fields = |image: &Image| -> Result<BTreeMap<String, serde_json::Value>> {
        let mut fields = BTreeMap::new();
        if let serde_json::Value::Object(config) = serde_json::to_value(&image.config)? {
            fields.extend(config);
        }
        fields.insert("created".to_owned(), serde_json::to_value(&image.created)?);
        fields.insert("platform".to_owned(), serde_json::to_value(&image.platform)?);
        fields.insert("history".to_owned(), serde_json::to_value(&image.history)?);
        Ok(fields)
    };
    let (before, after) = (fields(before)?, fields(after)?);
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let shown = |value: Option<&serde_json::Value>| value.map_or("nothing".to_owned(), ToString::to_string);
    let differs = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let change = |name: &String| Change {
        what: name.clone(),
        before: shown(before.get(name)),
        after: shown(after.get(name)),
    };
    Ok(differs.map(change).collect())
}

fn layer_change(
    index: usize,
    instruction: Option<String>,
    before: &[LayerFile],
    after: &[LayerFile],
) -> LayerChange {
    // Of a name that stands there twice the last one counts, as engines have it.
    let by_path = |files: &[LayerFile]| -> BTreeMap<String, LayerFile> {
        files.iter().map(|file| (file.path.clone(), file.clone())).collect()
    };
    let (before, after) = (by_path(before), by_path(after));
    let mut files = Vec::new();
    for (path, file) in &before {
        match after.get(path) {
            None => files.push(FileChange { path: path.clone(), changes: Vec::new(), only: Some("before") }),
            Some(other) if other != file => {
                files.push(FileChange { path: path.clone(), changes: changes(file, other), only: None });
            }
            Some(_) => {}
        }
    }
    for path in after.keys().filter(|path| !before.contains_key(*path)) {
        files.push(FileChange { path: path.clone(), changes: Vec::new(), only: Some("after") });
    }
    let is_order_only = files.is_empty();
    let more = files.len().saturating_sub(SHOWN_MAX);
    files.truncate(SHOWN_MAX);
    LayerChange { index, instruction, files, more, is_order_only }
}

fn changes(before: &LayerFile, after: &LayerFile) -> Vec<Change> {
    let content = |file: &LayerFile| file.content.as_ref().map_or("none".to_owned(), ToString::to_string);
    let all = [
        ("kind", before.kind.to_owned(), after.kind.to_owned()),
        ("content", content(before), content(after)),
        ("mode", format!("{:04o}", before.mode), format!("{:04o}", after.mode)),
        ("owner", format!("{}:{}", before.uid, before.gid), format!("{}:{}", after.uid, after.gid)),
        ("time", time(before.changed_ns), time(after.changed_ns)),
        ("link", before.link.clone(), after.link.clone()),
    ];
    let differs = all.into_iter().filter(|(_, before, after)| before != after);
    differs.map(|(what, before, after)| Change { what: what.to_owned(), before, after }).collect()
}

fn time(changed_ns: u64) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(changed_ns));
    at.map_or_else(|_| changed_ns.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_of_a_file() {
        let file = LayerFile {
            path: "x".to_owned(),
            kind: "file",
            mode: 0o644,
            uid: 0,
            gid: 0,
            changed_ns: 0,
            link: String::new(),
            content: None,
        };
        let check = |other: LayerFile, expected: &str| {
            let change = layer_change(0, None, std::slice::from_ref(&file), &[other]);
            let builds = Builds { layers: vec![change], ..Builds::default() };
            assert!(builds.text().contains(expected), "{expected}: {}", builds.text());
        };
        check(LayerFile { mode: 0o4755, ..file.clone() }, "  x: mode 0644 → 4755\n");
        check(LayerFile { uid: 7, ..file.clone() }, "owner 0:0 → 7:0");
        check(
            LayerFile { changed_ns: 1_500_000_000, ..file.clone() },
            "1970-01-01T00:00:00Z → 1970-01-01T00:00:01.5Z",
        );
        check(LayerFile { path: "y".to_owned(), ..file.clone() }, "  x: only before\n  y: only after\n");
        check(file.clone(), "in another order");
    }
}
