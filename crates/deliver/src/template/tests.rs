//! Every built-in template: what it makes has what its service documents, whoever named the processes.

use serde_json::Value as Json;

use super::*;
use crate::delivery::tests::{HOSTILE, delivery, hostile, judged, outdated};

/// What a service documents: for each item, pointers that have to be there, with their types.
/// `s` text, `n` number, `i` whole number, `a` list, `o` object, `b` yes or no, `=x` the text x.
const DOCUMENTED: &[(&str, &[(&str, &str)])] = &[
    (
        "alerta",
        &[
            ("/resource", "s"),
            ("/event", "s"),
            ("/environment", "s"),
            ("/severity", "s"),
            ("/service/0", "s"),
        ],
    ),
    (
        "alertmanager",
        &[("/0/startsAt", "s"), ("/0/labels/alertname", "s"), ("/2/annotations/description", "s")],
    ),
    ("axiom", &[("/0/_time", "s"), ("/2/fields", "o")]),
    ("better-stack", &[("/0/dt", "s"), ("/2/message", "s")]),
    ("cliq", &[("/text", "s"), ("/card/title", "s")]),
    ("clickhouse", &[("/time", "s"), ("/json", "s")]),
    (
        "cloudevents",
        &[("/specversion", "=1.0"), ("/id", "s"), ("/source", "s"), ("/type", "s"), ("/data/rule", "s")],
    ),
    (
        "datadog",
        &[("/title", "s"), ("/text", "s"), ("/alert_type", "s"), ("/date_happened", "i"), ("/tags/0", "s")],
    ),
    (
        "datadog-logs",
        &[("/0/ddsource", "s"), ("/0/hostname", "s"), ("/2/message", "s"), ("/2/timestamp", "i")],
    ),
    (
        "discord",
        &[
            ("/embeds/0/title", "s"),
            ("/embeds/0/description", "s"),
            ("/embeds/0/color", "i"),
            ("/embeds/0/timestamp", "s"),
            ("/embeds/0/fields/0/value", "s"),
            ("/allowed_mentions/parse", "a"),
        ],
    ),
    (
        "dynatrace",
        &[("/0/content", "s"), ("/0/timestamp", "i"), ("/2/severity", "s"), ("/2/log.source", "s")],
    ),
    ("elasticsearch", &[("/@timestamp", "s"), ("/rule", "s"), ("/fields", "o"), ("/host/name", "s")]),
    ("falco-talon", &[("/rule", "s"), ("/output_fields", "o"), ("/tags", "a")]),
    ("falcosidekick", &[("/rule", "s"), ("/output", "s"), ("/priority", "s"), ("/time", "s")]),
    (
        "googlechat",
        &[
            ("/cardsV2/0/cardId", "s"),
            ("/cardsV2/0/card/header/title", "s"),
            ("/cardsV2/0/card/sections/0/widgets/0/textParagraph/text", "s"),
        ],
    ),
    ("gotify", &[("/title", "s"), ("/message", "s"), ("/priority", "i")]),
    ("grafana-annotations", &[("/time", "i"), ("/tags/0", "s"), ("/text", "s")]),
    ("grafana-oncall", &[("/alert_uid", "s"), ("/title", "s"), ("/state", "=alerting")]),
    (
        "graylog",
        &[
            ("/version", "=1.1"),
            ("/host", "s"),
            ("/short_message", "s"),
            ("/timestamp", "n"),
            ("/level", "i"),
        ],
    ),
    ("influxdb", &[]),
    ("json-array", &[("/0/rule", "s"), ("/2/rule", "s")]),
    ("json-lines", &[("/rule", "s")]),
    ("kafka-rest", &[("/records/0/key", "s"), ("/records/2/value/rule", "s")]),
    ("logstash", &[("/0/rule", "s"), ("/2/rule", "s")]),
    (
        "loki",
        &[
            ("/streams/0/stream/job", "=seawall"),
            ("/streams/2/values/0/0", "s"),
            ("/streams/2/values/0/1", "s"),
        ],
    ),
    ("matrix", &[("/msgtype", "=m.text"), ("/body", "s")]),
    (
        "mattermost",
        &[("/text", "s"), ("/attachments/0/text", "s"), ("/attachments/0/color", "s"), ("/channel", "s")],
    ),
    ("n8n", &[("/rule", "s")]),
    (
        "newrelic",
        &[("/0/common/attributes/logtype", "s"), ("/0/logs/2/message", "s"), ("/0/logs/0/timestamp", "i")],
    ),
    ("nodered", &[("/rule", "s")]),
    ("ntfy", &[("/topic", "s"), ("/message", "s"), ("/priority", "i"), ("/tags/0", "s")]),
    ("ocsf", &[("/class_uid", "i"), ("/finding_info/title", "s")]),
    ("openobserve", &[("/0/_timestamp", "i"), ("/2/message", "s")]),
    ("opensearch", &[("/@timestamp", "s"), ("/rule", "s")]),
    (
        "opsgenie",
        &[
            ("/message", "s"),
            ("/alias", "s"),
            ("/description", "s"),
            ("/priority", "s"),
            ("/tags", "a"),
            ("/details", "o"),
        ],
    ),
    (
        "otlp",
        &[
            ("/resourceLogs/0/resource/attributes/0/key", "=service.name"),
            ("/resourceLogs/0/scopeLogs/0/logRecords/0/timeUnixNano", "s"),
            ("/resourceLogs/0/scopeLogs/0/logRecords/2/severityNumber", "i"),
            ("/resourceLogs/0/scopeLogs/0/logRecords/2/body/stringValue", "s"),
            ("/resourceLogs/0/scopeLogs/0/logRecords/2/attributes/0/value/stringValue", "s"),
        ],
    ),
    (
        "pagerduty",
        &[
            ("/routing_key", "s"),
            ("/event_action", "=trigger"),
            ("/payload/summary", "s"),
            ("/payload/source", "s"),
            ("/payload/severity", "s"),
            ("/payload/custom_details", "o"),
            ("/dedup_key", "s"),
        ],
    ),
    ("pushover", &[("/token", "s"), ("/user", "s"), ("/message", "s"), ("/priority", "i")]),
    ("quickwit", &[("/rule", "s"), ("/time", "s")]),
    ("rocketchat", &[("/text", "s"), ("/attachments/0/text", "s"), ("/alias", "s")]),
    ("seawall-json", &[("/rule", "s"), ("/fingerprint", "s"), ("/evidence", "o"), ("/verdict", "s")]),
    (
        "slack",
        &[
            ("/text", "s"),
            ("/attachments/0/text", "s"),
            ("/attachments/0/color", "s"),
            ("/attachments/0/ts", "i"),
            ("/attachments/0/fields/0/title", "s"),
            ("/channel", "s"),
            ("/icon_emoji", "s"),
        ],
    ),
    (
        "splunk-hec",
        &[("/time", "n"), ("/host", "s"), ("/sourcetype", "s"), ("/event/rule", "s"), ("/index", "s")],
    ),
    (
        "splunk-on-call",
        &[("/message_type", "s"), ("/entity_id", "s"), ("/state_message", "s"), ("/state_start_time", "i")],
    ),
    ("sumologic", &[("/rule", "s")]),
    (
        "teams",
        &[
            ("/type", "=message"),
            ("/attachments/0/contentType", "=application/vnd.microsoft.card.adaptive"),
            ("/attachments/0/content/type", "=AdaptiveCard"),
            ("/attachments/0/content/body/0/inlines/0/text", "s"),
        ],
    ),
    ("telegram", &[("/chat_id", "s"), ("/text", "s")]),
    ("victorialogs", &[("/_time", "s"), ("/message", "s"), ("/host", "s")]),
    ("webex", &[("/text", "s")]),
    ("webhook", &[("/rule", "s"), ("/output_fields", "o")]),
    ("zincsearch", &[("/@timestamp", "s")]),
];

