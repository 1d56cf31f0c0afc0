//! The bytes of a message of the DNS (RFC 1035) → what it asks and answers.
//!
//! Whoever answers has made the bytes: names that point in circles or forwards, counts that lie, records that end
//! behind the message are refused as a whole, and a message that the kernel's part has cut is read as far as it goes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::{DNS_ANSWER_CHARS_MAX, DNS_RECORDS_MAX};

/// Octets of a name, RFC 1035 section 3.1.
const NAME_OCTETS_MAX: usize = 255;
/// The header, of which no name is part.
const HEADER_BYTES: usize = 12;
const IN: u16 = 1;

/// Why bytes are no message that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It ends before what it says it has.
    #[error("the message ends early")]
    Short,
    /// A notification, an update, or what has no name.
    #[error("the message is no query")]
    NoQuery,
    /// None or several; nobody answers several.
    #[error("the message has {0} questions")]
    Questions(u16),
    /// A label of a kind that does not exist, or a name of more than 255 octets.
    #[error("a name is none")]
    Name,
    /// A name that goes on where it began or behind it.
    #[error("a name points forwards")]
    Pointer,
    /// A record's content is not as long as it says.
    #[error("a record is not of its type")]
    Record,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Question and answer have the same.
    pub id: u16,
    /// Whether it is an answer.
    pub is_answer: bool,
    /// How it went, 0 to 15.
    pub rcode: u8,
    /// The name that is asked for.
    pub question: String,
    /// The type that is asked for.
    pub kind: u16,
    /// The records of the answer, in their order.
    pub records: Vec<Record>,
    /// Records are missing: the message was cut, or has more than anybody needs.
    pub is_cut: bool,
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub owner: String,
    /// How long it holds, in seconds.
    pub ttl_s: u32,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The owner has this address.
    Address(IpAddr),
    /// The owner is another name of this one.
    Alias(String),
    /// Another name: of a server, of an address.
    Name(String),
    /// Any text.
    Text(String),
    /// What is not looked at.
    Other,
}

impl Message {
    /// Reads what is there of a message that had `whole_bytes`.
    ///
    /// # Errors
    /// When it is none, or contradicts itself.
    pub fn read(bytes: &[u8], whole_bytes: u64) -> Result<Message, MessageError> {
        let mut reader = Reader { bytes, at: 0 };
        let (id, flags) = (reader.u16()?, reader.u16()?);
        let (questions, answers) = (reader.u16()?, reader.u16()?);
        reader.skip(4)?;
        if flags >> 11 & 15 != 0 {
            return Err(MessageError::NoQuery);
        }
        if questions != 1 {
            return Err(MessageError::Questions(questions));
        }
        let question = reader.name()?;
        let (kind, _class) = (reader.u16()?, reader.u16()?);
        let is_answer = flags & 1 << 15 != 0;
        let is_truncated = flags & 1 << 9 != 0 || whole_bytes > bytes.len() as u64;
        let mut records = Vec::new();
        let mut is_cut = is_truncated;
        for _ in 0..if is_answer { answers } else { 0 } {
            if records.len() == DNS_RECORDS_MAX {
                is_cut = true;
                break;
            }
            match reader.record() {
                Ok(record) => records.push(record),
                Err(MessageError::Short) if is_truncated => break,
                Err(error) => return Err(error),
            }
        }
        let rcode = (flags & 15) as u8;
        Ok(Message { id, is_answer, rcode, question, kind, records, is_cut })
    }

    /// The same of what TCP carries: the length stands before the message, or has come alone before it.
    ///
    /// # Errors
    /// As for [`Message::read`].
    pub fn read_stream(bytes: &[u8], whole_bytes: u64) -> Result<Message, MessageError> {
        // One question: flags are never like that.
        if bytes.get(4..6) == Some(&[0, 1]) {
            return Message::read(bytes, whole_bytes);
        }
        let (length, message) = bytes.split_first_chunk::<2>().ok_or(MessageError::Short)?;
        // What follows in other packets is missing; what follows in this one is another message.
        let length = usize::from(u16::from_be_bytes(*length));
        Message::read(&message[..message.len().min(length)], length as u64)
    }

    /// The names that each address was found under: the question, and every alias on the way. Records that the
    /// question does not lead to say nothing.
    pub fn addresses(&self) -> Vec<(IpAddr, u32, Vec<&str>)> {
        let mut chain = vec![(self.question.as_str(), u32::MAX)];
        while let Some((last, ttl_s)) = chain.last().copied() {
            let next = self.records.iter().find_map(|record| match &record.content {
                Content::Alias(to) if record.owner == last => Some((to.as_str(), ttl_s.min(record.ttl_s))),
                Content::Alias(_)
                | Content::Address(_)
                | Content::Name(_)
                | Content::Text(_)
                | Content::Other => None,
            });
            match next {
                // In circles nobody arrives.
                Some((name, ttl_s)) if !chain.iter().any(|(known, _)| *known == name) => {
                    chain.push((name, ttl_s))
                }
                Some(_) | None => break,
            }
        }
        let found = self.records.iter().filter_map(|record| {
            let Content::Address(address) = record.content else { return None };
            let at = chain.iter().position(|(name, _)| *name == record.owner)?;
            let names = chain[..=at].iter().map(|(name, _)| *name).collect();
            Some((address, chain[at].1.min(record.ttl_s), names))
        });
        found.collect()
    }

