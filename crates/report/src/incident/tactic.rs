//! Tactics of MITRE ATT&CK, as rules' tags name them: `mitre_execution` as Falco's files do, `TA0002` by id.

/// Id and name, in the order of an attack (ATT&CK for Enterprise).
const TACTICS: [(&str, &str); 14] = [
    ("TA0043", "reconnaissance"),
    ("TA0042", "resource development"),
    ("TA0001", "initial access"),
    ("TA0002", "execution"),
    ("TA0003", "persistence"),
    ("TA0004", "privilege escalation"),
    ("TA0005", "defense evasion"),
    ("TA0006", "credential access"),
    ("TA0007", "discovery"),
    ("TA0008", "lateral movement"),
    ("TA0009", "collection"),
    ("TA0011", "command and control"),
    ("TA0010", "exfiltration"),
    ("TA0040", "impact"),
];

/// The tactic that a tag names.
pub(super) fn of(tag: &str) -> Option<&'static str> {
    let by_name = tag.strip_prefix("mitre_");
    let is_named = |name: &str| by_name.is_some_and(|tag| tag.split('_').eq(name.split(' ')));
    TACTICS.iter().find(|(id, name)| *id == tag || is_named(name)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_tactic_by_id_or_name() {
        assert_eq!(of("TA0011"), Some("command and control"));
        assert_eq!(of("mitre_privilege_escalation"), Some("privilege escalation"));
        assert_eq!(of("T1059"), None);
        assert_eq!(of("network"), None);
    }
}
