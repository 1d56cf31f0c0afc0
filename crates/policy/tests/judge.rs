//! Verdicts of policies, ignore files, VEX documents and baselines on hand-made findings.

#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::fs;
use std::path::Path;

use jiff::civil::date;
use seawall_finding::{
    Epss, Evidence, Finding, FixState, Happened, KnownExploited, Severity, Subject, Vulnerable,
};
use seawall_inventory::{Ecosystem, Inventory, Package, Place};
use seawall_policy::{Context, Policy, Verdict};

fn finding(name: &str, version: &str, id: &str, severity: Severity) -> Finding {
    let package = Package::new(Ecosystem::Npm, name, version);
    let vulnerable = Vulnerable {
        id: id.to_owned(),
        aliases: vec!["GHSA-aaaa-bbbb-cccc".to_owned()],
        title: String::new(),
        description: String::new(),
        state: FixState::Fixed,
        fixed_versions: vec!["2.0.0".to_owned()],
        extended: None,
        matched: Vec::new(),
        ratings: Vec::new(),
        weaknesses: Vec::new(),
        epss: Some(Epss { score: 0.4, percentile: 0.9 }),
        known_exploited: Some(KnownExploited { added: "2026-01-01".to_owned(), ransomware: false }),
        risk: 50.0,
        published: None,
    };
    Finding {
        rule: "vulnerable-package".to_owned(),
        subject: Subject::Package {
            purl: package.purl(None),
            ecosystem: Ecosystem::Npm,
            name: name.to_owned(),
            version: version.to_owned(),
        },
        place: Place::path("app/node_modules/x/package.json"),
        severity,
        confidence: Default::default(),
        summary: String::new(),
        evidence: Evidence::Vulnerable(Box::new(vulnerable)),
        remedy: String::new(),
        references: Vec::new(),
        controls: Vec::new(),
    }
}

/// Judges `lodash 1.0.0`, CVE-2024-1, high, known exploited, fixed, on 2026-06-01.
fn judge(policy: &Policy) -> (Verdict, String) {
    let inventory = Inventory::default();
    let context = Context { today: date(2026, 6, 1), inventory: &inventory };
    let judged = policy.judge(finding("lodash", "1.0.0", "CVE-2024-1", Severity::High), context);
    let waived = judged.waived.map(|waived| format!("{}: {}", waived.by, waived.reason));
    (judged.verdict, waived.unwrap_or_else(|| judged.reasons.join("; ")))
}

fn check_policy(text: &str, verdict: Verdict, words: &str) {
    let mut policy = Policy::default();
    policy.add_text(text, "policy.yaml").unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(judge(&policy), (verdict, words.to_owned()), "{text}");
}

#[test]
fn clauses_and_waivers() {
    let waiver = |expires: &str| {
        format!(
            "version: 1\nfail-on: low\nwaivers:\n- vulnerability: GHSA-aaaa-bbbb-cccc\n  package: lod*\n  reason: not called\n  owner: ann\n  expires: {expires}\n"
        )
    };
    check_policy("version: 1", Verdict::Warn, "");
    check_policy("version: 1\nfail-on: high", Verdict::Deny, "severity high is at or above high");
    check_policy("version: 1\nfail-on: critical", Verdict::Warn, "");
    check_policy(&waiver("2026-06-01"), Verdict::Allow, "policy.yaml, waiver 1: not called");
    check_policy(
        &waiver("2026-05-31"),
        Verdict::Deny,
        "the waiver of policy.yaml, waiver 1 expired on 2026-05-31; severity high is at or above low",
    );
    let clause = |when: &str| format!("version: 1\nclauses:\n- name: c\n  {when}\n  verdict: deny\n");
    for holds in [
        "exploited: true",
        "fixable: true",
        "epss: 0.3",
        "package: pkg:npm/*",
        "path: app/**/package.json",
        "condition: finding.evidence.risk > 49.0 && finding.evidence.epss.score > 0.1",
    ] {
        check_policy(&clause(holds), Verdict::Deny, "c");
    }
    for fails in [
        "exploited: false",
        "epss: 0.5",
        "package: pkg:deb/*",
        "path: usr/**",
        "rule: other",
        "severity: critical",
    ] {
        check_policy(&clause(fails), Verdict::Warn, "");
    }
    check_policy(
        &clause("condition: finding.nothing.there > 1"),
        Verdict::Deny,
        "clause `c` could not be evaluated: CEL condition `finding.nothing.there > 1`: No such key: nothing",
    );
}

