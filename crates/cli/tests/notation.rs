//! notation as the oracle: what it signs, in both formats, has the same verdict with us as with itself. Skipped where it is
//! not on the PATH (`go build github.com/notaryproject/notation/cmd/notation`, v1.3.2).
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test panics and says what it skips")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use seawall_testkit::{Distribution, Image, Layout, Tar, output};

/// notation's configuration, and a registry with an image.
struct Site {
    directory: tempfile::TempDir,
    _running: Distribution,
    app: String,
}

impl Site {
    fn new() -> Option<Site> {
        if Command::new("notation").arg("version").output().is_err() {
            println!("skipped: notation is not on the PATH");
            return None;
        }
        let running = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned())?;
        let directory = tempfile::tempdir().unwrap();
        let app = format!("127.0.0.1:{}/team/app", running.port());
        let site = Site { directory, _running: running, app };
        for tag in ["signed", "unsigned"] {
            let layer = Tar::new().file("x", tag);
            Layout::new().image(&Image::new().layer(layer)).write(&site.at(tag)).unwrap();
            let (from, to) =
                (format!("oci:{}", site.at(tag).display()), format!("docker://{}:{tag}", site.app));
            let copy = ["copy", "--quiet", "--dest-tls-verify=false", &from, &to];
            output(Command::new("skopeo").args(copy)).unwrap();
        }
        site.must(&["cert", "generate-test", "--default", "wabbit"]);
        site.must(&["cert", "generate-test", "stranger"]);
        Some(site)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn notation(&self, arguments: &[&str]) -> Option<i32> {
        let mut command = Command::new("notation");
        command.args(arguments).env("HOME", self.directory.path());
        command.env("XDG_CONFIG_HOME", self.directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().code()
    }

    fn must(&self, arguments: &[&str]) {
        assert_eq!(self.notation(arguments), Some(0), "notation {arguments:?}");
    }

    fn sign(&self, format: &str, more: &[&str]) {
        let image = format!("{}:signed", self.app);
        let sign = ["sign", "--insecure-registry", "--signature-format", format];
        self.must(&[&sign[..], more, &[&image]].concat());
    }

    /// Both verdicts, which must be the same.
    fn check(&self, tag: &str, policy: &str, expected: i32) {
        let text = format!(r#"{{"version":"1.0","trustPolicies":[{policy}]}}"#);
        std::fs::write(self.at("notation/trustpolicy.json"), text).unwrap();
        let image = format!("{}:{tag}", self.app);
        let theirs = self.notation(&["verify", "--insecure-registry", &image]);
        assert_eq!(theirs.map(|code| i32::from(code != 0)), Some(expected), "notation: {policy}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(["verify", "--notation"]).arg(self.at("notation")).arg(&image).env_clear();
        let ours = command.output().unwrap();
        let told = String::from_utf8_lossy(&[ours.stdout, ours.stderr].concat()).into_owned();
        assert_eq!(ours.status.code(), Some(expected), "{policy}: {told}");
    }
}

fn policy(scope: &str, level: &str, store: &str, identity: &str) -> String {
    format!(
        r#"{{"name":"p","registryScopes":["{scope}"],"signatureVerification":{{"level":"{level}"}},
            "trustStores":["ca:{store}"],"trustedIdentities":["{identity}"]}}"#
    )
}

#[test]
fn its_verdicts_are_ours() {
    let Some(site) = Site::new() else { return };
    let wabbit = "x509.subject: C=US, ST=WA, L=Seattle, O=Notary, CN=wabbit";
    let somebody = "x509.subject: C=US, ST=WA, O=Somebody";
    site.check("signed", &policy("*", "strict", "wabbit", "*"), 1);
    site.sign("jws", &[]);
    let tables = |site: &Site| {
        let app = &site.app;
        for (scope, level, store, identity, expected) in [
            ("*", "strict", "wabbit", "*", 0),
            (app.as_str(), "strict", "wabbit", wabbit, 0),
            ("*", "strict", "wabbit", somebody, 1),
            ("*", "strict", "stranger", "*", 1),
            ("*", "permissive", "wabbit", wabbit, 0),
            ("*", "permissive", "stranger", "*", 1),
            ("*", "audit", "stranger", somebody, 0),
            ("registry.example/app", "strict", "wabbit", "*", 1),
        ] {
            site.check("signed", &policy(scope, level, store, identity), expected);
        }
    };
    tables(&site);
    site.check("unsigned", &policy("*", "audit", "wabbit", "*"), 1);
    let skip = format!(
        r#"{{"name":"p","registryScopes":["{}"],"signatureVerification":{{"level":"skip"}}}}"#,
        site.app
    );
    site.check("unsigned", &skip, 0);
    // A second signature by somebody who is not trusted changes nothing; and the other format says the same.
    site.sign("cose", &["--key", "stranger"]);
    site.check("signed", &policy("*", "strict", "wabbit", wabbit), 0);
    site.check("signed", &policy("*", "strict", "stranger", "*"), 0);
}

#[test]
fn cose_and_an_expiry() {
    let Some(site) = Site::new() else { return };
    site.sign("cose", &["--expiry", "2s"]);
    site.check("signed", &policy("*", "strict", "wabbit", "*"), 0);
    std::thread::sleep(std::time::Duration::from_secs(3));
    site.check("signed", &policy("*", "strict", "wabbit", "*"), 1);
    site.check("signed", &policy("*", "permissive", "wabbit", "*"), 0);
}
