//! Files of XML, read for a few elements and attributes by their names; nothing else of XML matters here.

use super::{Out, Path};

/// The text of each element with this name.
fn elements<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let open = format!("<{name}");
    let close = format!("</{name}>");
    let mut found = Vec::new();
    for (at, _) in text.match_indices(&open) {
        let rest = text.get(at + open.len()..).unwrap_or_default();
        if !rest.starts_with(['>', ' ']) {
            continue;
        }
        let content = rest.split_once('>').and_then(|(_, content)| content.split_once(&close));
        found.extend(content.map(|(content, _)| content).filter(|content| !content.contains('<')));
    }
    found
}

pub(super) fn filezilla(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    elements(text, "Pass").into_iter().for_each(|value| out.add("filezilla-password", value));
}

pub(super) fn maven(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for name in ["password", "passphrase", "master"] {
        elements(text, name).into_iter().for_each(|value| out.add("maven-settings-password", value));
    }
}

/// Users in comments are the examples that Tomcat ships.
pub(super) fn tomcat(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    let live: Vec<&str> =
        text.split("<!--").map(|part| part.split_once("-->").map_or(part, |(_, live)| live)).collect();
    let first = text.split("<!--").next().unwrap_or_default();
    for part in std::iter::once(first).chain(live.into_iter().skip(1)) {
        for value in part.split("password=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            out.add("tomcat-password", value);
        }
    }
}
