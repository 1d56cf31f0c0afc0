//! A recording of the guard, replayed: whatever the bytes, no panic and no end without a word.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall_agent::{Judgement, RuleFile, replay};
use seawall_detect::Matching;
use seawall_finding::Priority;
use seawall_policy::Policy;

const RULES: &str = "
- rule: any open
  desc: d
  condition: evt.type in (open, openat, execve) and proc.aname exists
  output: o %proc.cmdline %fd.name %container.image %user.name %evt.args
  priority: DEBUG
";

static FILE: LazyLock<tempfile::NamedTempFile> = LazyLock::new(|| tempfile::NamedTempFile::new().unwrap());

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(FILE.path(), bytes).unwrap();
    let judgement = Judgement {
        rules: vec![RuleFile::BuiltIn("fuzz.yaml", RULES)],
        matching: Matching::All,
        min_priority: Priority::Debug,
        policy: Policy::default(),
    };
    let _ = replay(FILE.path(), judgement, Vec::new());
});