#[test]
fn what_is_no_policy_is_refused() {
    for text in [
        "",
        "version: 2",
        "version: 1\nfail_on: high",
        "version: 1\nclauses:\n- verdict: deny\n  condition: '1 +'",
        "version: 1\nwaivers:\n- vulnerability: CVE-1\n  reason: x\n  expires: 2026-01-01",
        "version: 1\nwaivers:\n- vulnerability: CVE-1\n  reason: ''\n  owner: a\n  expires: 2026-01-01",
        "version: 1\nwaivers:\n- vulnerability: CVE-1\n  reason: x\n  owner: a\n  expires: soon",
        "version: 1\nwaivers:\n- reason: x\n  owner: a\n  expires: 2026-01-01",
    ] {
        assert!(Policy::default().add_text(text, "p").is_err(), "{text}");
    }
}

/// A shell of a rule that itself asks for `kill`: what is done about it, by whom.
fn check_responses(text: &str, expected: &str) {
    let mut policy = Policy::default();
    let outcome = policy.add_text(text, "policy.yaml").map(|()| {
        let inventory = Inventory::default();
        let mut shell = finding("x", "1", "CVE-2024-1", Severity::High);
        shell.rule = "reverse-shell".to_owned();
        let respond = vec!["kill".to_owned()];
        shell.evidence = Evidence::Happened(Box::new(Happened { respond, ..Happened::default() }));
        let judged = policy.judge(shell, Context { today: date(2026, 6, 1), inventory: &inventory });
        let told = |asked: &seawall_policy::Requested| {
            let how = if asked.rehearse { ", rehearsed" } else { "" };
            format!("{} by {}{how}", asked.response, asked.by)
        };
        judged.responses.iter().map(told).collect::<Vec<_>>().join("; ")
    });
    let outcome = outcome.unwrap_or_else(|error| error);
    assert!(
        if outcome.contains('\n') { outcome.contains(expected) } else { outcome == expected },
        "{text}: {outcome}"
    );
}

#[test]
fn responses_are_asked_for_by_clauses_and_rules() {
    let clause = |respond: &str, more: &str| {
        format!(
            "version: 1\n{more}\nclauses:\n- name: c\n  rule: reverse-shell\n  verdict: deny\n  respond: {respond}\n"
        )
    };
    check_responses("version: 1", "kill by rule");
    check_responses("version: 1\nrespond: {rules: ignore}", "");
    check_responses("version: 1\nrespond: {rules: rehearse}", "kill by rule, rehearsed");
    check_responses(&clause("[capture, freeze]", ""), "capture by c; freeze by c; kill by rule");
    check_responses(&clause("[kill]", "respond: {rules: rehearse}"), "kill by c");
    check_responses(&clause("[capture, kil]", ""), "`kil` is no response; did you mean `kill`?");
    check_responses(&clause("\n  - capture\n  - Qarantine", ""), "line 9");
    check_responses(&clause("[explode]", ""), "there are notify, kill, freeze");
    check_responses(
        "version: 1\nrespond: {reachable: [nowhere]}",
        "respond: `nowhere` is no address and no network (`10.0.0.5`, `10.0.0.0/24`, `fd00::/8`)",
    );
    check_responses("version: 1\nrespond: {hold: 0s}", "respond: `hold` is a time above zero");
    let waived = "waivers: [{rule: reverse-shell, reason: ours, owner: ann, expires: 2027-01-01}]";
    check_responses(&clause("[kill]", waived), "");
    let failing =
        "version: 1\nclauses:\n- condition: finding.nothing.x\n  verdict: deny\n  respond: [stop]\n";
    check_responses(failing, "kill by rule");
}

