//! Changes that findings offer → the new text.

use seawall_finding::{Change, Evidence, Finding};

/// A text with changes made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The new text.
    pub text: Vec<u8>,
    /// How many changes were made.
    pub made: usize,
    /// Changes that overlap one that was made, or do not fit the text; the next run finds them again.
    pub left: Vec<Change>,
}

/// Makes the changes of the findings about one file, the first ones first.
pub fn apply<'f>(text: &[u8], findings: impl IntoIterator<Item = &'f Finding>) -> Fixed {
    let mut changes: Vec<Change> = Vec::new();
    for finding in findings {
        if let Evidence::Misset(misset) = &finding.evidence {
            changes.extend(misset.change.clone().filter(|change| !changes.contains(change)));
        }
    }
    changes.sort_by_key(|change| (change.start, change.end));
    let mut fixed = Fixed { text: Vec::with_capacity(text.len()), made: 0, left: Vec::new() };
    let mut at = 0;
    for change in changes {
        let fits = change.start >= at && change.start <= change.end && change.end <= text.len();
        let Some(kept) = text.get(at..change.start).filter(|_| fits) else {
            fixed.left.push(change);
            continue;
        };
        fixed.text.extend_from_slice(kept);
        fixed.text.extend_from_slice(change.text.as_bytes());
        fixed.made += 1;
        at = change.end;
    }
    fixed.text.extend_from_slice(text.get(at..).unwrap_or_default());
    fixed
}
