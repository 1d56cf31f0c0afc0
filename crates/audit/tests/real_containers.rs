//! A real Docker daemon with a container for each mistake, and one without any.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

#[path = "place/place.rs"]
mod place;

use std::path::Path;
use std::process::Command;

use place::{about, audit_of};
use seawall_finding::Outcome::{self, Fail, Manual, NotApplicable, NotChecked, Pass};
use seawall_testkit::{Compression, Daemon, Image, Kind, Tar, output};

const IMAGE: &str = "docker.io/library/seawall-audit:1";

/// A busybox with a user, a health check and a port, or none of them.
fn image(tag: &str, is_good: bool) -> Option<Image> {
    let base =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/images/busybox-glibc-amd64.tar.gz");
    if !base.exists() {
        println!("skipped: there is no {}", base.display());
        return None;
    }
    let busybox = output(Command::new("gzip").arg("-dc").arg(&base)).unwrap();
    let image =
        Image::new().stored_layer(busybox, Compression::Plain).layer(Tar::new().directory("data")).tag(tag);
    Some(image.configure(|config| {
        let settings = &mut config["config"];
        settings["Cmd"] = serde_json::json!(["sleep", "600"]);
        if is_good {
            settings["User"] = "10001:10001".into();
            settings["ExposedPorts"] = serde_json::json!({"8080/tcp": {}});
            settings["Healthcheck"] = serde_json::json!({"Test": ["CMD", "true"]});
        }
    }))
}

fn load(daemon: &Daemon, image: &Image) {
    std::fs::write(daemon.path("archive"), image.docker_archive()).unwrap();
    daemon.ask(&["load", "-q", "-i", &daemon.path("archive")]).unwrap();
}

/// Flags of a container that no rule minds, but for its network, which these daemons cannot give.
const GOOD: &[&str] = &[
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--read-only",
    "--memory=64m",
    "--cpus=1",
    "--cpu-shares=512",
    "--pids-limit=64",
    "--restart=on-failure:5",
    "--network=none",
];

/// What is added to the good flags, the rule that minds, and its answer.
const MISTAKES: &[(&[&str], &str, Outcome)] = &[
    (&["--privileged"], "privileged-container", Fail),
    (&["--user=0:0"], "root-user", Fail),
    (&["--user=root:root"], "root-user", Fail),
    (&["--user=00"], "root-user", Fail),
    (&["--cap-add=SYS_ADMIN"], "dangerous-capability", Fail),
    (&["--cap-add=cap_sys_module"], "dangerous-capability", Fail),
    (&["-v=/:/host:ro"], "sensitive-host-mount", Fail),
    (&["-v=/run:/x"], "sensitive-host-mount", Fail),
    (&["-v=/var/lib/docker:/x"], "sensitive-host-mount", Fail),
    (&["-v=/root:/x"], "sensitive-host-mount", Fail),
    (&["-v=/home:/x"], "sensitive-host-mount", Fail),
    (&["-v=/etc:/x"], "sensitive-host-mount", Fail),
    (&["-v=/run:/x"], "engine-socket-mount", Fail),
    (&["-v=/:/x"], "engine-socket-mount", Fail),
    (&["-v=/srv:/x:shared"], "mount-propagation", Fail),
    (&["--security-opt=no-new-privileges:false"], "privilege-escalation-allowed", Fail),
    (&["--security-opt=seccomp=unconfined"], "seccomp-disabled", Fail),
    (&["--security-opt=systempaths=unconfined"], "unmasked-proc", Fail),
    (&["--pid=host"], "host-pid-namespace", Fail),
    (&["--ipc=host"], "host-ipc-namespace", Fail),
    (&["--uts=host"], "host-uts-namespace", Fail),
    (&["--userns=host"], "host-user-namespace", Fail),
    (&["--restart=always"], "restart-without-end", Fail),
    (&["--restart=on-failure:6"], "restart-without-end", Fail),
    (&["--pids-limit=-1"], "pids-unlimited", Fail),
    (&["--memory=0"], "memory-unlimited", Fail),
    (&["--device=/dev/sda"], "host-device", Fail),
    (&["--ulimit=nofile=1024:1024"], "ulimit-overridden", Fail),
    (&["--cgroup-parent=/elsewhere"], "cgroup-parent-changed", Fail),
    (&["--health-cmd=none", "--no-healthcheck"], "no-health-check", Fail),
];

