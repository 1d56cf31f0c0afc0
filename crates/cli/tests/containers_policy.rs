//! podman's policy.json: skopeo is asked too, as far as Debian's verifies (its sigstore support is switched off).
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::PathBuf;
use std::process::Command;

use seawall_testkit::{Distribution, Image, Layout, Tar, output};

struct Site {
    directory: tempfile::TempDir,
    _running: Distribution,
    registry: String,
}

impl Site {
    /// A registry with the image `team/app:1`, in the layout `layout` too.
    fn new() -> Option<Site> {
        let running = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned())?;
        let directory = tempfile::tempdir().unwrap();
        let registry = format!("127.0.0.1:{}", running.port());
        let site = Site { directory, _running: running, registry };
        Layout::new()
            .image(&Image::new().layer(Tar::new().file("x", "x")))
            .write(&site.at("layout"))
            .unwrap();
        let (from, to) = (format!("oci:{}", site.at("layout").display()), site.name("team/app:1"));
        let copy = ["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", &from];
        output(Command::new("skopeo").args(copy).arg(format!("docker://{to}"))).unwrap();
        Some(site)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn name(&self, path: &str) -> String {
        format!("{}/{path}", self.registry)
    }

    /// Our exit code and words for a policy.
    fn ours(&self, policy: &str, more: &[&str], target: &str) -> (Option<i32>, String) {
        std::fs::write(self.at("policy.json"), policy).unwrap();
        let verify = ["verify", "--containers-policy", "policy.json"];
        self.seawall(&[&verify[..], more, &[target]].concat())
    }

    fn seawall(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(arguments).current_dir(self.directory.path()).env_clear();
        command.env("HOME", self.directory.path()).env("SEAWALL_KEY_PASSWORD", "");
        let output = command.output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        // Without the table's line breaks.
        let words: Vec<String> =
            String::from_utf8_lossy(&told).split_whitespace().map(str::to_owned).collect();
        (output.status.code(), words.join(" "))
    }

    fn skopeo(&self, policy: &str, source: &str) -> i32 {
        i32::from(!self.skopeo_says(policy, source).status.success())
    }

    fn skopeo_says(&self, policy: &str, source: &str) -> std::process::Output {
        std::fs::write(self.at("policy.json"), policy).unwrap();
        let to = format!("dir:{}", self.at("copied").display());
        let mut command = Command::new("skopeo");
        command.arg("--policy").arg(self.at("policy.json"));
        command.args(["copy", "--quiet", "--src-tls-verify=false", source, &to]);
        command.output().unwrap()
    }
}

const ACCEPT: &str = r#"[{"type": "insecureAcceptAnything"}]"#;
const REJECT: &str = r#"[{"type": "reject"}]"#;

