//! Builds a database from a directory of unpacked feeds and says how big it is: the numbers of the
//! database's documentation are made with it.
//!
//! `cargo run --release -p seawall-advisory --example database -- FEEDS DATABASE`

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use seawall_advisory::Database;
use seawall_advisory::database::ShardKind;
use seawall_advisory::update::import;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [feeds, directory] = arguments.as_slice() else { return Err("give FEEDS and DATABASE".into()) };
    let start = Instant::now();
    let updated = import(Path::new(directory), Path::new(feeds), "2026-11-24T00:00:00Z", &mut |part| {
        println!("{:7.1?} {:16} {:?}, {} gaps", start.elapsed(), part.name, part.outcome, part.gaps_total);
        for gap in part.gaps.iter().take(3) {
            println!("        {gap}");
        }
    })?;
    for shard in &updated.manifest.shards {
        let each = shard.size as f64 / shard.records.max(1) as f64;
        println!("{:10} {:8} {:5.1} {}", shard.size, shard.records, each, shard.file);
    }
    let of_facts = updated.manifest.shards.iter().filter(|shard| shard.kind == ShardKind::Facts);
    let facts: u64 = of_facts.map(|shard| shard.size).sum();
    let records = updated.manifest.records();
    println!(
        "facts: {facts} bytes, {records} records, {:.1} bytes each",
        facts as f64 / records.max(1) as f64
    );
    println!("all: {} bytes", updated.manifest.size());
    let start = Instant::now();
    let database = Database::open(Path::new(directory))?;
    println!("opened in {:?}", start.elapsed());
    let start = Instant::now();
    let found = database.by_id("CVE-2024-6387");
    println!("CVE-2024-6387 found {} times in {:?}", found.len(), start.elapsed());
    Ok(())
}
