//! Admission as a user meets it: real dockerd and podman, the verifier as containerd calls it, the webhook over TLS.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seawall_testkit::{Daemon, Distribution, Image, Layout, Tar, output};
use serde_json::json;

/// A directory in which `seawall` runs, and a registry with a signed and an unsigned image.
struct Site {
    directory: tempfile::TempDir,
    registry: Distribution,
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program for linux/amd64 that writes `ran` and ends: no shell, no library.
fn program() -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    let address: u64 = 0x40_0000;
    let code = b"\xb8\x01\0\0\0\xbf\x01\0\0\0\x48\x8d\x35\x10\0\0\0\xba\x04\0\0\0\x0f\x05\xb8\x3c\0\0\0\x31\xff\x0f\x05ran\n";
    let length = 120 + code.len() as u64;
    for number in [address + 120, 64, 0] {
        elf.extend(number.to_le_bytes());
    }
    elf.extend(b"\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0");
    elf.extend(b"\x01\0\0\0\x05\0\0\0");
    for number in [0, address, address, length, length, 4096] {
        elf.extend(number.to_le_bytes());
    }
    elf.extend(code);
    elf
}

fn image(name: &str) -> Image {
    let layer = Tar::new().file_with_mode("ran", 0o755, program()).file("name", name);
    Image::new().layer(layer).configure(|config| config["config"]["Cmd"] = json!(["/ran"]))
}

impl Site {
    fn new() -> Option<Site> {
        if std::env::consts::ARCH != "x86_64" {
            println!("skipped: the images' program is for amd64");
            return None;
        }
        let registry = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned())?;
        let site = Site { directory: tempfile::tempdir().unwrap(), registry };
        site.check(&["trust", "keygen", "--output", "our"], 0);
        for name in ["signed", "unsigned"] {
            let layout = site.at(name);
            Layout::new().image(&image(name)).write(&layout).unwrap();
            let from = format!("oci:{}", layout.display());
            let to = format!("docker://{}", site.name(name));
            output(Command::new("skopeo").args(["copy", "--quiet", "--dest-tls-verify=false", &from, &to]))
                .unwrap();
        }
        site.check(&["sign", "--key", "our.key", &site.name("signed")], 0);
        site.policy("");
        Some(site)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn name(&self, image: &str) -> String {
        format!("127.0.0.1:{}/team/{image}:1", self.registry.port())
    }