#[test]
fn settings_of_responses() {
    let mut policy = Policy::default();
    let text = "version: 1
respond:
  host: kill
  protect: {name: [db-*], image: ['registry.example/*'], label: {tier: 'sys*'}, program: [/usr/bin/backup]}
  per-minute: 3
  repeat-after: 5m
  hold: 1h
  after-death: keep
  reachable: [10.0.0.5, fd00::/8]
";
    policy.add_text(text, "p").unwrap_or_else(|error| panic!("{error}"));
    let settings = &policy.respond;
    assert_eq!((settings.per_minute, settings.repeat_after.as_secs()), (3, 300));
    assert_eq!(settings.hold.map(|hold| hold.as_secs()), Some(3600));
    assert_eq!(settings.reachable[0].to_string(), "10.0.0.5/32");
    let protected = &settings.protected;
    assert!(protected.names("db-1") && !protected.names("web") && protected.images("registry.example/a/b:1"));
    assert!(protected.programs("/usr/bin/backup") && !protected.programs("/usr/bin/sh"));
    let labels = |value: &str| [("tier".to_owned(), value.to_owned())].into();
    assert_eq!(protected.label(&labels("system")), Some("tier"));
    assert_eq!(protected.label(&labels("web")), None);
}

enum Kind {
    Ignore,
    Vex,
    Baseline,
}

fn check_file(kind: Kind, name: &str, text: &str, verdict: Verdict, words: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    let mut policy = Policy { fail_on: Some(Severity::Low), ..Policy::default() };
    match kind {
        Kind::Ignore => policy.add_ignore_file(&path),
        Kind::Vex => policy.add_vex(&path),
        Kind::Baseline => policy.add_baseline(&path),
    }
    .unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(judge(&policy), (verdict, words.to_owned()), "{text}");
}

const DENIED: &str = "severity high is at or above low";

#[test]
fn ignore_files_of_other_tools() {
    let ok = Verdict::Allow;
    check_file(Kind::Ignore, ".trivyignore", "# why\nCVE-2024-1 exp:2027-01-01\n", ok, ".trivyignore:2: why");
    check_file(Kind::Ignore, ".trivyignore", "CVE-2024-2\n", Verdict::Deny, DENIED);
    let yaml = "vulnerabilities:\n- id: CVE-2024-1\n  purls: ['pkg:npm/lodash']\n  paths: ['app/**']\n  statement: fine\n";
    check_file(Kind::Ignore, ".trivyignore.yaml", yaml, ok, ".trivyignore.yaml, entry 1: fine");
    let grype =
        "ignore:\n- vulnerability: CVE-2024-1\n  package: {name: lodash, version: 1.0.0, type: npm}\n";
    check_file(Kind::Ignore, ".grype.yaml", grype, ok, ".grype.yaml, entry 1: listed in the ignore file");
    let other =
        "ignore:\n- vulnerability: CVE-2024-1\n  package: {name: lodash, version: 1.0.1, type: npm}\n";
    check_file(Kind::Ignore, ".grype.yaml", other, Verdict::Deny, DENIED);
    let osv = "[[IgnoredVulns]]\nid = \"CVE-2024-1\"\nignoreUntil = 2026-12-31\nreason = \"r\"\n";
    check_file(Kind::Ignore, "osv-scanner.toml", osv, ok, "osv-scanner.toml, entry 1: r");
}

