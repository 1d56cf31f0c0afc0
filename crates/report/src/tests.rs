//! Every format of two made-up reports, as snapshots, and what must hold of every format.

use insta::assert_snapshot;

use crate::{Format, RenderOptions, Report, render};

mod sample;

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
