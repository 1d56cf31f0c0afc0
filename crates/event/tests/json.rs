//! Events are kept as JSON lines; reading one back gives the same event.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use seawall_event::Event;

fn check(line: &str) {
    let event: Event = serde_json::from_str(line).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), line);
}

#[test]
fn an_event_keeps_what_is_known_and_the_order_of_arguments() {
    check(
        r#"{"number":7,"type":"openat","time_ns":1,"result":3,"process":{"pid":5,"name":"cat","args":[],"user":{"uid":0,"name":"root"},"parent":{"name":"sh"}},"container":{"id":"host","name":"host","engine":"host"},"fd":{"number":3,"kind":"file","path":"/etc/shadow"},"arguments":{"fd":{"fd":3,"path":"/etc/shadow"},"name":"/etc/shadow","flags":{"flags":"open","bits":577},"mode":0}}"#,
    );
    check(r#"{"number":1,"type":"execve","time_ns":0}"#);
}

#[test]
fn what_is_no_event_is_refused() {
    let check = |line: &str| assert!(serde_json::from_str::<Event>(line).is_err(), "{line}");
    check(r#"{"type":"opne"}"#);
    check(r#"{"type":"open","arguments":{"nmae":1}}"#);
    check(r#"{"type":"open","prozess":{}}"#);
}