    fn policy(&self, more: &str) {
        let text =
            format!("version: 1\ntrust:\n  - {{images: ['127.0.0.1:*/team'], keys: [our.pub]}}\n{more}");
        std::fs::write(self.at("policy.yaml"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(["--cache", "cache"]).args(arguments).current_dir(self.directory.path());
        command.stdin(Stdio::null()).env_clear().env("HOME", self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("SEAWALL_KEY_PASSWORD", "correct horse");
        command
    }

    /// What it writes to stdout and stderr together, with this exit code.
    fn check(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.command(arguments).output().unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        told
    }
}

/// dockerd that asks our plugin, and the plugin.
struct Docker {
    daemon: Daemon,
    _plugin: Running,
    log: PathBuf,
    socket: PathBuf,
}

impl Drop for Docker {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Docker {
    fn start(site: &Site) -> Option<Docker> {
        // dockerd looks nowhere else for the sockets of plugins.
        let plugins = std::path::Path::new("/run/docker/plugins");
        if std::fs::create_dir_all(plugins).is_err() {
            println!("skipped: /run/docker/plugins cannot be made");
            return None;
        }
        let name = format!("seawall-test-{}", std::process::id());
        let (socket, host) = (plugins.join(format!("{name}.sock")), site.at("docker.sock"));
        let host = format!("unix://{}", host.display());
        let log = site.at("log");
        let mut command = site.command(&["admit", "docker-plugin", "--policy", "policy.yaml", "--socket"]);
        command.arg(&socket).env("DOCKER_HOST", &host).stderr(std::fs::File::create(&log).unwrap());
        let plugin = Running(command.spawn().unwrap());
        wait(|| socket.exists());
        let daemon = Daemon::start_docker(&["-H", &host, "--authorization-plugin", &name], "{}");
        Some(Docker { daemon: daemon?, _plugin: plugin, log, socket })
    }

    fn run(&self, more: &[&str], image: &str) -> Result<String, String> {
        let arguments = [&["run", "--rm", "--network", "none"], more, &[image]].concat();
        self.daemon.ask(&arguments).map(|out| String::from_utf8_lossy(&out).into_owned())
    }

    /// What dockerd answers to a POST with these bytes.
    fn create(&self, line: &str, headers: &str, body: &str) -> String {
        let (length, body) = match headers {
            // Where the headers say something of the length, nothing else does.
            _ if headers.contains("chunked") => {
                (String::new(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
            }
            _ if headers.contains("Content-Length") => (String::new(), body.to_owned()),
            _ => (format!("Content-Length: {}\r\n", body.len()), body.to_owned()),
        };
        let request = format!(
            "POST {line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{length}\r\n{body}"
        );
        let mut stream = UnixStream::connect(self.daemon.path("socket")).unwrap();
        // It may answer, and close, before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told);
        String::from_utf8_lossy(&told).into_owned()
    }

    fn refuses(&self, more: &[&str], image: &str, words: &str) {
        let told = self.run(more, image).unwrap_err();
        assert!(told.contains("seawall") && told.contains(words), "{image}: {told}");
    }
}

const JSON: &str = "Content-Type: application/json";

fn body(image: &str) -> String {
    json!({"Image": image, "Cmd": ["/ran"]}).to_string()
}

/// Ways to make dockerd make a container of the unsigned image, where a plugin sees another one or none: the request's
/// line, headers and body.
fn tricks(signed: &str, unsigned: &str) -> Vec<(String, String, String)> {
    let create = "/v1.41/containers/create";
    let mut tricks = Vec::new();
    let mut add = |line: &str, headers: &str, body: &str| {
        tricks.push((line.to_owned(), headers.to_owned(), body.to_owned()));
    };
    let plain = body(unsigned);
    for line in [
        "/containers/create",
        "/v1.24/containers/create",
        "/v1.41/containers/%63reate",
        "/v1.41/%63ontainers/create?name=a",
        "/v1.41%2fcontainers%2fcreate",
        "//containers/create",
        "/v1.41//containers/create",
        "/v1.41/containers/./create",
        "/v1.41/images/../containers/create",
        "/v1.41/containers/create/",
        "http://localhost/v1.41/containers/create",
        "/v1.41/containers/create?Image=x&image=y",
    ] {
        add(line, JSON, &plain);
    }
    for body in [
        json!({"image": unsigned}).to_string(),
        json!({"IMAGE": unsigned, "Cmd": ["/ran"]}).to_string(),
        format!(r#"{{"Image":"{signed}","Image":"{unsigned}"}}"#),
        format!(r#"{{"Image":"{signed}","image":"{unsigned}"}}"#),
        format!(r#"{{"image":"{unsigned}","Image":"{signed}"}}"#),
        format!(r#"{{"Image":"{unsigned}"}}{{"Image":"{signed}"}}"#),
        format!(r#"{{"\u0049mage":"{unsigned}"}}"#),
        format!("{}{plain}", " ".repeat(1 << 20)),
        format!("{plain}{}", " ".repeat(1 << 20)),
        json!({"Image": unsigned, "Labels": {"x": "y".repeat(2 << 20)}}).to_string(),
    ] {
        add(create, JSON, &body);
    }
    for headers in [
        "Content-Type: text/plain",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: application/json; charset=utf-8",
        "Content-Type: Application/JSON",
        "X: y",
        "Content-Type: application/json\r\nContent-Length: 0",
        "Content-Type: application/json\r\nTransfer-Encoding: chunked",
    ] {
        add(create, headers, &plain);
    }
    tricks
}

fn wait(mut until: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !until() {
        assert!(Instant::now() < end, "it does not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn docker_runs_what_is_signed_and_refuses_the_rest_by_every_name() {
    let Some(site) = Site::new() else { return };
    site.policy("admission: {mode: audit}\n");
    let Some(docker) = Docker::start(&site) else { return };
    let ask = |arguments: &[&str]| {
        docker.daemon.ask(arguments).map(|out| String::from_utf8_lossy(&out).trim().to_owned())
    };
    let (signed, unsigned) = (site.name("signed"), site.name("unsigned"));
    // In audit mode everything goes: an unsigned image comes in, and a container of it.
    ask(&["pull", "--quiet", &unsigned]).unwrap();
    ask(&["create", "--name", "early", "--network", "none", &unsigned]).unwrap();
    let log = || std::fs::read_to_string(&docker.log).unwrap();
    assert!(log().contains("would be denied POST"), "{}", log());
    site.policy("");
    wait(|| log().contains("the policy policy.yaml is now"));
    // The container that was made before does not start.
    assert!(ask(&["start", "early"]).unwrap_err().contains("has no signature"));
    assert!(ask(&["restart", "early"]).unwrap_err().contains("has no signature"));
    assert!(ask(&["rename", "early", "late"]).unwrap_err().contains("has no signature"));
    let id = ask(&["image", "inspect", "--format", "{{.Id}}", &unsigned]).unwrap();
    let digits = id.strip_prefix("sha256:").unwrap();
    let digest = ask(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", &unsigned]).unwrap();
    ask(&["tag", &unsigned, "plain"]).unwrap();
    ask(&["tag", &unsigned, "docker.io/library/other:2"]).unwrap();
    for name in [
        unsigned.as_str(),
        &id,
        digits,
        &digits[..12],
        &digits[..3],
        &digest,
        &format!("{unsigned}@{}", digest.split_once('@').unwrap().1),
        "plain",
        "plain:latest",
        "docker.io/plain",
        "index.docker.io/library/plain",
        "other:2",
    ] {
        docker.refuses(&[], name, "");
    }
    // What comes from nowhere, whatever it is called.
    let archive = site.at("archive.tar");
    std::fs::write(&archive, image("loaded").tag("loaded:1").docker_archive()).unwrap();
    ask(&["load", "--quiet", "--input", archive.to_str().unwrap()]).unwrap();
    docker.refuses(&[], "loaded:1", "no digest of a registry");
    // What is signed runs, by each of its names; and its tag on something else lends that nothing.
    assert_eq!(docker.run(&[], &signed), Ok("ran\n".to_owned()));
    let id = ask(&["image", "inspect", "--format", "{{.Id}}", &signed]).unwrap();
    let digest = ask(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", &signed]).unwrap();
    ask(&["tag", &signed, "mine"]).unwrap();
    for name in [signed.as_str(), &id, &id[7..19], &digest, "mine"] {
        assert_eq!(docker.run(&[], name), Ok("ran\n".to_owned()), "{name}");
    }
    ask(&["tag", "loaded:1", &signed]).unwrap();
    docker.refuses(&[], &signed, "did not come from 127.0.0.1");
    ask(&["tag", "mine", &signed]).unwrap();
    assert!(ask(&["pull", "--quiet", &unsigned]).unwrap_err().contains("has no signature"));
    docker.refuses(&["--privileged"], &signed, "a privileged container");
    docker.refuses(&["-v", "/:/host"], &signed, "is protected");
    docker.refuses(&["-v", &format!("{}:/x", site.directory.path().display())], &signed, "is protected");
    docker.refuses(&["--pid", "host"], &signed, "host's processes");
    assert!(ask(&["swarm", "init"]).unwrap_err().contains("admission.docker.swarm"));
    assert!(
        ask(&["plugin", "install", "--grant-all-permissions", "x/y"])
            .unwrap_err()
            .contains("daemon's rights")
    );
    let containers =
        || ask(&["ps", "--all", "--quiet", "--filter", &format!("ancestor={unsigned}")]).unwrap();
    let before = containers();
    assert_eq!(before.lines().count(), 1, "the one that was made early");
    assert!(docker.create("/v1.41/containers/create", JSON, &body(&signed)).contains("201 Created"));
    for (line, headers, body) in tricks(&signed, &unsigned) {
        let told = docker.create(&line, &headers, &body);
        let beginning: String = body.chars().take(100).collect();
        assert!(!told.contains("201 Created"), "{line} {headers} {beginning}: {told}");
    }
    assert_eq!(containers(), before);
    for _ in 0..3 {
        let started = Instant::now();
        ask(&["create", "--network", "none", &signed]).unwrap();
        println!("a container is made in {:?}", started.elapsed());
    }
}

/// What `skopeo` says of an image's digest.
fn digest(name: &str) -> String {
    let words = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &format!("docker://{name}")];
    String::from_utf8(output(Command::new("skopeo").args(words)).unwrap()).unwrap().trim().to_owned()
}

fn executable(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Writes to a command's stdin; its exit code, and what it writes to stdout and stderr.
fn fed(command: &mut Command, input: &[u8]) -> (Option<i32>, String) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// A program of containerd, in the directory that `SEAWALL_TEST_CONTAINERD` names, or in `PATH`.
fn containerd(name: &str) -> PathBuf {
    let told = std::env::var_os("SEAWALL_TEST_CONTAINERD").map(|path| PathBuf::from(path).join(name));
    told.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}

/// containerd itself asks when it pulls, by name, with the digest that the registry gave it.
#[test]
fn containerd_pulls_and_runs_what_is_signed() {
    let Some(site) = Site::new() else { return };
    let verifiers = site.at("verifiers");
    std::fs::create_dir(&verifiers).unwrap();
    let wrapper = site.check(&["admit", "image-verifier", "--policy", "policy.yaml", "--wrapper"], 0);
    executable(&verifiers.join("seawall"), &wrapper);
    let at = |name: &str| site.at(name).display().to_string();
    let (server, socket) = (containerd("containerd"), at("containerd.sock"));
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|out| out == b"0\n");
    let version = Command::new(&server).arg("--version").output().map(|told| told.stdout).unwrap_or_default();
    if !is_root || version.is_empty() {
        println!("skipped: it takes root and containerd");
        return;
    }
    let config = format!(
        "version = 2\nroot = '{}'\nstate = '{}'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n\
         [grpc]\naddress = '{socket}'\n\
         [plugins.'io.containerd.image-verifier.v1.bindir']\nbin_dir = '{}'\nmax_verifiers = 10\n\
         per_verifier_timeout = '10s'\n",
        at("root"),
        at("state"),
        verifiers.display()
    );
    std::fs::write(site.at("containerd.toml"), config).unwrap();
    let log = std::fs::File::create(site.at("containerd.log")).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    // It looks for its shim beside the others in PATH.
    let path = match server.parent() {
        Some(beside) if beside.is_absolute() => format!("{}:{path}", beside.display()),
        _ => path,
    };
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(&server).args(["-c", &at("containerd.toml")]);
    let _running = Running(command.env("PATH", path).stderr(log).spawn().unwrap());
    let ctr = |words: &[&str]| output(Command::new(containerd("ctr")).args(["-a", &socket]).args(words));
    wait(|| ctr(&["version"]).is_ok());
    let plugins = String::from_utf8(ctr(&["plugins", "ls"]).unwrap()).unwrap();
    if !plugins.contains("io.containerd.image-verifier.v1") {
        println!("skipped: {} has no image verifiers", String::from_utf8_lossy(&version).trim());
        return;
    }
    let pull = |name: &str| ctr(&["images", "pull", "--plain-http", name]);
    let (signed, unsigned) = (site.name("signed"), site.name("unsigned"));
    let refused = pull(&unsigned).unwrap_err();
    assert!(refused.contains("has no signature"), "{refused}");
    assert!(!String::from_utf8(ctr(&["images", "ls"]).unwrap()).unwrap().contains(&unsigned));
    pull(&signed).unwrap();
    let ran = ctr(&["run", "--rm", &signed, "of-a-test", "/ran"]);
    assert_eq!(ran.unwrap(), b"ran\n");
    // By its digest, which is what it is pinned to.
    pull(&format!("{}@{}", signed.trim_end_matches(":1"), digest(&signed))).unwrap();
}

/// A containerd without verifiers, as Debian's, leaves to us how 1.7 and 2 call them.
#[test]
fn containerd_is_told_by_exit_code_and_reason() {
    let Some(site) = Site::new() else { return };
    let wrapper = site.check(&["admit", "image-verifier", "--policy", "policy.yaml", "--wrapper"], 0);
    let verifier = site.at("verifier");
    executable(&verifier, &wrapper);
    let check = |name: &str, digest: &str, expected: i32, words: &str| {
        let media_type = "application/vnd.oci.descriptor.v1+json";
        let descriptor =
            json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1});
        let mut command = Command::new(&verifier);
        command.args(["-name", name, "-digest", digest, "-stdin-media-type", media_type]);
        command.env_clear().current_dir("/");
        let (code, told) = fed(&mut command, descriptor.to_string().as_bytes());
        assert!(code == Some(expected) && told.contains(words), "{name}: {code:?} {told}");
    };
    let (signed, unsigned) = (site.name("signed"), site.name("unsigned"));
    check(&signed, &digest(&signed), 0, "signed by key SHA256:");
    check(&unsigned, &digest(&unsigned), 1, "has no signature");
    // The name is that of the signed one, the digest that of the other.
    check(&signed, &digest(&unsigned), 1, "has no signature");
    check("registry.invalid/app:1", &digest(&signed), 1, "no requirement of the policy");
    check(&signed, "sha256:1", 1, "not a digest");
    // What was verified needs no registry any more, also in another process.
    let digest = digest(&signed);
    let Site { registry, directory } = site;
    drop(registry);
    let started = Instant::now();
    let mut command = Command::new(directory.path().join("verifier"));
    command.args(["-name", &signed, "-digest", &digest]).env_clear();
    let (code, told) = fed(&mut command, b"");
    println!("a remembered image is verified in {:?}", started.elapsed());
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn podman_starts_what_is_signed() {
    let Some(site) = Site::new() else { return };
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|out| out == b"0\n");
    if !is_root || Command::new("podman").arg("--version").output().is_err() {
        println!("skipped: it takes root and podman");
        return;
    }
    let hooks = site.at("hooks");
    std::fs::create_dir(&hooks).unwrap();
    let definition = site.check(&["admit", "oci-hook", "--policy", "policy.yaml", "--definition"], 0);
    std::fs::write(hooks.join("seawall.json"), definition).unwrap();
    let at = |name: &str| site.at(name).display().to_string();
    let podman = |words: &[&str]| {
        let mut command = Command::new("podman");
        command.args(["--root", &at("data"), "--runroot", &at("run"), "--storage-driver", "vfs"]);
        command.args(["--cgroup-manager=cgroupfs", "--events-backend=file", "--hooks-dir", &at("hooks")]);
        output(command.args(words)).map(|out| String::from_utf8_lossy(&out).into_owned())
    };
    let (signed, unsigned) = (site.name("signed"), site.name("unsigned"));
    for name in [&signed, &unsigned] {
        podman(&["pull", "--quiet", "--tls-verify=false", name]).unwrap();
    }
    // A container gets more open files than this machine lets root have.
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    let run = |name: &str| {
        let words = ["run", "--rm", "--network", "none", "--pull", "never"];
        podman(&[&words[..], &limits, &[name]].concat())
    };
    assert_eq!(run(&signed), Ok("ran\n".to_owned()));
    assert!(run(&unsigned).unwrap_err().contains("has no signature"));
    podman(&["tag", &unsigned, "mine"]).unwrap();
    podman(&["tag", &unsigned, &format!("{signed}-2")]).unwrap();
    for name in ["mine", &format!("{signed}-2")] {
        assert!(run(name).unwrap_err().contains("has no signature"), "{name}");
    }
    let archive = site.at("archive.tar");
    std::fs::write(&archive, image("loaded").tag("loaded:1").docker_archive()).unwrap();
    podman(&["load", "--quiet", "--input", archive.to_str().unwrap()]).unwrap();
    assert!(run("loaded:1").unwrap_err().contains("seawall:"));
}

#[test]
fn a_wrapped_command_runs_what_was_verified() {
    let Some(site) = Site::new() else { return };
    let programs = site.at("programs");
    std::fs::create_dir(&programs).unwrap();
    executable(&programs.join("docker"), "#!/bin/sh\necho \"$@\"\n");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let wrap = |words: &[&str]| {
        let mut command = site.command(&["verify", "--key", "our.pub", "--wrap", "--"]);
        let output = command.args(words).env("PATH", &path).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (signed, unsigned) = (site.name("signed"), site.name("unsigned"));
    let (code, told) = wrap(&["docker", "run", "--rm", "-e", "A=b", &signed, "sh", "-c", "id"]);
    let expected = format!("run --rm -e A=b {signed}@{} sh -c id\n", digest(&signed));
    assert!(code == Some(0) && told.contains(&expected), "{told}");
    let (code, told) = wrap(&["docker", "run", &unsigned]);
    assert!(code == Some(1) && told.contains("has no signature"), "{told}");
    assert_eq!(wrap(&["docker", "ps"]).0, Some(2));
    assert_eq!(wrap(&["docker", "run", "--rm"]).0, Some(2));
    assert_eq!(site.command(&["verify", "--key", "our.pub"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn the_webhook_answers_over_tls_and_takes_a_new_certificate() {
    let Some(site) = Site::new() else { return };
    let openssl = |words: &str| {
        output(Command::new("openssl").args(words.split(' ')).current_dir(site.directory.path()))
    };
    let issue = |name: &str| {
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 10 -subj /CN={name} \
             -addext subjectAltName=IP:127.0.0.1 -keyout {name}.key -out {name}.pem"
        ))
    };
    if issue("one").is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    issue("two").unwrap();
    let place = |name: &str| {
        for ending in ["key", "pem"] {
            std::fs::copy(site.at(&format!("{name}.{ending}")), site.at(&format!("tls.{ending}"))).unwrap();
        }
    };
    place("one");
    let log = site.at("log");
    let mut command =
        site.command(&["admit", "webhook", "--policy", "policy.yaml", "--listen", "127.0.0.1:0"]);
    command
        .args(["--tls-cert", "tls.pem", "--tls-key", "tls.key"])
        .stderr(std::fs::File::create(&log).unwrap());
    let _running = Running(command.spawn().unwrap());
    let told = || std::fs::read_to_string(&log).unwrap();
    wait(|| told().contains("listening at "));
    let address = told().split_once("listening at ").unwrap().1.lines().next().unwrap().to_owned();
    let ask = |ca: &str, path: &str, image: &str| {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "name": "web", "namespace": "shop",
                "resource": {"group": "", "version": "v1", "resource": "pods"}, "operation": "CREATE",
                "object": {"spec": {"containers": [{"name": "c", "image": image}]}},
            },
        })
        .to_string();
        let request = format!(
            "POST {path}?timeout=10s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{review}",
            review.len()
        );
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-connect", &address, "-CAfile"]);
        fed(command.arg(site.at(ca)), request.as_bytes()).1
    };
    let (signed, unsigned) = (site.name("signed"), site.name("unsigned"));
    let patched = ask("one.pem", "/mutate", &signed);
    assert!(patched.contains("\"allowed\":true") && patched.contains("JSONPatch"), "{patched}");
    let denied = ask("one.pem", "/validate", &unsigned);
    assert!(denied.contains("\"allowed\":false") && denied.contains("has no signature"), "{denied}");
    let pinned = format!("{signed}@{}", digest(&signed));
    assert!(ask("one.pem", "/validate", &pinned).contains("\"allowed\":true"));
    assert!(!ask("two.pem", "/validate", &pinned).contains("allowed"));
    place("two");
    assert!(ask("two.pem", "/validate", &pinned).contains("\"allowed\":true"));
    // One that cannot be used changes nothing.
    std::fs::write(site.at("tls.pem"), "x").unwrap();
    assert!(ask("two.pem", "/validate", &pinned).contains("\"allowed\":true"));
    wait(|| told().contains("the new certificate is not used"));
}

#[test]
fn only_who_shows_a_certificate_asks_the_webhook_where_that_is_wanted() {
    let Some(site) = Site::new() else { return };
    let openssl = |words: &str| {
        output(Command::new("openssl").args(words.split(' ')).current_dir(site.directory.path()))
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for (name, by) in [("client", "authority"), ("stranger", "other")] {
        let names = "-addext subjectAltName=IP:127.0.0.1";
        let made = openssl(&format!(
            "req -x509 {key} -days 10 -subj /CN={by} {names} -keyout {by}.key -out {by}.pem"
        ));
        if made.is_err() {
            println!("skipped: openssl is not installed");
            return;
        }
        openssl(&format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr")).unwrap();
        std::fs::write(site.at("extensions"), "basicConstraints=CA:FALSE\n").unwrap();
        let by = format!("-CA {by}.pem -CAkey {by}.key -CAcreateserial -days 10 -extfile extensions");
        openssl(&format!("x509 -req -in {name}.csr {by} -out {name}.pem")).unwrap();
    }
    let log = site.at("log");
    let mut command =
        site.command(&["admit", "webhook", "--policy", "policy.yaml", "--listen", "127.0.0.1:0"]);
    command.args(["--tls-cert", "other.pem", "--tls-key", "other.key", "--tls-client-ca", "authority.pem"]);
    let _running = Running(command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap());
    let told = || std::fs::read_to_string(&log).unwrap();
    wait(|| told().contains("listening at "));
    let address = told().split_once("listening at ").unwrap().1.lines().next().unwrap().to_owned();
    let ask = |who: Option<&str>| {
        let mut command = Command::new("openssl");
        command.current_dir(site.directory.path());
        command.args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-connect",
            &address,
            "-CAfile",
            "other.pem",
        ]);
        if let Some(who) = who {
            command.args(["-cert", &format!("{who}.pem"), "-key", &format!("{who}.key")]);
        }
        fed(&mut command, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").1
    };
    assert!(ask(Some("client")).contains("200 OK"));
    for who in [None, Some("stranger")] {
        let answer = ask(who);
        assert!(!answer.contains("HTTP/1.1"), "{who:?}: {answer}");
    }
}

/// The plugin alone, without a dockerd: what is said to it here is answered without one.
#[test]
fn strangers_write_no_lines_into_the_log_and_a_log_that_is_gone_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("policy.yaml"), "version: 1\nadmission: {mode: enforce}\n").unwrap();
    let start = |socket: &str, log: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args([
            "--cache",
            "cache",
            "admit",
            "docker-plugin",
            "--policy",
            "policy.yaml",
            "--socket",
            socket,
        ]);
        command.current_dir(directory.path()).stdin(Stdio::null()).stderr(log).env("HOME", directory.path());
        let running = Running(command.spawn().unwrap());
        wait(|| UnixStream::connect(at(socket)).is_ok());
        running
    };
    let ask = |socket: &str| {
        let body = json!({
            "User": "x\n", "RequestMethod": "POST\r\nallowed \u{1b}[2Kall\u{2028}",
            "RequestUri": "/v1.41/build?x=\nallowed everything",
        });
        let body = body.to_string();
        let head = format!("POST /AuthZPlugin.AuthZReq HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut stream = UnixStream::connect(at(socket)).unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        assert!(told.contains("\"Allow\":false"), "{told}");
    };
    let _running = start("one", std::fs::File::create(at("log")).unwrap().into());
    ask("one");
    ask("one");
    let log = std::fs::read_to_string(at("log")).unwrap();
    let expected = r"denied POST\r\nallowed \u{1b}[2Kall\u{2028} /v1.41/build?x=\nallowed everything: ";
    assert!(log.lines().count() == 2 && log.lines().all(|line| line.starts_with(expected)), "{log}");

    let mut running = start("two", Stdio::piped());
    drop(running.0.stderr.take());
    ask("two");
    ask("two");
    assert!(running.0.try_wait().unwrap().is_none());
}

#[test]
fn an_error_that_nobody_reads_is_still_told_by_the_exit_code() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    command.args(["admit", "oci-hook", "--policy", "/nowhere.yaml"]).stdin(Stdio::null()).stderr(writer);
    assert_eq!(command.status().unwrap().code(), Some(2));
}

#[test]
fn a_wrapped_command_runs_nothing_that_is_not_verified() {
    let directory = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], words: &[&str], expected: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.current_dir(directory.path()).env_clear().env("HOME", directory.path());
        command.args(["verify", "--wrap"]).args(arguments).arg("--").args(words);
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && told.contains(expected),
            "{arguments:?} {words:?}: {told}"
        );
    };
    let run = ["docker", "run", "127.0.0.1:1/x"];
    for ignored in [
        &["--containers-policy", "policy.json"][..],
        &["--format", "json"],
        &["--output", "report"],
        &["--severity", "high"],
        &["--fail-on", "high"],
        &["--fail-on-gaps"],
    ] {
        check(ignored, &run, "cannot be used with");
    }
    check(&[], &["podman", "run", "--rootfs", "/x", "127.0.0.1:1/x"], "no signature is asked of");
    let mount = "type=image,source=127.0.0.1:1/evil,destination=/x";
    check(&[], &["podman", "run", "--mount", mount, "127.0.0.1:1/x"], "no signature is asked of");
}

#[test]
fn a_cache_that_is_not_believed_is_told_as_it_was_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("policy.yaml"), "version: 1\ntrust: []\n").unwrap();
    let absolute = directory.path().join("cache").display().to_string();
    for cache in ["cache", &absolute] {
        let admission = directory.path().join("cache/admission");
        std::fs::create_dir_all(&admission).unwrap();
        std::fs::set_permissions(&admission, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(["--cache", cache, "admit", "image-verifier", "--policy", "policy.yaml", "--"]);
        command.args(["-name", "a.b/c:1", "-digest", &format!("sha256:{}", "1".repeat(64))]);
        command.env_clear().env("HOME", directory.path()).current_dir(directory.path());
        let (_, told) = fed(&mut command, b"");
        assert!(told.contains(&format!("note: {cache}/admission: the cache")), "{told}");
    }
}
