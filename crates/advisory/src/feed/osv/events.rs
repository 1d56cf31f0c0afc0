//! OSV events → intervals.

use std::cmp::Ordering;

use serde::Deserialize;

use crate::Order;
use crate::record::{Bound, Range};

/// One event of a range; exactly one field is there.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    introduced: Option<String>,
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    last_affected: Option<String>,
    #[serde(default)]
    limit: Option<String>,
}

/// The intervals, and whether a fixed version ends one of them.
#[derive(Debug, PartialEq)]
pub(super) struct Intervals {
    pub(super) ranges: Vec<Range>,
    pub(super) published: bool,
}

enum Point<'a> {
    Introduced(&'a str),
    Until { bound: Bound, is_fix: bool },
}

/// The intervals of a list of events. Events need not be in order; where they do not alternate they
/// are sorted first, as far as their versions can be.
pub(super) fn ranges(events: &[Event], order: Order) -> Intervals {
    let mut points: Vec<Point<'_>> = events.iter().filter_map(Event::point).collect();
    if !alternates(&points) {
        points.sort_by(|left, right| compare(left, right, order));
    }
    let mut ranges: Vec<Range> = Vec::new();
    let mut published = false;
    let mut open: Option<&str> = None;
    for point in points {
        match point {
            Point::Introduced(version) => {
                // A second beginning inside an interval says nothing new.
                if open.is_none() {
                    open = Some(version);
                }
            }
            Point::Until { bound, is_fix } => {
                let Some(from) = open.take() else { continue };
                if from == "0" && bound == Bound::Fixed("0".to_owned()) {
                    continue;
                }
                published |= is_fix;
                ranges.push(Range { introduced: introduced(from), until: bound });
            }
        }
    }
    if let Some(from) = open {
        ranges.push(Range { introduced: introduced(from), until: Bound::Open });
    }
    Intervals { ranges, published }
}

fn introduced(version: &str) -> Option<String> {
    (version != "0").then(|| version.to_owned())
}

impl Event {
    fn point(&self) -> Option<Point<'_>> {
        if let Some(version) = &self.introduced {
            Some(Point::Introduced(version))
        } else if let Some(version) = &self.fixed {
            Some(Point::Until { bound: Bound::Fixed(version.clone()), is_fix: true })
        } else if let Some(version) = &self.last_affected {
            Some(Point::Until { bound: Bound::LastAffected(version.clone()), is_fix: false })
        } else {
            // A limit ends an interval like a fix, but nothing is fixed there; `*` is no limit.
            let version = self.limit.as_ref().filter(|limit| *limit != "*")?;
            Some(Point::Until { bound: Bound::Fixed(version.clone()), is_fix: false })
        }
    }
}

impl Point<'_> {
    fn version(&self) -> &str {
        match self {
            Point::Introduced(version) => version,
            Point::Until { bound: Bound::Fixed(version) | Bound::LastAffected(version), .. } => version,
            Point::Until { bound: Bound::Open, .. } => "",
        }
    }
}

fn alternates(points: &[Point<'_>]) -> bool {
    points.iter().enumerate().all(|(index, point)| matches!(point, Point::Introduced(_)) == (index % 2 == 0))
}

fn compare(left: &Point<'_>, right: &Point<'_>, order: Order) -> Ordering {
    let (l, r) = (left.version(), right.version());
    let by_version = match (l, r) {
        ("0", "0") => Ordering::Equal,
        ("0", _) => Ordering::Less,
        (_, "0") => Ordering::Greater,
        _ => order.compare(l, r).unwrap_or_else(|| l.cmp(r)),
    };
    // At the same version a fix ends the old interval before a new one begins, but `last_affected` of the
    // version that introduces a problem ends its own.
    let rank = |point: &Point<'_>| match point {
        Point::Until { bound: Bound::Fixed(version), .. } if version != "0" => 0,
        Point::Introduced(_) => 1,
        Point::Until { .. } => 2,
    };
    by_version.then(rank(left).cmp(&rank(right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(events: &str, expected: &str) {
        let events: Vec<Event> = serde_json::from_str(events).unwrap();
        let mut shown = String::new();
        for range in ranges(&events, Order::Semver).ranges {
            let from = range.introduced.as_deref().unwrap_or("0");
            shown += &match range.until {
                Bound::Fixed(v) => format!("[{from},{v}) "),
                Bound::LastAffected(v) => format!("[{from},{v}] "),
                Bound::Open => format!("[{from},…) "),
            };
        }
        assert_eq!(shown.trim_end(), expected, "{events:?}");
    }

    #[test]
    fn intervals() {
        check(r#"[{"introduced":"0"},{"fixed":"1.0.0"}]"#, "[0,1.0.0)");
        check(r#"[{"introduced":"0"},{"last_affected":"1.0.0"}]"#, "[0,1.0.0]");
        check(r#"[{"introduced":"0"}]"#, "[0,…)");
        check(r#"[{"introduced":"0"},{"fixed":"1.0.0"},{"introduced":"2.0.0"}]"#, "[0,1.0.0) [2.0.0,…)");
        check(r#"[{"introduced":"0"},{"fixed":"0"}]"#, "");
        check(r#"[{"introduced":"1.0.0"},{"limit":"*"}]"#, "[1.0.0,…)");
        check(r#"[{"fixed":"1.0.0"}]"#, "");
        check("[]", "");
    }
}
