//! Generated conditions over generated events: the engine (one graph, simplified, reordered, remembered) answers as a
//! few lines that do nothing of the kind.

use std::sync::Arc;

use proptest::prelude::*;
use seawall_detect::{Engine, Matching, load};
use seawall_event::{Descriptor, DescriptorKind, Event, EventType, Lineage, Process};

/// A condition as this test sees it.
#[derive(Debug, Clone)]
enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    /// Field, operator, values.
    Compare(&'static str, &'static str, Vec<&'static str>),
    Macro(usize),
}

const WORDS: [&str; 5] = ["sh", "bash", "s", "nginx", "x"];
const TYPES: [&str; 4] = ["openat", "execve", "connect", "getppid"];

fn comparison() -> impl Strategy<Value = Condition> {
    let text = (
        prop::sample::select(vec!["proc.name", "proc.pname", "proc.aname", "proc.aname[2]", "fd.name"]),
        prop::sample::select(vec![
            "=",
            "!=",
            "contains",
            "startswith",
            "endswith",
            "in",
            "exists",
            "glob",
            "icontains",
        ]),
        prop::collection::vec(prop::sample::select(WORDS.to_vec()), 1..3),
    );
    let number = (
        Just("fd.num"),
        prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">=", "in", "exists"]),
        prop::collection::vec(prop::sample::select(vec!["-1", "0", "3"]), 1..3),
    );
    let kind = (
        Just("evt.type"),
        prop::sample::select(vec!["=", "!=", "in"]),
        prop::collection::vec(prop::sample::select(TYPES.to_vec()), 1..3),
    );
    let never = (Just("evt.num"), Just("="), Just(vec!["0"]));
    prop_oneof![4 => text, 2 => number, 3 => kind, 1 => never].prop_map(|(field, operator, mut values)| {
        if operator != "in" {
            values.truncate(1);
        }
        Condition::Compare(field, operator, values)
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![8 => comparison(), 1 => (0usize..3).prop_map(Condition::Macro)];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::And),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

fn event() -> impl Strategy<Value = Event> {
    let word = || prop::option::of(prop::sample::select(WORDS.to_vec()));
    let names = prop::collection::vec(word(), 0..4);
    let number = prop::option::of(prop::sample::select(vec![-1i64, 0, 3]));
    (prop::sample::select(TYPES.to_vec()), names, word(), number).prop_map(|(kind, names, path, number)| {
        let mut process: Option<Process> = None;
        for name in names.iter().rev() {
            let parent = process.take().map_or_else(Lineage::default, Lineage::below);
            process = Some(Process { name: name.map(str::to_owned), parent, ..Process::default() });
        }
        Event {
            number: 1,
            kind: EventType::named(kind).unwrap(),
            process: process.map(Arc::new),
            fd: Some(Descriptor {
                number,
                kind: Some(DescriptorKind::File),
                path: path.map(str::to_owned),
                ..Descriptor::default()
            }),
            ..Event::default()
        }
    })
}

fn written(condition: &Condition) -> String {
    let joined = |parts: &[Condition], word: &str| {
        format!("({})", parts.iter().map(written).collect::<Vec<_>>().join(word))
    };
    match condition {
        Condition::And(parts) => joined(parts, " and "),
        Condition::Or(parts) => joined(parts, " or "),
        Condition::Not(inner) => format!("not {}", written(inner)),
        Condition::Compare(field, "exists", _) => format!("{field} exists"),
        Condition::Compare(field, "in", values) => format!("{field} in ({})", values.join(", ")),
        Condition::Compare(field, operator, values) => format!("{field} {operator} {}", values[0]),
        Condition::Macro(number) => format!("m{number}"),
    }
}

/// The field's values, of which one has to do; none where it is absent.
fn values(field: &str, event: &Event) -> Vec<String> {
    let process = event.process.as_deref();
    let name = |process: Option<&Process>| process.and_then(|process| process.name.clone());
    let up = |steps| process.and_then(|process| process.ancestor(steps));
    let fd = event.fd.as_ref().unwrap();
    match field {
        "proc.name" => name(process).into_iter().collect(),
        "proc.pname" => name(up(1)).into_iter().collect(),
        "proc.aname[2]" => name(up(2)).into_iter().collect(),
        "proc.aname" => {
            process.into_iter().flat_map(Process::ancestors).filter_map(|up| up.name.clone()).collect()
        }
        "fd.name" => fd.path.clone().into_iter().collect(),
        "fd.num" => fd.number.map(|number| number.to_string()).into_iter().collect(),
        "evt.type" => vec![event.kind.name().to_owned()],
        _ => vec![event.number.to_string()],
    }
}

fn holds(condition: &Condition, event: &Event, macros: &[Condition]) -> bool {
    match condition {
        Condition::And(parts) => parts.iter().all(|part| holds(part, event, macros)),
        Condition::Or(parts) => parts.iter().any(|part| holds(part, event, macros)),
        Condition::Not(inner) => !holds(inner, event, macros),
        Condition::Macro(number) => holds(&macros[*number], event, macros),
        Condition::Compare(field, operator, wanted) => {
            values(field, event).iter().any(|value| compares(value, operator, wanted))
        }
    }
}

fn compares(value: &str, operator: &str, wanted: &[&str]) -> bool {
    let other = wanted[0];
    let order = || value.parse::<i64>().unwrap().cmp(&other.parse().unwrap());
    match operator {
        "=" | "glob" => value == other,
        "!=" => value != other,
        "contains" | "icontains" => value.contains(other),
        "startswith" => value.starts_with(other),
        "endswith" => value.ends_with(other),
        "in" => wanted.contains(&value),
        "exists" => true,
        "<" => order().is_lt(),
        "<=" => order().is_le(),
        ">" => order().is_gt(),
        ">=" => order().is_ge(),
        _ => unreachable!(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_answers_as_the_reference(
        macros in prop::collection::vec(comparison(), 3),
        rules in prop::collection::vec(condition(), 1..4),
        events in prop::collection::vec(event(), 1..12),
    ) {
        let mut text = String::new();
        for (number, definition) in macros.iter().enumerate() {
            text.push_str(&format!("- macro: m{number}\n  condition: {}\n", written(definition)));
        }
        for (number, rule) in rules.iter().enumerate() {
            let condition = written(rule);
            text.push_str(&format!(
                "- rule: r{number}\n  desc: d\n  output: o\n  priority: INFO\n  condition: >\n    {condition}\n"
            ));
        }
        let loaded = load(&[("rules.yaml", &text)]);
        prop_assert!(!loaded.has_errors(), "{text}\n{:?}", loaded.diagnostics);
        let mut engine = Engine::new(loaded, Matching::All);
        for event in &events {
            let matched: Vec<usize> = engine.matches(event).collect();
            let expected: Vec<usize> =
                (0..rules.len()).filter(|rule| holds(&rules[*rule], event, &macros)).collect();
            prop_assert_eq!(&matched, &expected, "{}\n{:?}", text, event);
            // What the sensor is asked to send is enough.
            prop_assert!(expected.is_empty() || engine.event_types().contains(event.kind));
        }
    }
}
