//! An event of the Kubernetes audit log.

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::limits;

/// One audit event (`audit.k8s.io/v1`), kept as the API server wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Counts from 1 since the source was opened.
    pub number: u64,
    /// When the API server finished this stage, nanoseconds since 1970.
    pub time_ns: u64,
    /// The document.
    pub json: Value,
}

/// What the API server sent at once.
#[derive(Debug, Default)]
pub struct AuditBatch {
    /// Its events, numbered on.
    pub events: Vec<AuditEvent>,
    /// How many of its items are none: they are lost, and the others are not.
    pub refused: u64,
}

/// Why a line of an audit log is no event.
#[derive(Debug)]
pub enum AuditError {
    /// It is too large.
    TooLarge,
    /// It is no JSON.
    Json(serde_json::Error),
    /// It is JSON, but no audit event.
    NoEvent,
    /// A batch has more events than the API server sends at once.
    TooMany,
}

impl std::fmt::Display for AuditError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AuditError::TooLarge => {
                write!(f, "an audit event is larger than {} bytes", limits::AUDIT_EVENT_BYTES_MAX)
            }
            AuditError::Json(_) => f.write_str("an audit event is no JSON"),
            AuditError::NoEvent => f.write_str("it is no event of the Kubernetes audit log"),
            AuditError::TooMany => {
                write!(f, "a batch has more than {} events", limits::AUDIT_BATCH_EVENTS_MAX)
            }
        }
    }
}

impl std::error::Error for AuditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AuditError::Json(error) => Some(error),
            AuditError::TooLarge | AuditError::NoEvent | AuditError::TooMany => None,
        }
    }
}

impl AuditEvent {
    /// Reads a line of an audit log, or what a webhook was sent: one event, or an `EventList` of several. The first
    /// gets this number.
    pub fn read(text: &str, number: u64) -> Result<Vec<AuditEvent>, AuditError> {
        if text.len() > limits::AUDIT_EVENT_BYTES_MAX {
            return Err(AuditError::TooLarge);
        }
        AuditEvent::of_json(serde_json::from_str(text).map_err(AuditError::Json)?, number)
    }

    /// The same, of a document that was read and is not too large.
    ///
    /// # Errors
    /// What is no event of the audit log.
    pub fn of_json(mut json: Value, number: u64) -> Result<Vec<AuditEvent>, AuditError> {
        let documents = match json.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            Some(_) => return Err(AuditError::NoEvent),
            None => vec![json],
        };
        let event =
            |(at, json): (usize, Value)| AuditEvent::of_document(json, number.saturating_add(at as u64));
        documents.into_iter().enumerate().map(|numbered| event(numbered).ok_or(AuditError::NoEvent)).collect()
    }

    /// Hands over the items of the body of a request of the API server's audit webhook, an `EventList`
    /// (<https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#webhook-backend>), one after the other: as trees, all
    /// of them would take ten times the memory of the text. Whoever receives reads no more than
    /// [`limits::AUDIT_BATCH_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// A body that is no `EventList`, or more than an API server sends; items before the mistake were handed over.
    pub fn each_of_webhook(body: &[u8], take: impl FnMut(Value)) -> Result<(), AuditError> {
        if body.len() > limits::AUDIT_BATCH_BYTES_MAX {
            return Err(AuditError::TooLarge);
        }
        let mut list = EventList { take, count: 0, is_list: false, has_items: false };
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_map(&mut list).and_then(|()| json.end());
        if list.count > limits::AUDIT_BATCH_EVENTS_MAX {
            return Err(AuditError::TooMany);
        }
        read.map_err(AuditError::Json)?;
        if list.is_list && list.has_items { Ok(()) } else { Err(AuditError::NoEvent) }
    }

    /// One event, or those of an `EventList`; what is none is counted, and the others are not lost. The first gets this
    /// number.
    pub fn each_of(mut json: Value, number: u64) -> AuditBatch {
        match json.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => AuditEvent::batch(items, number),
            Some(_) | None => AuditEvent::batch(vec![json], number),
        }
    }

    fn batch(documents: Vec<Value>, number: u64) -> AuditBatch {
        let mut batch = AuditBatch::default();
        for json in documents {
            match AuditEvent::of_document(json, number.saturating_add(batch.events.len() as u64)) {
                Some(event) => batch.events.push(event),
                None => batch.refused += 1,
            }
        }
        batch
    }

    fn of_document(json: Value, number: u64) -> Option<AuditEvent> {
        let is_event = json.get("auditID").is_some() || json.get("stage").is_some();
        let time_ns = time_ns(&json).filter(|_| is_event)?;
        Some(AuditEvent { number, time_ns, json })
    }
}

/// An `EventList` while it is read.
struct EventList<F> {
    take: F,
    count: usize,
    is_list: bool,
    has_items: bool,
}