#[test]
fn vex_documents() {
    let statement = |status: &str, time: &str, product: &str| {
        format!(
            r#"{{"vulnerability":{{"name":"CVE-2024-1"}},"timestamp":"{time}","products":[{product}],"status":"{status}","justification":"vulnerable_code_not_present"}}"#
        )
    };
    let document = |statements: &[String]| {
        format!(
            r#"{{"@context":"https://openvex.dev/ns/v0.2.0","author":"a","timestamp":"2026-01-01T00:00:00Z","statements":[{}]}}"#,
            statements.join(",")
        )
    };
    let lodash = r#"{"@id":"pkg:npm/lodash@1.0.0"}"#;
    let waived = "VEX v.json: not affected: vulnerable code not present";
    let check = |statements: &[String], verdict, words| {
        check_file(Kind::Vex, "v.json", &document(statements), verdict, words);
    };
    check(&[statement("not_affected", "2026-01-02T00:00:00Z", lodash)], Verdict::Allow, waived);
    check(&[statement("under_investigation", "2026-01-02T00:00:00Z", lodash)], Verdict::Deny, DENIED);
    let takes_back = [
        statement("affected", "2026-01-03T00:00:00Z", lodash),
        statement("not_affected", "2026-01-02T00:00:00Z", lodash),
    ];
    check(&takes_back, Verdict::Deny, DENIED);
    // A statement about another product, or another version, says nothing here.
    let other = r#"{"@id":"pkg:oci/other","subcomponents":[{"@id":"pkg:npm/lodash"}]}"#;
    check(&[statement("not_affected", "2026-01-02T00:00:00Z", other)], Verdict::Deny, DENIED);
    let newer = r#"{"@id":"pkg:npm/lodash@1.0.1"}"#;
    check(&[statement("not_affected", "2026-01-02T00:00:00Z", newer)], Verdict::Deny, DENIED);

    let cyclonedx = r#"{"bomFormat":"CycloneDX","components":[{"bom-ref":"l","purl":"pkg:npm/lodash@1.0.0"}],
        "vulnerabilities":[{"id":"CVE-2024-1","analysis":{"state":"false_positive","detail":"d"},"affects":[{"ref":"l"}]}]}"#;
    check_file(Kind::Vex, "c.json", cyclonedx, Verdict::Allow, "VEX c.json: false positive: d");
    let csaf = r#"{"document":{"csaf_version":"2.0","publisher":{"name":"P"}},"product_tree":{"branches":[{"branches":[
        {"product":{"product_id":"L","product_identification_helper":{"purl":"pkg:npm/lodash"}}}]}]},
        "vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"known_not_affected":["L"]},"flags":[{"label":"component_not_present"}]}]}"#;
    check_file(Kind::Vex, "f.json", csaf, Verdict::Allow, "VEX f.json: not affected: component not present");
}

#[test]
fn a_baseline_waives_what_it_lists_even_after_an_upgrade_that_fixed_nothing() {
    let known = finding("lodash", "0.9.0", "CVE-2024-1", Severity::Low).fingerprint();
    let text = format!(r#"{{"findings":[{{"fingerprint":"{known}"}}]}}"#);
    check_file(
        Kind::Baseline,
        "old.json",
        &text,
        Verdict::Allow,
        "baseline old.json: known since the baseline",
    );
    let other = finding("lodash", "1.0.0", "CVE-2024-2", Severity::Low).fingerprint();
    let text = format!(r#"{{"findings":[{{"fingerprint":"{other}"}}]}}"#);
    check_file(Kind::Baseline, "old.json", &text, Verdict::Deny, DENIED);
}

#[test]
fn every_document_of_a_public_vex_repository_is_read() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/vex/vexhub.tar.zst");
    if !archive.exists() {
        println!("skipped: ../shared/data/vex/vexhub.tar.zst is not there");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("tar")
        .args(["--zstd", "-xf"])
        .arg(&archive)
        .arg("-C")
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(status.success());
    let mut open = vec![directory.path().to_owned()];
    let mut policy = Policy::default();
    let mut documents = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_string_lossy().ends_with("openvex.json") {
            policy.add_vex(&path).unwrap_or_else(|error| panic!("{error}"));
            documents += 1;
        }
    }
    assert!(
        documents > 30 && policy.waivers.len() > 200,
        "{documents} documents, {} waivers",
        policy.waivers.len()
    );
}
