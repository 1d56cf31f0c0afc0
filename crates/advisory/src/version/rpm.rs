//! RPM's order: `[epoch:]version[-release]`, each part compared by rpmvercmp.
//!
//! As in librpm an absent epoch is 0 and an absent release sorts before any release.

use std::cmp::Ordering;

use super::digits;

struct Parts<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (parse(left)?, parse(right)?);
    let order = digits::compare(left.epoch, right.epoch)
        .then_with(|| compare_part(left.version, right.version))
        .then_with(|| match (left.release, right.release) {
            (Some(left), Some(right)) => compare_part(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        });
    Some(order)
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

fn parse(text: &str) -> Option<Parts<'_>> {
    let text = text.trim_ascii().as_bytes();
    let (digits_before, after) = digits::split(text);
    let (epoch, rest) = match after.split_first() {
        Some((b':', rest)) => (digits_before, rest),
        _ => (&[][..], text),
    };
    let dash = rest.iter().rposition(|byte| *byte == b'-');
    let (version, release) = match dash.and_then(|at| rest.split_at_checked(at)) {
        Some((version, release)) => (version, release.get(1..)),
        None => (rest, None),
    };
    let readable = rest.iter().all(u8::is_ascii_graphic)
        && version.iter().any(u8::is_ascii_alphanumeric)
        && release.is_none_or(|release| release.iter().any(u8::is_ascii_alphanumeric));
    readable.then_some(Parts { epoch, version, release })
}

/// What stands at the head of what is left of a part, in ascending order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Head {
    Tilde,
    End,
    Caret,
    Letters,
    Number,
}

/// rpmvercmp: runs of digits and of letters in turn, separators only separate.
fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    loop {
        let (left_head, left_run, left_rest) = next(left);
        let (right_head, right_run, right_rest) = next(right);
        let order = left_head.cmp(&right_head).then_with(|| match left_head {
            Head::Number => digits::compare(left_run, right_run),
            Head::Letters => left_run.cmp(right_run),
            Head::Tilde | Head::End | Head::Caret => Ordering::Equal,
        });
        if order.is_ne() || left_head == Head::End {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

fn next(text: &[u8]) -> (Head, &[u8], &[u8]) {
    let (_, text) =
        digits::split_while(text, |byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'~' | b'^'));
    match text.split_first() {
        None => (Head::End, text, text),
        Some((b'~', rest)) => (Head::Tilde, &[], rest),
        Some((b'^', rest)) => (Head::Caret, &[], rest),
        Some((first, _)) if first.is_ascii_digit() => {
            let (run, rest) = digits::split(text);
            (Head::Number, run, rest)
        }
        Some(_) => {
            let (run, rest) = digits::split_while(text, |byte| byte.is_ascii_alphabetic());
            (Head::Letters, run, rest)
        }
    }
}
