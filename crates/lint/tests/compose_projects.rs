//! Compose files that belong together are judged together, and each finding stands in the file that says it.

use seawall_lint::manifest::{Examined, File, Options, examine};

const PLAIN: &str = "services:\n  web:\n    image: a:1\n";

fn judged(files: &[(&str, &str)], together: &[&str]) -> Examined {
    let files: Vec<File<'_>> = files.iter().map(|&(path, text)| File { path, text }).collect();
    let compose_files = together.iter().map(|path| (*path).to_owned()).collect();
    examine(&files, &Options { compose_files, ..Options::default() })
}

/// Where a rule finds something: `path:line`.
fn places(files: &[(&str, &str)], together: &[&str], rule: &str) -> Vec<String> {
    let found = judged(files, together).found.into_iter().filter(|finding| finding.rule == rule);
    found
        .map(|finding| {
            format!("{}:{}", finding.place.path.unwrap_or_default(), finding.place.line.unwrap_or_default())
        })
        .collect()
}

#[test]
fn an_override_is_joined_to_the_file_beside_it() {
    let check = |base: &str, more: &str, rule: &str, expected: &[&str]| {
        let files = [("app/compose.yaml", base), ("app/compose.override.yml", more)];
        assert_eq!(places(&files, &[], rule), expected, "{base}\n{more}");
    };
    let more = "services:\n  web:\n    privileged: true\n";
    check(PLAIN, more, "privileged-container", &["app/compose.override.yml:3"]);
    // What the override takes back is not found, and what it leaves is where the first file says it.
    let privileged = "services:\n  web:\n    image: a:1\n    privileged: true\n";
    check(privileged, "services: {web: {privileged: false}}", "privileged-container", &[]);
    check(privileged, "services: {web: {privileged: !reset null}}", "privileged-container", &[]);
    check(privileged, "services: {web: {ports: ['1:1']}}", "privileged-container", &["app/compose.yaml:4"]);
    // A limit that the other file sets is one; one that nobody sets is missing once.
    check(PLAIN, "services: {web: {mem_limit: 1g}}", "memory-unlimited", &[]);
    check(PLAIN, "services: {web: {user: '1000'}}", "memory-unlimited", &["app/compose.yaml:3"]);
    // Lists grow, unless the tag says otherwise; a mount on the same path takes the other's place.
    let mounts = "services:\n  web:\n    image: a:1\n    volumes:\n    - /var/run/docker.sock:/s\n";
    let socket = "engine-socket-mount";
    check(mounts, "services: {web: {volumes: ['x:/y']}}", socket, &["app/compose.yaml:5"]);
    check(mounts, "services: {web: {volumes: ['x:/s']}}", socket, &[]);
    check(mounts, "services: {web: {volumes: !override ['x:/y']}}", socket, &[]);
    check(mounts, "services: {web: {volumes: !reset []}}", socket, &[]);
}

#[test]
fn other_files_are_joined_where_somebody_says_so() {
    let check = |files: &[(&str, &str)], together: &[&str], expected: &[&str]| {
        assert_eq!(places(files, together, "privileged-container"), expected, "{files:?}");
    };
    let on = "services:\n  web:\n    privileged: true\n";
    let off = "services:\n  web:\n    privileged: false\n";
    // `docker compose -f a.yaml -f b.yaml`: the later file wins.
    check(&[("a.yaml", on), ("b.yaml", off)], &["a.yaml", "b.yaml"], &[]);
    check(&[("a.yaml", on), ("b.yaml", off)], &["b.yaml", "a.yaml"], &["a.yaml:3"]);
    // A part of a service that has no image belongs to the file beside it, which is judged without it as well.
    let limited = "services:\n  web:\n    image: a:1\n    mem_limit: 1g\n";
    let files = [("docker-compose.yml", limited), ("docker-compose.prod.yml", on)];
    check(&files, &[], &["docker-compose.prod.yml:3"]);
    assert_eq!(places(&files, &[], "memory-unlimited"), [] as [&str; 0]);
    assert_eq!(
        places(&files, &[], "mutable-image-tag").len(),
        places(&files[..1], &[], "mutable-image-tag").len()
    );
    // The files of one inclusion are one project.
    let include = "include:\n- path: [sub/a.yaml, sub/b.yaml]\nservices: {db: {image: 'd:1'}}\n";
    check(&[("compose.yaml", include), ("sub/a.yaml", on), ("sub/b.yaml", off)], &[], &[]);
}

#[test]
fn a_service_of_another_file_is_extended() {
    let base = "services:\n  base:\n    image: a:1\n    privileged: true\n";
    let web = "services:\n  web:\n    extends: {file: ../common/base.yaml, service: base}\n";
    let files = [("x/app/compose.yaml", web), ("x/common/base.yaml", base)];
    let told = places(&files, &[], "privileged-container");
    assert_eq!(told, ["x/common/base.yaml:4", "x/common/base.yaml:4"]);
    assert!(judged(&files, &[]).gaps.is_empty());
    let reasons = |files: &[(&str, &str)]| -> Vec<String> {
        judged(files, &[]).gaps.iter().map(ToString::to_string).collect()
    };
    let alone = reasons(&files[..1]);
    assert!(alone[0].contains("../common/base.yaml, which is not among the files"), "{alone:?}");
    let alone = reasons(&[("compose.yaml", "include: [a.yaml]\nservices: {db: {image: 'd:1'}}\n")]);
    assert!(alone[0].contains("includes a.yaml, which is not among the files"), "{alone:?}");
    // Files that extend each other end.
    let turn = |other: &str| format!("services: {{a: {{extends: {{file: {other}, service: a}}}}}}");
    let alone = reasons(&[("a.yaml", &turn("b.yaml")), ("b.yaml", &turn("a.yaml"))]);
    assert!(alone.iter().any(|reason| reason.contains("in a row")), "{alone:?}");
}

#[test]
fn a_comment_silences_in_the_file_that_it_stands_in() {
    let more =
        "services:\n  web:\n    privileged: true # seawall:ignore=privileged-container it drives the disk\n";
    let files = [("compose.yaml", PLAIN), ("compose.override.yaml", more)];
    let examined = judged(&files, &[]);
    assert!(!examined.found.iter().any(|finding| finding.rule == "privileged-container"));
    assert_eq!(examined.suppressed.len(), 1);
}
