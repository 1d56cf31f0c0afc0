//! Any text as a user's rules, in both formats, and one search by them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_inventory::{Entry, EntryKind, InMemory, Visitor};
use seawall_leaks::{Leaks, Rules, UserRules};

fuzz_target!(|text: &str| {
    for name in ["a.toml", "a.yaml"] {
        if let Ok(rules) = Rules::with_user(&[UserRules { name, text }]) {
            let bytes = text.as_bytes();
            let size_bytes = bytes.len() as u64;
            let entry = Entry { path: "a", kind: EntryKind::File, size_bytes, mode: 0o644, uid: 0, gid: 0 };
            let mut leaks = Leaks::new(&rules, None);
            leaks.visit(&entry, &mut InMemory::new(bytes));
            let _ = leaks.finish();
        }
    }
});
