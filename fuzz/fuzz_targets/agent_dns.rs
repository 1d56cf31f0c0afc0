//! A message of the DNS, as anybody may have sent it: whatever the bytes, no panic, and no more names than records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_agent::dns::Message;

fuzz_target!(|bytes: &[u8]| {
    for whole_bytes in [bytes.len() as u64, u64::MAX] {
        for message in
            [Message::read(bytes, whole_bytes), Message::read_stream(bytes, whole_bytes)].into_iter().flatten()
        {
            assert!(message.addresses().len() <= message.records.len());
            assert!(message.answers().len() <= message.records.len());
            assert!(message.question.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
});
