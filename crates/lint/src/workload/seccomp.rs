//! A seccomp profile in Docker's form: whether it filters anything.

use serde_json::Value;

use crate::limits::PROFILE_BYTES_MAX;

/// What a profile does.
#[derive(Debug, PartialEq, Eq)]
pub enum Filter {
    /// It refuses what it does not list.
    Filters,
    /// It allows what it does not list and refuses this many calls.
    AllowsAllBut(usize),
    /// It cannot be read.
    Unreadable(String),
}

/// Calls that a profile which allows everything else has to refuse at least; without one of these it is no filter.
const NEEDED: [&str; 5] = ["mount", "ptrace", "bpf", "init_module", "kexec_load"];

/// Reads a profile.
pub fn judge(profile: &str) -> Filter {
    if profile.len() > PROFILE_BYTES_MAX {
        return Filter::Unreadable(format!("larger than {PROFILE_BYTES_MAX} bytes"));
    }
    let profile: Value = match serde_json::from_str(profile) {
        Ok(profile) => profile,
        Err(error) => return Filter::Unreadable(error.to_string()),
    };
    let Some(default) = profile.get("defaultAction").and_then(Value::as_str) else {
        return Filter::Unreadable("it has no defaultAction".to_owned());
    };
    if !allows(default) {
        return Filter::Filters;
    }
    let rules = profile.get("syscalls").and_then(Value::as_array);
    let refuses =
        |rule: &&Value| rule.get("action").and_then(Value::as_str).is_some_and(|action| !allows(action));
    let names = |rule: &Value| -> Vec<String> {
        let listed =
            rule.get("names").and_then(Value::as_array).into_iter().flatten().chain(rule.get("name"));
        listed.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let refused: Vec<String> = rules.into_iter().flatten().filter(refuses).flat_map(names).collect();
    if NEEDED.iter().all(|call| refused.iter().any(|name| name == call)) {
        Filter::Filters
    } else {
        Filter::AllowsAllBut(refused.len())
    }
}

fn allows(action: &str) -> bool {
    matches!(action, "SCMP_ACT_ALLOW" | "SCMP_ACT_LOG")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_allows_everything_is_no_filter() {
        let check = |profile: &str, expected: Filter| assert_eq!(judge(profile), expected, "{profile}");
        check(r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#, Filter::AllowsAllBut(0));
        check(r#"{"defaultAction":"SCMP_ACT_LOG"}"#, Filter::AllowsAllBut(0));
        check(r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]}"#, Filter::Filters);
        check(
            r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["reboot"],"action":"SCMP_ACT_ERRNO"}]}"#,
            Filter::AllowsAllBut(1),
        );
        let denies = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount","ptrace","bpf","init_module",
            "kexec_load"],"action":"SCMP_ACT_KILL"}]}"#;
        check(denies, Filter::Filters);
        assert!(matches!(judge("[]"), Filter::Unreadable(_)));
    }
}
