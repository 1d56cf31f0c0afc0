//! Changes one member of a JSON object in its text, and nothing else: order, unknown keys and layout stay.

use std::ops::Range;

use serde_json::Value;

/// A member of the outermost object, by the bytes of its key and value.
struct Member {
    key: String,
    start: usize,
    value: Range<usize>,
}

/// The text with the member set to a value.
///
/// # Errors
/// The text is no JSON object, or has the member more than once.
pub(super) fn set(text: &str, key: &str, value: &str) -> Result<String, String> {
    let (members, end) = members(text)?;
    let changed = match position(&members, key)?.and_then(|index| members.get(index)) {
        Some(member) => spliced(text, member.value.clone(), value),
        None => {
            let indent = indent(text, &members);
            match members.last() {
                Some(last) => {
                    spliced(text, last.value.end..last.value.end, &format!(",{indent}\"{key}\": {value}"))
                }
                None => {
                    let start = text.get(..end).and_then(|text| text.rfind('{')).map_or(0, |at| at + 1);
                    spliced(text, start..end, &format!("{indent}\"{key}\": {value}\n"))
                }
            }
        }
    };
    checked(changed)
}

/// The text without the member.
///
/// # Errors
/// The text is no JSON object, or has the member more than once.
pub(super) fn remove(text: &str, key: &str) -> Result<String, String> {
    let (members, _) = members(text)?;
    let Some(index) = position(&members, key)? else { return Ok(text.to_owned()) };
    let previous = index.checked_sub(1).and_then(|index| members.get(index));
    let range = match (members.get(index), previous, members.get(index + 1)) {
        (Some(own), Some(previous), _) => previous.value.end..own.value.end,
        (Some(own), None, Some(next)) => own.start..next.start,
        (Some(own), None, None) => own.start..own.value.end,
        (None, _, _) => return Ok(text.to_owned()),
    };
    checked(spliced(text, range, ""))
}

/// Where the member is; `dockerd` does not tell `ICC` from `icc`.
fn position(members: &[Member], key: &str) -> Result<Option<usize>, String> {
    let is_it = |member: &Member| member.key.eq_ignore_ascii_case(key);
    // The last one counts, but whoever wrote two of them meant something else.
    match members.iter().filter(|member| is_it(member)).count() {
        0 | 1 => Ok(members.iter().position(is_it)),
        count => Err(format!("the file has {key} {count} times; which is meant is not known here")),
    }
}

fn spliced(text: &str, range: Range<usize>, piece: &str) -> String {
    let (before, after) =
        (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
    format!("{before}{piece}{after}")
}

/// What is written must be read again.
fn checked(text: String) -> Result<String, String> {
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(_)) => Ok(text),
        Ok(_) | Err(_) => Err("the change would not be JSON".to_owned()),
    }
}

/// The white space before members: that of the last one, or four blanks.
fn indent(text: &str, members: &[Member]) -> String {
    let before = members.last().and_then(|member| text.get(..member.start));
    let space = before.map(|before| before.get(before.trim_end().len()..).unwrap_or_default().to_owned());
    space.unwrap_or_else(|| "\n    ".to_owned())
}

/// The members of the outermost object, and where its closing brace is.
fn members(text: &str) -> Result<(Vec<Member>, usize), String> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => {}
        Ok(_) => return Err("it is no JSON object".to_owned()),
        Err(error) => return Err(format!("it is no JSON: {error}")),
    }
    // The text is JSON, so that braces, quotes and commas tell everything.
    let bytes = text.as_bytes();
    let (mut depth, mut at, mut end) = (0_usize, 0, bytes.len());
    let mut found: Vec<Member> = Vec::new();
    let mut pending: Option<(String, usize)> = None;
    let mut value_start = None;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let close = string_end(bytes, at);
                if depth == 1 && pending.is_none() {
                    let key = serde_json::from_str(text.get(at..close).unwrap_or_default());
                    pending = Some((key.map_err(|error| error.to_string())?, at));
                } else if depth == 1 && value_start.is_none() {
                    value_start = Some(at);
                }
                at = close;
                continue;
            }
            b'{' | b'[' => {
                if depth == 1 && value_start.is_none() {
                    value_start = Some(at);
                }
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    close(&mut found, text, pending.take(), value_start.take(), at);
                    end = at;
                    break;
                }
            }
            b',' if depth == 1 => close(&mut found, text, pending.take(), value_start.take(), at),
            b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if depth == 1 && value_start.is_none() => value_start = Some(at),
            _ => {}
        }
        at += 1;
    }
    Ok((found, end))
}

fn close(found: &mut Vec<Member>, text: &str, key: Option<(String, usize)>, value: Option<usize>, at: usize) {
    if let (Some((key, start)), Some(from)) = (key, value) {
        let length = text.get(from..at).unwrap_or_default().trim_end().len();
        found.push(Member { key, start, value: from..from + length });
    }
}

/// The byte behind a string that begins here.
pub(super) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, change: impl Fn(&str) -> Result<String, String>, expected: &str) {
        assert_eq!(change(text).as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn members_are_set_in_place() {
        let icc = |text: &str| set(text, "icc", "false");
        check("{}\n", icc, "{\n    \"icc\": false\n}\n");
        check("{\n}\n", icc, "{\n    \"icc\": false\n}\n");
        check("{\"a\": 1}", icc, "{\"a\": 1,\"icc\": false}");
        check("{\n  \"a\": {\"icc\": true}\n}\n", icc, "{\n  \"a\": {\"icc\": true},\n  \"icc\": false\n}\n");
        check(
            "{\n  \"icc\" : true ,\n  \"b\": [1, \"}\"]\n}",
            icc,
            "{\n  \"icc\" : false ,\n  \"b\": [1, \"}\"]\n}",
        );
        check("{\"icc\": {\"x\": [1]}, \"z\": \"\\\"\"}", icc, "{\"icc\": false, \"z\": \"\\\"\"}");
        assert!(set("[]", "icc", "false").is_err());
        assert!(set("{", "icc", "false").is_err());
    }

    #[test]
    fn a_member_that_is_there_twice_is_left_alone() {
        for text in
            ["{\"icc\": false, \"icc\": true}", "{\"icc\": 1, \"ICC\": 2}", "{\"icc\": 1, \"\\u0069cc\": 2}"]
        {
            assert!(set(text, "icc", "false").is_err_and(|reason| reason.contains("2 times")), "{text}");
            assert!(remove(text, "icc").is_err(), "{text}");
        }
        check("{\"ICC\": true}", |text| set(text, "icc", "false"), "{\"ICC\": false}");
    }

    #[test]
    fn members_are_removed() {
        let icc = |text: &str| remove(text, "icc");
        check("{\"icc\": 1}", icc, "{}");
        check("{\"a\": 1, \"icc\": 2, \"b\": 3}", icc, "{\"a\": 1, \"b\": 3}");
        check("{\n  \"icc\": 1,\n  \"b\": 3\n}", icc, "{\n  \"b\": 3\n}");
        check("{\"a\": 1, \"icc\": \"x,}\"}", icc, "{\"a\": 1}");
        check("{\"a\": 1}", icc, "{\"a\": 1}");
    }
}
