//! What each source says, as the model has it; and where reading ends.

use seawall_finding::{GapKind, Outcome};
use seawall_lint::manifest::{Examined, File, Options, examine};
use seawall_lint::workload::Selection;

fn all(files: &[(&str, &str)]) -> Examined {
    let files: Vec<File<'_>> = files.iter().map(|&(path, text)| File { path, text }).collect();
    examine(&files, &Options::default())
}

/// Rules that find something in files, each once, sorted.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let mut rules: Vec<String> = all(files).found.into_iter().map(|finding| finding.rule).collect();
    rules.sort();
    rules.dedup();
    rules
}

fn has(files: &[(&str, &str)], rule: &str) -> bool {
    found(files).iter().any(|found| found == rule)
}

#[test]
fn limits_are_gaps() {
    let check = |path: &str, text: &str, kind: GapKind| {
        let gaps = all(&[(path, text)]).gaps;
        assert!(gaps.iter().any(|gap| gap.kind == kind), "{path}: {gaps:?}");
    };
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for (from, to) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        bomb += &format!(
            "{to}: &{to} [*{from},*{from},*{from},*{from},*{from},*{from},*{from},*{from},*{from}]\n"
        );
    }
    check("compose.yaml", &bomb, GapKind::Limit);
    let merges: String = (0..60)
        .map(|i| format!("m{}: &m{} {{<<: [*m{i}, *m{i}, *m{i}], k{i}: 1}}\n", i + 1, i + 1))
        .collect();
    check("compose.yaml", &format!("m0: &m0 {{a: 1}}\n{merges}"), GapKind::Limit);
    check("compose.yaml", &"[".repeat(5000), GapKind::Malformed);
    check("compose.yaml", "a: &a [*a]\n", GapKind::Malformed);
    check(
        "a.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  image: {{ .Values.image }}\n  {{- if x }}\n",
        GapKind::Unsupported,
    );
    check("a.yaml", &"---\napiVersion: v1\nkind: X\n".repeat(20_100), GapKind::Limit);
    check("a.container", &"A=b\n".repeat(20_100), GapKind::Limit);
    check("compose.yaml", "services: {a: {extends: {file: b.yaml, service: b}}}", GapKind::Unsupported);
    check("a.txt", "hello", GapKind::Unsupported);
}

#[test]
fn a_document_that_breaks_off_keeps_what_came_before() {
    let examined =
        all(&[("a.yaml", "apiVersion: v1\nkind: Pod\nspec: {hostPID: true, containers: []}\n---\na: [\n")]);
    assert_eq!(examined.workloads.len(), 1);
    assert_eq!(examined.gaps.len(), 1);
}

#[test]
fn every_kind_that_makes_pods_is_read() {
    let check = |head: &str, path: &str| {
        let pod = "{hostPID: true, containers: [{name: a}]}";
        let text = format!("{head}\n{}\n", path.replace("POD", pod));
        assert!(has(&[("a.yaml", &text)], "host-pid-namespace"), "{text}");
    };
    let template = "spec: {template: {spec: POD}}";
    check("apiVersion: v1\nkind: Pod", "spec: POD");
    check("apiVersion: v1\nkind: PodTemplate", "template: {spec: POD}");
    check("apiVersion: v1\nkind: ReplicationController", template);
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
        check(&format!("apiVersion: apps/v1\nkind: {kind}"), template);
    }
    check("apiVersion: batch/v1\nkind: Job", template);
    check("apiVersion: batch/v1\nkind: CronJob", "spec: {jobTemplate: {spec: {template: {spec: POD}}}}");
    check("apiVersion: v1\nkind: List", "items: [{apiVersion: v1, kind: Pod, spec: POD}]");
}

#[test]
fn init_and_ephemeral_containers_are_judged() {
    for key in ["initContainers", "ephemeralContainers"] {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nspec: {{{key}: [{{name: b, securityContext: {{privileged: true}}}}]}}"
        );
        assert!(has(&[("a.yaml", &text)], "privileged-container"), "{key}");
    }
}

#[test]
fn a_compose_service_has_what_it_extends_and_merges() {
    let extends =
        "services:\n  base: {image: 'a:1', privileged: true}\n  web: {extends: base, image: 'b:1'}\n";
    let privileged = all(&[("compose.yaml", extends)])
        .found
        .into_iter()
        .filter(|finding| finding.rule == "privileged-container");
    assert_eq!(privileged.count(), 2);
    assert!(has(
        &[("compose.yaml", "x-a: &a {privileged: true}\nservices: {web: {<<: *a, image: 'a:1'}}")],
        "privileged-container"
    ));
    assert!(!has(
        &[(
            "compose.yaml",
            "x-a: &a {privileged: true}\nservices: {web: {<<: *a, privileged: false, image: 'a:1'}}"
        )],
        "privileged-container"
    ));
    let bound = "services: {a: {image: 'a:1', volumes: ['v:/v']}}\nvolumes: {v: {driver_opts: {type: none, o: bind, device: /etc}}}";
    assert!(has(&[("compose.yaml", bound)], "sensitive-host-mount"));
    assert!(has(&[("compose.yaml", "services: {a: {image: 'a:1', user: '${UID:-0}'}}")], "root-user"));
    assert!(has(
        &[("compose.yaml", "services: {a: {image: 'a:1', use_api_socket: true}}")],
        "engine-socket-mount"
    ));
}

