//! A real API server asks the admission webhook, and sends its audit events to the guard.
//!
//! `kube-apiserver` and `etcd` are looked for in the directory that `SEAWALL_TEST_KUBERNETES` names, then in `PATH`
//! (docs/admission.md says how to get them).
#![cfg(feature = "runtime")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seawall_testkit::{Distribution, Image, Layout, Tar, output};
use serde_json::{Value, json};

const AUDIT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: RequestResponse, resources: [{group: '', resources: [pods, pods/exec, configmaps]}]}
  - {level: Metadata}
";
const RULES: &str = "
- rule: Pod made
  desc: somebody makes a pod
  condition: ka.verb = create and ka.target.resource = pods and not ka.target.subresource exists
  output: pod made (user=%ka.user.name pod=%ka.resp.name images=%ka.req.pod.containers.image code=%ka.response.code)
  priority: NOTICE
  source: k8s_audit
- rule: Shell in a pod
  desc: somebody asks for a program in a pod
  condition: ka.target.resource = pods and ka.target.subresource = exec
  output: exec (user=%ka.user.name pod=%ka.target.name command=%ka.uri.param[command])
  priority: NOTICE
  source: k8s_audit
";
const TOKEN: &str = "a-token-of-the-test";

/// A process that ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An API server with all that it needs, below one directory.
struct Cluster {
    directory: tempfile::TempDir,
    registry: Distribution,
    port: u16,
    running: Vec<Running>,
}

