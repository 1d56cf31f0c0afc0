//! Every format of two made-up reports, as snapshots, and what must hold of every format.

use insta::assert_snapshot;
use unicode_width::UnicodeWidthStr;

use crate::{Colour, Format, RenderOptions, Report, render};

mod posture;
pub(crate) mod sample;
mod schema;

fn rendered(report: &Report, format: Format) -> String {
    let template = "{{ target.name }}: {{ verdict }}\n{% for f in findings %}\n{{ f.severity }} {{ f.summary }}\n{% endfor %}";
    let options = RenderOptions { template: Some(template.to_owned()), ..RenderOptions::default() };
    written(report, format, &options)
}

fn written(report: &Report, format: Format, options: &RenderOptions) -> String {
    let mut bytes = Vec::new();
    render(report, format, options, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The HTML page without its style and script, which are not data.
fn page_data(page: &str) -> String {
    let mut kept = String::new();
    let mut rest = page;
    for (start, end) in [("<style>", "</style>"), ("<script>", "</script>\n</body>")] {
        let (before, after) = rest.split_once(start).unwrap();
        kept.push_str(before);
        rest = after.split_once(end).unwrap().1;
    }
    kept + rest
}

#[test]
fn every_format_of_everything() {
    let report = sample::everything();
    for (name, format) in Format::ALL {
        let text = rendered(&report, *format);
        let text = if *format == Format::Html { page_data(&text) } else { text };
        assert_snapshot!(format!("everything.{name}"), text);
    }
}

/// Settings, credentials and checks, in the formats that have words for them.
#[test]
fn every_format_of_a_posture() {
    let report = posture::report();
    for (name, format) in Format::ALL.iter().filter(|(_, format)| !format.is_for_packages()) {
        let text = rendered(&report, *format);
        let text = if *format == Format::Html { page_data(&text) } else { text };
        assert_snapshot!(format!("posture.{name}"), text);
    }
}

const HTML_TEXT: &str = "</script><img src=x onerror=alert(1)>";

#[test]
fn hostile_texts_in_the_table_and_the_page() {
    let report = sample::hostile();
    assert_snapshot!("hostile.table", rendered(&report, Format::Table));
    assert_snapshot!("hostile.html", page_data(&rendered(&report, Format::Html)));
    assert_snapshot!("hostile.junit", rendered(&report, Format::Junit));
}

/// What reaches a terminal, a browser or an XML reader commands none of them.
#[test]
fn hostile_texts_are_inert() {
    let report = sample::hostile();
    for format in [Format::Table, Format::Html, Format::Junit] {
        let text = rendered(&report, format);
        let bad = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{fffe}' | '\u{ffff}');
        assert!(!text.contains(bad), "{format}");
    }
    let page = rendered(&report, Format::Html);
    assert!(!page.contains(HTML_TEXT) && !page.contains("href=\"javascript:"));
    assert_eq!(page.matches("</script>").count(), 1);
    for (name, format) in Format::ALL {
        let text = rendered(&report, *format);
        let is_json = !matches!(format, Format::Table | Format::Html | Format::Junit | Format::Template);
        assert!(!is_json || serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{name}");
    }
}

#[test]
fn no_line_of_the_table_is_wider_than_the_terminal() {
    for report in [sample::everything(), sample::hostile()] {
        for width in [40, 80, 110, 160] {
            let options = RenderOptions { width: Some(width), ..RenderOptions::default() };
            for line in written(&report, Format::Table, &options).lines() {
                assert!(line.width() <= width, "{} columns at {width}: {line}", line.width());
            }
        }
    }
}

/// Colours change nothing but colours, and there are none unless they were asked for.
#[test]
fn colours() {
    let report = sample::everything();
    let plain = rendered(&report, Format::Table);
    let options = RenderOptions { colour: Colour::Ansi, ..RenderOptions::default() };
    let mut coloured = written(&report, Format::Table, &options);
    assert!(coloured.contains("\u{1b}[1;35mcritical"));
    while let Some(start) = coloured.find('\u{1b}') {
        let end = start + coloured[start..].find('m').unwrap();
        coloured.replace_range(start..=end, "");
    }
    assert_eq!(coloured, plain);
}

#[test]
fn a_template_needs_a_template_and_ends() {
    let report = sample::everything();
    let fails = |template: Option<&str>| {
        let options = RenderOptions { template: template.map(str::to_owned), ..RenderOptions::default() };
        render(&report, Format::Template, &options, &mut Vec::new()).unwrap_err().to_string()
    };
    assert_snapshot!(fails(None), @"the format `template` needs a template; give one with --template FILE");
    assert!(
        fails(Some("{{ nothing.like.this }}")).starts_with("cannot render the template: undefined value")
    );
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
    assert!(fails(Some(endless)).contains("fuel"), "{}", fails(Some(endless)));
}

#[test]
fn formats_have_names() {
    for (name, format) in Format::ALL {
        assert_eq!((name.parse(), format.to_string().as_str()), (Ok(*format), *name));
    }
    assert_snapshot!("yaml".parse::<Format>().unwrap_err(), @"`yaml` is not a format; use one of: table, json, sarif, junit, html, cyclonedx, spdx, spdx3, trivy, grype, gitlab, github, template");
}

/// Thousands of findings on thousands of packages are rendered in moments, whatever the format.
#[test]
fn a_large_report() {
    let mut report = sample::everything();
    let package = report.inventory.packages[2].clone();
    let judged = report.findings[3].clone();
    for number in 0..1000 {
        let mut package = package.clone();
        package.name = format!("package-{number}");
        let mut judged = judged.clone();
        judged.finding.subject = sample::subject(&package);
        judged.fingerprint = judged.finding.fingerprint();
        report.inventory.packages.push(package);
        report.findings.push(judged);
    }
    let started = std::time::Instant::now();
    for (_, format) in Format::ALL {
        rendered(&report, *format);
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

/// For `scripts/validate-reports`, which holds the documents against the formats' own schemas.
#[test]
#[ignore = "writes files; scripts/validate-reports runs it"]
fn documents_for_the_validators() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/validate-reports/reports");
    let mut of_nothing = sample::everything();
    of_nothing.findings.clear();
    of_nothing.advice.clear();
    of_nothing.gaps.clear();
    of_nothing.coverage = seawall_finding::Coverage::default();
    of_nothing.inventory = seawall_inventory::Inventory {
        target: seawall_inventory::Target {
            kind: seawall_inventory::TargetKind::Directory,
            name: "dir".to_owned(),
            digest: None,
        },
        ..seawall_inventory::Inventory::default()
    };
    let reports =
        [("everything", sample::everything()), ("hostile", sample::hostile()), ("nothing", of_nothing)];
    for (report, (name, format)) in reports.iter().flat_map(|one| Format::ALL.iter().map(move |f| (one, f))) {
        let path = format!("{directory}/{}.{name}", report.0);
        std::fs::write(path, rendered(&report.1, *format)).unwrap();
    }
}
