//! An event of the Kubernetes audit log.

mod raw;

use serde::de::Error as _;
use serde_json::{Map, Value};

use crate::limits;
use raw::Budget;

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

/// What an item of the audit log is.
#[derive(Debug)]
pub struct AuditItem {
    /// None where it is no event.
    pub event: Option<AuditEvent>,
    /// Why it is none, or which part of it cannot be read and is left out of the event.
    pub problem: Option<String>,
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
            AuditError::Json(_) => f.write_str("it is no JSON"),
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

impl AuditError {
    /// It with what is behind it.
    pub fn told(&self) -> String {
        match self {
            AuditError::Json(error) => format!("{self}: {error}"),
            AuditError::TooLarge | AuditError::NoEvent | AuditError::TooMany => self.to_string(),
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
    /// (<https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#webhook-backend>), one after the other and as text:
    /// as values, all of them could take a hundred times the memory. What an item holds is not looked at. Whoever
    /// receives reads no more than [`limits::AUDIT_BATCH_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// A body that is no `EventList`, or more than an API server sends; items before the mistake were handed over.
    pub fn each_of_webhook<'a>(body: &'a [u8], mut take: impl FnMut(&'a [u8])) -> Result<(), AuditError> {
        if body.len() > limits::AUDIT_BATCH_BYTES_MAX {
            return Err(AuditError::TooLarge);
        }
        let Listed { is_list, items } = Listed::read(body)?;
        let items = items.filter(|items| is_list && items.starts_with(b"[")).ok_or(AuditError::NoEvent)?;
        let mut count = 0;
        raw::elements(items, |item| {
            count += 1;
            if count > limits::AUDIT_BATCH_EVENTS_MAX {
                return Err(AuditError::TooMany);
            }
            take(item);
            Ok(())
        })
    }

    /// The same of a line of an audit log: one item, or those of an `EventList`.
    ///
    /// # Errors
    /// A line that is no object, or too large; items before the mistake were handed over.
    pub fn each_of_line<'a>(line: &'a [u8], mut take: impl FnMut(&'a [u8])) -> Result<(), AuditError> {
        if line.len() > limits::AUDIT_EVENT_BYTES_MAX {
            return Err(AuditError::TooLarge);
        }
        match Listed::read(line)?.items.filter(|items| items.starts_with(b"[")) {
            Some(items) => raw::elements(items, |item| {
                take(item);
                Ok(())
            }),
            None => {
                take(line);
                Ok(())
            }
        }
    }

    /// Reads an item; if it is an event, then with this number. The API server copies what its clients send into an event
    /// and looks at the syntax only: an object that cannot be read, or is too much, does not hide the rest of its event.
    pub fn of_item(item: &[u8], number: u64) -> AuditItem {
        // As every Go program reads it.
        let text = String::from_utf8_lossy(item);
        let mut budget = Budget::new(limits::AUDIT_EVENT_BYTES_MAX, limits::AUDIT_EVENT_VALUES_MAX);
        let (mut json, mut problem) = (Map::new(), None);
        // The clients' objects last, so that they leave room for what the API server says of them.
        for of_client in [false, true] {
            let read = raw::members(text.as_bytes(), |key, value| {
                let is_of_client = matches!(key, br#""requestObject""# | br#""responseObject""#);
                if is_of_client != of_client {
                    return Ok(());
                }
                match budget.read(key).and_then(|key| Ok((key, budget.read(value)?))) {
                    Ok((Value::String(key), value)) => {
                        json.insert(key, value);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let name = if of_client { String::from_utf8_lossy(key) } else { "a field".into() };
                        problem.get_or_insert_with(|| format!("{name}: {error}"));
                    }
                }
                Ok(())
            });
            if let Err(error) = read {
                return AuditItem { event: None, problem: Some(error.told()) };
            }
        }
        match AuditEvent::of_document(Value::Object(json), number) {
            None => AuditItem { event: None, problem: problem.or_else(|| Some(AuditError::NoEvent.told())) },
            event => AuditItem { event, problem },
        }
    }

    fn of_document(json: Value, number: u64) -> Option<AuditEvent> {
        let is_event = json.get("auditID").is_some() || json.get("stage").is_some();
        let time_ns = time_ns(&json).filter(|_| is_event)?;
        Some(AuditEvent { number, time_ns, json })
    }
}

/// What an object says of itself as an `EventList`.
struct Listed<'a> {
    is_list: bool,
    items: Option<&'a [u8]>,
}

impl<'a> Listed<'a> {
    fn read(text: &'a [u8]) -> Result<Listed<'a>, AuditError> {
        let mut listed = Listed { is_list: false, items: None };
        raw::members(text, |key, value| {
            match key {
                br#""kind""# => listed.is_list = value == br#""EventList""#,
                br#""items""# if listed.items.is_some() => {
                    return Err(AuditError::Json(serde_json::Error::duplicate_field("items")));
                }
                br#""items""# => listed.items = Some(value),
                _ => {}
            }
            Ok(())
        })?;
        Ok(listed)
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
        let events = taken.into_iter().map(|item| AuditEvent::of_item(item, 5).event);
        assert_eq!(
            events.map(|event| event.map(|event| event.number)).collect::<Vec<_>>(),
            [Some(5), None, None, Some(5)]
        );
        let check = |body: &[u8], is_it: fn(&AuditError) -> bool| {
            let error = AuditEvent::each_of_webhook(body, |_| {}).unwrap_err();
            assert!(is_it(&error), "{error}");
        };
        check(b"{}", |error| matches!(error, AuditError::NoEvent));
        check(item.as_bytes(), |error| matches!(error, AuditError::NoEvent));
        check(br#"{"kind":"EventList"}"#, |error| matches!(error, AuditError::NoEvent));
        check(br#"{"kind":"EventList","items":{}}"#, |error| matches!(error, AuditError::NoEvent));
        check(br#"{"kind":"EventList","items":[],"items":[]}"#, |error| matches!(error, AuditError::Json(_)));
        check(br#"{"kind":"EventList","items":[]}x"#, |error| matches!(error, AuditError::Json(_)));
        check(b"\xff", |error| matches!(error, AuditError::Json(_)));
        check(&vec![b' '; limits::AUDIT_BATCH_BYTES_MAX + 1], |error| matches!(error, AuditError::TooLarge));
        let many = vec!["1"; limits::AUDIT_BATCH_EVENTS_MAX + 1].join(",");
        check(list(&many).as_bytes(), |error| matches!(error, AuditError::TooMany));
        check(&[b'['].repeat(100_000), |error| matches!(error, AuditError::Json(_)));
        check(list(&"[".repeat(100_000)).as_bytes(), |error| matches!(error, AuditError::Json(_)));
    }

    /// An event with this object, in the order in which the API server writes it.
    fn with_object(object: &[u8]) -> Vec<u8> {
        let begin = br#"{"auditID":"a","verb":"patch","requestObject":"#;
        let end = br#","responseObject":{"a":1},"stageTimestamp":"2026-11-28T00:00:01Z"}"#;
        [begin, object, end].concat()
    }

    #[test]
    fn a_poisoned_object_hides_neither_its_event_nor_another() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        let many = format!("[{}0]", "0,".repeat(limits::AUDIT_EVENT_VALUES_MAX));
        let large = format!("\"{}\"", "x".repeat(limits::AUDIT_EVENT_BYTES_MAX));
        let check = |object: &[u8], problem: Option<&str>| {
            let (poisoned, good) = (with_object(object), with_object(b"{}"));
            let items = [poisoned.as_slice(), b",", &good].concat();
            let body = [br#"{"kind":"EventList","items":["#.as_slice(), &items, b"]}"].concat();
            let mut read = Vec::new();
            let take = |item| read.push(AuditEvent::of_item(item, 1));
            AuditEvent::each_of_webhook(&body, take).unwrap();
            let [first, second] = read.as_slice() else { panic!("{read:?}") };
            let first_json = &first.event.as_ref().unwrap().json;
            assert_eq!(
                (&first_json["verb"], &first_json["responseObject"]["a"]),
                (&"patch".into(), &1.into())
            );
            assert_eq!(first_json.get("requestObject").is_some(), problem.is_none(), "{problem:?}");
            assert!(second.event.as_ref().unwrap().json["requestObject"].is_object());
            assert!(second.problem.is_none());
            let told = first.problem.as_deref();
            assert!(told.zip(problem).is_none_or(|(told, problem)| told.starts_with(problem)), "{told:?}");
            assert_eq!(told.is_some(), problem.is_some(), "{told:?}");
        };
        check(br#"{"a":1.5,"b":[-1,null,true,"\ud83d\ude00"]}"#, None);
        check(b"\"\xff\xc0\"", None);
        check(b"1e999", Some(r#""requestObject": number out of range"#));
        check(br#"{"a":"\ud800"}"#, Some(r#""requestObject": "#));
        check(&deep, Some(r#""requestObject": recursion limit exceeded"#));
        check(many.as_bytes(), Some(r#""requestObject": the event has too many values"#));
        check(large.as_bytes(), Some(r#""requestObject": the event is too large"#));
        // It is all that the event may have, and what the API server writes behind it is read.
        let full = format!("[{}0]", "0,".repeat(limits::AUDIT_EVENT_VALUES_MAX - 50));
        check(full.as_bytes(), None);
    }

    #[test]
    fn a_line_is_an_item_or_a_list_of_some() {
        let check = |line: &str, expected: &[&str]| {
            let mut taken = Vec::new();
            AuditEvent::each_of_line(line.as_bytes(), |item| taken.push(std::str::from_utf8(item).unwrap()))
                .unwrap();
            assert_eq!(taken, expected);
        };
        check(r#" {"a":1e999} "#, &[r#" {"a":1e999} "#]);
        check(r#"{"items":[{"a":[1,2]} , "]",-1e999]}"#, &[r#"{"a":[1,2]}"#, r#""]""#, "-1e999"]);
        check(r#"{"items":[]}"#, &[]);
        check(r#"{"items":{}}"#, &[r#"{"items":{}}"#]);
        for bad in [
            "",
            "7",
            "{",
            "{} {}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            "{1:2}",
            r#"{"items":[1,]}"#,
            "{\"a\":\"\n\"}",
        ] {
            assert!(AuditEvent::each_of_line(bad.as_bytes(), |_| {}).is_err(), "{bad}");
        }
    }
}