/// What services allow at the most, in characters.
const LONGEST: &[(&str, &str, usize)] = &[
    ("datadog", "/text", 4000),
    ("discord", "/embeds/0/description", 4096),
    ("googlechat", "/cardsV2/0/card/header/subtitle", 2000),
    ("ntfy", "/message", 4096),
    ("opsgenie", "/message", 130),
    ("opsgenie", "/description", 15_000),
    ("pagerduty", "/payload/summary", 1024),
    ("pushover", "/message", 1024),
    ("pushover", "/title", 250),
    ("slack", "/attachments/0/text", 3000 + 4 * 2500),
    ("telegram", "/text", 4096),
    ("webex", "/text", 1850),
];

/// A value for everything that a template may want to know.
fn given(template: &Template) -> BTreeMap<String, Secret> {
    let value = |name: &str| match name {
        "url" => "https://service.example/in",
        _ => "v4lue-of-setting",
    };
    template.settings.keys().map(|name| (name.clone(), Secret::new(value(name)))).collect()
}

fn three() -> Vec<Arc<Delivery>> {
    let mut long =
        crate::delivery::tests::happened("Rule", &HOSTILE.repeat(500), seawall_finding::Priority::Debug);
    long.finding.remedy = HOSTILE.to_owned();
    [hostile(), outdated(), long].into_iter().map(|judged| Arc::new(delivery(judged))).collect()
}

