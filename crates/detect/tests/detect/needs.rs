//! What our own rules let out of the kernel: an open that leaves it costs a microsecond, and machines open a million files
//! a minute.

use seawall_detect::{Engine, Matching, Need, Paths, Traits, load, pack};
use seawall_event::EventType;

/// Whether all of a machine's opens would leave the kernel. Files that a container writes are few enough.
fn is_wide(need: &Need) -> bool {
    let often = Traits::HOST.or(Traits::READS).or(Traits::OPENS_OTHERWISE);
    matches!(need.paths, Paths::Any) && need.traits.has(often)
}

fn lets_all_out(files: &[(&str, &str)]) -> bool {
    let engine = Engine::new(load(files), Matching::All);
    engine.event_types().contains(EventType::OPENAT) && engine.needs(EventType::OPENAT).iter().any(is_wide)
}

/// The rules of the pack that would, each alone.
fn wide_rules() -> Vec<String> {
    let names: Vec<String> = load(pack()).rules.iter().map(|rule| rule.name.clone()).collect();
    let is_wide = |name: &&String| {
        let others = names.iter().filter(|other| other != name);
        let off: String = others
            .map(|other| format!("- rule: {other}\n  enabled: false\n  override: {{enabled: replace}}\n"))
            .collect();
        let files: Vec<(&str, &str)> = pack().iter().copied().chain([("off.yaml", off.as_str())]).collect();
        lets_all_out(&files)
    };
    names.iter().filter(is_wide).cloned().collect()
}

#[test]
fn rules_over_opened_files_say_which_ones() {
    if lets_all_out(pack()) {
        panic!("these rules let every open out of the kernel: {:?}", wide_rules());
    }
}
