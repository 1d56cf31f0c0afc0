//! The name that was meant.

/// The closest of these names, where one is close enough to be a slip of the pen.
pub(crate) fn closest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = (wanted.len() / 3).clamp(1, 4);
    names
        .filter(|name| name.len().abs_diff(wanted.len()) <= allowed)
        .map(|name| (distance(wanted.as_bytes(), name.as_bytes()), name))
        .filter(|(distance, _)| (1..=allowed).contains(distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours that make one out of the other.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let width = right.len() + 1;
    let mut two_ago = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (row, byte) in left.iter().enumerate() {
        let mut current = vec![row + 1; width];
        for (column, other) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(byte != other);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *byte == right[column - 1] && left[row - 1] == *other {
                best = best.min(two_ago[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        two_ago = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_other_words_are_not() {
        let names = ["proc.name", "proc.pname", "fd.name", "evt.type"];
        let check = |wanted: &str, expected: Option<&str>| {
            assert_eq!(closest(wanted, names.into_iter()), expected, "{wanted}");
        };
        check("proc.nmae", Some("proc.name"));
        check("porc.name", Some("proc.name"));
        check("evt.typ", Some("evt.type"));
        check("container.id", None);
        check("proc.name", Some("proc.pname"));
    }
}
