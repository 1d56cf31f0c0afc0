//! Takes secrets out of what an error shows: services repeat the address or token they were called with.

use crate::Secret;
use crate::text::{cut, tame};

/// Shorter texts are no secrets, and taking `1` out of an error would leave nothing of it.
const SECRET_BYTES_MIN: usize = 6;

/// The text without any of the secrets, tame and at most `bytes_max` long.
pub(crate) fn redacted(text: &str, secrets: &[Secret], bytes_max: usize) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().map(Secret::expose).filter(|secret| secret.len() >= SECRET_BYTES_MIN) {
        if text.contains(secret) {
            text = text.replace(secret, "(secret)");
        }
    }
    cut(tame(text.trim()).as_str(), bytes_max).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out() {
        let secrets = [Secret::new("xoxb-12345"), Secret::new("1")];
        let check = |text: &str, expected: &str| assert_eq!(redacted(text, &secrets, 40), expected);
        check("token xoxb-12345 of 1 is wrong", "token (secret) of 1 is wrong");
        check(" \x1b[2J\n", "\\u{1b}[2J");
        check(&"x".repeat(50), &format!("{}…", "x".repeat(37)));
    }
}