impl<'de, F: FnMut(Value)> Visitor<'de> for &mut EventList<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an EventList of the Kubernetes audit log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "kind" => self.is_list = map.next_value::<Value>()? == "EventList",
                "items" if self.has_items => return Err(A::Error::duplicate_field("items")),
                "items" => {
                    self.has_items = true;
                    map.next_value_seed(Items(self))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Its items.
struct Items<'a, F>(&'a mut EventList<F>);

impl<'de, F: FnMut(Value)> DeserializeSeed<'de> for Items<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Value)> Visitor<'de> for Items<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the items of an EventList")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            self.0.count += 1;
            if self.0.count > limits::AUDIT_BATCH_EVENTS_MAX {
                return Err(A::Error::custom("too many items"));
            }
            (self.0.take)(item);
        }
        Ok(())
    }
}

/// `stageTimestamp`, else `requestReceivedTimestamp`. Rules write "always" as "it has a time", so there has to be one.
fn time_ns(json: &Value) -> Option<u64> {
    let stamps = ["stageTimestamp", "requestReceivedTimestamp"];
    stamps.iter().find_map(|key| parse_time(json.get(key)?.as_str()?))
}

/// RFC 3339 as the API server writes it, in UTC: `2026-11-28T10:00:00.123456Z`.
fn parse_time(text: &str) -> Option<u64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut numbers = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut numbers = clock.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || fraction.len() > 9 {
        return None;
    }
    let nanoseconds: u64 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

/// Days of the Gregorian calendar: years begin in March, so that a leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_event_and_a_webhook_sends_several() {
        let one =
            AuditEvent::read(r#"{"auditID":"a","stageTimestamp":"2026-11-28T00:00:01.5Z"}"#, 7).unwrap();
        assert_eq!((one[0].number, one[0].time_ns), (7, 1_795_824_001_500_000_000));
        let item = r#"{"stage":"Panic","requestReceivedTimestamp":"2026-11-28T00:00:01Z"}"#;
        let list = format!(r#"{{"kind":"EventList","items":[{item},{item}]}}"#);
        assert_eq!(AuditEvent::read(&list, 1).unwrap().len(), 2);
        assert!(matches!(AuditEvent::read("{}", 1), Err(AuditError::NoEvent)));
        assert!(matches!(AuditEvent::read(r#"{"auditID":"a"}"#, 1), Err(AuditError::NoEvent)));
        assert!(matches!(AuditEvent::read("{", 1), Err(AuditError::Json(_))));
    }

    #[test]
    fn a_webhook_sends_a_list_and_nothing_else() {
        let item = r#"{"stage":"Panic","requestReceivedTimestamp":"2026-11-28T00:00:01Z"}"#;
        let list = |items: &str| {
            format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{items}]}}"#)
        };
        let mut taken = Vec::new();
        let body = list(&format!("{item},7,{{}},{item}"));
        AuditEvent::each_of_webhook(body.as_bytes(), |item| taken.push(item)).unwrap();
        assert_eq!(taken.len(), 4);
        let events: Vec<_> = taken.into_iter().map(|item| AuditEvent::each_of(item, 5)).collect();
        assert_eq!(events.iter().map(|batch| batch.refused).collect::<Vec<_>>(), [0, 1, 1, 0]);
        assert_eq!(events[0].events[0].number, 5);
        let check = |body: &[u8], is_it: fn(&AuditError) -> bool| {
            let error = AuditEvent::each_of_webhook(body, drop).unwrap_err();
            assert!(is_it(&error), "{error}");
        };
        check(b"{}", |error| matches!(error, AuditError::NoEvent));
        check(item.as_bytes(), |error| matches!(error, AuditError::NoEvent));
        check(br#"{"kind":"EventList"}"#, |error| matches!(error, AuditError::NoEvent));
        check(br#"{"kind":"EventList","items":{}}"#, |error| matches!(error, AuditError::Json(_)));
        check(br#"{"kind":"EventList","items":[],"items":[]}"#, |error| matches!(error, AuditError::Json(_)));
        check(br#"{"kind":"EventList","items":[]}x"#, |error| matches!(error, AuditError::Json(_)));
        check(b"\xff", |error| matches!(error, AuditError::Json(_)));
        check(&vec![b' '; limits::AUDIT_BATCH_BYTES_MAX + 1], |error| matches!(error, AuditError::TooLarge));
        let many = vec!["1"; limits::AUDIT_BATCH_EVENTS_MAX + 1].join(",");
        check(list(&many).as_bytes(), |error| matches!(error, AuditError::TooMany));
        check(&[b'['].repeat(100_000), |error| matches!(error, AuditError::Json(_)));
        check(list(&"[".repeat(100_000)).as_bytes(), |error| matches!(error, AuditError::Json(_)));
    }
}
