//! `/etc/passwd`, `/etc/group`, `/etc/shadow`.

use std::collections::BTreeMap;

use seawall_finding::{Rule, Severity};
use serde::{Deserialize, Serialize};

use crate::dockerfile::controls;

pub(super) const RULES: [&Rule; 3] = [&EMPTY_PASSWORD, &DUPLICATE_ID, &SECOND_ROOT];

pub(super) const EMPTY_PASSWORD: Rule = Rule {
    id: "account-without-password",
    title: "Account that needs no password",
    why: "Whoever reaches a login, su or SSH in the container becomes this user without a password.",
    fix: "Lock the account (passwd -l), or remove it.",
    severity: Severity::High,
    references: &["https://cwe.mitre.org/data/definitions/258.html"],
    controls: controls::USER,
};

pub(super) const DUPLICATE_ID: Rule = Rule {
    id: "account-id-twice",
    title: "Two accounts of one id or one name",
    why: "Two names of one id have the same rights; of two lines with one name only the first counts.",
    fix: "Give each account an id and a name of its own.",
    severity: Severity::Medium,
    references: &[],
    controls: controls::USER,
};

pub(super) const SECOND_ROOT: Rule = Rule {
    id: "account-root-by-id",
    title: "Account of another name that is root",
    why: "An account with the id 0 is root whatever it is called, and easily overlooked.",
    fix: "Give the account another id, or remove it.",
    severity: Severity::High,
    references: &[],
    controls: controls::USER,
};

/// What the files of accounts of one layer say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Accounts {
    /// Names without a password.
    #[serde(default)]
    pub without_password: Vec<String>,
    /// What is there twice: `uid 1000: a, b`.
    #[serde(default)]
    pub twice: Vec<String>,
    /// Names other than root with the id 0.
    #[serde(default)]
    pub second_roots: Vec<String>,
}

/// Lines of an account file that are read; real ones have dozens.
const LINES_MAX: usize = 20_000;

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text
        .lines()
        .take(LINES_MAX)
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '+', '-']));
    lines.map(|line| line.split(':').collect())
}

/// `/etc/passwd` and `/etc/group`, which begin alike: name, password, id.
pub(super) fn of_names(text: &str, kind: &str) -> Accounts {
    let mut accounts = Accounts::default();
    let mut ids: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for fields in lines(text) {
        let [name, password, id, ..] = fields.as_slice() else { continue };
        ids.entry(id).or_default().push(name);
        *names.entry(name).or_default() += 1;
        if kind == "uid" && password.is_empty() {
            accounts.without_password.push((*name).to_owned());
        }
        if kind == "uid" && *id == "0" && *name != "root" {
            accounts.second_roots.push((*name).to_owned());
        }
    }
    for (id, names) in ids.iter().filter(|(id, names)| names.len() > 1 && !(**id == "0" && kind == "uid")) {
        accounts.twice.push(format!("{kind} {id}: {}", names.join(", ")));
    }
    accounts.twice.extend(
        names.iter().filter(|(_, count)| **count > 1).map(|(name, _)| format!("name {name} ({kind})")),
    );
    accounts
}

/// `/etc/shadow`: an empty second field lets anybody in; `*` and `!` let nobody in.
pub(super) fn of_shadow(text: &str) -> Accounts {
    let names = lines(text).filter_map(|fields| match fields.as_slice() {
        [name, "", ..] => Some((*name).to_owned()),
        _ => None,
    });
    Accounts { without_password: names.collect(), ..Accounts::default() }
}

#[cfg(test)]
mod tests {
    use super::{of_names, of_shadow};

    #[test]
    fn accounts_are_judged_by_their_lines() {
        let accounts = of_names(
            "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:\na::1:1::/:\nb:x:1:1::/:\nb:x:2:2::/:\n",
            "uid",
        );
        assert_eq!(accounts.without_password, ["a"]);
        assert_eq!(accounts.second_roots, ["toor"]);
        assert_eq!(accounts.twice, ["uid 1: a, b", "name b (uid)"]);
        assert_eq!(of_names("root:x:0:\nx:x:1:\ny:x:1:\n", "gid").twice, ["gid 1: x, y"]);
        assert_eq!(
            of_shadow("root::1:\na:*:1:\nb:!:1:\nc:!!:\n\n# d::\nbroken\n").without_password,
            ["root"]
        );
    }
}
