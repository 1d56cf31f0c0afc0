//! SLSA provenance (slsa.dev/spec/v1.0/provenance) of what an environment says of a build: GitHub Actions, GitLab CI, or a
//! plain host; and what BuildKit itself recorded.
//!
//! An environment is the build's own word for itself. Signed by a key that only the build platform has, it is evidence of
//! what that platform ran; signed by the build, of what the build claims.

use jiff::Timestamp;
use seawall_inventory::Digest;
use serde_json::{Map, Value, json};

/// Predicate type of what is made here.
pub const SLSA_1: &str = "https://slsa.dev/provenance/v1";
const SLSA_02: &str = "https://slsa.dev/provenance/v0.2";

/// The variables that are looked at.
pub const VARIABLES: &[&str] = &[
    "GITHUB_ACTIONS",
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_REPOSITORY_ID",
    "GITHUB_REPOSITORY_OWNER_ID",
    "GITHUB_WORKFLOW_REF",
    "GITHUB_REF",
    "GITHUB_SHA",
    "GITHUB_EVENT_NAME",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
    "RUNNER_ENVIRONMENT",
    "GITLAB_CI",
    "CI_PROJECT_URL",
    "CI_RUNNER_ID",
    "CI_RUNNER_VERSION",
    "CI_RUNNER_EXECUTABLE_ARCH",
    "CI_JOB_ID",
    "CI_JOB_NAME",
    "CI_JOB_URL",
    "CI_JOB_STARTED_AT",
    "CI_COMMIT_SHA",
    "CI_COMMIT_REF_NAME",
    "CI_PIPELINE_SOURCE",
    "CI_CONFIG_PATH",
];

/// Where a plain host builds from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkout {
    /// Where the repository came from, without any login in it.
    pub origin: Option<String>,
    /// The commit.
    pub commit: Option<String>,
}

/// What is known of the machine and the moment.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is checked out there.
    pub checkout: &'a Checkout,
    /// When the statement is made.
    pub now: Timestamp,
}

/// Why there is no provenance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    /// A build platform that does not say what it must.
    #[error("{platform} does not set {variable}")]
    Missing {
        /// Which platform.
        platform: &'static str,
        /// Which variable.
        variable: &'static str,
    },
    /// BuildKit's metadata is not what it should be.
    #[error("cannot use BuildKit's metadata: {0}")]
    BuildKit(String),
}

/// The predicate of what the environment says. `variable` gives a variable's value where it is set.
///
/// # Errors
/// A platform does not say what it must.
pub fn of_environment<'v>(
    variable: &dyn Fn(&str) -> Option<&'v str>,
    host: Host<'_>,
) -> Result<Value, ProvenanceError> {
    match (variable("GITHUB_ACTIONS"), variable("GITLAB_CI")) {
        (Some("true"), _) => github(variable, host),
        (_, Some("true")) => gitlab(variable, host),
        _ => Ok(plain(host)),
    }
}

fn github<'v>(variable: &dyn Fn(&str) -> Option<&'v str>, host: Host<'_>) -> Result<Value, ProvenanceError> {
    let must = |name: &'static str| {
        variable(name).ok_or(ProvenanceError::Missing { platform: "GitHub Actions", variable: name })
    };
    let (server, repository) = (must("GITHUB_SERVER_URL")?, must("GITHUB_REPOSITORY")?);
    let (reference, sha) = (must("GITHUB_REF")?, must("GITHUB_SHA")?);
    let workflow = must("GITHUB_WORKFLOW_REF")?;
    // org/repository/.github/workflows/x.yml@refs/heads/main
    let (path, workflow_ref) = workflow.split_once('@').unwrap_or((workflow, reference));
    let path = path.strip_prefix(repository).map_or(path, |path| path.trim_start_matches('/'));
    let run = format!(
        "{server}/{repository}/actions/runs/{}/attempts/{}",
        must("GITHUB_RUN_ID")?,
        variable("GITHUB_RUN_ATTEMPT").unwrap_or("1")
    );
    let environment = variable("RUNNER_ENVIRONMENT").unwrap_or("self-hosted");
    let internal = given(&[
        ("event_name", variable("GITHUB_EVENT_NAME")),
        ("repository_id", variable("GITHUB_REPOSITORY_ID")),
        ("repository_owner_id", variable("GITHUB_REPOSITORY_OWNER_ID")),
        ("runner_environment", Some(environment)),
    ]);
    Ok(predicate(
        "https://actions.github.io/buildtypes/workflow/v1",
        json!({"workflow": {
            "ref": workflow_ref, "repository": format!("{server}/{repository}"), "path": path,
        }}),
        json!({"github": internal}),
        json!([source(&format!("git+{server}/{repository}@{reference}"), sha)]),
        (&format!("https://github.com/actions/runner/{environment}"), &run),
        json!({"finishedOn": host.now}),
    ))
}

