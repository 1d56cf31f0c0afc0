//! What builds and tests: jobs of GitHub (Gitea, Forgejo) and GitLab, recipes of Makefiles → the containers that they
//! run in and start.
//!
//! Refuses the rest of a job: which actions it uses, what its token may do.

use seawall_inventory::Workload;
use seawall_inventory::workload::Source;

use crate::command;
use crate::document::{At, Node};
use crate::words::Word;

/// Keys of a GitLab file that are no jobs.
const NO_JOBS: [&str; 8] =
    ["default", "include", "stages", "variables", "workflow", "image", "services", "spec"];

/// Whether a file is a pipeline by its path.
pub(crate) fn is_pipeline_path(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let is_workflow = [".github", ".gitea", ".forgejo"].iter().any(|directory| {
        lower.contains(&format!("{directory}/workflows/"))
            && (name.ends_with(".yml") || name.ends_with(".yaml"))
    });
    is_workflow
        || name.ends_with(".gitlab-ci.yml")
        || name.ends_with(".gitlab-ci.yaml")
        || matches!(name, "action.yml" | "action.yaml")
}

/// Whether a document has the form of a workflow of GitHub.
pub(crate) fn is_workflow(node: &Node) -> bool {
    let at = At::root(node);
    at.get("on").is_some() && at.get("jobs").is_some_and(|jobs| jobs.node.is_map())
}

/// Whether a file is a Makefile by its name.
pub(crate) fn is_makefile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    ["Makefile", "makefile", "GNUmakefile"].contains(&name)
        || name.ends_with(".mk")
        || name.starts_with("Makefile.")
}

/// The recipes of a Makefile as a script, line for line.
pub(crate) fn recipes(text: &str) -> String {
    let mut script = String::with_capacity(text.len());
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        let own = line.trim_end_matches(['\n', '\r']);
        let shown = match own.strip_prefix('\t') {
            // A line that is continued goes on with or without a tab, and `-` is no sign there.
            rest if goes_on => rest.unwrap_or(own),
            Some(recipe) => recipe.trim_start_matches(['@', '-', '+', ' ', '\t']),
            None => "",
        };
        script.push_str(&shown.replace("$$", "$"));
        script.push('\n');
        goes_on = !shown.is_empty() && own.ends_with('\\');
    }
    script
}

/// The containers of the jobs of a document.
pub(crate) fn workloads(root: &Node, text: &str) -> Vec<Workload> {
    let root = At::root(root);
    let mut found = Vec::new();
    match (root.get("jobs").filter(|jobs| jobs.node.is_map()), root.get("runs")) {
        (Some(jobs), _) => {
            jobs.fields().into_iter().for_each(|(name, job)| of_github(name, &job, text, &mut found));
        }
        (None, Some(runs)) => of_github("action", &runs, text, &mut found),
        (None, None) => of_gitlab(&root, text, &mut found),
    }
    found
}

fn of_github(name: &str, job: &At<'_>, text: &str, found: &mut Vec<Workload>) {
    found.extend(job.get("container").and_then(|at| container(name, &at)));
    for (service, at) in job.get("services").map(|at| at.fields()).unwrap_or_default() {
        found.extend(container(service, &at));
    }
    for step in job.list("steps") {
        if let Some(image) = step.str("uses").and_then(|uses| uses.strip_prefix("docker://")) {
            let line = step.get("uses").map_or(0, |at| at.node.line);
            found.extend(started(name, vec![word(image, line)]));
        }
        found.extend(step.get("run").into_iter().flat_map(|at| script(&at, text)));
    }
}

fn of_gitlab(root: &At<'_>, text: &str, found: &mut Vec<Workload>) {
    let jobs = root.fields().into_iter().filter(|(name, at)| !NO_JOBS.contains(name) && at.node.is_map());
    let places = [("pipeline", Some(root.clone())), ("default", root.get("default"))];
    let places = places.into_iter().filter_map(|(name, at)| Some((name, at?)));
    for (name, at) in places.chain(jobs) {
        found.extend(at.get("image").and_then(|image| container(name, &image)));
        found.extend(at.list("services").iter().filter_map(|service| container(name, service)));
        for key in ["before_script", "script", "after_script"] {
            found.extend(at.get(key).into_iter().flat_map(|at| script(&at, text)));
        }
    }
}

/// An image, or a map with one and what `docker create` is given.
fn container(name: &str, at: &At<'_>) -> Option<Workload> {
    let line = at.node.line;
    if let Some(image) = at.node.text() {
        return started(name, vec![word(image, line)]);
    }
    let mut words = Vec::new();
    if let Some(options) = at.get("options") {
        let line = options.node.line;
        words.extend(options.node.text()?.split_whitespace().map(|option| word(option, line)));
    }
    for (key, flag) in [("volumes", "--volume"), ("ports", "--publish")] {
        for item in at.list(key) {
            words.extend([word(flag, item.node.line), word(item.node.text()?, item.node.line)]);
        }
    }
    for key in ["env", "variables"] {
        for (variable, value) in at.get(key).map(|at| at.fields()).unwrap_or_default() {
            let given = format!("{variable}={}", value.node.text().unwrap_or_default());
            words.extend([word("--env", value.node.line), word(&given, value.node.line)]);
        }
    }
    let image = at.get("image").or_else(|| at.get("name"))?;
    words.push(word(image.node.text()?, image.node.line));
    started(name, words)
}

fn word(text: &str, line: u32) -> Word {
    Word { text: text.to_owned(), line }
}

fn started(name: &str, given: Vec<Word>) -> Option<Workload> {
    let line = given.first().map_or(0, |word| word.line);
    let mut words: Vec<Word> =
        ["docker", "run", "--name", name].iter().map(|text| word(text, line)).collect();
    words.extend(given);
    let workload = command::run(&words, Source::Command)?;
    // What only a matrix or a variable of the pipeline knows is nothing to judge.
    let image = workload.containers.first()?.image.as_ref()?;
    (!image.value.contains("${{")).then_some(workload)
}

/// The containers that a script starts: a text or a list of them.
fn script(at: &At<'_>, text: &str) -> Vec<Workload> {
    let items = at.items();
    if let Some(commands) = at.node.text() {
        // The text of a block begins on the line below its sign.
        let is_block = text.get(at.node.start..).is_some_and(|rest| rest.starts_with(['|', '>']));
        return command::script_at(commands, at.node.line + u32::from(is_block));
    }
    items.iter().flat_map(|item| script(item, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_keep_their_lines() {
        let make = "A := docker run x\nall: b\n\t@docker run a \\\n\t  --x\n\t-echo $$HOME\nc:\n";
        assert_eq!(recipes(make), "\n\ndocker run a \\\n  --x\necho $HOME\n\n");
    }
}
