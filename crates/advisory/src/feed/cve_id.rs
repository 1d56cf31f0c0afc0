//! CVE ids inside ids, titles, addresses and free text.

/// Whether a text is exactly a CVE id, `CVE-YYYY-NNNN…`.
pub(crate) fn is_cve(text: &str) -> bool {
    length_at_start(text) == Some(text.len())
}

/// The CVE ids in a text, upper case, in order of appearance, each once. `CVE_2019_1234` and
/// `CVE 2019-1234` are read as well: package maintainers write them.
pub(crate) fn cves_in(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(step) =
        bytes.get(at..).and_then(|rest| rest.windows(3).position(|w| w.eq_ignore_ascii_case(b"CVE")))
    {
        at += step;
        match text.get(at..).and_then(|rest| Some((rest, length_at_start(rest)?))) {
            Some((rest, length)) => {
                let id = rest.get(..length).unwrap_or_default().to_ascii_uppercase().replace(['_', ' '], "-");
                if !found.contains(&id) {
                    found.push(id);
                }
                at += length;
            }
            None => at += 3,
        }
    }
    found
}

/// The CVE id behind a source's prefix: `UBUNTU-CVE-2024-1` → `CVE-2024-1`.
pub(crate) fn cve_of(id: &str) -> Option<&str> {
    let at = id.find("CVE-")?;
    let rest = id.get(at..)?;
    (is_cve(rest) && (at == 0 || id.get(..at)?.ends_with('-'))).then_some(rest)
}

/// Length of a CVE id that the text begins with: `CVE`, a separator, four digits, a separator, four to nineteen digits.
fn length_at_start(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let separator = |at: usize| matches!(bytes.get(at), Some(b'-' | b'_' | b' '));
    let prefix = bytes.get(..3)?.eq_ignore_ascii_case(b"CVE");
    let year = bytes.get(4..8)?.iter().all(u8::is_ascii_digit);
    if !(prefix && separator(3) && year && separator(8)) {
        return None;
    }
    let digits = bytes.get(9..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (4..=19).contains(&digits).then_some(9 + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(cves_in(text), expected, "{text}");
    }

    #[test]
    fn in_free_text() {
        check("CVE-2017-2616 (+ regression fix)", &["CVE-2017-2616"]);
        check("CVE_2019-2426, cve-2020-0001;CVE-2020-0001", &["CVE-2019-2426", "CVE-2020-0001"]);
        check("CVE-2014-123", &[]);
        check("CVECVE-2014-1234567", &["CVE-2014-1234567"]);
        check("é CVE-20é4-1234 CVE", &[]);
        check("see https://x/CVE-2022-36369.html", &["CVE-2022-36369"]);
    }

    #[test]
    fn behind_a_prefix() {
        assert_eq!(cve_of("UBUNTU-CVE-2024-1234"), Some("CVE-2024-1234"));
        assert_eq!(cve_of("CVE-2024-1234"), Some("CVE-2024-1234"));
        assert_eq!(cve_of("XCVE-2024-1234"), None);
        assert_eq!(cve_of("CVE-2024-1234x"), None);
        assert!(!is_cve("CVE-2024-12"));
    }
}
