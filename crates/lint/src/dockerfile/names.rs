//! How near two names are.

/// Whether one letter too many, too few, wrong, or two letters in the wrong order tell them apart.
pub(crate) fn is_near(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if long.len() - short.len() > 1 || short.is_empty() || short == long {
        return false;
    }
    let same_head = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let tail = |text: &'_ [u8], skip: usize| text.get(same_head + skip..).unwrap_or_default().to_vec();
    if long.len() > short.len() {
        return tail(short, 0) == tail(long, 1);
    }
    let swapped = short.get(same_head) == long.get(same_head + 1)
        && short.get(same_head + 1) == long.get(same_head)
        && tail(short, 2) == tail(long, 2);
    tail(short, 1) == tail(long, 1) || swapped
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn one_slip_is_near() {
        for (one, other) in [("RUM", "RUN"), ("FORM", "FROM"), ("COPPY", "COPY"), ("EV", "ENV")] {
            assert!(is_near(one, other), "{one} {other}");
        }
        for (one, other) in [("RUN", "RUN"), ("ADD", "ENV"), ("", "A"), ("CMD", "COPY"), ("FROM", "MORF")] {
            assert!(!is_near(one, other), "{one} {other}");
        }
    }
}