#[test]
fn a_quadlet_pod_gives_its_containers_what_it_shares() {
    let container = ("a.container", "[Container]\nImage=a:1\nPod=p.pod\n");
    let pod = ("p.pod", "[Pod]\nVolume=/:/host\nNetwork=host\n");
    let together = found(&[container, pod]);
    assert!(together.iter().any(|rule| rule == "breakout"), "{together:?}");
    assert!(together.iter().any(|rule| rule == "host-network-namespace"), "{together:?}");
    assert_eq!(all(&[pod]).gaps.len(), 1);
}

#[test]
fn drop_ins_are_part_of_their_unit() {
    let unit = ("q/a.container", "[Container]\nImage=a:1\nUser=1000\n");
    let drop_in = ("q/a.container.d/10-root.conf", "[Container]\nUser=0\n");
    assert!(!has(&[unit], "root-user"));
    assert!(has(&[unit, drop_in], "root-user"));
    assert!(has(
        &[
            ("q/a.container", "[Container]\nImage=a:1\nAddCapability=CHOWN\n"),
            ("q/a.container.d/10.conf", "[Container]\nAddCapability=SYS_ADMIN\n")
        ],
        "dangerous-capability"
    ));
    assert!(!has(
        &[
            ("q/a.container", "[Container]\nImage=a:1\nAddCapability=SYS_ADMIN\n"),
            ("q/a.container.d/10.conf", "[Container]\nAddCapability=\n")
        ],
        "dangerous-capability"
    ));
}

#[test]
fn a_service_that_starts_a_container_is_read() {
    let unit = "[Unit]\nDescription=web\n[Service]\nExecStartPre=-/usr/bin/docker rm web\n\
                ExecStart=/usr/bin/docker run --rm --name web \\\n  --privileged \\\n  -v /var/run/docker.sock:/s nginx:1\n";
    let examined = all(&[("web.service", unit)]);
    assert_eq!(examined.workloads.len(), 1);
    let rules = found(&[("web.service", unit)]);
    for rule in ["privileged-container", "engine-socket-mount", "breakout"] {
        assert!(rules.iter().any(|found| found == rule), "{rule}: {rules:?}");
    }
    assert!(all(&[("a.service", "[Service]\nExecStart=/bin/true\n")]).found.is_empty());
}

#[test]
fn commands_are_found_in_scripts() {
    let check = |script: &str, expected: usize| {
        assert_eq!(all(&[("a.sh", script)]).workloads.len(), expected, "{script}");
    };
    check("sudo -E docker -H tcp://x run -it nginx:1", 1);
    check("A=1 podman --log-level debug container run x:1 && docker create y:1", 2);
    check("if docker run x:1; then echo docker run y; fi", 1);
    check("# docker run x", 0);
    check("docker build . && docker exec a b", 0);
    check("for i in 1 2; do docker run --rm x:1 & done", 1);
    check("echo \"docker run x\"", 0);
}

#[test]
fn silenced_findings_are_kept_apart() {
    let check = |text: &str, silenced: &[&str]| {
        let examined = all(&[("a.yaml", text)]);
        let mut rules: Vec<&str> =
            examined.suppressed.iter().map(|(finding, _)| finding.rule.as_str()).collect();
        rules.sort_unstable();
        assert_eq!(rules, silenced, "{text}");
    };
    let pod = |metadata: &str, comment: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n{metadata}spec:\n  containers:\n  - name: a\n    securityContext:\n      privileged: true{comment}\n"
        )
    };
    check(&pod("", ""), &[]);
    check(&pod("", " # seawall:ignore=privileged-container it drives the disk"), &["privileged-container"]);
    check(&pod("", " # checkov:skip=CKV_K8S_16:why"), &["privileged-container"]);
    check(&pod("", " #trivy:ignore:AVD-KSV-0017"), &["privileged-container"]);
    check(
        &pod("  annotations:\n    ignore-check.kube-linter.io/privileged-container: why\n", ""),
        &["privileged-container"],
    );
    check(
        &pod("  annotations: {seawall.io/ignore: 'breakout, privileged-container'}\n", ""),
        &["privileged-container"],
    );
    let above = pod("", "")
        .replace("    securityContext:", "    # seawall:ignore=privileged-container\n    securityContext:");
    check(&above, &["privileged-container"]);
}

