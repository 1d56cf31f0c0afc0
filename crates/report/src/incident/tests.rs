use seawall_finding::{Confidence, Finding, Priority, Subject};
use seawall_inventory::Place;

use super::*;

fn judged(name: &str, second: &str, rule: &str, tags: &[&str], lineage: &[&str]) -> Judged {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let happened = Happened {
        rule: rule.to_owned(),
        priority: Priority::Warning,
        source: "syscall".to_owned(),
        event: "execve".to_owned(),
        number: 1,
        time: format!("2026-11-28T16:{second}.120000000Z"),
        output: format!("{rule} happened"),
        fields: BTreeMap::from([
            ("container.image.repository".to_owned(), FieldValue::Text("docker.io/library/shop".to_owned())),
            ("container.image.tag".to_owned(), FieldValue::Text("1.0".to_owned())),
        ]),
        suggested: BTreeMap::new(),
        lineage: owned(lineage),
        tags: owned(tags),
        events: 1,
        about: rule.to_owned(),
        process: None,
        container: None,
        respond: Vec::new(),
        denial: None,
    };
    let finding = Finding {
        rule: rule.to_lowercase().replace(' ', "-"),
        subject: Subject::Container { engine: "docker".to_owned(), name: name.to_owned() },
        place: Place::default(),
        severity: Severity::High,
        confidence: Confidence::High,
        summary: happened.output.clone(),
        evidence: Evidence::Happened(Box::new(happened)),
        remedy: String::new(),
        references: Vec::new(),
        controls: Vec::new(),
    };
    let fingerprint = finding.fingerprint();
    Judged {
        finding,
        fingerprint,
        verdict: Verdict::Warn,
        reasons: Vec::new(),
        responses: Vec::new(),
        waived: None,
    }
}

#[test]
fn what_happens_in_one_container_in_one_stretch_is_one_story() {
    let shell = ["sh -c id", "nginx", "shim"];
    let found = [
        judged("web", "05:00", "Shell in web server", &["mitre_execution", "T1059"], &shell),
        judged("web", "02:00", "Odd request", &["TA0001"], &["nginx", "shim"]),
        judged("web", "05:01", "Shell in web server", &["mitre_execution", "T1059"], &shell),
        judged("db", "05:01", "Dump", &[], &["pg_dump \u{1b}[31m"]),
        judged("web", "40:00", "Shell in web server", &[], &shell),
    ];
    let answer = Answer {
        finding: found[0].fingerprint.clone(),
        time: "2026-11-28T16:05:00.400Z".parse().unwrap(),
        told: "kill done: sent SIGKILL to process 12".to_owned(),
        receipt: "20261128T160500.400Z-1-0-kill".to_owned(),
    };
    let scan = crate::tests::sample::everything();
    let all = incidents(&found, &[Scanned { image: "shop:1.0", findings: &scan.findings }], vec![answer]);
    let told: Vec<(&str, usize)> = all.iter().map(|one| (one.place.as_str(), one.steps.len())).collect();
    assert_eq!(
        told,
        [("container web (docker)", 2), ("container db (docker)", 1), ("container web (docker)", 1)]
    );
    let [web, ..] = all.as_slice() else { panic!("there are three") };
    assert_eq!(web.tactics, ["initial access", "execution"]);
    assert_eq!(web.steps[1].events, 2);
    assert_eq!(web.image.as_deref(), Some("docker.io/library/shop:1.0"));
    assert!(!web.known.is_empty() && web.known_more > 0);
    let text = tell(&all, Colour::Never, 100);
    assert!(!text.contains('\u{1b}'), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_step_says_what_was_denied() {
    let with = |second: &str, denial: Option<Denial>| {
        let mut judged = judged("web", second, "No shell", &["T1059"], &["sh"]);
        if let Evidence::Happened(happened) = &mut judged.finding.evidence {
            happened.denial = denial;
        }
        judged
    };
    let found = [
        with("01:00", Some(Denial::Rehearsed)),
        with("02:00", Some(Denial::Killed)),
        with("02:01", Some(Denial::Killed)),
        with("03:00", Some(Denial::Refused)),
        with("04:00", None),
    ];
    let all = incidents(&found, &[], Vec::new());
    let text = tell(&all, Colour::Never, 100);
    let steps: Vec<&str> = text.lines().filter(|line| line.contains("No shell")).map(str::trim).collect();
    assert_eq!(
        steps,
        [
            "16:01:00.120  high      No shell [rehearsed]  T1059",
            "16:02:00.120  high      No shell ×2 [killed]  T1059",
            "16:03:00.120  high      No shell [refused]  T1059",
            "16:04:00.120  high      No shell  T1059",
        ]
    );
    let json = serde_json::to_value(&all[0].steps).unwrap();
    let told = |at: usize| json[at].get("denial").and_then(serde_json::Value::as_str);
    assert_eq!([told(0), told(1), told(3)], [Some("rehearsed"), Some("killed"), None]);
}

#[test]
fn an_image_is_known_by_any_of_its_names() {
    assert!(is_image("docker.io/library/nginx:latest", "nginx"));
    assert!(is_image("nginx@sha256:00", "nginx"));
    assert!(!is_image("example.org/nginx", "nginx"));
    assert!(!is_image("nginx:1.2", "nginx:1.3"));
}
