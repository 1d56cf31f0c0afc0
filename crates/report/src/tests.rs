//! Every format of two made-up reports, as snapshots, and what must hold of every format.

use insta::assert_snapshot;

use crate::{Colour, Format, RenderOptions, Report, render};

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
