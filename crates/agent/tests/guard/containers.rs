//! The rules that need a container, in containers of Docker.

use std::path::Path;
use std::process::Command;

use seawall_agent::containers::{Options, Store};
use seawall_finding::Subject;
use seawall_testkit::Daemon;

use crate::dns::{CLIENT, SERVER};
use crate::running::{Running, Setup, official};

pub(crate) const IMAGE: &str = "registry.example/team/perl:5";

/// Perl, a shell and what they load, as they are on this machine.
pub(crate) fn import_image(daemon: &Daemon) {
    let root = tempfile::tempdir().unwrap();
    let programs = ["/usr/bin/perl", "/bin/sh", "/bin/true"];
    let mut files: Vec<String> = programs.iter().map(|program| (*program).to_owned()).collect();
    for program in programs {
        let libraries = Command::new("ldd").arg(program).output().unwrap().stdout;
        let libraries = String::from_utf8(libraries).unwrap();
        files.extend(libraries.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned));
    }
    files.sort();
    files.dedup();
    for file in files {
        let to = root.path().join(file.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&file, &to).unwrap();
    }
    for (name, content) in [
        ("etc/shadow", "root:*:1::::::\n"),
        ("etc/passwd", "root:x:0:0::/:/bin/sh\nweb:x:1001:1001::/:/bin/sh\n"),
        ("tmp/empty", ""),
    ] {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    for name in ["nc", "debugfs"] {
        std::fs::copy("/bin/true", root.path().join("usr/bin").join(name)).unwrap();
    }
    let archive = daemon.path("image.tar");
    let tar = Command::new("tar").args(["-C", root.path().to_str().unwrap(), "-cf", &archive, "."]).status();
    assert!(tar.unwrap().success());
    daemon.ask(&["import", &archive, IMAGE]).unwrap();
}

/// A runtime that gives a privileged container no capability that we do not have ourselves.
const LESSER: &str = r#"#!/usr/bin/perl
my ($bounding) = `cat /proc/self/status` =~ /CapBnd:\s*([0-9a-f]+)/;
my @names = qw(CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
    SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE
    AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
    CHECKPOINT_RESTORE);
for my $i (0 .. $#ARGV) {
    my $path = $ARGV[$i] eq '--bundle' ? "$ARGV[$i + 1]/config.json"
        : $ARGV[$i] eq '--process' ? $ARGV[$i + 1] : next;
    open(my $in, '<', $path) or next;
    my $text = join '', <$in>;
    for my $bit (0 .. $#names) {
        $text =~ s/"CAP_$names[$bit]",?//g unless hex($bounding) >> $bit & 1;
    }
    $text =~ s/,\s*\]/]/g;
    open(my $out, '>', $path);
    print $out $text;
}
exec 'runc', @ARGV;
"#;

