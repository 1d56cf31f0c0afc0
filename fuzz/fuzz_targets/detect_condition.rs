//! One condition, asked of an event that has most fields.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall_detect::{Engine, Matching, load};
use seawall_event::Event;

static EVENT: LazyLock<Event> = LazyLock::new(|| {
    let json = r#"{"number":7,"type":"openat","time_ns":1,"result":3,
        "process":{"pid":5,"name":"sh","exe":"/bin/sh","args":["-c","id"],"env":["A=1"],"tty":1,
            "user":{"uid":0,"name":"root"},"capabilities":{"effective":1,"permitted":1,"inheritable":0},
            "parent":{"name":"nginx","parent":{"name":"systemd"}}},
        "container":{"id":"3ad7b26ded6d","name":"web","image":{"repository":"registry.example/web"},
            "mounts":[{"source":"/etc","destination":"/host","writable":true}],"labels":{"a":"b"}},
        "fd":{"number":3,"kind":"ipv4","path":"/etc/shadow","socket":{"client":"10.0.0.2:40000",
            "server":"203.0.113.9:443","is_server":false}},
        "arguments":{"fd":3,"name":"/etc/shadow","flags":{"flags":"open","bits":577}},"data":[202,254]}"#;
    serde_json::from_str(json).expect("the event of this target")
});

fuzz_target!(|condition: &str| {
    // A block scalar takes any text as it is.
    let text = condition.replace(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'], " ");
    let rule = format!("- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: |\n    {text}\n");
    let loaded = load(&[("rules.yaml", &rule)]);
    let mut engine = Engine::new(loaded, Matching::All);
    let first = engine.matches(&EVENT).count();
    // The same event has the same answer.
    assert_eq!(first, engine.matches(&EVENT).count());
});
