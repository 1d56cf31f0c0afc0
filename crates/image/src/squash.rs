//! Many layers → what is left in the image: which facts survive, and where links lead.

use std::collections::HashMap;

use crate::limits::{LINK_HOPS_MAX, Limits};
use crate::path::{PathHash, ancestors, parent, target_of};
use crate::walk::Link;
use crate::whiteout::LayerShape;

/// The layers of one image, lowest first, seen together.
///
/// Follows overlayfs as Docker and podman use it: a layer is a directory of its own, so an entry below a path that is
/// a symbolic link in a lower layer makes a directory that replaces the link.
pub struct Squash<'s> {
    shapes: Vec<&'s LayerShape>,
    /// For each path the topmost layer that ends what lower layers have at and below it.
    endings: Topmost,
    /// The same for what they have below it.
    opaques: Topmost,
    /// The same for a file they have at it.
    directories: Topmost,
}

/// Path → topmost layer, sorted by path.
struct Topmost(Vec<(PathHash, u32)>);

impl Topmost {
    fn new(mut entries: Vec<(PathHash, u32)>) -> Topmost {
        entries.sort_unstable_by(|one, other| other.cmp(one));
        entries.dedup_by_key(|(path, _)| *path);
        entries.reverse();
        Topmost(entries)
    }

    fn is_above(&self, layer: usize, path: PathHash) -> bool {
        let found = self.0.binary_search_by_key(&path, |(path, _)| *path).ok();
        found.and_then(|at| self.0.get(at)).is_some_and(|&(_, topmost)| topmost as usize > layer)
    }
}

impl<'s> Squash<'s> {
    /// The squash of these layers, lowest first.
    pub fn new(shapes: &[&'s LayerShape]) -> Squash<'s> {
        // The lowest layer hides nothing, and it is the largest of most images.
        let upper = || (0u32..).zip(shapes).skip(1);
        Squash {
            endings: Topmost::new(
                upper().flat_map(|(layer, shape)| shape.endings().map(move |path| (path, layer))).collect(),
            ),
            opaques: Topmost::new(
                upper().flat_map(|(layer, shape)| shape.opaques().map(move |path| (path, layer))).collect(),
            ),
            directories: Topmost::new(
                upper()
                    .flat_map(|(layer, shape)| shape.directories().map(move |path| (path, layer)))
                    .collect(),
            ),
            shapes: shapes.to_vec(),
        }
    }

    /// Whether the file, link or device that layer `layer` (0 is the lowest) has at `path` is in the image.
    pub fn survives(&self, layer: usize, path: &str) -> bool {
        let own = PathHash::of(path);
        let replaced = self.endings.is_above(layer, own) || self.directories.is_above(layer, own);
        !replaced && !self.is_below_an_end(layer, path)
    }

    /// Whether a directory that layer `layer` has at `path` is in the image.
    pub fn directory_survives(&self, layer: usize, path: &str) -> bool {
        !self.endings.is_above(layer, PathHash::of(path)) && !self.is_below_an_end(layer, path)
    }

    fn is_below_an_end(&self, layer: usize, path: &str) -> bool {
        ancestors(path)
            .map(PathHash::of)
            .any(|ancestor| self.endings.is_above(layer, ancestor) || self.opaques.is_above(layer, ancestor))
    }

    /// The layer whose file, link or device the image shows at `path`.
    pub fn layer_of(&self, path: &str) -> Option<usize> {
        let layer = self.shapes.iter().rposition(|shape| shape.has_file(path))?;
        self.survives(layer, path).then_some(layer)
    }
}

/// Follows the symbolic links of an image.
pub struct Resolver<'s> {
    /// The links that the image shows.
    links: HashMap<&'s str, &'s str>,
    limits: Limits,
}

impl<'s> Resolver<'s> {
    /// A resolver for the squashed tree; `links` are those of each layer, lowest first
    /// ([`LayerWalk::links`](crate::LayerWalk)).
    pub fn new(squash: &Squash<'_>, links: &[&'s [Link]]) -> Resolver<'s> {
        let mut shown = HashMap::new();
        for (layer, links) in links.iter().enumerate() {
            for link in links.iter().filter(|link| squash.survives(layer, &link.path)) {
                shown.insert(link.path.as_str(), link.target.as_str());
            }
        }
        Resolver { links: shown, limits: Limits::default() }
    }

    /// The path at which the content of `path` really lies, all links followed inside the root. `None` for links
    /// that go in circles or are longer than any system allows.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..LINK_HOPS_MAX {
            let hop =
                ancestors(&path).chain([path.as_str()]).find_map(|link| Some((link, *self.links.get(link)?)));
            let Some((link, target)) = hop else { return Some(path) };
            let rest = path.get(link.len()..).unwrap_or("").trim_start_matches('/');
            let target = target_of(link, target, &self.limits).ok()?;
            path = match (target.is_empty(), rest.is_empty()) {
                (true, _) => rest.to_owned(),
                (false, true) => target,
                (false, false) => format!("{target}/{rest}"),
            };
        }
        None
    }

    /// The path with links followed in its directories but not at its end: the one name that a package manager's
    /// `/lib/x` and a layer's `usr/lib/x` share.
    pub fn resolve_parent(&self, path: &str) -> Option<String> {
        let directory = self.resolve(parent(path))?;
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whiteout::ShapeBuilder;

    fn link(path: &str, target: &str) -> Link {
        Link { path: path.to_owned(), target: target.to_owned() }
    }

    #[test]
    fn links_are_followed_in_the_squashed_tree() {
        let links = [
            vec![
                link("lib", "usr/lib"),
                link("var/lib/rpm", "../../usr/lib/sysimage/rpm"),
                link("old", "gone"),
            ],
            vec![
                link("etc/os-release", "../usr/lib/os-release"),
                link("a", "b"),
                link("b", "a"),
                link("up", "../.."),
            ],
            vec![],
        ];
        let mut shapes: Vec<LayerShape> = Vec::new();
        for links in &links {
            let mut builder = ShapeBuilder::default();
            for link in links {
                builder.file(&link.path);
            }
            if shapes.len() == 2 {
                builder.file("old");
            }
            shapes.push(builder.finish());
        }
        let squash = Squash::new(&shapes.iter().collect::<Vec<_>>());
        let resolver = Resolver::new(&squash, &links.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let check =
            |path: &str, expected: Option<&str>| assert_eq!(resolver.resolve(path).as_deref(), expected);
        check("lib/x86/libc.so", Some("usr/lib/x86/libc.so"));
        check("var/lib/rpm/rpmdb.sqlite", Some("usr/lib/sysimage/rpm/rpmdb.sqlite"));
        check("etc/os-release", Some("usr/lib/os-release"));
        check("old", Some("old"));
        check("a/x", None);
        check("up", Some(""));
        check("up/etc", Some("etc"));
        assert_eq!(resolver.resolve_parent("lib/os-release").as_deref(), Some("usr/lib/os-release"));
        assert_eq!(resolver.resolve_parent("etc/os-release").as_deref(), Some("etc/os-release"));
        assert_eq!(squash.layer_of("old"), Some(2));
        assert_eq!(squash.layer_of("lib"), Some(0));
        assert_eq!(squash.layer_of("nowhere"), None);
    }
}
