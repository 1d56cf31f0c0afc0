//! Rule files: YAML, items, conditions, outputs; and the engine that they make.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_detect::{Engine, Matching, load};
use seawall_event::{AuditEvent, Event, EventType};

fuzz_target!(|text: &str| {
    // Two files, so that one changes what the other defines.
    let (first, second) = text.split_once("\n#####\n").unwrap_or((text, ""));
    let loaded = load(&[("first.yaml", first), ("second.yaml", second)]);
    for diagnostic in &loaded.diagnostics {
        let _ = diagnostic.to_string();
    }
    let mut engine = Engine::new(loaded, Matching::All);
    for kind in [EventType::OPENAT, EventType::EXECVE, EventType::CONNECT] {
        let _ = engine.observe(&Event { number: 1, kind, ..Event::default() });
    }
    let audit = r#"{"auditID":"1","stage":"ResponseComplete","stageTimestamp":"2026-11-28T10:00:00Z"}"#;
    for event in AuditEvent::read(audit, 1).unwrap_or_default() {
        let _ = engine.observe_audit(&event);
    }
});
