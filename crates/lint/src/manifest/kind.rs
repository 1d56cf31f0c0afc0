//! Which kind a file is.

use crate::{compose, document, kubernetes, pipeline, unit};

/// The kinds of file that deploy containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Kubernetes objects, YAML or JSON.
    Kubernetes,
    /// A Compose file.
    Compose,
    /// A Quadlet or systemd unit.
    Unit,
    /// A shell script.
    Script,
    /// Recipes of make.
    Makefile,
    /// Jobs of GitHub or GitLab.
    Pipeline,
}

/// The kind of a file by its name and text; nothing where it is none of these. A directory's other YAML files answer
/// nothing, so that they need not be listed as gaps.
pub fn kind(path: &str, text: &str) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if pipeline::is_makefile(path) {
        return Some(Kind::Makefile);
    }
    if pipeline::is_pipeline_path(path) {
        return Some(Kind::Pipeline);
    }
    match extension {
        "yaml" | "yml" | "json" => of_document(&name, text),
        "sh" | "bash" => Some(Kind::Script),
        "container" | "pod" | "kube" | "service" => Some(Kind::Unit),
        "conf" if unit::kind_of(path).is_some() => Some(Kind::Unit),
        _ => of_text(text),
    }
}

fn of_document(name: &str, text: &str) -> Option<Kind> {
    let is_named =
        ["compose", "docker-compose", "podman-compose"].iter().any(|prefix| name.starts_with(prefix));
    if is_named {
        return Some(Kind::Compose);
    }
    let has_line =
        |start: &str| text.lines().any(|line| line.trim_start_matches(['-', ' ']).starts_with(start));
    let is_json = text.trim_start().starts_with(['{', '[']);
    if (has_line("apiVersion:") && has_line("kind:")) || (is_json && text.contains("\"apiVersion\"")) {
        return Some(Kind::Kubernetes);
    }
    let (documents, _) = document::parse(text);
    if documents.iter().any(|node| compose::is_compose(node)) {
        Some(Kind::Compose)
    } else if documents.iter().any(|node| kubernetes::is_object(node)) {
        Some(Kind::Kubernetes)
    } else if documents.iter().any(|node| pipeline::is_workflow(node)) {
        Some(Kind::Pipeline)
    } else {
        None
    }
}

/// Text without a telling name: what comes on the standard input.
fn of_text(text: &str) -> Option<Kind> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    if text.starts_with("#!") || ["docker ", "podman ", "sudo "].iter().any(|start| first.starts_with(start))
    {
        return Some(Kind::Script);
    }
    if first.starts_with('[') && first.ends_with(']') {
        return Some(Kind::Unit);
    }
    of_document("", text)
}
