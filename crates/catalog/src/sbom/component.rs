//! What the formats have in common: a document's components as they are read, before they become packages.

use seawall_inventory::{Digest, Distro};

/// A document.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What it describes.
    pub(super) subject: Option<Component>,
    pub(super) components: Vec<Component>,
    /// The distribution where the format has a field for it.
    pub(super) distro: Option<Distro>,
    /// Digests of uncompressed layers, lowest first.
    pub(super) layers: Vec<Digest>,
    /// The version of the format, where it is none that is known: what it adds was not read.
    pub(super) unknown_version: Option<String>,
}

/// What a component is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// Something that may be a package.
    #[default]
    Package,
    /// The distribution.
    OperatingSystem,
    /// A file, a lock file that groups packages, an image: no package by intent.
    Other,
}

/// One component.
#[derive(Debug, Clone, Default)]
pub(super) struct Component {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Empty when there is none.
    pub(super) version: String,
    pub(super) purl: Option<String>,
    /// Extension fields: name and value.
    pub(super) properties: Vec<(String, String)>,
    pub(super) licenses: Vec<String>,
    /// Paths of the files that declare it.
    pub(super) paths: Vec<String>,
    /// Whether the document says that it is not shipped.
    pub(super) is_excluded: bool,
}

impl Component {
    /// The first value of an extension field that is not empty.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        let mut values = self.properties.iter().filter(|(known, value)| known == name && !value.is_empty());
        values.next().map(|(_, value)| value.as_str())
    }

    /// Reads `seawall:name=value` lines, as Seawall writes them where a format knows only comments.
    pub(super) fn add_comment(&mut self, comment: &str) {
        let lines = comment.lines().filter_map(|line| line.split_once('='));
        let own = lines.filter(|(name, _)| name.starts_with("seawall:"));
        self.properties.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}

/// `NOASSERTION` and `NONE` are SPDX's words for nothing.
pub(super) fn asserted(text: &str) -> &str {
    if matches!(text, "NOASSERTION" | "NONE") { "" } else { text }
}
