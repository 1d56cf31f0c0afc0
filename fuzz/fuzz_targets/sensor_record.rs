//! Any bytes as a record from the ring.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = seawall_sensor::decode(data);
    // Most bytes are no record; the rest of them as the fields of one is the better half of the work.
    if let Some((kind, fields)) = data.split_first() {
        let mut record = vec![0; 232];
        record[4] = 1;
        record[6] = *kind;
        record.extend_from_slice(fields);
        let size = record.len() as u32;
        record[..4].copy_from_slice(&size.to_ne_bytes());
        let _ = seawall_sensor::decode(&record);
    }
});