fn program(name: &str) -> Option<PathBuf> {
    let told = std::env::var_os("SEAWALL_TEST_KUBERNETES").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = told.into_iter().chain(std::env::split_paths(&path)).map(|directory| directory.join(name));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: {name} is neither in SEAWALL_TEST_KUBERNETES nor in PATH");
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait(what: &str, mut is_there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_there() {
        assert!(Instant::now() < end, "no {what} within a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Cluster {
    /// A registry with a signed and an unsigned image, the guard, the API server that tells it, and the webhook that the
    /// API server asks. Nothing, with a word, where a program is absent.
    fn start() -> Option<Cluster> {
        let (server, etcd) = (program("kube-apiserver")?, program("etcd")?);
        for name in ["curl", "openssl", "setpriv"] {
            program(name)?;
        }
        let registry = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned())?;
        let directory = tempfile::tempdir().unwrap();
        let mut cluster = Cluster { directory, registry, port: free_port(), running: Vec::new() };
        cluster.fill();
        let audit = free_port();
        let address = format!("127.0.0.1:{audit}");
        let mut guard = cluster.seawall(&["guard", "--rules", "rules.yaml", "--audit-webhook", &address]);
        cluster.run("guard", guard.args(["--receipts", "receipts"]));
        cluster.serve(&server, &etcd, audit);
        Some(cluster)
    }

    fn fill(&self) {
        let policy = "version: 1\ntrust:\n  - {images: ['127.0.0.1:*/team'], keys: [our.pub]}\n";
        let tokens = format!("{TOKEN},eve,1,system:masters\n");
        let files = [
            ("rules.yaml", RULES),
            ("audit.yaml", AUDIT_POLICY),
            ("policy.yaml", policy),
            ("tokens", &tokens),
        ];
        for (name, text) in files {
            std::fs::write(self.at(name), text).unwrap();
        }
        output(&mut self.seawall(&["trust", "keygen", "--output", "our"])).unwrap();
        for name in ["signed", "unsigned"] {
            let layout = self.at(name);
            Layout::new().image(&Image::new().layer(Tar::new().file("name", name))).write(&layout).unwrap();
            let (from, to) = (format!("oci:{}", layout.display()), format!("docker://{}", self.image(name)));
            let mut skopeo = Command::new("skopeo");
            output(skopeo.args(["copy", "--quiet", "--dest-tls-verify=false", &from, &to])).unwrap();
        }
        output(&mut self.seawall(&["sign", "--key", "our.key", &self.image("signed")])).unwrap();
        for words in [
            "genrsa -out accounts.key 2048",
            "rsa -in accounts.key -pubout -out accounts.pub",
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 10 -subj /CN=webhook \
             -addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.pem",
        ] {
            output(Command::new("openssl").args(words.split_whitespace()).current_dir(self.directory.path()))
                .unwrap();
        }
    }

    fn serve(&mut self, server: &Path, etcd: &Path, audit: u16) {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "guard",
            "clusters": [{"name": "guard", "cluster": {"server": format!("http://127.0.0.1:{audit}/audit")}}],
            "contexts": [{"name": "guard", "context": {"cluster": "guard", "user": ""}}],
        });
        std::fs::write(self.at("hook.json"), config.to_string()).unwrap();
        let store = format!("http://127.0.0.1:{}", free_port());
        let peers = format!("http://127.0.0.1:{}", free_port());
        let mut command = self.daemon(etcd);
        command.args(["--data-dir", "etcd", "--unsafe-no-fsync", "--listen-client-urls", &store]);
        command.args(["--advertise-client-urls", &store, "--listen-peer-urls", &peers]);
        command.args(["--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster", &format!("default={peers}")]);
        self.run("etcd", &mut command);
        let mut command = self.daemon(server);
        command.arg(format!("--etcd-servers={store}")).arg(format!("--secure-port={}", self.port));
        command.args([
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--cert-dir=certificates",
        ]);
        command.args(["--service-account-key-file=accounts.pub", "--service-account-issuer=https://test"]);
        command.args(["--service-account-signing-key-file=accounts.key", "--token-auth-file=tokens"]);
        command.args(["--authorization-mode=AlwaysAllow", "--service-cluster-ip-range=10.0.0.0/24"]);
        // No controller makes the accounts that this plugin waits for.
        command.args(["--disable-admission-plugins=ServiceAccount", "--audit-policy-file=audit.yaml"]);
        command.args(["--audit-webhook-config-file=hook.json", "--audit-webhook-batch-max-wait=200ms"]);
        command.arg("--audit-webhook-initial-backoff=1s");
        self.run("server", &mut command);
        wait("API server", || self.ask("GET", "/readyz", None).0 == "200");
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn image(&self, name: &str) -> String {
        format!("127.0.0.1:{}/team/{name}:1", self.registry.port())
    }

    /// A program that ends when the test does, also when it is killed.
    fn daemon(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).current_dir(self.directory.path());
        command
    }

    fn seawall(&self, arguments: &[&str]) -> Command {
        let mut command = self.daemon(Path::new(env!("CARGO_BIN_EXE_seawall")));
        command.args(["--cache", "cache"]).args(arguments).env("SEAWALL_KEY_PASSWORD", "correct horse");
        command.env("HOME", self.directory.path()).stdin(Stdio::null());
        command
    }

    fn run(&mut self, name: &str, command: &mut Command) {
        let file = |ending: &str| File::create(self.at(&format!("{name}.{ending}"))).unwrap();
        let child = command.stdout(file("out")).stderr(file("log")).spawn().unwrap();
        self.running.push(Running(child));
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    /// Status and answer of the API server.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (String, String) {
        let kind = if method == "PATCH" { "strategic-merge-patch+json" } else { "json" };
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--insecure",
            "--max-time",
            "30",
            "--request",
            method,
            "--write-out",
            "\n%{http_code}",
        ]);
        curl.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
        curl.args(["--header", &format!("Content-Type: application/{kind}")]);
        if let Some(body) = body {
            curl.args(["--data-binary", &body.to_string()]);
        }
        let told = curl.arg(format!("https://127.0.0.1:{}{path}", self.port)).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let (answer, status) = told.rsplit_once('\n').unwrap();
        (status.to_owned(), answer.to_owned())
    }

    #[track_caller]
    fn check(&self, method: &str, path: &str, body: &Value, status: &str) -> String {
        let (told, answer) = self.ask(method, path, Some(body));
        assert_eq!(told, status, "{method} {path}: {answer}");
        answer
    }

    /// Starts the webhook and tells the API server of it, as `--manifest` prints it, but for the address: no service
    /// is routed here.
    fn admit(&mut self) {
        let address = format!("127.0.0.1:{}", free_port());
        let mut webhook =
            self.seawall(&["admit", "webhook", "--policy", "policy.yaml", "--listen", &address]);
        webhook.args(["--tls-cert", "tls.pem", "--tls-key", "tls.key"]);
        self.run("webhook", &mut webhook);
        wait("webhook", || self.read("webhook.log").contains("listening at"));
        let manifest =
            output(&mut self.seawall(&["admit", "webhook", "--manifest", "--ca", "tls.pem"])).unwrap();
        let manifest = String::from_utf8(manifest).unwrap();
        for document in manifest.split("---\n").skip(1) {
            let mut document: Value = serde_json::from_str(document).unwrap();
            let path = match document["kind"].as_str().unwrap() {
                "Namespace" => "/api/v1/namespaces",
                "Service" => "/api/v1/namespaces/seawall/services",
                "Deployment" => "/apis/apps/v1/namespaces/seawall/deployments",
                "MutatingWebhookConfiguration" => {
                    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
                }
                "ValidatingWebhookConfiguration" => {
                    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
                }
                other => panic!("{other}"),
            };
            let webhooks = document.get_mut("webhooks").and_then(Value::as_array_mut);
            for webhook in webhooks.into_iter().flatten() {
                let client = webhook["clientConfig"].as_object_mut().unwrap();
                let service = client.remove("service").unwrap();
                let url = format!("https://{address}{}", service["path"].as_str().unwrap());
                client.insert("url".to_owned(), json!(url));
            }
            self.check("POST", &format!("{path}?fieldValidation=Strict"), &document, "201");
        }
        // The configurations count when the API server has seen them.
        let pod = named("ready", containers(&self.image("unsigned")));
        let path = "/api/v1/namespaces/default/pods?dryRun=All";
        wait("refusal", || self.ask("POST", path, Some(&pod)).1.contains("denied the request: seawall"));
    }
}

