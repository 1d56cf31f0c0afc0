//! Any bytes under a plain name: the sweep, the checks, everything that decodes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall_inventory::{Entry, EntryKind, InMemory, Visitor};
use seawall_leaks::{Carrier, Leaks, Rules, Texts};

static RULES: LazyLock<Rules> = LazyLock::new(Rules::builtin);

fuzz_target!(|bytes: &[u8]| {
    let size_bytes = bytes.len() as u64;
    let entry = Entry { path: "srv/a.conf", kind: EntryKind::File, size_bytes, mode: 0o644, uid: 0, gid: 0 };
    let mut leaks = Leaks::new(&RULES, None);
    leaks.visit(&entry, &mut InMemory::new(bytes));
    let _ = leaks.finish();
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut texts = Texts::new(&RULES, None);
        for carrier in [Carrier::Environment, Carrier::Label("a"), Carrier::CommandLine, Carrier::History] {
            let _ = texts.in_text(carrier, "/x", text);
        }
    }
});
