//! Names: a real server, a real resolver, a network of its own, and rules that ask who was asked for.

use std::io::Write as _;
use std::process::{Command, Stdio};

use seawall_agent::RuleFile;

use crate::record::replayed;
use crate::running::{Alert, Running, Setup};

const RULES: &str = r"
- rule: settled
  desc: d
  condition: evt.type = execve and proc.name = grep
  output: 'grep %proc.cmdline'
  priority: NOTICE
- rule: pool asked
  desc: d
  condition: evt.type = dns and dns.is_answer = false and dns.domain = pool.example and dns.type = A
  output: 'asked %dns.question by %proc.cmdline in %container.id through %fd.name over %fd.l4proto'
  priority: WARNING
- rule: pool answered
  desc: d
  condition: evt.type = dns and dns.domain = pool.example and dns.answers intersects (127.0.0.32, 127.0.0.99)
  output: 'answered %dns.question %dns.rcode %dns.answers to %proc.cmdline'
  priority: WARNING
- rule: pool connected
  desc: d
  condition: evt.type = connect and fd.sport = 443 and fd.sip.name in (x.example, a.pool.example)
  output: 'connected to %fd.sip.name %fd.rip.name %fd.cip.name by %proc.cmdline'
  priority: WARNING
- rule: another connected
  desc: d
  condition: evt.type = connect and fd.sport = 443 and fd.sip.name != a.pool.example
  output: 'another by %proc.cmdline'
  priority: WARNING
- rule: not there
  desc: d
  condition: evt.type = dns and dns.rcode = NXDOMAIN
  output: 'not there %dns.question for %proc.cmdline'
  priority: WARNING
";

/// Answers any question for an address with 127.0.0.N, where N is the length of the question; `none…` has none.
pub(crate) const SERVER: &str = r#"socket(S, 2, 2, 17); bind(S, pack("S n C4 x8", 2, 53, 127, 0, 0, 1)) or die;
    open(R, ">", $ARGV[0]) if @ARGV; close R;
    while ($f = recv(S, $q, 512, 0)) {
        $l = length $q; $none = $q =~ /\x04none/; substr($q, 2, 2) = $none ? "\x81\x83" : "\x81\x80";
        substr($q, 6, 2) = $none ? "\0\0" : "\0\1"; substr($q, 10, 2) = "\0\0";
        $q .= "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0" . chr $l unless $none;
        send(S, $q, 0, $f)
    }"#;

/// Asks the resolver of the C library and connects to what it says.
pub(crate) const CLIENT: &str = "@h = gethostbyname(shift) or exit; socket(C, 2, 1, 0); \
    connect(C, pack('S n a4 x8', 2, 443, $h[4]))";

#[test]
fn a_connection_has_the_name_that_was_asked_for_and_the_question_has_its_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::File::create(path("resolv.conf")).unwrap().write_all(b"nameserver 127.0.0.1\n").unwrap();
    let record = directory.path().join("events.jsonl");
    let rules = || vec![RuleFile::BuiltIn("own.yaml", RULES)];
    let setup = Setup { record: Some(record.clone()), ..Setup::of(rules()) };
    let Some(mut guard) = Running::start(setup) else { return };
    let script = format!(
        "[ -e /etc/resolv.conf ] || : > /etc/resolv.conf; mount --bind {} /etc/resolv.conf && ip link set lo up && ip address add 192.0.2.1/32 dev lo && {{ perl -e \"$0\" {} & }} && \
         for i in $(seq 500); do [ -e {} ] || sleep 0.01; done; \
         perl -e \"$1\" a.pool.example fires; perl -e \"$1\" longer.name.example misses; \
         perl -e \"$1\" none.example none; getent ahostsv4 a.pool.example by-getent; kill $!",
        path("resolv.conf"),
        path("ready"),
        path("ready"),
    );
    let ended = Command::new("unshare")
        .args(["--mount", "--net", "sh", "-c", &script, SERVER, CLIENT])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(path("said")).unwrap())
        .status();
    ended.unwrap();
    print!("{}", std::fs::read_to_string(path("said")).unwrap());
    let said = |guard: &mut Running, mark: &str| -> Vec<String> {
        guard.of(mark).into_iter().map(|alert| format!("{}: {}", alert.rule, alert.happened.output)).collect()
    };
    let command = |rest: &str| format!("perl -e {CLIENT} {rest}");
    let fires = said(&mut guard, "example fires");
    let line = command("a.pool.example fires");
    assert_eq!(fires.len(), 3, "{fires:#?}");
    assert!(
        fires[0].contains(&format!("asked a.pool.example by {line} in host through 127.0.0.1:")),
        "{fires:#?}"
    );
    assert!(fires[0].ends_with("->127.0.0.1:53 over udp"), "{fires:#?}");
    assert!(
        fires[1].contains(&format!("answered a.pool.example NOERROR (127.0.0.32) to {line}")),
        "{fires:#?}"
    );
    assert!(
        fires[2].contains(&format!("connected to a.pool.example a.pool.example <NA> by {line}")),
        "{fires:#?}"
    );
    let misses = said(&mut guard, "example misses");
    assert_eq!(misses.len(), 1, "{misses:#?}");
    assert!(misses[0].starts_with("another connected: "), "{misses:#?}");
    let none = said(&mut guard, "example none");
    assert_eq!(none.len(), 1, "{none:#?}");
    assert!(none[0].contains("not there none.example for "), "{none:#?}");
    assert!(!said(&mut guard, "by-getent").is_empty());

    let (counts, live) = guard.end_with_alerts();
    assert_eq!(counts.lost_total(), 0);
    let (again, alerts) = replayed(&record, rules());
    assert_eq!((again.gaps, again.asked), (vec![], counts.asked));
    let outputs = |alerts: Vec<Alert>| -> Vec<String> {
        alerts.into_iter().map(|alert| alert.happened.output).collect()
    };
    assert_eq!(outputs(live), outputs(alerts));
}
