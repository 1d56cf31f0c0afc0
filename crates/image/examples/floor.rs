//! The floor under a cold scan: the given gzip layers inflated, hashed and their tar headers read, by two threads for
//! each layer and all layers at once, and nothing else. Shares no code with the scanner.
//!
//! `cargo run --release -p seawall-image --example floor -- LAYER…`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example talks to whoever runs it, and may fail"
)]

use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::mpsc::sync_channel;
use std::thread;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

fn main() {
    let layers: Vec<String> = std::env::args().skip(1).collect();
    thread::scope(|scope| {
        for path in &layers {
            scope.spawn(|| layer(path));
        }
    });
}

fn layer(path: &str) {
    let (send, receive) = sync_channel::<Vec<u8>>(8);
    let mut inflated = MultiGzDecoder::new(BufReader::new(File::open(path).unwrap()));
    let inflate = thread::spawn(move || {
        loop {
            let mut chunk = vec![0; 256 * 1024];
            let length = inflated.read(&mut chunk).unwrap();
            if length == 0 {
                return;
            }
            chunk.truncate(length);
            send.send(chunk).unwrap();
        }
    });
    let (mut hasher, mut headers) = (Sha256::new(), Headers::default());
    for chunk in receive {
        hasher.update(&chunk);
        headers.take(&chunk);
    }
    inflate.join().unwrap();
    let digest: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{digest} {} members", headers.members);
}

/// Steps from header to header.
#[derive(Default)]
struct Headers {
    block: Vec<u8>,
    skip: u64,
    members: u64,
}

impl Headers {
    fn take(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(chunk.len() as u64);
                chunk = &chunk[skipped as usize..];
                self.skip -= skipped;
                continue;
            }
            let wanted = (512 - self.block.len()).min(chunk.len());
            self.block.extend_from_slice(&chunk[..wanted]);
            chunk = &chunk[wanted..];
            if self.block.len() == 512 {
                let digits = self.block[124..136].iter().filter(|byte| byte.is_ascii_digit());
                let size = digits.fold(0u64, |size, digit| size * 8 + u64::from(digit - b'0'));
                self.members += u64::from(self.block[0] != 0);
                self.skip = size.next_multiple_of(512);
                self.block.clear();
            }
        }
    }
}
