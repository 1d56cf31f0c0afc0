//! The doctor's word is kept.

use std::path::Path;

use seawall_sensor::{Kind, doctor};

use crate::watch::Watch;

#[test]
fn where_the_doctor_says_so_the_sensor_watches() {
    let report = doctor();
    for ability in &report.abilities {
        println!("{:<20} {:?}: {:?} — {}", ability.name, ability.need, ability.works, ability.means);
    }
    if Watch::of([Kind::Executed]).is_some() {
        assert!(report.can_watch(), "{report:?}");
    }
}

/// What the kernel shows of itself says the same.
#[test]
fn what_the_kernel_lacks_is_no_ability() {
    let report = doctor();
    let check = |name: &str, is_there: bool| {
        let ability = report.abilities.iter().find(|ability| ability.name == name).unwrap();
        assert_eq!(ability.works.is_ok(), is_there, "{ability:?}");
    };
    if report.can_watch() {
        check("kprobes", Path::new("/sys/bus/event_source/devices/kprobe").exists());
    }
    if let Ok(modules) = std::fs::read_to_string("/sys/kernel/security/lsm") {
        check("BPF LSM", report.can_watch() && modules.split(',').any(|module| module == "bpf"));
    }
}
