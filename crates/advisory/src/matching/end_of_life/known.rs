//! The ends of life of the distributions that most images are made from, for a machine without a database.
//!
//! Dates of endoflife.date and the distributions' own pages, as of August 2026. A database's dates win: they are newer.

use crate::record::Support;

/// Distribution, release, last day of support for everybody, last day of the longest extended support.
const KNOWN: &[(&str, &str, &str, Option<&str>)] = &[
    ("almalinux", "8", "2029-05-31", None),
    ("almalinux", "9", "2032-05-31", None),
    ("almalinux", "10", "2035-05-31", None),
    ("alpine", "3.3", "2017-11-01", None),
    ("alpine", "3.4", "2018-05-01", None),
    ("alpine", "3.5", "2018-11-01", None),
    ("alpine", "3.6", "2019-05-01", None),
    ("alpine", "3.7", "2019-11-01", None),
    ("alpine", "3.8", "2020-05-01", None),
    ("alpine", "3.9", "2020-11-01", None),
    ("alpine", "3.10", "2021-05-01", None),
    ("alpine", "3.11", "2021-11-01", None),
    ("alpine", "3.12", "2022-05-01", None),
    ("alpine", "3.13", "2022-11-01", None),
    ("alpine", "3.14", "2023-05-01", None),
    ("alpine", "3.15", "2023-11-01", None),
    ("alpine", "3.16", "2024-05-23", None),
    ("alpine", "3.17", "2024-11-22", None),
    ("alpine", "3.18", "2025-05-09", None),
    ("alpine", "3.19", "2025-11-01", None),
    ("alpine", "3.20", "2026-04-01", None),
    ("alpine", "3.21", "2026-11-01", None),
    ("alpine", "3.22", "2027-05-01", None),
    ("alpine", "3.23", "2027-11-01", None),
    ("alpine", "3.24", "2028-06-01", None),
    ("centos", "6", "2020-11-30", None),
    ("centos", "7", "2024-06-30", None),
    ("centos", "8", "2021-12-31", None),
    ("debian", "7", "2016-04-25", Some("2018-05-31")),
    ("debian", "8", "2018-06-17", Some("2020-06-30")),
    ("debian", "9", "2020-07-18", Some("2022-07-01")),
    ("debian", "10", "2022-09-10", Some("2024-06-30")),
    ("debian", "11", "2024-08-14", Some("2026-08-31")),
    ("debian", "12", "2026-07-11", Some("2028-06-30")),
    ("debian", "13", "2028-08-09", Some("2030-06-30")),
    ("rhel", "8", "2029-05-31", Some("2033-05-31")),
    ("rhel", "9", "2032-05-31", Some("2036-05-31")),
    ("rhel", "10", "2035-05-31", Some("2039-05-31")),
    ("rocky", "8", "2029-05-31", None),
    ("rocky", "9", "2032-05-31", None),
    ("rocky", "10", "2035-05-31", None),
    ("ubuntu", "14.04", "2019-04-25", Some("2024-04-25")),
    ("ubuntu", "16.04", "2021-04-30", Some("2026-04-23")),
    ("ubuntu", "18.04", "2023-05-31", Some("2028-04-01")),
    ("ubuntu", "20.04", "2025-05-31", Some("2030-04-02")),
    ("ubuntu", "22.04", "2027-04-01", Some("2032-04-09")),
    ("ubuntu", "24.04", "2029-05-31", Some("2034-04-25")),
];

/// What is known of a release without a database.
pub(super) fn support(id: &str, release: &str) -> Option<Support> {
    let (_, cycle, on, extended_on) = KNOWN.iter().find(|known| known.0 == id && known.1 == release)?;
    Some(Support {
        product: id.to_owned(),
        cycle: (*cycle).to_owned(),
        ends_on: Some((*on).to_owned()),
        extended_ends_on: extended_on.map(str::to_owned),
    })
}
