//! Kubernetes quantities (`apimachinery/pkg/api/resource`): `500m`, `1.5`, `128Mi`, `1e3`.

/// In bytes, rounded up.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    whole(number(text)?.ceil())
}

/// In thousandths, rounded up.
pub(crate) fn millis(text: &str) -> Option<i64> {
    whole((number(text)? * 1000.0).ceil())
}

fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    (number.abs() < 9e18).then_some(number as i64)
}

fn number(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 16] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("", 1.0),
    ];
    let text = text.trim();
    let parse = |(unit, factor): &(&str, f64)| {
        let digits = text.strip_suffix(unit)?;
        let is_number = digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        digits.parse::<f64>().ok().filter(|_| is_number).map(|number| number * factor)
    };
    UNITS.iter().find_map(parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(bytes(text), expected, "{text}");
        check("128Mi", Some(134_217_728));
        check("1.5G", Some(1_500_000_000));
        check("1e3", Some(1000));
        check("1E", Some(1_000_000_000_000_000_000));
        check("100", Some(100));
        check("128MB", None);
        check("", None);
        check("inf", None);
        assert_eq!(millis("500m"), Some(500));
        assert_eq!(millis("0.1"), Some(100));
        assert_eq!(millis("2"), Some(2000));
    }
}