fn gitlab<'v>(variable: &dyn Fn(&str) -> Option<&'v str>, host: Host<'_>) -> Result<Value, ProvenanceError> {
    let must = |name: &'static str| {
        variable(name).ok_or(ProvenanceError::Missing { platform: "GitLab CI", variable: name })
    };
    let project = must("CI_PROJECT_URL")?;
    let external = given(&[
        ("source", Some(project)),
        ("entryPoint", variable("CI_JOB_NAME")),
        ("ref", variable("CI_COMMIT_REF_NAME")),
        ("config", variable("CI_CONFIG_PATH")),
    ]);
    let internal = given(&[
        ("job", variable("CI_JOB_ID")),
        ("trigger", variable("CI_PIPELINE_SOURCE")),
        ("architecture", variable("CI_RUNNER_EXECUTABLE_ARCH")),
        ("runnerVersion", variable("CI_RUNNER_VERSION")),
    ]);
    let mut times = json!({"finishedOn": host.now});
    if let Some(started) = variable("CI_JOB_STARTED_AT").and_then(|text| text.parse::<Timestamp>().ok()) {
        times["startedOn"] = json!(started);
    }
    Ok(predicate(
        "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1",
        external,
        internal,
        json!([source(&format!("git+{project}"), must("CI_COMMIT_SHA")?)]),
        (&format!("{project}/-/runners/{}", must("CI_RUNNER_ID")?), must("CI_JOB_URL")?),
        times,
    ))
}

fn plain(host: Host<'_>) -> Value {
    let Host { name, checkout, now } = host;
    let external = given(&[("source", checkout.origin.as_deref())]);
    let sources = match (&checkout.origin, &checkout.commit) {
        (origin, Some(commit)) => {
            json!([source(&format!("git+{}", origin.as_deref().unwrap_or("file:.")), commit)])
        }
        (_, None) => json!([]),
    };
    let builder = format!("urn:seawall:builder:host:{name}");
    let invocation = format!("{name}@{now}");
    let times = json!({"finishedOn": now});
    predicate("urn:seawall:buildtype:host:v1", external, json!({}), sources, (&builder, &invocation), times)
}

fn predicate(
    build_type: &str,
    external: Value,
    internal: Value,
    dependencies: Value,
    (builder, invocation): (&str, &str),
    mut metadata: Value,
) -> Value {
    metadata["invocationId"] = json!(invocation);
    json!({
        "buildDefinition": {
            "buildType": build_type,
            "externalParameters": external,
            "internalParameters": internal,
            "resolvedDependencies": dependencies,
        },
        "runDetails": {"builder": {"id": builder}, "metadata": metadata},
    })
}

fn source(uri: &str, commit: &str) -> Value {
    json!({"uri": uri, "digest": {"gitCommit": commit}})
}

fn given(fields: &[(&str, Option<&str>)]) -> Value {
    let there = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json!((*value)?))));
    Value::Object(there.collect::<Map<String, Value>>())
}

