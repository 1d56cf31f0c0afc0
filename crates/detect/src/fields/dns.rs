//! Fields of a message of the DNS: `dns.*`. Falco has none of them.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other fields are in the other files of this directory"
)]

use std::borrow::Cow;

use seawall_event::Event;

use super::{Field, FieldId};
use crate::value::Value;

pub(super) fn value<'e>(field: &Field, event: &'e Event) -> Value<'e> {
    let Some(dns) = event.dns.as_deref() else { return Value::Absent };
    match field.id {
        FieldId::DnsQuestion => Value::text(Some(&dns.question)),
        FieldId::DnsDomain => Value::text(Some(dns.domain())),
        FieldId::DnsType => Value::text(dns.kind.as_deref()),
        FieldId::DnsIsAnswer => Value::Bool(dns.is_answer),
        FieldId::DnsRcode => Value::text(dns.rcode.as_deref()),
        FieldId::DnsAnswers if dns.answers.is_empty() => Value::Absent,
        FieldId::DnsAnswers => {
            Value::Texts(dns.answers.iter().map(|answer| Cow::Borrowed(answer.as_str())).collect())
        }
        _ => Value::Absent,
    }
}
