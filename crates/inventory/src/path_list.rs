//! Long lists of paths, stored compactly.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Paths in the order they were added, front-coded: each line holds how many bytes it shares with the path before it,
/// a colon and the rest. The file list of a distribution shrinks to about a third that way.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathList {
    lines: String,
    /// The last path added; empty after deserialisation, which costs one line that shares nothing.
    #[serde(skip)]
    last: String,
}

impl PathList {
    /// Adds a path. One with a line break cannot be stored and is left out.
    pub fn push(&mut self, path: &str) {
        if path.contains('\n') {
            return;
        }
        let pairs = self.last.bytes().zip(path.bytes());
        let mut shared = pairs.take_while(|(a, b)| a == b).count();
        while !path.is_char_boundary(shared) {
            shared -= 1;
        }
        let rest = path.get(shared..).unwrap_or_default();
        self.lines.push_str(&shared.to_string());
        self.lines.push(':');
        self.lines.push_str(rest);
        self.lines.push('\n');
        path.clone_into(&mut self.last);
    }

    /// Calls `each` with every path. A line that is not front-coded (a damaged cache file) is left out.
    pub fn for_each(&self, mut each: impl FnMut(&str)) {
        let mut path = String::new();
        for line in self.lines.lines() {
            let Some((shared, rest)) = line.split_once(':') else { continue };
            let Ok(shared) = shared.parse::<usize>() else { continue };
            if !path.is_char_boundary(shared) {
                continue;
            }
            path.truncate(shared);
            path.push_str(rest);
            each(&path);
        }
    }

    /// Whether it holds no path.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Bytes that it takes.
    pub fn size_bytes(&self) -> usize {
        self.lines.len()
    }

    /// The paths one by one.
    pub fn to_vec(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.for_each(|path| paths.push(path.to_owned()));
        paths
    }

    /// Drops spare capacity; for lists that are complete.
    pub fn shrink(&mut self) {
        self.lines.shrink_to_fit();
        self.last = String::new();
    }
}

impl<S: AsRef<str>> FromIterator<S> for PathList {
    fn from_iter<I: IntoIterator<Item = S>>(paths: I) -> PathList {
        let mut list = PathList::default();
        for path in paths {
            list.push(path.as_ref());
        }
        list.shrink();
        list
    }
}

impl fmt::Debug for PathList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::PathList;

    fn check(paths: &[&str], lines: &str) {
        let list: PathList = paths.iter().collect();
        assert_eq!(list.lines, lines);
        let json = serde_json::to_string(&list).unwrap();
        let back: PathList = serde_json::from_str(&json).unwrap();
        let kept: Vec<&str> = paths.iter().copied().filter(|path| !path.contains('\n')).collect();
        assert_eq!(back.to_vec(), kept);
        assert_eq!(back, list);
    }

    #[test]
    fn paths_come_back_as_they_went_in() {
        check(&[], "");
        check(&["usr/bin/ab", "usr/bin/ac", "usr/bin/ac/d", "etc"], "0:usr/bin/ab\n9:c\n10:/d\n0:etc\n");
        check(&["ä", "ö", "öü", "öü"], "0:ä\n0:ö\n2:ü\n4:\n");
        check(&["a:b", "line\nbreak", "a:c"], "0:a:b\n2:c\n");
    }

    #[test]
    fn a_list_read_back_can_grow() {
        let mut list: PathList = serde_json::from_str("\"0:usr/bin/a\\n\"").unwrap();
        list.push("usr/bin/b");
        assert_eq!(list.to_vec(), ["usr/bin/a", "usr/bin/b"]);
    }

    #[test]
    fn damaged_lines_are_left_out() {
        let list: PathList = serde_json::from_str("\"nonsense\\n9:x\\n-1:y\\n0:ä\\n1:z\\n0:ok\\n\"").unwrap();
        assert_eq!(list.to_vec(), ["ä", "ok"]);
    }
}
