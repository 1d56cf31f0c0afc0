//! JUnit XML: one suite per target, one test case per finding; waived ones are skipped, denied and warned ones fail.
//! The checks of a benchmark that did not fail are cases too: passed, or skipped with the reason why nobody answered.

use std::io::Write;

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::writer::Writer;
use seawall_finding::{Check, Evidence, Outcome};
use seawall_policy::{Judged, Verdict};

use crate::text::clean;
use crate::{RenderError, Report};

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    let others: Vec<&Check> =
        report.coverage.checks.iter().filter(|check| check.outcome != Outcome::Fail).collect();
    let unanswered = others.iter().filter(|check| !is_passed(check)).count();
    let skipped = report.findings.iter().filter(|judged| judged.waived.is_some()).count() + unanswered;
    let failed = report.findings.iter().filter(|judged| fails(judged)).count();
    let mut suites = BytesStart::new("testsuites");
    let total = (report.findings.len() + others.len()).to_string();
    let (failures, skips) = (failed.to_string(), skipped.to_string());
    let counts = [("tests", total.as_str()), ("failures", &failures), ("skipped", &skips), ("errors", "0")];
    suites.extend_attributes([("name", "seawall")].into_iter().chain(counts));
    let target = clean(&report.inventory.target.name);
    let created = report.created.to_string();
    let mut suite = BytesStart::new("testsuite");
    suite.extend_attributes(
        [("name", target.as_ref()), ("timestamp", &created), ("time", "0")].into_iter().chain(counts),
    );
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::Start(suites))?;
    xml.write_event(Event::Start(suite))?;
    for judged in &report.findings {
        case(&mut xml, judged)?;
    }
    for check in others {
        other(&mut xml, check)?;
    }
    if !report.gaps.is_empty() {
        // One element: the schemas of Jenkins and Surefire allow no second.
        let gaps: Vec<String> =
            report.gap_texts().map(|gap| clean(&format!("not examined: {gap}")).into_owned()).collect();
        xml.write_event(Event::Start(BytesStart::new("system-err")))?;
        xml.write_event(Event::Text(BytesText::new(&gaps.join("\n"))))?;
        xml.write_event(Event::End(BytesEnd::new("system-err")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    xml.get_mut().write_all(b"\n")?;
    Ok(())
}

fn fails(judged: &Judged) -> bool {
    judged.waived.is_none() && judged.verdict != Verdict::Allow
}

fn is_passed(check: &Check) -> bool {
    matches!(check.outcome, Outcome::Pass | Outcome::Attested)
}

/// A check that is no finding.
fn other(xml: &mut Writer<&mut dyn Write>, check: &Check) -> Result<(), RenderError> {
    let name = format!("{} {}", check.rule, check.subject.label());
    let mut element = BytesStart::new("testcase");
    element.extend_attributes([
        ("name", clean(&name).as_ref()),
        ("classname", clean(&check.section).as_ref()),
        ("time", "0"),
    ]);
    if is_passed(check) {
        xml.write_event(Event::Empty(element))?;
        return Ok(());
    }
    xml.write_event(Event::Start(element))?;
    let mut skipped = BytesStart::new("skipped");
    let message = format!("{}: {}", check.outcome.name(), check.seen);
    skipped.push_attribute(("message", clean(&message).as_ref()));
    xml.write_event(Event::Empty(skipped))?;
    xml.write_event(Event::End(BytesEnd::new("testcase")))?;
    Ok(())
}

fn case(xml: &mut Writer<&mut dyn Write>, judged: &Judged) -> Result<(), RenderError> {
    let finding = &judged.finding;
    // The key of a credential is a hash and that of a setting is not unique: their rules name them.
    let id = match &finding.evidence {
        Evidence::Vulnerable(_) | Evidence::Malicious(_) | Evidence::Outdated(_) => finding.evidence.key(),
        Evidence::Leaked(_) | Evidence::Misset(_) | Evidence::Happened(_) | Evidence::Untrusted(_) => {
            finding.rule.clone()
        }
    };
    let line = finding.place.line.map(|line| format!(" line {line}")).unwrap_or_default();
    let name = format!("{id} {}{line}", finding.subject.label());
    let class = finding.place.path.clone().unwrap_or_else(|| finding.rule.clone());
    let mut element = BytesStart::new("testcase");
    element.extend_attributes([
        ("name", clean(&name).as_ref()),
        ("classname", clean(&class).as_ref()),
        ("time", "0"),
    ]);
    if judged.waived.is_none() && !fails(judged) {
        xml.write_event(Event::Empty(element))?;
        return Ok(());
    }
    xml.write_event(Event::Start(element))?;
    if let Some(waived) = &judged.waived {
        let mut element = BytesStart::new("skipped");
        element.push_attribute(("message", clean(&waived.reason).as_ref()));
        xml.write_event(Event::Empty(element))?;
    } else {
        let mut element = BytesStart::new("failure");
        element.extend_attributes([
            ("type", finding.severity.name()),
            ("message", clean(&finding.summary).as_ref()),
        ]);
        xml.write_event(Event::Start(element))?;
        let facts = finding.evidence.facts();
        let lines: Vec<String> =
            facts.iter().map(|(label, value)| format!("{label}: {}", clean(value))).collect();
        let text = format!("{}\n{}", clean(&finding.remedy), lines.join("\n"));
        xml.write_event(Event::Text(BytesText::new(text.trim_start())))?;
        xml.write_event(Event::End(BytesEnd::new("failure")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))?;
    Ok(())
}
