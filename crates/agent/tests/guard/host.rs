//! The rules that need no container.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::running::{Running, Setup, official};

/// A rule, what fires it and what nearly does; each command line ends with a mark.
struct Case {
    rule: &'static str,
    fires: Vec<String>,
    misses: Vec<String>,
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

/// Perl is part of every Debian and makes any system call.
fn perl(script: &str) -> Vec<String> {
    words(&["perl", "-e", script])
}

fn case(rule: &'static str, fires: Vec<String>, misses: Vec<String>) -> Case {
    Case { rule, fires, misses }
}

/// A directory with programs of other names.
struct Names(tempfile::TempDir);

impl Names {
    fn copy(&self, of: &str, name: &str) -> String {
        let path = self.0.path().join(name);
        if !path.exists() {
            std::fs::copy(of, &path).unwrap();
        }
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

fn cases(names: &Names) -> Vec<Case> {
    let read = |path: &str| perl(&format!("open(F, '<', '{path}')"));
    let write = |path: &str| perl(&format!("open(F, '>', '{path}')"));
    let of_name = |program: &str, of: &str, rest: &[&str]| {
        let mut line = vec![names.copy(of, program)];
        line.extend(words(rest));
        line
    };
    let log = "/var/log/seawall-test-of-a-log";
    // From perl, so that no shell is the parent.
    let exec = |path: &str| perl(&format!("fork || exec {{'{path}'}} '{path}', @ARGV; wait"));
    let shm = "/dev/shm/seawall-test-true";
    std::fs::copy("/bin/true", shm).unwrap();
    let memfd = |name: &str| {
        perl(&format!(
            "$name = '{name}'; $fd = syscall(319, $name, 0); open(I, '<', '/bin/true'); open(O, '>&=', $fd); \
             while (read(I, $b, 65536)) {{ syswrite(O, $b) }}; exec {{\"/proc/self/fd/$fd\"}} 'true', @ARGV"
        ))
    };
    let httpd_runs = |program: &str| {
        let httpd = names.copy("/usr/bin/perl", "httpd");
        words(&[&httpd, "-e", &format!("fork || exec {{'{program}'}} '{program}', '-c', ':', @ARGV; wait")])
    };
    let login = names.copy("/bin/true", "login");
    let as_user = |uid: &str| words(&["setpriv", "--reuid", uid, "--clear-groups", &login]);
    let ssh_to = |port| ssh_to(&names.copy("/usr/bin/perl", "ssh"), port);
    vec![
        case(
            "Directory traversal monitored file read",
            perl("$0 = shift; open(F, '<', '/etc/../etc/../etc/shadow')"),
            read("/etc/hostname"),
        ),
        case("Read sensitive file untrusted", read("/etc/shadow"), read("/etc/passwd")),
        case("Run shell untrusted", httpd_runs("/bin/sh"), httpd_runs("/bin/true")),
        case(
            "Search Private Keys or Passwords",
            words(&["grep", "BEGIN RSA PRIVATE"]),
            words(&["grep", "BEGIN RSA PUBLIC"]),
        ),
        case(
            "Search Private Keys or Passwords",
            words(&["find", "/dev/null", "-name", "id_rsa", "-o", "-name"]),
            words(&["find", "/dev/null", "-name", "id_rs", "-o", "-name"]),
        ),
        case("Clear Log Activities", write(log), write(&names.path("not-a-log"))),
        case(
            "Remove Bulk Data from Disk",
            of_name("shred", "/bin/true", &[]),
            of_name("shredder", "/bin/true", &[]),
        ),
        case(
            "Create Symlink Over Sensitive Files",
            perl(&format!("symlink('/etc/shadow', '{}')", names.path("link"))),
            perl(&format!("symlink('/etc/hostname', '{}')", names.path("other-link"))),
        ),
        case(
            "Create Hardlink Over Sensitive Files",
            perl("link('/etc/shadow', '/etc/seawall-test-link'); unlink('/etc/seawall-test-link')"),
            perl("link('/etc/hostname', '/etc/seawall-test-link'); unlink('/etc/seawall-test-link')"),
        ),
        case(
            "PTRACE attached to process",
            perl(
                "if (!($p = fork)) { sleep 1; exit } syscall(101, 16, $p, 0, 0); waitpid($p, 2); kill 9, $p",
            ),
            perl("syscall(101, 12, $$, 0, 0)"),
        ),
        case(
            "PTRACE anti-debug attempt",
            perl("syscall(101, 0, 0, 0, 0)"),
            perl("syscall(101, 24, 0, 0, 0)"),
        ),
        case(
            "Find AWS Credentials",
            words(&["grep", "aws_secret_access_key"]),
            words(&["grep", "aws_secret"]),
        ),
        case("Execution from /dev/shm", exec(shm), exec("/bin/true")),
        case("Fileless execution via memfd_create", memfd("payload"), exec("/bin/true")),
        case("System user interactive", as_user("1"), as_user("65000")),
        case("Disallowed SSH Connection Non Standard Port", ssh_to(443), ssh_to(4445)),
    ]
}

/// A network of its own, in which a public address answers on this port, and a program that connects to it.
fn ssh_to(ssh: &str, port: u16) -> Vec<String> {
    let script = format!(
        "$a = pack('S n C4 x8', 2, {port}, 203, 0, 113, 7); socket(L, 2, 1, 0); bind(L, $a); listen(L, 1); \
         socket(C, 2, 1, 0); connect(C, $a)"
    );
    let network = "ip link set lo up && ip address add 203.0.113.7/32 dev lo && exec \"$0\" -e \"$1\" \"$2\"";
    words(&["unshare", "--net", "sh", "-c", network, ssh, &script])
}

fn run(line: &[String], mark: &str) {
    let (program, arguments) = line.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(mark).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap();
}

#[test]
fn each_rule_of_the_host_finds_what_it_is_for_and_nothing_that_is_nearly_so() {
    let Some(rules) = official() else { return };
    let Some(mut guard) = Running::start(Setup::of(vec![rules])) else { return };
    let names = Names(tempfile::tempdir().unwrap());
    // Other users run programs of it too.
    std::fs::set_permissions(names.0.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let cases = cases(&names);
    // The rules about a process that has been running for a while take their time.
    let late = {
        let httpd = names.copy("/usr/bin/perl", "httpd");
        let script = "sleep 6; open(F, '<', '/etc/shadow')";
        Command::new(httpd).args(["-e", script, "late-fires"]).spawn()
    };
    for (number, case) in cases.iter().enumerate() {
        run(&case.fires, &format!("case-{number}-fires"));
        run(&case.misses, &format!("case-{number}-misses"));
    }
    late.unwrap().wait().unwrap();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let fired = guard.rules_of(&format!("case-{number}-fires"));
        if fired != [case.rule.to_owned()].into() {
            wrong.push(format!("{}: fired {fired:?}", case.rule));
        }
        let missed = guard.rules_of(&format!("case-{number}-misses"));
        if !missed.is_empty() {
            wrong.push(format!("{}: the near miss fired {missed:?}", case.rule));
        }
    }
    let late = guard.rules_of("late-fires");
    if late != ["Read sensitive file trusted after startup".to_owned()].into() {
        wrong.push(format!("the late one fired {late:?}"));
    }
    let counts = guard.end();
    for path in ["/var/log/seawall-test-of-a-log", "/dev/shm/seawall-test-true"] {
        let _ = std::fs::remove_file(Path::new(path));
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(counts.lost_total(), 0);
}

#[test]
fn fields_of_an_alert_say_what_happened() {
    let Some(rules) = official() else { return };
    let Some(mut guard) = Running::start(Setup::of(vec![rules])) else { return };
    let mark = "fields-of-an-alert";
    run(&perl("open(F, '<', '/etc/shadow')"), mark);
    let alerts = guard.of(mark);
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    let alert = &alerts[0].happened;
    let field = |name: &str| serde_json::to_value(&alert.fields[name]).unwrap();
    assert_eq!(field("fd.name"), "/etc/shadow");
    assert_eq!(field("proc.name"), "perl");
    assert_eq!(field("user.name"), "root");
    assert_eq!(field("user.uid"), 0);
    assert_eq!(field("evt.type"), "openat");
    assert_eq!(field("proc.cmdline"), format!("perl -e open(F, '<', '/etc/shadow') {mark}"));
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(field("proc.pname"), own.trim());
    let exe: PathBuf = std::fs::canonicalize("/usr/bin/perl").unwrap();
    assert_eq!(field("proc.exepath"), exe.display().to_string());
    guard.end();
}
