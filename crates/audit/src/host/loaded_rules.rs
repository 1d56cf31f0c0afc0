//! The audit rules that the kernel has loaded, as it lists them over netlink (linux/audit.h): a rule that only stands in
//! a file tells of nothing. Asks; changes nothing.

use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use crate::limits::{AUDIT_MESSAGES_MAX, AUDIT_RULE_BYTES_MAX};
use crate::root::normal;

const LIST_RULES: u16 = 1013;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const HEADER_BYTES: usize = 16;
/// `struct audit_rule_data` before its strings: 3 numbers, a mask of 64, and 64 of each of fields, values and operators.
const RULE_WORDS: usize = 3 + 64 * 4;
const FIELDS_MAX: usize = 64;
/// What a field is about.
const WATCH: u32 = 105;
const DIRECTORY: u32 = 107;
/// Fields whose value is the length of a string: those two, and labels, programs and keys.
const WITH_TEXT: [u32; 14] = [13, 14, 15, 16, 17, 19, 20, 21, 22, 23, WATCH, DIRECTORY, 112, 210];

/// The paths that loaded rules watch; `None` where the kernel does not tell.
pub(crate) fn watched_paths() -> Option<Vec<String>> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::AUDIT)).ok()?;
    set_socket_timeout(&socket, Timeout::Recv, Some(Duration::from_secs(2))).ok()?;
    send(&socket, &question(), SendFlags::empty()).ok()?;
    let (mut paths, mut buffer) = (Vec::new(), vec![0; AUDIT_RULE_BYTES_MAX]);
    for _ in 0..AUDIT_MESSAGES_MAX {
        let (length, _) = recv(&socket, &mut *buffer, RecvFlags::empty()).ok()?;
        let mut rest = buffer.get(..length)?;
        while let Some((kind, payload, behind)) = message(rest) {
            match kind {
                LIST_RULES => paths.extend(paths_of(payload)),
                DONE => return Some(paths),
                // An error, mostly that only root may ask.
                _ => return None,
            }
            rest = behind;
        }
    }
    None
}

fn question() -> Vec<u8> {
    let mut bytes = Vec::from((HEADER_BYTES as u32).to_ne_bytes());
    bytes.extend(LIST_RULES.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend(1_u32.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes
}

/// Kind, payload and what follows of the first message.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(word(bytes, 0)?).ok().filter(|length| *length >= HEADER_BYTES)?;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let payload = bytes.get(HEADER_BYTES..length.min(bytes.len()))?;
    Some((kind, payload, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The watched paths of one rule: strings stand behind the numbers in the order of their fields.
fn paths_of(rule: &[u8]) -> Vec<String> {
    let number = |index: usize| word(rule, index * 4);
    let count = number(2).and_then(|count| usize::try_from(count).ok()).unwrap_or_default().min(FIELDS_MAX);
    let (mut paths, mut at) = (Vec::new(), (RULE_WORDS + 1) * 4);
    for index in 0..count {
        let (Some(field), Some(value)) = (number(67 + index), number(67 + 64 + index)) else { break };
        if !WITH_TEXT.contains(&field) {
            continue;
        }
        let Some(end) = usize::try_from(value).ok().and_then(|length| at.checked_add(length)) else { break };
        let Some(text) = rule.get(at..end) else { break };
        if field == WATCH || field == DIRECTORY {
            paths.push(normal(&String::from_utf8_lossy(text)));
        }
        at = end;
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(fields: &[(u32, &str)]) -> Vec<u8> {
        let mut words = vec![0_u32; RULE_WORDS + 1];
        words[2] = fields.len() as u32;
        for (index, (field, text)) in fields.iter().enumerate() {
            words[67 + index] = *field;
            words[67 + 64 + index] = text.len() as u32;
        }
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend(fields.iter().flat_map(|(_, text)| text.bytes()));
        bytes
    }

    #[test]
    fn paths_stand_behind_the_numbers() {
        let bytes =
            rule(&[(DIRECTORY, "/etc/docker"), (106, ""), (210, "docker"), (WATCH, "/var/run/docker.sock")]);
        assert_eq!(paths_of(&bytes), ["/etc/docker", "/run/docker.sock"]);
        for length in 0..bytes.len() {
            paths_of(&bytes[..length]);
        }
        let mut hostile = rule(&[(WATCH, "/x")]);
        hostile[(67 + 64) * 4..(67 + 65) * 4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(paths_of(&hostile), Vec::<String>::new());
    }

    /// Whoever may not ask gets no answer, and nobody waits for one.
    #[test]
    fn the_kernel_is_asked() {
        println!("the kernel watches {:?}", watched_paths());
    }

    #[test]
    fn messages_are_cut_where_they_say() {
        let mut bytes = question();
        bytes[4..6].copy_from_slice(&DONE.to_ne_bytes());
        assert_eq!(message(&bytes), Some((DONE, &[][..], &[][..])));
        assert_eq!(message(&bytes[..10]), None);
        assert_eq!(message(&[0; 16]), None);
    }
}