/// The JSON values of a body that have content: for a bulk request those at odd places.
fn values(template: &Template, name: &str, body: &str) -> Vec<Json> {
    let parse = |text: &str| {
        serde_json::from_str::<Json>(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"))
    };
    match template.escape {
        Escape::Json => vec![parse(body)],
        Escape::JsonLines => {
            let lines: Vec<Json> = body.lines().map(parse).collect();
            let is_bulk = body.starts_with("{\"create\"") || body.starts_with("{\"index\"");
            if is_bulk {
                assert!(lines.iter().step_by(2).all(|action| action.as_object().unwrap().len() == 1));
            }
            lines.into_iter().skip(usize::from(is_bulk)).step_by(if is_bulk { 2 } else { 1 }).collect()
        }
        Escape::Text => Vec::new(),
    }
}

fn is_of(value: &Json, kind: &str) -> bool {
    match kind {
        "s" => value.as_str().is_some_and(|text| !text.is_empty()),
        "n" => value.is_number(),
        "i" => value.is_i64(),
        "a" => value.is_array(),
        "o" => value.is_object(),
        exact => value.as_str() == exact.strip_prefix('='),
    }
}

#[test]
fn every_template_makes_what_its_service_documents() {
    let documented: Vec<&str> = DOCUMENTED.iter().map(|(name, _)| *name).collect();
    let all: Vec<&str> = built_in::ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        all,
        documented.iter().copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
    for (name, pointers) in DOCUMENTED {
        let template = Template::built_in(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let compiled = template.compile(&given(&template)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let rendered = compiled.render(&three()[..template.batch().min(3)]).unwrap();
        assert!(rendered.address.starts_with("https://service.example/in"), "{name}: {}", rendered.address);
        assert!(rendered.address.chars().all(|c| c.is_ascii_graphic() && !"<>\"`{}|".contains(c)), "{name}");
        let values = values(&template, name, &rendered.body);
        let is_in_lines = template.escape == Escape::JsonLines;
        assert_eq!(
            values.len(),
            if is_in_lines { 3 } else { usize::from(template.escape == Escape::Json) },
            "{name}"
        );
        for value in &values {
            for (pointer, kind) in *pointers {
                let found =
                    value.pointer(pointer).unwrap_or_else(|| panic!("{name}: {pointer} is missing: {value}"));
                assert!(is_of(found, kind), "{name}: {pointer} is {found}");
            }
            for (_, pointer, longest) in LONGEST.iter().filter(|(of, _, _)| of == name) {
                let length = value.pointer(pointer).unwrap().as_str().unwrap().chars().count();
                assert!(length <= *longest, "{name}: {pointer} has {length}");
            }
        }
        let is_wild = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!rendered.body.contains(is_wild), "{name}");
    }
}

/// Whole texts of an attacker cannot call people, make links or leave their block.
#[test]
fn attackers_write_nothing_but_text() {
    let body = |name: &str| {
        let template = Template::built_in(name).unwrap();
        let rendered = template.compile(&given(&template)).unwrap().render(&three()[..1]).unwrap();
        serde_json::from_str::<Json>(&rendered.body).unwrap()
    };
    let slack = body("slack");
    assert!(!slack["text"].as_str().unwrap().contains("<!channel>"));
    assert!(!slack["attachments"][0]["text"].as_str().unwrap().contains('<'));
    for name in ["mattermost", "rocketchat"] {
        let text = body(name)["attachments"][0]["text"].as_str().unwrap().to_owned();
        assert_eq!(text.matches("```").count(), 2, "{name}: {text}");
    }
    let discord = body("discord");
    assert_eq!(discord["embeds"][0]["description"].as_str().unwrap().matches("```").count(), 2);
    assert_eq!(discord["allowed_mentions"]["parse"], serde_json::json!([]));
    let google = body("googlechat");
    let text = &google["cardsV2"][0]["card"]["sections"][0]["widgets"][0]["textParagraph"]["text"];
    assert!(!text.as_str().unwrap().contains('<'));
}

#[test]
fn line_protocol_parts_where_it_should() {
    let template = Template::built_in("influxdb").unwrap();
    let rendered = template.compile(&given(&template)).unwrap().render(&three()).unwrap();
    assert_eq!(rendered.body.lines().count(), 3, "{}", rendered.body);
    for line in rendered.body.lines() {
        // Blanks outside quotes that are not escaped: before the fields and before the time.
        let (mut blanks, mut is_quoted, mut characters) = (0, false, line.chars());
        while let Some(character) = characters.next() {
            match character {
                '\\' => drop(characters.next()),
                '"' if blanks > 0 => is_quoted = !is_quoted,
                ' ' if !is_quoted => blanks += 1,
                _ => {}
            }
        }
        assert_eq!((blanks, is_quoted), (2, false), "{line}");
    }
    assert!(rendered.headers.contains(&("Authorization".to_owned(), "Token v4lue-of-setting".to_owned())));
}

#[test]
fn values_are_where_services_look_for_them() {
    let render = |name: &str, settings: &[(&str, &str)]| {
        let template = Template::built_in(name).unwrap();
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        template.compile(&settings).unwrap().render(&[Arc::new(delivery(judged()))]).unwrap()
    };
    let telegram = render("telegram", &[("token", "1:a"), ("chat", "-100")]);
    assert_eq!(telegram.address, "https://api.telegram.org/bot1:a/sendMessage");
    let elastic = render("elasticsearch", &[("url", "https://es:9200"), ("user", "u"), ("password", "p")]);
    assert!(elastic.address.starts_with("https://es:9200/_bulk?filter_path=errors,"));
    assert!(elastic.headers.contains(&("Authorization".to_owned(), "Basic dTpw".to_owned())), "{elastic:?}");
    assert!(elastic.body.ends_with("}\n") || elastic.body.ends_with('}'));
    let matrix = render("matrix", &[("url", "https://m"), ("token", "t"), ("room", "!a:b")]);
    assert!(matrix.address.starts_with("https://m/_matrix/client/v3/rooms/%21a%3Ab/send/m.room.message/"));
    let loki = render("loki", &[("url", "http://loki:3100")]);
    let loki: Json = serde_json::from_str(&loki.body).unwrap();
    assert_eq!(loki["streams"][0]["values"][0][0], "1507591916746609046");
    let line: Json = serde_json::from_str(loki["streams"][0]["values"][0][1].as_str().unwrap()).unwrap();
    assert_eq!(line["rule"], "Write below binary dir");
    let splunk = render("splunk-hec", &[("url", "https://s:8088"), ("token", "t")]);
    assert_eq!(
        serde_json::from_str::<Json>(&splunk.body).unwrap()["time"],
        serde_json::json!(1_507_591_916.746)
    );
}

#[test]
fn a_users_template_is_tried_out() {
    let check = |text: &str, settings: &[(&str, &str)], expected: &str| {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        let result = Template::parse(text).and_then(|template| template.compile(&settings).map(drop));
        let reason = result.err().unwrap_or_default();
        assert!(reason.contains(expected) && reason.is_empty() == expected.is_empty(), "{text}: {reason}");
    };
    check("address: https://a/\n---\n{\"x\": {{ alert.rule }}}", &[], "");
    check("address: https://a/\nescape: text\n---\n{{ alert.message }} on {{ alert.host }}", &[], "");
    check("address: https://a/\nsettings: {k: null}\n---\n{{ k }}", &[("k", "v")], "");
    check("address: https://a/\nsettings: {k: null}\n---\n{{ k }}", &[], "its template needs `k`");
    check("address: https://a/\n---\n1", &[("k", "v")], "its template does not know `k`");
    check("address: https://a/\n---\n{\"x\": \"{{ alert.rule }}\"}", &[], "its template does not make JSON");
    check("address: https://a/\n---\n{{ alert.rul }}", &[], "undefined value");
    check("address: https://a/\n---\n{{ alert.rule", &[], "its template is wrong");
    check("address: file:///etc/passwd\n---\n1", &[], "does not begin with http");
    check("address: https://a/\nbatch: 100000\n---\n1", &[], "`batch` is 100000");
    check("address: https://a/", &[], "no line `---`");
    check("adress: https://a/\n---\n1", &[], "adress");
    check(
        "address: https://a/\n---\n{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}1",
        &[],
        "fuel",
    );
    assert!(
        Template::built_in("slak").unwrap_err().starts_with("`slak` is not a template; use one of: alerta, ")
    );
}

#[test]
fn the_documentation_names_all_templates_and_values() {
    let text = include_str!("../../../../docs/outputs.md");
    let names = built_in::ALL.iter().map(|(name, _)| *name).chain(view::KEYS.iter().copied());
    let missing: Vec<&str> = names.filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/outputs.md does not name {missing:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20))]

    #[test]
    fn any_text_stays_in_its_place(text in ".{0,100}") {
        let mut delivery = delivery(crate::delivery::tests::named(&text));
        delivery.host = text;
        let delivery = Arc::new(delivery);
        for (name, _) in built_in::ALL {
            let template = Template::built_in(name).unwrap();
            let compiled = template.compile(&given(&template)).unwrap();
            let deliveries = vec![delivery.clone(); template.batch().min(2)];
            let rendered = compiled.render(&deliveries).unwrap_or_else(|error| panic!("{name}: {error}"));
            let expected = if template.escape == Escape::JsonLines { 2 } else { usize::from(template.escape == Escape::Json) };
            assert_eq!(values(&template, name, &rendered.body).len(), expected, "{name}");
        }
    }
}
