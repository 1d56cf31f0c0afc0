//! Answers of success that are none: services that take a request and refuse what is in it.

use serde::Deserialize;

use crate::output::SendError;
use crate::template::Answer;

/// What the answer to so many findings says of them.
pub(super) fn check(answer: Answer, text: &str, count: usize) -> Result<(), SendError> {
    match answer {
        Answer::Status => Ok(()),
        Answer::Bulk => bulk(text, count),
        Answer::Otlp => otlp(text, count),
        Answer::Code => code(text),
    }
}

/// Elasticsearch, "Bulk API": an item for each action, in their order.
#[derive(Deserialize)]
struct Bulk {
    errors: bool,
    #[serde(default)]
    items: Vec<std::collections::BTreeMap<String, Item>>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(default)]
    error: serde_json::Value,
}

fn bulk(text: &str, count: usize) -> Result<(), SendError> {
    let unread = || SendError::later(format!("the answer is not one of a bulk request: {text}"));
    let bulk: Bulk = serde_json::from_str(text).map_err(|_| unread())?;
    if !bulk.errors {
        return Ok(());
    }
    if bulk.items.len() != count {
        return Err(unread());
    }
    let (mut later, mut never, mut reason) = (Vec::new(), 0, String::new());
    for (place, item) in bulk.items.iter().enumerate() {
        match item.values().next() {
            // 409: a document of this name is there, because it came before.
            Some(Item { status: 200..=299 | 409, .. }) => {}
            Some(Item { status: status @ (429 | 500..), error }) => {
                later.push(place);
                reason = format!("an item has status {status}: {error}");
            }
            Some(Item { status, error }) => {
                never += 1;
                reason = format!("an item has status {status}: {error}");
            }
            None => later.push(place),
        }
    }
    if later.is_empty() && never == 0 { Ok(()) } else { Err(SendError::Partly { later, never, reason }) }
}

/// OpenTelemetry protocol, "Partial success". Numbers of 64 bits are texts in its JSON.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Otlp {
    partial_success: PartialSuccess,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    rejected_log_records: serde_json::Value,
    error_message: String,
}

fn otlp(text: &str, count: usize) -> Result<(), SendError> {
    let answer: Otlp = serde_json::from_str(text).unwrap_or_default();
    let rejected = &answer.partial_success.rejected_log_records;
    let rejected = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0);
    let never = usize::try_from(rejected).unwrap_or(usize::MAX).min(count);
    match never {
        0 => Ok(()),
        never => {
            Err(SendError::Partly { later: Vec::new(), never, reason: answer.partial_success.error_message })
        }
    }
}

/// Splunk, "HTTP Event Collector": `{"text": "Success", "code": 0}`.
fn code(text: &str) -> Result<(), SendError> {
    #[derive(Deserialize)]
    struct Coded {
        code: i64,
    }
    match serde_json::from_str::<Coded>(text) {
        Ok(Coded { code: 0 }) => Ok(()),
        Ok(_) | Err(_) => Err(SendError::later(format!("it was not taken: {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partly(later: &[usize], never: usize, reason: &str) -> Result<(), SendError> {
        Err(SendError::Partly { later: later.to_vec(), never, reason: reason.to_owned() })
    }

    #[test]
    fn bulk_answers_are_read_item_by_item() {
        let check = |text: &str, expected: Result<(), SendError>| {
            assert_eq!(check(Answer::Bulk, text, 2), expected, "{text}");
        };
        check(
            r#"{"took":1,"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#,
            Ok(()),
        );
        check(
            r#"{"errors":true,"items":[{"create":{"status":409}},{"create":{"status":429,"error":"busy"}}]}"#,
            partly(&[1], 0, "an item has status 429: \"busy\""),
        );
        check(
            r#"{"errors":true,"items":[{"create":{"status":400,"error":"bad"}},{"create":{"status":201}}]}"#,
            partly(&[], 1, "an item has status 400: \"bad\""),
        );
        check(r#"{"errors":true,"items":[{"create":{"status":409}},{"create":{"status":201}}]}"#, Ok(()));
        for unread in ["", "<html>", r#"{"errors":true,"items":[]}"#] {
            let reason = format!("the answer is not one of a bulk request: {unread}");
            check(unread, Err(SendError::later(reason)));
        }
    }

    #[test]
    fn otlp_and_splunk_say_what_they_did_not_take() {
        assert_eq!(check(Answer::Otlp, "{}", 5), Ok(()));
        assert_eq!(check(Answer::Otlp, "", 5), Ok(()));
        let text = r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#;
        assert_eq!(check(Answer::Otlp, text, 5), partly(&[], 3, "too old"));
        assert_eq!(check(Answer::Code, r#"{"text":"Success","code":0}"#, 1), Ok(()));
        assert!(check(Answer::Code, r#"{"text":"Server is busy","code":9}"#, 1).is_err());
    }
}