fn containers(image: &str) -> Value {
    json!({"containers": [{"name": "c", "image": image}]})
}

fn named(name: &str, spec: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": spec})
}

/// Every kind that makes pods, with where it is made.
fn makers(pod: &Value) -> Vec<(&'static str, Value)> {
    let labels = json!({"a": "b"});
    let template = json!({"metadata": {"labels": labels}, "spec": pod});
    let once = {
        let mut template = template.clone();
        template["spec"]["restartPolicy"] = json!("Never");
        template
    };
    let selected = json!({"selector": {"matchLabels": labels}, "template": template});
    vec![
        ("apps/v1/deployments", named("d", selected.clone())),
        ("apps/v1/replicasets", named("r", selected.clone())),
        ("apps/v1/daemonsets", named("s", selected.clone())),
        (
            "apps/v1/statefulsets",
            named("t", {
                let mut spec = selected;
                spec["serviceName"] = json!("t");
                spec
            }),
        ),
        ("batch/v1/jobs", named("j", json!({"template": once}))),
        (
            "batch/v1/cronjobs",
            named("k", json!({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": once}}})),
        ),
        ("v1/replicationcontrollers", named("c", json!({"selector": labels, "template": template}))),
        ("v1/podtemplates", json!({"metadata": {"name": "p"}, "template": template})),
    ]
}

/// `apps/v1/deployments` → its path in the namespace.
fn path_of(resource: &str) -> String {
    let (group, kind) = resource.rsplit_once('/').unwrap();
    let root = if group == "v1" { "/api/" } else { "/apis/" };
    format!("{root}{group}/namespaces/shop/{kind}")
}

const REFUSED: &str = "has no signature [image-signature-missing]. What helps: `seawall sign` by key SHA256:";

fn check_pods(cluster: &Cluster, signed: &str, pinned: &str, unsigned: &str) {
    let pods = "/api/v1/namespaces/shop/pods";
    let refused = |body: &Value, path: &str| {
        let told = cluster.check("POST", path, body, "403");
        assert!(told.contains("denied the request: seawall: ") && told.contains(unsigned), "{told}");
        assert!(told.contains(REFUSED), "{told}");
    };
    refused(&named("a", containers(unsigned)), pods);
    refused(&named("a", containers(unsigned)), &format!("{pods}?dryRun=All"));
    let mut with_init = named("a", containers(signed));
    with_init["spec"]["initContainers"] = json!([{"name": "i", "image": unsigned}]);
    refused(&with_init, pods);
    for path in [format!("{pods}?dryRun=All"), pods.to_owned()] {
        let made: Value =
            serde_json::from_str(&cluster.check("POST", &path, &named("web", containers(signed)), "201"))
                .unwrap();
        assert_eq!(made["spec"]["containers"][0]["image"], pinned);
    }
    let ephemeral = |image: &str, status: &str| {
        let body = json!({"spec": {"ephemeralContainers": [{"name": "e", "image": image}]}});
        cluster.check("PATCH", &format!("{pods}/web/ephemeralcontainers"), &body, status)
    };
    assert!(ephemeral(unsigned, "403").contains(REFUSED));
    let patched: Value = serde_json::from_str(&ephemeral(signed, "200")).unwrap();
    assert_eq!(patched["spec"]["ephemeralContainers"][0]["image"], pinned);
    // Another image for a pod that runs is refused; another label asks nobody.
    let web = format!("{pods}/web");
    assert!(cluster.check("PATCH", &web, &json!({"spec": containers(unsigned)}), "403").contains(REFUSED));
    cluster.check("PATCH", &web, &json!({"metadata": {"labels": {"x": "y"}}}), "200");
    // A cluster whose webhook does not run must be able to start it.
    cluster.check("POST", "/api/v1/namespaces/kube-system/pods", &named("a", containers(unsigned)), "201");
}

fn check_makers(cluster: &Cluster, signed: &str, pinned: &str, unsigned: &str) {
    for (resource, body) in makers(&containers(unsigned)) {
        assert!(cluster.check("POST", &path_of(resource), &body, "403").contains(REFUSED), "{resource}");
    }
    for (resource, body) in makers(&containers(signed)) {
        assert!(cluster.check("POST", &path_of(resource), &body, "201").contains(pinned), "{resource}");
    }
}

#[test]
fn an_api_server_refuses_what_is_not_signed_and_tells_the_guard() {
    let Some(mut cluster) = Cluster::start() else { return };
    cluster.check("POST", "/api/v1/namespaces", &json!({"metadata": {"name": "shop"}}), "201");
    cluster.admit();
    let (signed, unsigned) = (cluster.image("signed"), cluster.image("unsigned"));
    let to = format!("docker://{signed}");
    let digest = output(Command::new("skopeo").args([
        "inspect",
        "--tls-verify=false",
        "--format",
        "{{.Digest}}",
        &to,
    ]));
    let pinned = format!("{signed}@{}", String::from_utf8(digest.unwrap()).unwrap().trim());
    check_pods(&cluster, &signed, &pinned, &unsigned);
    check_makers(&cluster, &signed, &pinned, &unsigned);

    // Without the webhook that makes names digests, the other one refuses them.
    let configurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/seawall-admit";
    cluster.check("DELETE", configurations, &json!({}), "200");
    let dry = "/api/v1/namespaces/shop/pods?dryRun=All";
    wait("validation", || {
        let (_, told) = cluster.ask("POST", dry, Some(&named("z", containers(&signed))));
        told.contains("validate.seawall-admit.dev") && told.contains("digest")
    });
    cluster.check("POST", dry, &named("z", containers(&pinned)), "201");
    // Nobody answers: refused.
    drop(cluster.running.pop());
    let told = cluster.check("POST", dry, &named("z", containers(&pinned)), "500");
    assert!(told.contains("failed calling webhook"), "{told}");

    // What the API server told the guard.
    cluster.check("POST", "/api/v1/namespaces/shop/pods/web/exec?command=id", &json!({}), "400");
    let exec = "Shell in a pod: exec (user=eve pod=web command=id)";
    wait("exec", || cluster.read("guard.out").contains(exec));
    let told = cluster.read("guard.out");
    let made = format!("Pod made: pod made (user=eve pod=web images=({signed}) code=201)");
    assert!(told.contains(&made), "{told}");
    assert!(told.contains(&format!("images=({unsigned}) code=403)")), "{told}");
}