fn policy(default: &str, docker: &[(&str, &str)]) -> String {
    let scopes: Vec<String> = docker.iter().map(|(scope, rules)| format!(r#""{scope}": {rules}"#)).collect();
    format!(r#"{{"default": {default}, "transports": {{"docker": {{{}}}}}}}"#, scopes.join(","))
}

#[test]
fn skopeo_has_the_same_verdicts() {
    let Some(site) = Site::new() else { return };
    let image = site.name("team/app:1");
    let digest = {
        let inspect = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
        let out = output(Command::new("skopeo").args(inspect).arg(format!("docker://{image}"))).unwrap();
        String::from_utf8(out).unwrap().trim().to_owned()
    };
    let pinned = format!("{}@{digest}", site.name("team/app"));
    let (app, team) = (site.name("team/app"), site.name("team"));
    let gpg = r#"[{"type": "signedBy", "keyType": "GPGKeys", "keyData": "AAAA"}]"#;
    let both = r#"[{"type": "insecureAcceptAnything"}, {"type": "reject"}]"#;
    let check = |policy: String, target: &str, expected: i32| {
        assert_eq!(
            site.skopeo(&policy, &format!("docker://{target}")),
            expected,
            "skopeo: {policy} {target}"
        );
        let (code, told) = site.ours(&policy, &[], target);
        assert_eq!(code, Some(expected), "{policy} {target}: {told}");
    };
    check(policy(ACCEPT, &[]), &image, 0);
    check(policy(REJECT, &[]), &image, 1);
    check(policy(ACCEPT, &[("", REJECT)]), &image, 1);
    check(policy(REJECT, &[("", ACCEPT)]), &image, 0);
    check(policy(REJECT, &[(&site.registry, ACCEPT)]), &image, 0);
    check(policy(REJECT, &[(&site.registry, ACCEPT), (&team, REJECT)]), &image, 1);
    check(policy(REJECT, &[(&team, REJECT), (&app, ACCEPT)]), &image, 0);
    check(policy(REJECT, &[(&app, REJECT), (&image, ACCEPT)]), &image, 0);
    check(policy(REJECT, &[(&image, ACCEPT)]), &pinned, 1);
    check(policy(REJECT, &[(&pinned, ACCEPT)]), &pinned, 0);
    check(policy(REJECT, &[(&format!("{team}/ap"), ACCEPT)]), &image, 1);
    check(policy(REJECT, &[("*.0.0.1", ACCEPT)]), &image, 0);
    check(policy(ACCEPT, &[(&app, gpg)]), &image, 1);
    check(policy(REJECT, &[(&app, both)]), &image, 1);
    let layout = site.at("layout").canonicalize().unwrap();
    let oci = format!("oci:{}", layout.display());
    for (scope, expected) in [("", 0), (&*layout.display().to_string(), 0), ("/nowhere", 1)] {
        let policy = format!(r#"{{"default": {REJECT}, "transports": {{"oci": {{"{scope}": {ACCEPT}}}}}}}"#);
        assert_eq!(site.skopeo(&policy, &oci), expected, "skopeo: {policy}");
        let (code, told) = site.ours(&policy, &[], &oci);
        assert_eq!(code, Some(expected), "{policy}: {told}");
    }
    for bad in [r#"{"default": []}"#, r#"{"default": [{"type": "x"}]}"#, r#"{"transports": {}}"#] {
        assert_eq!(site.skopeo(bad, &format!("docker://{image}")), 1);
        assert_eq!(site.ours(bad, &[], &image).0, Some(2), "{bad}");
    }
    assert!(site.ours(&policy(ACCEPT, &[(&app, gpg)]), &[], &image).1.contains("GPG signatures"));
}

#[test]
fn signatures_of_sigstore() {
    let Some(site) = Site::new() else { return };
    let image = site.name("team/app:1");
    for key in ["our", "other"] {
        assert_eq!(site.seawall(&["trust", "keygen", "--output", key]).0, Some(0));
    }
    let at = |name: &str| site.at(name).display().to_string();
    let signed = |keys: &str, identity: &str| {
        let identity = format!(r#""signedIdentity": {{{identity}}}"#);
        policy(REJECT, &[(&site.registry, &format!(r#"[{{"type": "sigstoreSigned", {keys}, {identity}}}]"#))])
    };
    let repository = r#""type": "matchRepository""#;
    let ours = format!(r#""keyPath": "{}""#, at("our.pub"));
    let check = |policy: &str, more: &[&str], expected: i32, words: &str| {
        let (code, told) = site.ours(policy, more, &image);
        assert!(code == Some(expected) && told.contains(words), "{policy}: {code:?} {told}");
    };
    check(&signed(&ours, repository), &[], 1, "image-signature-missing");
    assert_eq!(site.seawall(&["sign", "--key", "our.key", "--legacy", &image]).0, Some(0));
    check(&signed(&ours, repository), &[], 0, "");
    let other = format!(r#""keyPath": "{}""#, at("other.pub"));
    check(&signed(&other, repository), &[], 1, "image-signature-refused");
    let either = format!(r#""keyPaths": ["{}", "{}"]"#, at("other.pub"), at("our.pub"));
    check(&signed(&either, repository), &[], 0, "");
    // cosign signs a repository, and no tag.
    check(&signed(&ours, r#""type": "matchExact""#), &[], 1, "it is signed for");
    check(&signed(&ours, r#""type": "matchRepoDigestOrExact""#), &[], 1, "it is signed for");
    let elsewhere = r#""type": "exactRepository", "dockerRepository": "registry.example/x""#;
    check(&signed(&ours, elsewhere), &[], 1, "where registry.example/x is wanted");
    // A log that must have recorded it, and did not.
    let logged = format!(r#"{ours}, "rekorPublicKeyPath": "{}""#, at("other.pub"));
    check(&signed(&logged, repository), &[], 1, "no log of the trusted root recorded it");
    check(&signed(r#""keyPath": "/nowhere""#, repository), &[], 2, "cannot read /nowhere");
    // Where podman is not told to look.
    std::fs::create_dir(site.at("registries.d")).unwrap();
    let more = ["--registries-d", "registries.d"];
    check(&signed(&ours, repository), &more, 1, "use-sigstore-attachments");
    let text = format!("docker:\n  \"{}/team\":\n    use-sigstore-attachments: true\n", site.registry);
    std::fs::write(site.at("registries.d/a.yaml"), &text).unwrap();
    check(&signed(&ours, repository), &more, 0, "");
    std::fs::write(site.at("registries.d/b.yaml"), &text).unwrap();
    check(&signed(&ours, repository), &more, 2, "stands in two files");
}

#[test]
fn a_layout_has_no_signatures_for_podman() {
    let Some(site) = Site::new() else { return };
    let (image, app) = (site.name("team/app:1"), site.name("team/app"));
    for words in [
        &["trust", "keygen", "--output", "our"][..],
        &["sign", "--key", "our.key", "--legacy", &image],
        &["copy", &image, "oci:copy:1"],
    ] {
        let (code, told) = site.seawall(words);
        assert_eq!(code, Some(0), "{words:?}: {told}");
    }
    let policy = format!(
        r#"{{"default": [{{"type": "sigstoreSigned", "keyPath": "{}", "signedIdentity":
            {{"type": "exactRepository", "dockerRepository": "{app}"}}}}]}}"#,
        site.at("our.pub").display()
    );
    let (code, told) = site.ours(&policy, &[], &image);
    assert_eq!(code, Some(0), "{told}");
    // The same signature came with the copy, and neither skopeo nor podman would see it.
    let index = std::fs::read_to_string(site.at("copy/index.json")).unwrap();
    assert!(index.contains(".sig\""), "{index}");
    let copy = format!("oci:{}:1", site.at("copy").display());
    let skopeo = site.skopeo_says(&policy, &copy);
    let said = String::from_utf8_lossy(&skopeo.stderr);
    assert!(!skopeo.status.success() && said.contains("no signature exists"), "skopeo: {said}");
    let (code, told) = site.ours(&policy, &[], &copy);
    assert!(code == Some(1) && told.contains("[image-signature-missing]"), "{code:?} {told}");
    assert!(told.contains("it reads none of an OCI layout"), "{told}");
}
