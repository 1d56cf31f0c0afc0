//! What a seccomp profile allows: having one proves nothing.

use serde::Deserialize;

/// How much a profile keeps from a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strength {
    /// What it does not name is refused.
    Refuses,
    /// What it does not name is allowed, and why that is too much.
    Allows(String),
    /// It cannot be read, and why.
    Unknown(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    default_action: String,
    syscalls: Vec<Syscalls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Syscalls {
    names: Vec<String>,
    /// The form before Docker 1.13.
    name: String,
    action: String,
}

/// System calls that a filter of the "deny a few" kind has to name, or it is none: each has been, or opens, a way out.
const DANGEROUS: [&str; 12] = [
    "add_key",
    "bpf",
    "delete_module",
    "finit_module",
    "init_module",
    "kexec_load",
    "keyctl",
    "mount",
    "open_by_handle_at",
    "ptrace",
    "setns",
    "unshare",
];

fn lets_pass(action: &str) -> bool {
    matches!(action, "SCMP_ACT_ALLOW" | "SCMP_ACT_LOG" | "SCMP_ACT_NOTIFY")
}

/// Judges a profile of the OCI's or Docker's form.
pub(crate) fn strength(profile: &str) -> Strength {
    let filter: Filter = match serde_json::from_str(profile) {
        Ok(filter) => filter,
        Err(error) => return Strength::Unknown(format!("it is no seccomp profile: {error}")),
    };
    if filter.default_action.is_empty() {
        return Strength::Unknown("it has no defaultAction".to_owned());
    }
    let names = |wanted: fn(&str) -> bool| {
        let rules = filter.syscalls.iter().filter(move |rule| wanted(&rule.action));
        rules
            .flat_map(|rule| rule.names.iter().chain([&rule.name]))
            .map(String::as_str)
            .collect::<Vec<&str>>()
    };
    if !lets_pass(&filter.default_action) {
        return Strength::Refuses;
    }
    let refused = names(|action| !lets_pass(action));
    let open: Vec<&str> = DANGEROUS.into_iter().filter(|call| !refused.contains(call)).collect();
    match (refused.is_empty(), open.is_empty()) {
        (true, _) => Strength::Allows(format!(
            "its default action is {} and it refuses nothing",
            filter.default_action
        )),
        (false, true) => Strength::Refuses,
        (false, false) => Strength::Allows(format!(
            "its default action is {} and it allows {}",
            filter.default_action,
            open.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_judged_by_what_they_allow() {
        let check = |profile: &str, expected: &str| {
            let seen = match strength(profile) {
                Strength::Refuses => "refuses",
                Strength::Allows(_) => "allows",
                Strength::Unknown(_) => "unknown",
            };
            assert_eq!(seen, expected, "{profile}");
        };
        check(r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#, "allows");
        check(r#"{"defaultAction":"SCMP_ACT_LOG"}"#, "allows");
        check(
            r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#,
            "refuses",
        );
        check(
            r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO"}]}"#,
            "allows",
        );
        let all: Vec<String> = DANGEROUS.iter().map(|name| format!("\"{name}\"")).collect();
        let profile = format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":[{}],"action":"SCMP_ACT_ERRNO"}}]}}"#,
            all.join(",")
        );
        check(&profile, "refuses");
        check("{}", "unknown");
        check("", "unknown");
    }
}
