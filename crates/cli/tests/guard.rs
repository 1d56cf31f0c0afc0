//! `seawall guard --replay`: a recording → findings, an exit code, incidents; no kernel, no root.
#![cfg(feature = "runtime")]
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::Path;
use std::process::Command;

use seawall_testkit::{BpfLsm, Kernel, Machine};

const RULES: &str = "
- rule: Shadow read
  desc: someone reads the password hashes
  condition: evt.type = openat and fd.name = /etc/shadow
  output: read (file=%fd.name command=%proc.cmdline)
  priority: WARNING
  tags: [TA0006, T1003.008]
";
const RECORDING: &str = r#"{"recording":{"format":1,"version":"0.1.0","host":"here","kernel":"6.1","start_ns":1}}
{"process":{"id":1,"is":{"pid":10,"name":"httpd","exe":"httpd","args":["-f"],"start_ns":1}}}
{"process":{"id":2,"parent":1,"is":{"pid":11,"name":"cat","exe":"cat","args":["/etc/shadow"],"start_ns":2}}}
{"container":{"id":3,"is":{"id":"0123456789ab","full_id":"0123456789ab","name":"web","engine":"docker","image":{"repository":"shop","tag":"1.0"}}}}
{"event":{"process":2,"container":3,"event":{"number":1,"type":"openat","time_ns":1795824001000000000,"result":3,"fd":{"number":3,"kind":"file","path":"/etc/shadow"},"arguments":{"flags":"O_RDONLY"}}}}
{"event":{"process":2,"container":3,"event":{"number":2,"type":"openat","time_ns":1795824002000000000,"result":3,"fd":{"number":3,"kind":"file","path":"/etc/hosts"},"arguments":{"flags":"O_RDONLY"}}}}
{"end":{"events":2}}
"#;

