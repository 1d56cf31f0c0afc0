//! The doctor's word is kept.

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