pub(crate) fn docker(directory: &Path) -> Option<Daemon> {
    use std::os::unix::fs::PermissionsExt;
    let lesser = directory.join("lesser");
    std::fs::write(&lesser, LESSER).unwrap();
    std::fs::set_permissions(&lesser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = serde_json::json!({"runtimes": {"lesser": {"path": lesser}}});
    Daemon::start_docker(&[], &config.to_string())
}

/// A rule, where it is tried, what fires it, where the near miss is tried and what that is.
struct Case {
    rule: &'static str,
    fires: (&'static str, Vec<&'static str>),
    misses: (&'static str, Vec<&'static str>),
}

pub(crate) const COPY: &str = "open(I, '<', '/bin/true'); open(O, '>', '/tmp/dropped'); while (read(I, $b, 65536)) { print O $b } \
    close O; chmod 0755, '/tmp/dropped'; exec {'/tmp/dropped'} '/tmp/dropped', @ARGV";
/// A listener, and a connection to it that becomes what the script says of it.
const CONNECTED: &str = "socket(L, 2, 1, 0); $a = pack('S n a4 x8', 2, 7777, \"\\x7f\\0\\0\\1\"); bind(L, $a); \
    listen(L, 5); socket(C, 2, 1, 0); connect(C, $a); open(F, '<', '/tmp/empty'); ";

fn cases(redirects: &'static str, misses: &'static str) -> Vec<Case> {
    let in_plain = |line: &[&'static str]| ("plain", line.to_vec());
    let in_cluster = |name| ("cluster", vec!["perl", "-e", CLIENT, name]);
    let in_privileged = |line: &[&'static str]| ("privileged", line.to_vec());
    let perl = |script| in_plain(&["perl", "-e", script]);
    vec![
        Case {
            rule: "Read sensitive file untrusted",
            fires: perl("open(F, '<', '/etc/shadow')"),
            misses: perl("open(F, '<', '/etc/passwd')"),
        },
        Case {
            rule: "Netcat Remote Code Execution in Container",
            fires: in_plain(&["nc", "-e", "/bin/sh"]),
            misses: in_plain(&["nc", "-l"]),
        },
        Case {
            rule: "Packet socket created in container",
            fires: perl("socket(S, 17, 3, 0)"),
            misses: perl("socket(S, 2, 1, 0)"),
        },
        Case {
            rule: "Redirect STDOUT/STDIN to Network Connection in Container",
            fires: perl(redirects),
            misses: perl(misses),
        },
        Case {
            rule: "Debugfs Launched in Privileged Container",
            fires: in_privileged(&["debugfs"]),
            misses: in_plain(&["debugfs"]),
        },
        Case {
            rule: "Detect release_agent File Container Escapes",
            fires: in_privileged(&["perl", "-e", "open(F, '>', '/tmp/release_agent')"]),
            misses: perl("open(F, '>', '/tmp/release_agent')"),
        },
        Case {
            rule: "Contact K8S API Server From Container",
            fires: in_cluster("kubernetes.default.svc.cluster.local"),
            misses: in_cluster("kubernetes.default.svc.cluster.example"),
        },
        Case {
            rule: "Drop and execute new binary in container",
            fires: perl(COPY),
            misses: perl("exec {'/bin/true'} '/bin/true', @ARGV"),
        },
    ]
}

#[test]
fn each_rule_of_containers_finds_what_it_is_for_and_nothing_that_is_nearly_so() {
    let Some(rules) = official() else { return };
    let directory = tempfile::tempdir().unwrap();
    let Some(daemon) = docker(directory.path()) else { return };
    import_image(&daemon);
    let stores = vec![Store::Docker { data: daemon.path("data").into() }];
    let setup = Setup {
        containers: Options { stores, ..Options::of_host(Path::new("/")) },
        ..Setup::of(vec![rules])
    };
    let Some(mut guard) = Running::start(setup) else { return };
    let ask = |line: &[&str]| {
        // What the container's program returns is of no interest.
        let _ = daemon.ask(line);
    };
    let long = ["perl", "-e", "sleep 600"];
    for (name, more) in [("plain", &[][..]), ("privileged", &["--privileged", "--runtime=lesser"][..])] {
        let mut line = vec!["run", "-d", "--network=none", "--name", name];
        line.extend(more);
        line.push(IMAGE);
        line.extend(long);
        daemon.ask(&line).unwrap();
    }
    let resolver = daemon.path("resolv.conf");
    std::fs::write(&resolver, "nameserver 127.0.0.1\n").unwrap();
    let resolver = format!("{resolver}:/etc/resolv.conf:ro");
    let line =
        ["run", "-d", "--network=none", "-v", &resolver, "--name", "cluster", IMAGE, "perl", "-e", SERVER];
    daemon.ask(&line).unwrap();
    let redirects = format!("{CONNECTED} syscall(33, fileno(C), 0)");
    let nearly = format!("{CONNECTED} syscall(33, fileno(F), 0)");
    let cases = cases(redirects.leak(), nearly.leak());
    for (number, case) in cases.iter().enumerate() {
        for ((container, line), mark) in [(&case.fires, "fires"), (&case.misses, "misses")] {
            let mark = format!("inside-{number}-{mark}");
            let mut words = vec!["exec", container];
            words.extend(line);
            words.push(&mark);
            ask(&words);
        }
    }
    // With a terminal, and without.
    ask(&["run", "--rm", "-t", "--network=none", IMAGE, "sh", "-c", ":", "terminal-fires"]);
    ask(&["run", "--rm", "--network=none", IMAGE, "sh", "-c", ":", "terminal-misses"]);
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let alerts = guard.of(&format!("inside-{number}-fires"));
        if alerts.is_empty() || alerts.iter().any(|alert| alert.rule != case.rule) {
            wrong.push(format!(
                "{}: fired {:?}",
                case.rule,
                guard.rules_of(&format!("inside-{number}-fires"))
            ));
        }
        for alert in alerts {
            let expected = Subject::Container { engine: "docker".to_owned(), name: case.fires.0.to_owned() };
            if alert.judged.finding.subject != expected {
                wrong.push(format!("{}: about {:?}", case.rule, alert.judged.finding.subject));
            }
        }
        let missed = guard.rules_of(&format!("inside-{number}-misses"));
        if !missed.is_empty() {
            wrong.push(format!("{}: the near miss fired {missed:?}", case.rule));
        }
    }
    let terminal = guard.rules_of("terminal-fires");
    if terminal != ["Terminal shell in container".to_owned()].into() {
        wrong.push(format!("the shell with a terminal fired {terminal:?}"));
    }
    let without = guard.rules_of("terminal-misses");
    if !without.is_empty() {
        wrong.push(format!("the shell without a terminal fired {without:?}"));
    }
    let counts = guard.end();
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!((counts.lost_total(), counts.without_context), (0, 0), "{:?}", counts.gaps);
}