/// What BuildKit recorded of a build (`docker buildx build --metadata-file FILE`), with its predicate type, if the build is
/// that of this image.
///
/// # Errors
/// The metadata is of another image, of several platforms, or has no provenance.
pub fn of_buildkit(metadata: &[u8], image: &Digest) -> Result<(&'static str, Value), ProvenanceError> {
    let failed = |reason: String| ProvenanceError::BuildKit(reason);
    let metadata = crate::json::value(metadata).map_err(|error| failed(error.to_string()))?;
    let built = metadata["containerimage.digest"].as_str().unwrap_or_default();
    if built != image.to_string() {
        return Err(failed(format!("it is of the image `{}`", built.chars().take(100).collect::<String>())));
    }
    let fields = metadata.as_object().into_iter().flatten();
    let provenances: Vec<&Value> = fields
        .filter(|(name, _)| {
            *name == "buildx.build.provenance" || name.starts_with("buildx.build.provenance/")
        })
        .map(|(_, value)| value)
        .collect();
    match provenances.as_slice() {
        [one] if one.get("buildDefinition").is_some() => Ok((SLSA_1, (*one).clone())),
        [one] if one.get("buildType").is_some() => Ok((SLSA_02, (*one).clone())),
        [_] => Err(failed("its provenance is of a form that is not known".to_owned())),
        [] => Err(failed("it has no provenance; build with --provenance=mode=max".to_owned())),
        [_, _, ..] => Err(failed("it has the provenance of several platforms; attest each".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &'static str)], checkout: &Checkout) -> Result<Value, ProvenanceError> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        of_environment(&variable, Host { name: "box", checkout, now })
    }

    #[test]
    fn github_says_workflow_commit_and_run() {
        let mut variables = vec![
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "org/app"),
            ("GITHUB_WORKFLOW_REF", "org/app/.github/workflows/x.yml@refs/tags/v1"),
            ("GITHUB_REF", "refs/tags/v1"),
            ("GITHUB_SHA", "c0ffee"),
            ("GITHUB_RUN_ID", "7"),
            ("RUNNER_ENVIRONMENT", "github-hosted"),
        ];
        let made = of(&variables, &Checkout::default()).unwrap();
        let workflow = &made["buildDefinition"]["externalParameters"]["workflow"];
        assert_eq!(workflow["path"], ".github/workflows/x.yml");
        assert_eq!(workflow["ref"], "refs/tags/v1");
        let source = &made["buildDefinition"]["resolvedDependencies"][0];
        assert_eq!(source["uri"], "git+https://github.com/org/app@refs/tags/v1");
        assert_eq!(source["digest"]["gitCommit"], "c0ffee");
        assert_eq!(made["runDetails"]["builder"]["id"], "https://github.com/actions/runner/github-hosted");
        let run = "https://github.com/org/app/actions/runs/7/attempts/1";
        assert_eq!(made["runDetails"]["metadata"]["invocationId"], run);
        variables.retain(|(name, _)| *name != "GITHUB_SHA");
        let error = of(&variables, &Checkout::default()).unwrap_err();
        assert_eq!(error.to_string(), "GitHub Actions does not set GITHUB_SHA");
    }

    #[test]
    fn gitlab_says_job_runner_and_commit() {
        let made = of(
            &[
                ("GITLAB_CI", "true"),
                ("CI_PROJECT_URL", "https://gitlab.example/g/p"),
                ("CI_RUNNER_ID", "5"),
                ("CI_JOB_URL", "https://gitlab.example/g/p/-/jobs/9"),
                ("CI_JOB_NAME", "build"),
                ("CI_JOB_STARTED_AT", "2026-05-31T23:00:00Z"),
                ("CI_COMMIT_SHA", "c0ffee"),
            ],
            &Checkout::default(),
        )
        .unwrap();
        assert_eq!(made["runDetails"]["builder"]["id"], "https://gitlab.example/g/p/-/runners/5");
        assert_eq!(made["runDetails"]["metadata"]["startedOn"], "2026-05-31T23:00:00Z");
        assert_eq!(made["buildDefinition"]["externalParameters"]["entryPoint"], "build");
    }

    #[test]
    fn a_plain_host_says_what_is_checked_out() {
        let checkout =
            Checkout { origin: Some("https://h.example/r".to_owned()), commit: Some("c0ffee".to_owned()) };
        let made = of(&[], &checkout).unwrap();
        let source = &made["buildDefinition"]["resolvedDependencies"][0];
        assert_eq!(source["uri"], "git+https://h.example/r");
        assert_eq!(made["runDetails"]["builder"]["id"], "urn:seawall:builder:host:box");
        let nothing = of(&[], &Checkout::default()).unwrap();
        assert_eq!(nothing["buildDefinition"]["resolvedDependencies"], json!([]));
    }

    #[test]
    fn buildkit_speaks_of_the_image_that_it_built() {
        let image = Digest::sha256([7; 32]);
        let check = |metadata: Value, expected: &str| {
            let told = match of_buildkit(metadata.to_string().as_bytes(), &image) {
                Ok((kind, _)) => kind.to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(told.contains(expected), "{metadata}: {told}");
        };
        let field = "buildx.build.provenance";
        let digest = "containerimage.digest";
        check(json!({digest: image, field: {"buildDefinition": {}}}), SLSA_1);
        check(json!({digest: image, "buildx.build.provenance/linux/amd64": {"buildType": "x"}}), SLSA_02);
        check(json!({digest: Digest::sha256([8; 32]), field: {"buildType": "x"}}), "of the image `sha256:08");
        check(json!({digest: image}), "no provenance");
        check(json!({digest: image, field: {}}), "a form that is not known");
        let two = json!({digest: image, "buildx.build.provenance/a": {}, "buildx.build.provenance/b": {}});
        check(two, "several platforms");
    }
}
