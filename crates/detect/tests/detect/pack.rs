//! Seawall's own rules: each has an event that fires it, and one that nearly does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use seawall_detect::{Case, Engine, Matching, Observed, explain, learn, load, meaning_and_advice, pack};
use seawall_event::EventTypes;
use seawall_finding::Framework;
use serde_json::Value;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../rules/guard")
}

/// The files of events, by the subject.
fn events() -> Vec<(String, String)> {
    let of = |(name, _): &(&str, &str)| {
        let subject = name.strip_prefix("rules/guard/")?.strip_suffix(".yaml")?;
        let file = directory().join(format!("{subject}.events.jsonl"));
        (!subject.starts_with('_')).then(|| (subject.to_owned(), fs::read_to_string(file).unwrap()))
    };
    pack().iter().filter_map(of).collect()
}

#[test]
fn the_binary_holds_every_file_of_the_directory() {
    let on_disk: BTreeSet<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .map(|name| format!("rules/guard/{name}"))
        .collect();
    let held: Vec<&str> = pack().iter().map(|(name, _)| *name).collect();
    assert_eq!(held, on_disk.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn it_loads_without_a_word_and_every_rule_says_what_people_need() {
    let loaded = load(pack());
    let told: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    let mut ids = BTreeSet::new();
    for rule in &loaded.rules {
        let name = &rule.name;
        let (meaning, advice) = meaning_and_advice(&rule.description);
        assert!(meaning.len() > 40 && meaning.ends_with('.'), "{name}: {meaning}");
        assert!(advice.len() > 20 && advice.ends_with('.'), "{name}: {advice}");
        let techniques = rule.controls().iter().filter(|c| c.framework == Framework::MitreAttack).count();
        assert!(techniques >= 2, "{name} names no technique and tactic: {:?}", rule.tags);
        assert!(ids.insert(rule.id()), "{name} has the id of another");
        assert!(rule.event_types.len() < 20, "{name} looks at too many events");
    }
}

#[test]
fn each_rule_fires_for_its_event_and_not_for_its_near_miss() {
    let mut engine = Engine::new(load(pack()), Matching::All);
    let mut seen: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let mut failures = Vec::new();
    for (subject, text) in events() {
        let cases = Case::read(&subject, &text, &[], &|_| Err("there are none".to_owned())).unwrap();
        for (case, line) in cases.iter().zip(text.lines()) {
            let line: Value = serde_json::from_str(line).unwrap();
            let rule = line["rule"].as_str().unwrap().to_owned();
            seen.entry(rule).or_default().push(line["fires"].as_bool().unwrap());
            let outcome = case.run(&mut engine);
            failures
                .extend(outcome.failures.iter().map(|failure| format!("{subject}:{}: {failure}", case.line)));
        }
    }
    for rule in engine.rules() {
        let lines = seen.remove(&rule.name).unwrap_or_default();
        if lines != [true, false] {
            failures
                .push(format!("{} has the lines {lines:?}, not one that fires and a near miss", rule.name));
        }
    }
    assert!(seen.is_empty(), "no rules of these names: {seen:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_near_miss_differs_in_one_value() {
    for (subject, text) in events() {
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for pair in lines.chunks(2) {
            let mut differing = Vec::new();
            differences("", &pair[0], &pair[1], &mut differing);
            differing.retain(|path| path != "/fires");
            assert_eq!(differing.len(), 1, "{subject}: {}: {differing:?}", pair[0]["rule"]);
        }
    }
}

/// Where two documents differ. A list is one value: a command line with another argument is another command line;
/// but the events before are each their own.
fn differences(path: &str, left: &Value, right: &Value, differing: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let (left, right) = (left.get(key), right.get(key));
                let path = format!("{path}/{key}");
                differences(&path, left.unwrap_or(&Value::Null), right.unwrap_or(&Value::Null), differing);
            }
        }
        (Value::Array(left), Value::Array(right))
            if left.len() == right.len() && path.ends_with("/before") =>
        {
            for (at, (left, right)) in left.iter().zip(right).enumerate() {
                differences(&format!("{path}/{at}"), left, right, differing);
            }
        }
        _ if left == right => {}
        _ => differing.push(path.to_owned()),
    }
}

#[test]
fn explanations_agree_with_the_engine() {
    let files = pack();
    let mut engine = Engine::new(load(files), Matching::All);
    for (subject, text) in events() {
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let rule = line["rule"].as_str().unwrap();
            let observed = Observed::read(&line["event"].to_string(), 1).unwrap().remove(0);
            let Observed::Call(event) = &observed else { panic!("{subject} has a request") };
            let matching: Vec<usize> = engine.matches(event).collect();
            let matches = matching.iter().any(|index| engine.rules()[*index].name == rule);
            let explanation = explain(files, rule, &observed).unwrap();
            assert_eq!(explanation.holds, matches, "{rule}");
            assert!(!explanation.decided_by.is_empty(), "{rule}");
        }
    }
}

#[test]
fn what_was_learned_silences_what_fired() {
    let pack_files = pack();
    for (subject, text) in events() {
        let firing: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["fires"] == true)
            .collect();
        let events = firing.iter().flat_map(|line| {
            line["before"].as_array().cloned().unwrap_or_default().into_iter().chain([line["event"].clone()])
        });
        let events: Vec<Observed> =
            events.map(|event| Observed::read(&event.to_string(), 1).unwrap().remove(0)).collect();
        let learned = learn(pack_files, "shop/web", EventTypes::default(), &events);
        assert!(!learned.exceptions.is_empty(), "{subject}");
        let files: Vec<(&str, &str)> = pack_files
            .iter()
            .copied()
            .chain([("learned.yaml", learned.exceptions.as_str()), ("profile.yaml", learned.rules.as_str())])
            .collect();
        let loaded = load(&files);
        let told: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
        let told: Vec<&String> = told.iter().filter(|told| !told.contains("_directories")).collect();
        assert!(told.is_empty(), "{told:?}\n{}\n{}", learned.exceptions, learned.rules);
        let mut engine = Engine::new(loaded, Matching::All);
        for event in &events {
            let spoke: Vec<String> = engine.observe_any(event).into_iter().map(|found| found.rule).collect();
            assert!(spoke.is_empty(), "{subject}: {spoke:?}\n{}\n{}", learned.exceptions, learned.rules);
        }
    }
}
