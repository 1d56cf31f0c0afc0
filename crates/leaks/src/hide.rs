//! Names and other short texts in which a token stands are shown without it.

use crate::engine::{Tally, Text, resolve};
use crate::rules::Rules;

impl Rules {
    /// Cuts out what is a token beyond doubt, by the rules that are precise enough for binaries; whether there was one.
    pub fn hide_tokens(&self, text: &mut String) -> bool {
        let bytes = Text { bytes: text.as_bytes(), path: "", binary: true };
        let mut found = Vec::new();
        self.sweep(bytes, 0..text.len(), &mut Tally::default(), &mut found);
        let spans: Vec<_> = resolve(self, found).into_iter().map(|one| one.secret).collect();
        for span in spans.iter().rev() {
            if text.is_char_boundary(span.start) && text.is_char_boundary(span.end) {
                text.replace_range(span.clone(), "…");
            }
        }
        !spans.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Sequence, fill};

    #[test]
    fn a_name_that_is_a_token_is_not_shown() {
        let rules = Rules::builtin();
        let check = |text: &str, expected: &str| {
            let mut shown = text.to_owned();
            assert_eq!(rules.hide_tokens(&mut shown), shown != text);
            assert_eq!(shown, expected);
        };
        let token = fill("<github:ghp_>", &mut Sequence(3));
        check(&format!("srv/{token}/é.txt"), "srv/…/é.txt");
        check(&format!("a.zip!/{token}"), "a.zip!/…");
        check("usr/lib/python3/password=hunter2.txt", "usr/lib/python3/password=hunter2.txt");
    }
}
