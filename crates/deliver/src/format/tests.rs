//! The formats against their documentation, with findings of every kind and of an attacker.

use serde_json::{Value, json};

use super::*;
use crate::Repeats;
use crate::delivery::tests::{delivery, hostile, judged, outdated};
use crate::limits::LINE_BYTES;

fn line(format: Format, judged: seawall_policy::Judged) -> String {
    format.line(&delivery(judged), LINE_BYTES)
}

fn parsed(format: Format, judged: seawall_policy::Judged) -> Value {
    serde_json::from_str(&line(format, judged)).unwrap()
}

/// What Falco appends, as in lines of Falco 0.41 and later outside Kubernetes.
const SUGGESTED: &str = " container_id=0123456789ab container_name=web container_image_repository=shop/web \
                         container_image_tag=1.2 k8s_pod_name=<NA> k8s_ns_name=<NA>";
const MESSAGE: &str = "File below a known binary directory opened for writing (user=root command=touch /bin/hack file=/bin/hack)";

#[test]
fn falco_text_is_exact() {
    assert_eq!(line(Format::Falco, judged()), format!("23:31:56.746609046: Error {MESSAGE}{SUGGESTED}"));
    assert_eq!(
        line(Format::FalcoIso, judged()),
        format!("2017-10-09T23:31:56.746609046+0000: Error {MESSAGE}{SUGGESTED}")
    );
}

/// Falco's documentation, "Output formatting": its example, with the keys that later versions have, and UTC.
#[test]
fn falco_json_is_exact() {
    let expected = format!(
        concat!(
            r#"{{"hostname":"node-1","output":"23:31:56.746609046: Error {0}{1}","output_fields":{{"#,
            r#""container.id":"0123456789ab","container.image.repository":"shop/web","container.image.tag":"1.2","#,
            r#""container.name":"web","evt.time":1507591916746609046,"fd.name":"/bin/hack","#,
            r#""k8s.ns.name":null,"k8s.pod.name":null,"proc.cmdline":"touch /bin/hack","user.name":"root"}},"#,
            r#""priority":"Error","rule":"Write below binary dir","source":"syscall","#,
            r#""tags":["filesystem","mitre_persistence"],"time":"2017-10-09T23:31:56.746609046Z"}}"#
        ),
        MESSAGE, SUGGESTED
    );
    assert_eq!(line(Format::FalcoJson, judged()), expected);
}

#[test]
fn falco_json_has_its_types() {
    let alert = parsed(Format::FalcoJson, hostile());
    let fields = &alert["output_fields"];
    assert_eq!(fields["proc.pid"], json!(-1));
    assert_eq!(fields["proc.tty"], Value::Null);
    assert_eq!(fields["proc.is_exe_upper_layer"], json!(true));
    let keys: Vec<&String> = alert.as_object().unwrap().keys().collect();
    let expected = ["hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"];
    assert_eq!(keys, expected);
}

#[test]
fn our_json_is_the_judged_finding() {
    let line = parsed(Format::Json, judged());
    assert_eq!(line["host"], "node-1");
    assert_eq!(line["time"], "2017-10-09T23:31:56.746609046Z");
    assert_eq!(line.pointer("/finding/evidence/happened/suggested"), None);
    assert!(!line.to_string().contains("k8s.pod.name"), "{line}");
    let back: seawall_policy::Judged = serde_json::from_value(line).unwrap();
    assert_eq!(back, judged().told().into_owned());
}

/// The attributes that OCSF 1.4.0 requires of a Detection Finding and of each object in it, with their types.
const OCSF_REQUIRED: &[(&str, &str)] = &[
    ("/activity_id", "integer"),
    ("/category_uid", "integer"),
    ("/class_uid", "integer"),
    ("/finding_info/uid", "string"),
    ("/finding_info/title", "string"),
    ("/finding_info/analytic/type_id", "integer"),
    ("/metadata/version", "string"),
    ("/metadata/product/name", "string"),
    ("/metadata/product/vendor_name", "string"),
    ("/severity_id", "integer"),
    ("/time", "integer"),
    ("/type_uid", "integer"),
    ("/device/type_id", "integer"),
    ("/resources/0/name", "string"),
    ("/evidences/0/data", "object"),
];

#[test]
fn ocsf_has_what_its_schema_requires() {
    for judged in [judged(), outdated(), hostile()] {
        let finding = parsed(Format::Ocsf, judged);
        for (pointer, kind) in OCSF_REQUIRED {
            let value = finding.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing"));
            let is_right = match *kind {
                "integer" => value.is_u64(),
                "string" => value.as_str().is_some_and(|text| !text.is_empty()),
                _ => value.is_object(),
            };
            assert!(is_right, "{pointer}: {value}");
        }
        assert_eq!((&finding["class_uid"], &finding["type_uid"]), (&json!(2004), &json!(200_401)));
        assert_eq!(finding["category_uid"], 2);
    }
    let finding = parsed(Format::Ocsf, judged());
    assert_eq!(finding["time"], json!(1_507_591_916_746_u64));
    assert_eq!(finding["severity_id"], 4);
    assert_eq!(finding["finding_info"]["attacks"][0]["technique"]["uid"], "T1543");
    assert_eq!(finding["resources"][0]["type"], "container");
    assert_eq!(finding["evidences"][0]["process"]["pid"], 4711);
    assert_eq!(finding["unmapped"]["container"]["image"]["name"], "shop/web:1.2");
}

