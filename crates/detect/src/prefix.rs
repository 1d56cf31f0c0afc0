//! `pmatch`: whether a path is one of several, or below one, component by component.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::glob::Glob;
use crate::texts::Multiply;

/// Paths by their components.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    names: HashMap<Box<str>, Prefixes, BuildHasherDefault<Multiply>>,
    globs: Vec<(Glob, Prefixes)>,
    /// Whether a path ends here.
    is_end: bool,
}

impl Prefixes {
    /// Adds a path; its components may be patterns.
    pub(crate) fn insert(&mut self, path: &str) {
        let mut node = self;
        for component in components(path) {
            node = if component.contains(['*', '?', '[']) {
                let glob = Glob::new(component);
                let known = node.globs.iter().position(|(known, _)| *known == glob);
                let index = known.unwrap_or_else(|| {
                    node.globs.push((glob, Prefixes::default()));
                    node.globs.len() - 1
                });
                &mut node.globs[index].1
            } else {
                node.names.entry(component.into()).or_default()
            };
        }
        node.is_end = true;
    }

    /// Paths without patterns of which every path that matches is one, or is below one.
    pub(crate) fn fixed(&self) -> Vec<String> {
        let mut fixed = Vec::new();
        let mut open = vec![(String::new(), self)];
        while let Some((path, node)) = open.pop() {
            if node.is_end || !node.globs.is_empty() {
                fixed.push(if path.is_empty() { "/".to_owned() } else { path });
                continue;
            }
            open.extend(node.names.iter().map(|(name, below)| (format!("{path}/{name}"), below)));
        }
        fixed
    }

    /// The paths that were added, where none is a pattern.
    pub(crate) fn plain(&self) -> Option<Vec<String>> {
        let mut nodes = vec![self];
        while let Some(node) = nodes.pop() {
            if !node.globs.is_empty() {
                return None;
            }
            nodes.extend(node.names.values());
        }
        Some(self.fixed())
    }

    /// Whether this path or one above it was added.
    pub(crate) fn matches(&self, path: &str) -> bool {
        // Several patterns may fit one component, so there may be several places at once; each step has at most as
        // many as there are patterns.
        let mut places = vec![self];
        let mut components = components(path);
        loop {
            if places.iter().any(|place| place.is_end) {
                return true;
            }
            let Some(component) = components.next() else { return false };
            let mut next = Vec::new();
            for place in places {
                next.extend(place.names.get(component));
                let fitting = place.globs.iter().filter(|(glob, _)| glob.matches(component));
                next.extend(fitting.map(|(_, below)| below));
            }
            if next.is_empty() {
                return false;
            }
            places = next;
        }
    }
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|component| !component.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_at_its_components() {
        let mut prefixes = Prefixes::default();
        for path in ["/etc/apt", "/var/run/*/x", "/usr/lib/"] {
            prefixes.insert(path);
        }
        let check = |path: &str, expected: bool| assert_eq!(prefixes.matches(path), expected, "{path}");
        check("/etc/apt", true);
        check("/etc/apt/sources.list", true);
        check("/etc/aptitude", false);
        check("/etc", false);
        check("/var/run/a/x/y", true);
        check("/var/run/a/b/x", false);
        check("/usr/lib", true);
        check("", false);
        let mut root = Prefixes::default();
        root.insert("/");
        assert!(root.matches("/anything"));
    }
}
