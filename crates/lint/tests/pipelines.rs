//! Containers that pipelines, Makefiles and scripts within scripts start.

use seawall_lint::files;
use seawall_lint::manifest::{File, Options, examine};

/// `rule:line` of what is found, sorted.
fn found(path: &str, text: &str) -> Vec<String> {
    let examined = examine(&[File { path, text }], &Options::default());
    assert!(examined.gaps.is_empty(), "{path}: {:?}", examined.gaps);
    let mut found: Vec<String> = examined
        .found
        .iter()
        .map(|finding| format!("{}:{}", finding.rule, finding.place.line.unwrap_or_default()))
        .collect();
    found.sort();
    found
}

#[test]
fn jobs_of_a_workflow_are_judged_by_what_they_say() {
    let workflow = "on: push\njobs:\n  test:\n    container:\n      image: node\n      options: --privileged\n    services:\n      db: {image: 'postgres:16'}\n    steps:\n    - uses: docker://alpine:latest\n    - run: make\n    - run: |\n        make\n        docker run --pid=host app:1\n  matrix:\n    container: ${{ matrix.image }}\n";
    let expected =
        ["host-pid-namespace:14", "mutable-image-tag:10", "mutable-image-tag:5", "privileged-container:6"];
    assert_eq!(found(".github/workflows/ci.yml", workflow), expected);
    assert_eq!(found("-", workflow), expected);
}

#[test]
fn jobs_of_gitlab_are_judged_by_what_they_say() {
    let pipeline = "image: python:3.12\nvariables: {A: b}\nbuild:\n  image: {name: docker:27-cli}\n  services:\n  - docker:27-dind\n  - name: redis\n  script:\n  - docker build .\n  - docker run --privileged app:1\n";
    let expected = ["docker-in-docker:6", "mutable-image-tag:7", "privileged-container:10"];
    assert_eq!(found(".gitlab-ci.yml", pipeline), expected);
}

#[test]
fn scripts_in_scripts_and_words_of_variables_are_read() {
    let check = |path: &str, text: &str, line: u32| {
        let expected = format!("privileged-container:{line}");
        assert!(found(path, text).contains(&expected), "{text}: {:?}", found(path, text));
    };
    check("Makefile", "A := b\nrun: b\n\t@echo x\n\t-docker run \\\n\t  --privileged x:1\n", 5);
    check("build/docker.mk", "run:\n\tdocker run --privileged x:1\n", 2);
    check("a.sh", "cd x\nbash -ec \"docker run --privileged x:1\"\n", 2);
    check("a.sh", "ssh -p 22 -i key deploy@host 'sudo docker run --privileged x:1'\n", 1);
    check("a.sh", "ssh host docker run --privileged x:1\n", 1);
    check("a.sh", "eval \"docker run --privileged x:1\"\n", 1);
    check("a.sh", "args=(--rm\n  --privileged)\ndocker run \"${args[@]}\" x:1\n", 3);
    check("a.sh", "OPTS='--rm --privileged'\ndocker run $OPTS x:1\n", 2);
    check("a.sh", "sudo -u root timeout -k 5 60 docker run --privileged x:1\n", 1);
}

#[test]
fn build_files_are_known_by_every_usual_name() {
    let check = |path: &str, expected: bool| {
        assert_eq!(files::is_candidate(path) && files::is_known(path, "FROM a:1\n"), expected, "{path}");
    };
    for path in ["Dockerfile-dev", "Dockerfile_dev", "Dockerfile.dev", "dev.Dockerfile", "x/prod-dockerfile"]
    {
        check(path, true);
    }
    for path in ["dockerfile-parse.py", "mydockerfile", "dockerfiles", "Dockerfile.dockerignore"] {
        check(path, false);
    }
    assert!(files::is_candidate("Makefile") && files::is_known("x/Makefile", "a:\n"));
    assert!(files::is_known(".gitlab-ci.yml", "a: b\n"));
}
