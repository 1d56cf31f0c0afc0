//! FIRST's Exploit Prediction Scoring System (<https://www.first.org/epss/data_stats>): `cve,epss,percentile`
//! under a comment and a header line, and the same with `;` and without header lines, as mirrors split it by year. The
//! second seen whole, of the first a sample.

use super::{Document, Item, cve_id};
use crate::record::Enrichment;

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    for (index, line) in document.text().lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with("cve,") || line.starts_with("cve;") {
            continue;
        }
        match enrichment(line) {
            Some(enrichment) => out(Item::Enrichment(enrichment)),
            None => out(document.malformed(format_args!("line {} is not `cve,score,percentile`", index + 1))),
        }
    }
}

fn enrichment(line: &str) -> Option<Enrichment> {
    let mut fields = line.split([',', ';']).map(|field| field.trim().trim_matches('"'));
    let id = fields.next().filter(|id| cve_id::is_cve(id))?;
    let mut number = || fields.next()?.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    Some(Enrichment { id: id.to_owned(), epss: Some((number()?, number()?)), ..Enrichment::default() })
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn the_scores_of_2026_08() {
        let Some(read) = testdata::import("epss", "enrichment", "epss/") else { return };
        assert_eq!((read.enrichments.len(), read.gaps.len()), (360_142, 0));
        assert_eq!(read.enrichment("CVE-2024-9999").epss, Some((0.00413, 0.34395)));
    }

    #[test]
    fn firsts_own_file() {
        let text = b"#model_version:v2025.03.14,score_date:2026-08-22T12:55:00Z\ncve,epss,percentile\nCVE-1999-0001,0.01,0.5\nCVE-1999-0002,nan,0.5\nx\n";
        let read = testdata::bytes("epss", "epss.csv", text, None);
        assert_eq!(read.enrichments.len(), 1);
        assert_eq!(read.enrichments[0].epss, Some((0.01, 0.5)));
        assert_eq!(read.gaps.len(), 2);
    }
}
