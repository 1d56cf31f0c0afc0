//! Prints what the sensor sees, for looking at it by hand.
use std::time::{Duration, Instant};

use seawall_sensor::{Clause, Interest, Kind, Options, Sensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clauses = vec![Clause::all_of(Kind::all())];
    let interest = Interest { clauses, ..Interest::default() };
    let start = Instant::now();
    let mut sensor = Sensor::open(&Options { interest, ..Options::default() })?;
    eprintln!("open after {:?}", start.elapsed());
    let unavailable: Vec<_> = sensor.unavailable().map(Kind::name).collect();
    eprintln!("unavailable: {unavailable:?}");
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        sensor.poll(Duration::from_millis(100), |event| println!("{event:?}"))?;
    }
    eprintln!("lost {:?}, undecodable {}", sensor.lost(), sensor.undecodable());
    Ok(())
}