/// Exit code, stdout and stderr.
fn seawall(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_seawall")).args(arguments).current_dir(directory).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let deny = "version: 1\nclauses:\n  - name: no hashes\n    rule: shadow-read\n    verdict: deny\n";
    for (name, text) in [("rules.yaml", RULES), ("events.jsonl", RECORDING), ("deny.yaml", deny)] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

#[test]
fn a_recording_is_judged_and_told_as_an_incident() {
    let directory = directory();
    let replay = ["guard", "--rules", "rules.yaml", "--replay", "events.jsonl", "--format"];
    let check = |more: &[&str], code: i32, expected: &str| {
        let (got, out, error) = seawall(directory.path(), &[&replay[..], more].concat());
        assert_eq!(got, code, "{error}");
        assert_eq!(out.lines().count(), 1, "{out}");
        assert!(out.contains(expected), "{out}");
        out
    };
    check(&["falco"], 0, ": Warning read (file=/etc/shadow command=cat /etc/shadow)");
    check(&["falco-json"], 0, r#""rule":"Shadow read""#);
    let alerts = check(&["json", "--policy", "deny.yaml"], 1, r#""verdict":"deny""#);
    std::fs::write(directory.path().join("alerts.jsonl"), format!("{alerts}{{\"cut")).unwrap();
    let (code, out, error) = seawall(directory.path(), &["incidents", "alerts.jsonl"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("alerts.jsonl: 1 lines are no findings"), "{error}");
    for expected in
        ["container web (docker) of shop:1.0", "credential access", "T1003.008", "      cat /etc/shadow"]
    {
        assert!(out.contains(expected), "{expected}: {out}");
    }
}

#[test]
fn the_tools_over_rules_read_a_recording() {
    let directory = directory();
    let check = |arguments: &[&str], expected: &str| {
        let (code, out, error) = seawall(directory.path(), arguments);
        assert_eq!(code, 0, "{out}{error}");
        assert!(out.contains(expected), "{out}");
    };
    let rules = ["--rules", "rules.yaml"];
    check(
        &[&["rules", "test"][..], &rules, &["--expect", "Shadow read", "events.jsonl"]].concat(),
        "0 failed",
    );
    check(&[&["rules", "explain"][..], &rules, &["events.jsonl:5", "Shadow read"]].concat(), "/etc/shadow");
    let learn = ["--from", "events.jsonl", "--container", "web", "--output", "learned"];
    check(&[&["rules", "learn"][..], &rules, &learn].concat(), "2 events");
}

/// A machine that killed what the rule denies: its kernel told of the execution, and then of the denial.
#[test]
fn a_denial_is_told_once_and_its_kind_with_it() {
    let directory = directory();
    let rules = "
- {rule: No shadow, desc: d, condition: evt.type = execve and proc.exepath = /cat, output: ran %proc.cmdline,
   priority: WARNING, respond: [deny]}
";
    let event = |number: u32, beside: &str| {
        format!(
            r#"{{"event":{{"process":2,"container":3,{beside}"event":{{"number":{number},"type":"execve","time_ns":1795824001000000000,"result":0}}}}}}"#
        )
    };
    let lines: Vec<String> = RECORDING.lines().take(4).map(str::to_owned).collect();
    let lines: Vec<String> =
        lines.iter().map(|line| line.replace(r#""exe":"cat""#, r#""exe":"cat","exe_path":"/cat""#)).collect();
    let told = [
        event(1, r#""denies":["No shadow"],"#),
        event(2, r#""denied":{"rule":"No shadow","how":"killed"},"#),
        r#"{"end":{"events":2}}"#.to_owned(),
    ];
    std::fs::write(directory.path().join("events.jsonl"), [lines, told.to_vec()].concat().join("\n") + "\n")
        .unwrap();
    std::fs::write(directory.path().join("rules.yaml"), rules).unwrap();
    let replay = ["guard", "--rules", "rules.yaml", "--replay", "events.jsonl", "--format", "json"];
    let (code, alerts, error) = seawall(directory.path(), &replay);
    assert_eq!((code, alerts.lines().count()), (0, 1), "{alerts}{error}");
    let summary = "2 events, 0 lost, 1 findings (0 denied by the policy), 0 gaps, 1 denied in the kernel";
    assert!(error.contains(summary), "{error}");
    std::fs::write(directory.path().join("alerts.jsonl"), alerts).unwrap();
    let (_, story, error) = seawall(directory.path(), &["incidents", "alerts.jsonl"]);
    assert!(story.contains("No shadow [killed]"), "{story}{error}");
    let (_, story, _) = seawall(directory.path(), &["incidents", "-f", "json", "alerts.jsonl"]);
    assert!(story.contains(r#""denial": "killed""#), "{story}");
}

/// What Falco 0.41 and later write of the same, as published lines have it: of the host, of a container, of a pod.
#[test]
fn falcos_lines_are_exact() {
    let directory = directory();
    let event = |number: u32, container: u32| {
        format!(
            r#"{{"event":{{"process":2,"container":{container},"event":{{"number":{number},"type":"openat","time_ns":1795824001000000000,"result":3,"fd":{{"number":3,"kind":"file","path":"/etc/shadow"}},"arguments":{{"flags":"O_RDONLY"}}}}}}}}"#
        )
    };
    let lines: Vec<&str> = RECORDING.lines().collect();
    let host = r#"{"container":{"id":4,"is":{"id":"host","name":"host","engine":"host"}}}"#;
    let pod = r#"{"container":{"id":5,"is":{"id":"46362388bedc","full_id":"46362388bedc","name":"shop","engine":"containerd","image":{"name":"docker.io/library/alpine@sha256:00","repository":"docker.io/library/alpine"},"pod":{"name":"shop-1","namespace":"prod"}}}}"#;
    let unknown = r#"{"container":{"id":6,"is":{"id":"56362388bedc","engine":"docker"}}}"#;
    let events = [event(1, 4), event(2, 3), event(3, 5), event(4, 6)];
    let told = [
        &lines[..4],
        &[host, pod, unknown],
        &events.each_ref().map(String::as_str),
        &[r#"{"end":{"events":4}}"#],
    ];
    std::fs::write(directory.path().join("events.jsonl"), told.concat().join("\n") + "\n").unwrap();
    let rules = RULES.replace("%proc.cmdline)", "%proc.cmdline)%container.info");
    std::fs::write(directory.path().join("rules.yaml"), rules).unwrap();
    let replay = |format| {
        seawall(
            directory.path(),
            &["guard", "--rules", "rules.yaml", "--replay", "events.jsonl", "--format", format],
        )
    };
    let head = "00:00:01.000000000: Warning read (file=/etc/shadow command=cat /etc/shadow)";
    let tails = [
        "container_id=host container_name=host container_image_repository= container_image_tag= k8s_pod_name=<NA> k8s_ns_name=<NA>",
        "container_id=0123456789ab container_name=web container_image_repository=shop container_image_tag=1.0 k8s_pod_name=<NA> k8s_ns_name=<NA>",
        "container_id=46362388bedc container_name=shop container_image_repository=docker.io/library/alpine container_image_tag= k8s_pod_name=shop-1 k8s_ns_name=prod",
        "container_id=56362388bedc container_name=<NA> container_image_repository=<NA> container_image_tag=<NA> k8s_pod_name=<NA> k8s_ns_name=<NA>",
    ];
    let expected: String = tails.iter().map(|tail| format!("{head} {tail}\n")).collect();
    let (_, told, errors) = replay("falco");
    assert_eq!(told, expected, "{errors}");
    let fields = [
        r#""container.id":"host","container.image.repository":"","container.image.tag":"","container.name":"host""#,
        r#""container.id":"0123456789ab","container.image.repository":"shop","container.image.tag":"1.0","container.name":"web""#,
        r#""container.id":"46362388bedc","container.image.repository":"docker.io/library/alpine","container.image.tag":"","container.name":"shop""#,
        r#""container.id":"56362388bedc","container.image.repository":null,"container.image.tag":null,"container.name":null"#,
    ];
    let (_, told, _) = replay("falco-json");
    for ((line, tail), fields) in told.lines().zip(tails).zip(fields) {
        let (pod, namespace) =
            if fields.contains("46362388bedc") { (r#""shop-1""#, r#""prod""#) } else { ("null", "null") };
        let expected = format!(
            r#""output":"{head} {tail}","output_fields":{{{fields},"evt.time":1795824001000000000,"fd.name":"/etc/shadow","k8s.ns.name":{namespace},"k8s.pod.name":{pod},"proc.cmdline":"cat /etc/shadow"}},"priority":"Warning","rule":"Shadow read","source":"syscall","tags":["T1003.008","TA0006"],"time":"2026-11-28T00:00:01.000000000Z"}}"#
        );
        assert!(line.starts_with(r#"{"hostname":""#) && line.ends_with(&expected), "{line}\n{expected}");
    }
    assert_eq!(told.lines().count(), 4);
    // Ours stay as they are.
    for format in ["text", "json"] {
        let (_, told, _) = replay(format);
        assert!(!told.contains("k8s") && !told.contains("suggested"), "{told}");
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let directory = directory();
    let check = |arguments: &[&str], expected: &str| {
        let (code, out, error) = seawall(directory.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    check(&["guard", "--rules", "none.yaml", "--replay", "events.jsonl"], "none.yaml");
    check(&["guard", "--rules", "rules.yaml", "--replay", "rules.yaml"], "rules.yaml");
    let denies = RULES.replace("priority:", "respond: [deny]\n  priority:");
    std::fs::write(directory.path().join("denies.yaml"), denies).unwrap();
    check(
        &["guard", "--rules", "denies.yaml", "--receipts", "receipts", "--evidence", "evidence"],
        "denies.yaml:2: the rule `Shadow read` responds with `deny`, and the kernel cannot decide `evt.type` openat",
    );
    let clause = "version: 1\nclauses:\n- {name: late, rule: shadow-read, verdict: deny, respond: [deny]}\n";
    std::fs::write(directory.path().join("late.yaml"), clause).unwrap();
    check(
        &["guard", "--rules", "rules.yaml", "--policy", "late.yaml", "--receipts", "receipts"],
        "asks for `deny`, which cannot be done here: a clause is judged after it happened",
    );
    check(
        &["incidents", "rules.yaml"],
        "rules.yaml holds no findings of `seawall guard --format json`: line 2",
    );
}

/// Debian's kernels have all that is asked for, but what they are told not to use.
#[test]
fn the_doctor_of_another_kernel_says_what_it_has() {
    let check = |bpf_lsm: BpfLsm, lacks: &[&str]| {
        let Some(machine) = Machine::new(Kernel::Linux6_1, bpf_lsm) else { return };
        let ended = machine.run(Path::new(env!("CARGO_BIN_EXE_seawall")), &["guard", "--doctor"]).unwrap();
        let said = |mark: &str| {
            let lines = ended.output.lines().filter_map(|line| line.strip_prefix(mark));
            lines.map(|line| line[..20].trim().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ended.code, 0, "{}", ended.output);
        assert!(ended.output.starts_with("Linux 6.1."), "{}", ended.output);
        assert_eq!(said("  no  "), lacks, "{}", ended.output);
        for name in ["sensor", "io_uring requests", "cgroup programs", "tc programs", "kprobes", "fentry"] {
            assert!(said("  yes ").contains(&name.to_owned()), "{}", ended.output);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| check(BpfLsm::On, &[]));
        check(BpfLsm::Off, &["BPF LSM"]);
    });
}