/// What the good container answers.
const EXPECTED: &[(&str, Outcome)] = &[
    ("privileged-container", Pass),
    ("root-user", Pass),
    ("dangerous-capability", Pass),
    ("sensitive-host-mount", Pass),
    ("engine-socket-mount", Pass),
    ("mount-propagation", Pass),
    ("privilege-escalation-allowed", Pass),
    ("seccomp-disabled", Pass),
    ("unmasked-proc", Pass),
    ("host-pid-namespace", Pass),
    ("host-ipc-namespace", Pass),
    ("host-uts-namespace", Pass),
    ("host-user-namespace", Pass),
    ("host-network-namespace", Pass),
    ("restart-without-end", Pass),
    ("pids-unlimited", Pass),
    ("memory-unlimited", Pass),
    ("cpu-unlimited", Pass),
    ("host-device", Pass),
    ("ulimit-overridden", Pass),
    ("cgroup-parent-changed", Pass),
    ("no-health-check", Pass),
    ("writable-root-filesystem", Pass),
    ("container-undeclared-ports", Pass),
    ("exec-privileged", Pass),
    ("exec-root", Pass),
    ("container-image-outdated", NotChecked),
    ("container-ssh-server", NotApplicable),
];

#[test]
fn a_container_for_each_mistake() {
    let Some(good) = image(IMAGE, true) else { return };
    let Some(daemon) = Daemon::start_docker(&[], "{}") else { return };
    load(&daemon, &good);
    let create = |name: &str, more: &[&str]| {
        let mut words = vec!["create", "--name", name];
        // A flag that may be given once only is taken from the mistake.
        let flag = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
        let is_repeated =
            |word: &str| more.iter().any(|own| flag(own) == flag(word)) && !word.starts_with("--cap");
        words.extend(GOOD.iter().filter(|word| !is_repeated(word)));
        words.extend(more.iter().filter(|word| **word != "--health-cmd=none"));
        words.push(IMAGE);
        daemon.ask(&words).unwrap_or_else(|error| panic!("{name}: {error}"));
    };
    create("good", &[]);
    for (index, (flags, _, _)) in MISTAKES.iter().enumerate() {
        create(&format!("bad-{index}"), flags);
    }
    std::fs::write(daemon.path("open.json"), r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#).unwrap();
    create("open-filter", &[&format!("--security-opt=seccomp={}", daemon.path("open.json"))]);
    create("joins", &["--network=container:hosted"]);
    let audited = audit_of(&daemon, |_| {});
    let mut wrong = Vec::new();
    let mut expect = |container: &str, rule: &str, outcome: Outcome| {
        let seen = about(&audited, rule, container);
        if seen != [outcome] {
            wrong.push(format!("{rule} of {container}: {seen:?}, not {outcome:?}"));
        }
    };
    for (rule, outcome) in EXPECTED {
        expect("good", rule, *outcome);
    }
    for (index, (flags, rule, outcome)) in MISTAKES.iter().enumerate() {
        let _ = flags;
        expect(&format!("bad-{index}"), rule, *outcome);
    }
    expect("open-filter", "seccomp-disabled", Fail);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the daemon gives every container counts for one that says nothing.
#[test]
fn what_the_daemon_gives_its_containers() {
    let profile = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&profile, r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).unwrap();
    let seccomp = format!("--seccomp-profile={}", profile.path().display());
    let Some(daemon) = Daemon::start_docker(&[&seccomp], r#"{"no-new-privileges": true}"#) else { return };
    load(&daemon, &Image::new().layer(Tar::new().directory("data")).tag(IMAGE));
    daemon.ask(&["create", "--name", "silent", "--network=none", IMAGE, "/x"]).unwrap();
    let audited = audit_of(&daemon, |_| {});
    assert_eq!(about(&audited, "privilege-escalation-allowed", "silent"), [Pass]);
    assert_eq!(about(&audited, "seccomp-disabled", "silent"), [Fail]);
}

/// Docker keeps how an image was built; the same image without a mistake passes.
#[test]
fn how_images_were_built() {
    let Some(daemon) = Daemon::start(Kind::Docker) else { return };
    let built = |name: &str, steps: &[&str]| {
        let image = steps.iter().enumerate().fold(Image::new(), |image, (number, _)| {
            image.layer(Tar::new().directory(&format!("{name}{number}")))
        });
        let image = image.tag(&format!("docker.io/library/{name}:1")).configure(|config| {
            config["history"] = steps.iter().map(|step| serde_json::json!({"created_by": step})).collect();
        });
        load(&daemon, &image);
    };
    built(
        "bad",
        &[
            "/bin/sh -c #(nop) ADD file:9a4f77 in / ",
            "/bin/sh -c apt-get update",
            "RUN /bin/sh -c apt-get install -y --allow-unauthenticated curl # buildkit",
            "ADD https://example.org/x.sh /usr/local/bin/x # buildkit",
        ],
    );
    built(
        "good",
        &[
            "/bin/sh -c #(nop) ADD file:9a4f77 in / ",
            "RUN /bin/sh -c apt-get update && apt-get install -y curl # buildkit",
            "COPY app /srv # buildkit",
        ],
    );
    let audited = audit_of(&daemon, |_| {});
    for rule in ["image-update-alone", "image-add", "image-unverified-packages"] {
        assert_eq!(about(&audited, rule, "bad:1"), [Fail], "{rule}");
        assert_eq!(about(&audited, rule, "good:1"), [Pass], "{rule}");
    }
}

#[test]
fn what_runs_is_known_by_its_processes() {
    let Some(plain) = image(IMAGE, false) else { return };
    let Some(daemon) = Daemon::start(Kind::Docker) else { return };
    load(&daemon, &plain);
    let run = |name: &str, more: &[&str]| {
        let mut words = vec!["run", "-d", "--cgroupns=host", "--name", name];
        words.extend(more);
        daemon.ask(&words)
    };
    if let Err(error) = run("plain", &["--network=none", IMAGE]) {
        println!("skipped: Docker cannot run containers here: {error}");
        return;
    }
    // A program of that name, whatever it does.
    let server = "cp /bin/busybox /tmp/sshd && ln -s /tmp/sshd /tmp/sleep && exec /tmp/sleep 600";
    run("server", &["--network=none", IMAGE, "sh", "-c", server]).unwrap();
    run("hosted", &["--network=host", IMAGE]).unwrap();
    run("joins", &["--network=container:hosted", IMAGE]).unwrap();
    run("joins-too", &["--network=container:joins", IMAGE]).unwrap();
    // The directory above the engine's own socket, which is at no usual place.
    let above = format!("--volume={}:/engine", daemon.path(""));
    run("reaches", &["--network=none", &above, IMAGE]).unwrap();
    let probe = ["--network=none", "--health-cmd=true", "--health-interval=1s", IMAGE];
    run("probed", &probe).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    // Where the machine itself lacks capabilities, Docker cannot give them.
    let is_privileged = daemon.ask(&["exec", "-d", "--privileged", "plain", "sleep", "500"]).is_ok();
    daemon.ask(&["exec", "-d", "--user=0:0", "hosted", "sleep", "500"]).unwrap();
    let audited = audit_of(&daemon, |_| {});
    let check = |container: &str, rule: &str, outcome: Outcome| {
        let answers: Vec<_> = audited.checks.iter().filter(|check| check.rule == rule).collect();
        assert_eq!(about(&audited, rule, container), [outcome], "{rule} of {container}: {answers:#?}");
    };
    check("server", "container-ssh-server", Fail);
    check("plain", "container-ssh-server", Pass);
    check("hosted", "host-network-namespace", Fail);
    check("joins", "host-network-namespace", Fail);
    check("joins-too", "host-network-namespace", Fail);
    check("plain", "host-network-namespace", Pass);
    if is_privileged {
        check("plain", "exec-privileged", Fail);
    }
    check("hosted", "exec-privileged", Pass);
    check("hosted", "exec-root", Fail);
    check("server", "exec-root", Pass);
    check("probed", "exec-root", Pass);
    check("reaches", "engine-socket-mount", Fail);
    check("plain", "engine-socket-mount", Pass);
    check("plain", "root-user", Fail);
    check("plain", "no-health-check", Fail);
    check("plain", "writable-root-filesystem", Fail);
    check("seawall-audit:1", "image-user", Fail);
    check("seawall-audit:1", "image-health-check", Fail);
    check("seawall-audit:1", "image-trusted-base", Manual);
    check("seawall-audit:1", "image-signature", NotChecked);
    // A newer image takes the tag: what runs is what the tag was.
    load(&daemon, &image(IMAGE, true).unwrap());
    let audited = audit_of(&daemon, |_| {});
    assert_eq!(about(&audited, "container-image-outdated", "plain"), [Fail]);
    assert_eq!(about(&audited, "image-user", "seawall-audit:1"), [Pass]);
    let containers = daemon.ask(&["ps", "-aq"]).unwrap();
    for id in String::from_utf8(containers).unwrap().lines() {
        daemon.ask(&["rm", "-f", id]).unwrap();
    }
}
