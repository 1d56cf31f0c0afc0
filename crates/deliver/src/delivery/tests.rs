//! Findings for the tests of this crate.

use seawall_finding::{
    Confidence, ContainerIdentity, Control, Evidence, FieldValue, Finding, Framework, Happened, Outdated,
    Priority, ProcessIdentity, Severity, Subject,
};
use seawall_inventory::Place;
use seawall_policy::{Judged, Verdict};

use super::*;

/// Falco's documented example of an alert, as an event of ours.
pub(crate) fn judged() -> Judged {
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let output = "File below a known binary directory opened for writing (user=root command=touch /bin/hack file=/bin/hack)";
    let happened = Happened {
        rule: "Write below binary dir".to_owned(),
        priority: Priority::Error,
        source: "syscall".to_owned(),
        event: "openat".to_owned(),
        number: 7,
        time: "2017-10-09T23:31:56.746609046Z".to_owned(),
        output: output.to_owned(),
        fields: [
            ("user.name".to_owned(), text("root")),
            ("fd.name".to_owned(), text("/bin/hack")),
            ("proc.cmdline".to_owned(), text("touch /bin/hack")),
        ]
        .into(),
        suggested: [
            ("container.id".to_owned(), text("0123456789ab")),
            ("container.name".to_owned(), text("web")),
            ("container.image.repository".to_owned(), text("shop/web")),
            ("container.image.tag".to_owned(), text("1.2")),
            ("k8s.pod.name".to_owned(), FieldValue::Null),
            ("k8s.ns.name".to_owned(), FieldValue::Null),
        ]
        .into(),
        lineage: vec!["touch /bin/hack".to_owned(), "bash".to_owned()],
        tags: vec!["mitre_persistence".to_owned(), "filesystem".to_owned()],
        events: 1,
        about: "/usr/bin/touch /bin/hack".to_owned(),
        process: Some(ProcessIdentity { pid: 4711, start_ns: Some(1) }),
        container: Some(ContainerIdentity {
            id: "0123456789ab".to_owned(),
            name: "web".to_owned(),
            engine: "docker".to_owned(),
            image: "shop/web:1.2".to_owned(),
        }),
        respond: Vec::new(),
    };
    let finding = Finding {
        rule: "write-below-binary-dir".to_owned(),
        subject: Subject::Container { engine: "docker".to_owned(), name: "web".to_owned() },
        place: Place::default(),
        severity: Severity::High,
        confidence: Confidence::High,
        summary: output.to_owned(),
        evidence: Evidence::Happened(Box::new(happened)),
        remedy: String::new(),
        references: Vec::new(),
        controls: vec![Control { framework: Framework::MitreAttack, id: "T1543".to_owned() }],
    };
    judge(finding)
}

pub(crate) fn judge(finding: Finding) -> Judged {
    Judged {
        fingerprint: finding.fingerprint(),
        finding,
        verdict: Verdict::Deny,
        reasons: vec!["severity high is at or above fail-on high".to_owned()],
        responses: Vec::new(),
        waived: None,
    }
}

/// The same with another rule, text and priority.
pub(crate) fn happened(rule: &str, output: &str, priority: Priority) -> Judged {
    let mut judged = judged();
    if let Evidence::Happened(happened) = &mut judged.finding.evidence {
        happened.rule = rule.to_owned();
        happened.output = output.to_owned();
        happened.priority = priority;
        happened.about = output.to_owned();
        happened.suggested.clear();
    }
    judged.finding.rule = rule.to_lowercase().replace(' ', "-");
    judged.finding.summary = output.to_owned();
    judged.finding.severity = priority.severity();
    judge(judged.finding)
}

/// What a process of an attacker is called, everywhere where it can be.
pub(crate) const HOSTILE: &str = "\x1b]0;x\x07\u{9b}2J\u{202e}\r\n\"'`\\{{ 7*7 }}{% x %}</script><!channel> @everyone *b* [l](http://evil) ```\u{0}|=,;";

pub(crate) fn hostile() -> Judged {
    named(HOSTILE)
}

/// A finding of a process that is called so, everywhere where it can be.
pub(crate) fn named(name: &str) -> Judged {
    let mut judged = happened(name, name, Priority::Critical);
    if let Evidence::Happened(happened) = &mut judged.finding.evidence {
        happened.fields = [
            (name.to_owned(), FieldValue::Text(name.repeat(40))),
            ("proc.pid".to_owned(), FieldValue::Number(-1)),
            ("proc.tty".to_owned(), FieldValue::Null),
            ("proc.is_exe_upper_layer".to_owned(), FieldValue::Bool(true)),
        ]
        .into();
        happened.suggested.insert("container.name".to_owned(), FieldValue::Text(name.to_owned()));
        happened.tags = vec![name.to_owned()];
        happened.lineage = vec![name.to_owned()];
        happened.container = Some(ContainerIdentity {
            id: name.to_owned(),
            name: name.to_owned(),
            engine: "docker".to_owned(),
            image: name.to_owned(),
        });
    }
    judged.finding.subject = Subject::Container { engine: "docker".to_owned(), name: name.to_owned() };
    judge(judged.finding)
}

/// A finding of a scan.
pub(crate) fn outdated() -> Judged {
    let mut judged = judged();
    judged.finding.rule = "end-of-life".to_owned();
    judged.finding.summary = "Debian 10 gets no more fixes.".to_owned();
    judged.finding.evidence = Evidence::Outdated(Outdated {
        product: "Debian 10".to_owned(),
        ended_on: "2022-09-10".to_owned(),
        extended_on: None,
    });
    judge(judged.finding)
}

pub(crate) fn delivery(judged: Judged) -> Delivery {
    Delivery::new(judged, "node-1", "2026-11-28T10:15:00.5Z".parse().unwrap())
}

#[test]
fn what_happened_has_its_own_time_and_words() {
    let delivery = delivery(judged());
    assert_eq!(delivery.time(), "2017-10-09T23:31:56.746609046Z");
    assert_eq!(delivery.rule(), "Write below binary dir");
    assert_eq!((delivery.source(), delivery.priority()), ("syscall", Priority::Error));
    assert_eq!(delivery.tags(), ["filesystem", "mitre_persistence"]);
}

#[test]
fn any_finding_has_all_that_formats_ask() {
    let mut delivery = delivery(outdated());
    assert_eq!(delivery.time(), "2026-11-28T10:15:00.500000000Z");
    assert_eq!((delivery.source(), delivery.priority()), ("outdated", Priority::Error));
    assert_eq!(delivery.tags(), ["T1543"]);
    assert_eq!(delivery.message(), "Debian 10 gets no more fixes.");
    delivery.repeats = Some(Repeats { count: 41, seconds: 60 });
    assert_eq!(delivery.message(), "Debian 10 gets no more fixes. (and 41 more like it in 60 s)");
    for severity in Severity::ALL {
        let back = priority(severity).severity();
        assert!(back == severity || severity == Severity::Unknown, "{severity}");
    }
}

#[test]
fn a_delivery_survives_its_json() {
    for judged in [judged(), outdated(), hostile()] {
        let delivery = delivery(judged);
        let json = crate::text::json(&delivery).unwrap();
        assert_eq!(serde_json::from_str::<Delivery>(&json).unwrap(), delivery);
        assert!(json.len() <= 2 * delivery.weight() + 512, "{} {}", json.len(), delivery.weight());
    }
}