#[test]
fn cef_and_leef_have_their_heads_and_pairs() {
    let cef = line(Format::Cef, judged());
    let version = env!("CARGO_PKG_VERSION");
    let head = format!(
        "CEF:0|Seawall|Seawall|{version}|write-below-binary-dir|Write below binary dir|7|rt=1507591916746 "
    );
    assert!(cef.starts_with(&head), "{cef}");
    assert!(
        cef.contains(" msg=File below a known binary directory opened for writing (user\\=root "),
        "{cef}"
    );
    assert!(cef.contains(" username=root"), "{cef}");
    let leef = line(Format::Leef, judged());
    let parts: Vec<&str> = leef.splitn(7, '|').collect();
    assert_eq!(parts[..6], ["LEEF:2.0", "Seawall", "Seawall", version, "write-below-binary-dir", "x09"]);
    assert!(parts[6].split('\t').all(|pair| pair.contains('=')), "{leef}");
    // Bars and line breaks of an attacker end no part.
    let hostile = line(Format::Cef, hostile());
    let bars = hostile.replace("\\\\", "").replace("\\|", "");
    assert!(bars.matches('|').count() >= 7, "{bars}");
    assert_eq!(bars.split('|').nth(6), Some("8"), "{bars}");
}

#[test]
fn nothing_wild_reaches_a_line() {
    for (name, format) in Format::ALL {
        for judged in [hostile(), outdated(), judged()] {
            let line = line(*format, judged);
            // LEEF parts its pairs with tabs.
            let is_wild =
                |c: char| c.is_control() && c != '\t' || matches!(c, '\u{202e}' | '\u{9b}' | '\n' | '\r');
            assert!(!line.contains(is_wild), "{name}: {line:?}");
        }
    }
}

#[test]
fn lines_are_bounded_and_stay_what_they_are() {
    for (name, format) in Format::ALL {
        for bytes_max in [format.line_bytes_min() - 300, 4096, 8192, LINE_BYTES] {
            let line = format.line(&delivery(hostile()), bytes_max);
            assert!(line.len() <= bytes_max, "{name}: {} > {bytes_max}", line.len());
            assert!(!line.is_empty());
            if matches!(format, Format::FalcoJson | Format::Json | Format::Ocsf) {
                serde_json::from_str::<Value>(&line).unwrap();
            }
        }
    }
}

#[test]
fn repeats_are_told() {
    let mut delivery = delivery(judged());
    delivery.repeats = Some(Repeats { count: 41, seconds: 60 });
    let text = Format::Falco.line(&delivery, LINE_BYTES);
    assert!(text.ends_with("k8s_ns_name=<NA> (and 41 more like it in 60 s)"), "{text}");
    let alert: Value = serde_json::from_str(&Format::FalcoJson.line(&delivery, LINE_BYTES)).unwrap();
    assert_eq!(alert["output_fields"]["seawall.repeats"], 41);
    let ours: Value = serde_json::from_str(&Format::Json.line(&delivery, LINE_BYTES)).unwrap();
    assert_eq!(ours["repeats"]["count"], 41);
}

#[test]
fn formats_have_names() {
    for (name, format) in Format::ALL {
        assert_eq!(name.parse::<Format>(), Ok(*format));
        assert_eq!(format.to_string(), *name);
    }
    let error = "xml".parse::<Format>().unwrap_err().to_string();
    assert_eq!(
        error,
        "`xml` is not a format; use one of: falco, falco-iso, falco-json, json, ocsf, cef, leef"
    );
}

#[test]
fn our_json_keeps_its_published_schema() {
    let schema = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let delivered = schema(include_str!("../../../../schema/delivery.v1.json"));
    let finding = schema(include_str!("../../../../schema/finding.v1.json"));
    assert_eq!(delivered["$ref"], finding["$id"]);
    let mut delivery = delivery(judged());
    delivery.repeats = Some(Repeats { count: 41, seconds: 60 });
    let line: Value = serde_json::from_str(&Format::Json.line(&delivery, LINE_BYTES)).unwrap();
    assert_eq!(line["schema"], delivered["properties"]["schema"]["const"]);
    for key in line.as_object().unwrap().keys() {
        let is_told = |schema: &Value| schema["properties"].get(key).is_some();
        assert!(is_told(&delivered) || is_told(&finding), "no schema tells of {key}");
    }
    for schema in [&delivered, &finding] {
        for required in schema["required"].as_array().unwrap() {
            assert!(line.get(required.as_str().unwrap()).is_some(), "{required} is missing");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_makes_a_tame_and_bounded_line(text in ".{0,200}", bytes_max in 2560..70_000_usize) {
        let mut delivery = delivery(crate::delivery::tests::named(&text));
        delivery.host = text;
        for (name, format) in Format::ALL {
            let line = format.line(&delivery, bytes_max);
            assert!(!line.is_empty() && line.len() <= bytes_max, "{name}");
            assert!(!line.chars().any(|c| c.is_control() && c != '\t'), "{name}: {line:?}");
            if matches!(format, Format::FalcoJson | Format::Json | Format::Ocsf) {
                serde_json::from_str::<Value>(&line).unwrap();
            }
        }
    }
}