    /// Addresses, names and texts, as rules see them.
    pub fn answers(&self) -> Vec<String> {
        let text = |record: &Record| match &record.content {
            Content::Address(address) => Some(address.to_string()),
            Content::Alias(text) | Content::Name(text) | Content::Text(text) => Some(text.clone()),
            Content::Other => None,
        };
        self.records.iter().filter_map(text).collect()
    }
}

/// The name of a type of record, RFC 1035 and those that came later.
pub fn type_name(kind: u16) -> String {
    let name = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        43 => "DS",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        other => return format!("TYPE{other}"),
    };
    name.to_owned()
}

/// How it went, by the name of RFC 1035 and RFC 2136.
pub fn rcode_name(rcode: u8) -> String {
    let name = match rcode {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        other => return format!("RCODE{other}"),
    };
    name.to_owned()
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn skip(&mut self, length: usize) -> Result<&'b [u8], MessageError> {
        let bytes = self.bytes.get(self.at..self.at + length).ok_or(MessageError::Short)?;
        self.at += length;
        Ok(bytes)
    }

    fn u16(&mut self) -> Result<u16, MessageError> {
        Ok(self.skip(2)?.iter().fold(0, |number, byte| number << 8 | u16::from(*byte)))
    }

    fn u32(&mut self) -> Result<u32, MessageError> {
        Ok(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    /// A name, whose end may stand further up in the message. Each pointer goes further up than the one before it
    /// began, so that this ends.
    fn name(&mut self) -> Result<String, MessageError> {
        let mut name = String::new();
        let (mut octets, mut begun, mut behind) = (1, self.at, None);
        loop {
            let length = usize::from(*self.bytes.get(self.at).ok_or(MessageError::Short)?);
            self.at += 1;
            match length {
                0 => break,
                1..=63 => {
                    octets += length + 1;
                    if octets > NAME_OCTETS_MAX {
                        return Err(MessageError::Name);
                    }
                    if !name.is_empty() {
                        name.push('.');
                    }
                    push_label(&mut name, self.skip(length)?);
                }
                192..=255 => {
                    let low = *self.bytes.get(self.at).ok_or(MessageError::Short)?;
                    let target = (length & 63) << 8 | usize::from(low);
                    behind.get_or_insert(self.at + 1);
                    if target < HEADER_BYTES || target >= begun {
                        return Err(MessageError::Pointer);
                    }
                    (self.at, begun) = (target, target);
                }
                _ => return Err(MessageError::Name),
            }
        }
        self.at = behind.unwrap_or(self.at);
        Ok(name)
    }

    fn record(&mut self) -> Result<Record, MessageError> {
        let owner = self.name()?;
        let (kind, class, ttl_s) = (self.u16()?, self.u16()?, self.u32()?);
        let length = usize::from(self.u16()?);
        let begin = self.at;
        let data = self.skip(length)?;
        // A TTL with its highest bit set is none (RFC 2181, section 8).
        let ttl_s = if ttl_s > i32::MAX as u32 { 0 } else { ttl_s };
        let mut inside = Reader { bytes: &self.bytes[..self.at], at: begin };
        let whole = |inside: &Reader<'_>| inside.at == begin + length;
        let content = match (class, kind) {
            (IN, 1) => Content::Address(
                Ipv4Addr::from(<[u8; 4]>::try_from(data).map_err(|_| MessageError::Record)?).into(),
            ),
            (IN, 28) => Content::Address(
                Ipv6Addr::from(<[u8; 16]>::try_from(data).map_err(|_| MessageError::Record)?).into(),
            ),
            (IN, 2 | 5 | 12 | 15 | 39) => {
                if kind == 15 {
                    inside.skip(2)?;
                }
                let name = inside.name()?;
                if !whole(&inside) {
                    return Err(MessageError::Record);
                }
                if kind == 5 { Content::Alias(name) } else { Content::Name(name) }
            }
            (IN, 16) => Content::Text(texts(data)?),
            _ => Content::Other,
        };
        Ok(Record { owner, ttl_s, content })
    }
}

/// Strings with their lengths before them, put together.
fn texts(mut data: &[u8]) -> Result<String, MessageError> {
    let mut text = String::new();
    while let Some((length, rest)) = data.split_first() {
        let (part, rest) = rest.split_at_checked(usize::from(*length)).ok_or(MessageError::Record)?;
        text.push_str(&String::from_utf8_lossy(part));
        data = rest;
    }
    if let Some((end, _)) = text.char_indices().nth(DNS_ANSWER_CHARS_MAX) {
        text.truncate(end);
    }
    Ok(text)
}

fn push_label(name: &mut String, label: &[u8]) {
    for byte in label {
        match byte {
            b'.' | b'\\' => name.extend(['\\', char::from(*byte)]),
            0x21..=0x7e => name.push(char::from(byte.to_ascii_lowercase())),
            byte => name.push_str(&format!("\\{byte:03}")),
        }
    }
}

#[cfg(test)]
mod tests;
