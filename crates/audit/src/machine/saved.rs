//! Reads saved answers: what `docker inspect` and `docker info --format json` wrote.

use seawall_engine::EngineKind;
use seawall_finding::{Gap, GapKind};
use serde_json::Value;

use super::ask::container_facts;
use super::{EngineFacts, ImageFacts};
use crate::container::Inspected;
use crate::inputs::Saved;
use crate::inspect::{Image, Info, Network, typed};
use crate::limits::{CONTAINERS_MAX, IMAGES_MAX, SAVED_BYTES_MAX};

/// All files together are one engine: one machine's answers are often saved in several.
pub(super) fn engines(files: &[Saved], gaps: &mut Vec<Gap>) -> Option<EngineFacts> {
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.dedup();
    if names.is_empty() {
        return None;
    }
    let mut facts = EngineFacts {
        kind: Some(EngineKind::Docker),
        name: "docker".to_owned(),
        source: names.join(", "),
        is_saved: true,
        ..EngineFacts::default()
    };
    for file in files {
        if file.bytes.len() > SAVED_BYTES_MAX {
            let reason = format!("it has more than {SAVED_BYTES_MAX} bytes");
            gaps.push(Gap::at(GapKind::Limit, &file.name, reason));
            continue;
        }
        for value in serde_json::Deserializer::from_slice(&file.bytes).into_iter::<Value>() {
            match value {
                Ok(Value::Array(items)) => {
                    items.into_iter().for_each(|item| add(&mut facts, item, file, gaps))
                }
                Ok(item) => add(&mut facts, item, file, gaps),
                Err(error) => {
                    gaps.push(Gap::at(GapKind::Malformed, &file.name, format!("it is no JSON: {error}")))
                }
            }
        }
    }
    Some(facts)
}

fn add(facts: &mut EngineFacts, item: Value, file: &Saved, gaps: &mut Vec<Gap>) {
    let has = |key: &str| item.get(key).is_some();
    let added = if has("HostConfig") && facts.containers.len() < CONTAINERS_MAX {
        typed::<Inspected>(item)
            .map(|container| facts.containers.push(container_facts(container, EngineKind::Docker)))
    } else if has("RootFS") && facts.images.len() < IMAGES_MAX {
        typed::<Image>(item).map(|image| facts.images.push(ImageFacts { image, history: None }))
    } else if has("ServerVersion") || has("DockerRootDir") {
        typed::<Info>(item).map(|info| facts.info = Some(info))
    } else if has("IPAM") {
        typed::<Network>(item).map(|network| facts.networks.get_or_insert_default().push(network))
    } else {
        let reason = "a value in it is no container, image, network or information of an engine";
        gaps.push(Gap::at(GapKind::Unsupported, &file.name, reason));
        return;
    };
    if let Err(error) = added {
        gaps.push(Gap::at(GapKind::Malformed, &file.name, error));
    }
}