#[test]
fn one_privileged_container_is_one_finding_with_the_controls_of_what_it_implies() {
    let script = [(
        "a.sh",
        "docker run --privileged --security-opt no-new-privileges --memory 1g -u 0 --read-only x:1",
    )];
    let examined = all(&script);
    let implied = ["breakout", "privileged-container", "seccomp-disabled", "apparmor-disabled"];
    let found: Vec<_> = examined.found.iter().filter(|finding| implied.contains(&&*finding.rule)).collect();
    assert_eq!(found.len(), 1);
    for id in ["5.5", "5.22", "5.2"] {
        assert!(found[0].controls.iter().any(|control| control.id == id), "{id}: {:?}", found[0].controls);
    }
    // Each question is answered with no all the same, and whoever does not ask the one hears of the others.
    let failed = examined.checks.iter().filter(|check| check.outcome == Outcome::Fail);
    let failed: Vec<_> = failed.filter(|check| implied.contains(&&*check.rule)).collect();
    assert_eq!(failed.len(), 4);
    let selection = Selection { skip: vec!["privileged-container".to_owned()], ..Selection::default() };
    let files = script.map(|(path, text)| File { path, text });
    let left = examine(&files, &Options { selection, ..Options::default() }).found;
    assert_eq!(left.iter().filter(|finding| implied.contains(&&*finding.rule)).count(), 3);
}

#[test]
fn a_seccomp_profile_that_is_at_hand_is_read() {
    let text = "docker run --security-opt seccomp=open.json x:1";
    let profile = r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#.to_owned();
    let options =
        Options { seccomp_profiles: [("open.json".to_owned(), profile)].into(), ..Options::default() };
    let examined = examine(&[File { path: "a.sh", text }], &options);
    assert!(examined.found.iter().any(|finding| finding.rule == "seccomp-disabled"));
}

#[test]
fn the_standard_is_asked_of_pods_alone_and_silenced_by_its_own_names_alone() {
    use seawall_lint::pss::{Level, Version};
    let options = Options { pod_security: Some((Level::Baseline, Version::LATEST)), ..Options::default() };
    let rules = |path: &str, text: &str| {
        let examined = examine(&[File { path, text }], &options);
        let rules: Vec<String> = examined.found.into_iter().map(|finding| finding.rule).collect();
        (rules, examined.gaps.len(), examined.suppressed.len())
    };
    let pod = |metadata: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{{metadata}}}\nspec: {{hostPID: true, containers: [{{name: a}}]}}"
        )
    };
    assert_eq!(rules("a.yaml", &pod("")), (vec!["pss-host-namespaces".to_owned()], 0, 0));
    let exempt = pod("annotations: {kube-linter.io/ignore-all: why, polaris.fairwinds.com/exempt: 'true'}");
    assert_eq!(rules("a.yaml", &exempt), (vec!["pss-host-namespaces".to_owned()], 0, 0));
    assert_eq!(
        rules("a.yaml", &pod("annotations: {seawall.io/ignore: pss-host-namespaces}")),
        (Vec::new(), 0, 1)
    );
    assert_eq!(rules("compose.yaml", "services: {a: {image: 'a:1', pid: host}}"), (Vec::new(), 1, 0));
}

/// What took minutes once: each is quick now, or its test does not end.
#[test]
fn hostile_files_cost_no_more_than_their_length() {
    let dollars = format!("services:\n  a:\n    image: \"{}\"\n", "${".repeat(300_000));
    let comments = "# seawall:ignore=a\n".repeat(50_000);
    let annotations: String = (0..5000).map(|number| format!("    a{number}: b\n")).collect();
    let annotated = format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n{annotations}spec:\n  containers:\n{}",
        "  - {name: c, image: x}\n".repeat(200)
    );
    for (path, text) in [("compose.yaml", &dollars), ("a.sh", &comments), ("a.yaml", &annotated)] {
        all(&[(path, text)]);
    }
}

#[test]
fn many_of_one_kind_are_counted_not_listed() {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nspec: {{containers: [{{name: a, securityContext: {{capabilities: {{add: [{}]}}}}}}]}}",
        "SYS_ADMIN, ".repeat(1000)
    );
    let examined = all(&[("a.yaml", &text)]);
    let found: Vec<_> =
        examined.found.iter().filter(|finding| finding.rule == "dangerous-capability").collect();
    assert_eq!(found.len(), 200);
    let last = found.last().map(|finding| finding.evidence.facts());
    let says = last.is_some_and(|facts| facts.iter().any(|(_, value)| value.contains("800 more like it")));
    assert!(says);
}
