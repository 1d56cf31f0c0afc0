//! The text of a unit (systemd.syntax(7)): sections, keys that come again, continued lines, an empty value that takes
//! back what was said.

use seawall_finding::GapKind;
use seawall_inventory::workload::Origin;

use crate::document::Refusal;
use crate::limits::UNIT_LINES_MAX;

/// A unit: its assignments in their order.
#[derive(Debug, Default)]
pub(super) struct Unit {
    entries: Vec<Entry>,
}

/// One assignment.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    section: String,
    key: String,
    pub(super) value: String,
    pub(super) origin: Origin,
}

pub(super) fn parse(text: &str) -> (Unit, Vec<Refusal>) {
    let mut unit = Unit::default();
    let mut refusals = Vec::new();
    let mut section = String::new();
    let mut lines = (1u32..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if number as usize > UNIT_LINES_MAX {
            refusals.push((GapKind::Limit, format!("more than {UNIT_LINES_MAX} lines")));
            break;
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let mut full = line.to_owned();
        while let Some(before) = full.strip_suffix('\\') {
            let continued = lines.next().map(|(_, line)| line.trim());
            // A comment between continued lines is left out; the line goes on behind it.
            match continued {
                Some(comment) if comment.starts_with(['#', ';']) => continue,
                Some(next) => full = format!("{} {next}", before.trim_end()),
                None => full = before.to_owned(),
            }
        }
        match full.split_once('=') {
            Some((key, value)) => {
                let key = key.trim().to_owned();
                let origin = Origin::new(format!("[{section}] {key}"), number);
                let value = value.trim().to_owned();
                unit.entries.push(Entry { section: section.clone(), key, value, origin });
            }
            None => {
                refusals.push((GapKind::Malformed, format!("line {number} is no section and no assignment")))
            }
        }
    }
    (unit, refusals)
}

impl Unit {
    /// Adds the assignments of a drop-in, which stand in another file.
    pub(super) fn append(&mut self, drop_in: &str, more: Unit) {
        for mut entry in more.entries {
            entry.origin = Origin::new(format!("{drop_in} {}", entry.origin.pointer), 0);
            self.entries.push(entry);
        }
    }

    /// The assignments of a key behind the last empty one.
    pub(super) fn all<'a>(&'a self, section: &'a str, key: &'a str) -> impl Iterator<Item = &'a Entry> {
        let is_it = move |entry: &&Entry| entry.section == section && entry.key == key;
        let reset = self.entries.iter().rposition(|entry| is_it(&entry) && entry.value.is_empty());
        self.entries.iter().skip(reset.map_or(0, |reset| reset + 1)).filter(is_it)
    }

    /// The assignment that holds.
    pub(super) fn last<'a>(&'a self, section: &'a str, key: &'a str) -> Option<&'a Entry> {
        self.all(section, key).last()
    }

    /// Where a section starts: its first assignment.
    pub(super) fn section(&self, section: &str) -> Origin {
        let first = self.entries.iter().find(|entry| entry.section == section);
        Origin::new(format!("[{section}]"), first.map_or(1, |entry| entry.origin.line))
    }
}

/// Splits a value into words as systemd does: quotes of both kinds, backslash escapes.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote): (Vec<String>, Option<String>, Option<char>) =
        (Vec::new(), None, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_systemd_reads_them() {
        let text = "# x\n[A]\nK=1\nK=2\n; y\n[B]\nK=9\n[A]\nK=\nK=3 \\\n# in between\n  4\nL = a=b\n";
        let (unit, refusals) = parse(text);
        let all: Vec<&str> = unit.all("A", "K").map(|entry| entry.value.as_str()).collect();
        assert_eq!(all, ["3 4"]);
        assert_eq!(unit.last("A", "K").map(|entry| entry.origin.clone()), Some(Origin::new("[A] K", 10)));
        assert_eq!(unit.last("A", "L").map(|entry| entry.value.as_str()), Some("a=b"));
        assert!(refusals.is_empty());
        assert_eq!(parse("[A]\nnonsense\n").1.len(), 1);
        assert_eq!(words(r#"a "b c" 'd "e' f\ g """#), ["a", "b c", "d \"e", "f g", ""]);
    }
}
