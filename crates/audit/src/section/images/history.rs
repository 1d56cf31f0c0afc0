//! How an image was built, by the commands that its history keeps.

use seawall_finding::{Outcome, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, cis, few};

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "image-update-alone",
            title: "Package lists updated in a step of their own",
            why: "The step is cached: later builds install from lists that are weeks old, without the fixes since.",
            fix: "Join them: `RUN apt-get update && apt-get install -y …`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
            controls: &cis("4.7", "4.1.1"),
        },
        ask: |asked| steps(asked, is_update_alone, "an update and an installation in one step"),
    },
    Question {
        rule: Rule {
            id: "image-add",
            title: "ADD where COPY would do",
            why: "ADD fetches addresses and unpacks archives: what ends up in the image is decided by somebody else.",
            fix: "Use COPY for files; for addresses `ADD --checksum=sha256:…`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/build/building/best-practices/#add-or-copy"],
            controls: &cis("4.9", "4.1.2"),
        },
        ask: |asked| steps(asked, is_add, "COPY"),
    },
    Question {
        rule: Rule {
            id: "image-unverified-packages",
            title: "Packages whose signatures are not checked",
            why: "With verification off, whoever answers for the server decides what is installed.",
            fix: "Take the option away, and install the key that the repository signs with.",
            severity: Severity::High,
            references: &["https://manpages.debian.org/apt-secure"],
            controls: &cis("4.11", "4.1.5"),
        },
        ask: unverified,
    },
];

/// A step without what the builders write around it.
fn command(step: &str) -> &str {
    let step = step.trim();
    let step =
        step.strip_prefix("/bin/sh -c #(nop)").or_else(|| step.strip_prefix("/bin/sh -c")).unwrap_or(step);
    let step = step.trim().strip_suffix("# buildkit").unwrap_or(step);
    step.trim()
}

fn steps(asked: &Asked<'_>, is_bad: fn(&str) -> bool, expected: &str) -> Answer {
    let looked_at = asked.engine.asked(&format!("history of {}", asked.image.name()));
    let Some(history) = &asked.image.history else {
        return Answer::not_checked(looked_at, "the history is not in what was saved; ask the engine itself");
    };
    let bad: Vec<String> = history
        .iter()
        .map(|step| command(&step.created_by))
        .filter(|step| is_bad(step))
        .map(str::to_owned)
        .collect();
    let answer = match bad.is_empty() {
        true => Answer::new(Outcome::Pass, looked_at, format!("none of {} steps", history.len())),
        false => Answer::new(Outcome::Fail, looked_at, few(&bad)),
    };
    answer.expecting(expected)
}

const MANAGERS: [&str; 7] = ["apt-get", "apt", "apk", "yum", "dnf", "microdnf", "zypper"];

/// Whether some package manager of the step updates its lists, and none installs.
fn is_update_alone(step: &str) -> bool {
    let words: Vec<&str> =
        step.split([' ', '\t', '\n', ';', '&', '|']).filter(|word| !word.is_empty()).collect();
    let mut verbs: Vec<&&str> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let name = word.rsplit('/').next().unwrap_or_default();
        if MANAGERS.contains(&name) {
            let verb = words.iter().skip(index + 1).find(|word| !word.starts_with('-'));
            verbs.extend(verb);
        }
    }
    let updates = verbs
        .iter()
        .any(|verb| matches!(**verb, "update" | "makecache" | "refresh" | "ref" | "check-update"));
    let installs = verbs.iter().any(|verb| {
        matches!(
            **verb,
            "install"
                | "add"
                | "in"
                | "upgrade"
                | "dist-upgrade"
                | "full-upgrade"
                | "dup"
                | "up"
                | "reinstall"
        )
    });
    // `yum update` upgrades.
    let upgrades = verbs.iter().any(|verb| **verb == "update")
        && words.iter().any(|word| matches!(*word, "yum" | "dnf" | "microdnf"));
    updates && !installs && !upgrades
}

/// The root of a base image comes by ADD and no other way.
fn is_add(step: &str) -> bool {
    let mut words = step.split_whitespace();
    if words.next() != Some("ADD") {
        return false;
    }
    let target = words.next_back().unwrap_or_default();
    target != "/" && !step.contains("--checksum")
}

/// Options that switch verification off.
const UNVERIFIED: [&str; 20] = [
    "--allow-unauthenticated",
    "--allow-untrusted",
    "--force-yes",
    "--no-check-certificate",
    "--no-gpg-checks",
    "--nogpgcheck",
    "--no-verify",
    "--trusted-host",
    "AllowInsecureRepositories=true",
    "Acquire::AllowInsecureRepositories",
    "APT::Get::AllowUnauthenticated",
    "[trusted=yes]",
    "curl -k",
    "curl --insecure",
    "gpgcheck=0",
    "GIT_SSL_NO_VERIFY=",
    "http.sslVerify false",
    "NODE_TLS_REJECT_UNAUTHORIZED=0",
    "PYTHONHTTPSVERIFY=0",
    "strict-ssl false",
];

fn is_unverified(step: &str) -> bool {
    let joined = step.split_whitespace().collect::<Vec<_>>().join(" ");
    // `-k` among other letters: `curl -fsSLk`.
    let words: Vec<&str> = joined.split(' ').collect();
    let is_open_curl = words.windows(2).any(|pair| {
        matches!(pair, ["curl", option] if option.starts_with('-') && !option.starts_with("--") && option.contains('k'))
    });
    is_open_curl || UNVERIFIED.iter().any(|option| joined.contains(option))
}

fn unverified(asked: &Asked<'_>) -> Answer {
    match asked.scan.and_then(|scan| scan.unverified_packages.as_deref()) {
        Some(found) if !found.is_empty() || asked.image.history.is_none() => asked
            .none_of(Some(found), "packages without a checked signature")
            .expecting("signatures are checked"),
        Some(_) | None => steps(asked, is_unverified, "signatures are checked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is_bad: fn(&str) -> bool, step: &str, expected: bool) {
        assert_eq!(is_bad(command(step)), expected, "{step}");
    }

    #[test]
    fn updates_alone() {
        check(is_update_alone, "/bin/sh -c apt-get update", true);
        check(is_update_alone, "RUN /bin/sh -c apt-get -qq update # buildkit", true);
        check(is_update_alone, "RUN /bin/sh -c apt-get update && apt-get install -y curl # buildkit", false);
        check(is_update_alone, "RUN /bin/sh -c apk update; apk add --no-cache curl # buildkit", false);
        check(is_update_alone, "RUN /bin/sh -c yum update -y", false);
        check(is_update_alone, "ENV updated=1", false);
        check(is_update_alone, "RUN update-ca-certificates", false);
    }

    #[test]
    fn adds() {
        check(
            is_add,
            "/bin/sh -c #(nop) ADD file:9a4f77dfaba7fd2aa78186e4ef0e7486ad55101cefc1fabbc1b385601bb38920 in / ",
            false,
        );
        check(is_add, "ADD rootfs.tar.xz / # buildkit", false);
        check(is_add, "/bin/sh -c #(nop) ADD file:9a4f in /srv/app.tar ", true);
        check(is_add, "ADD https://example.org/x.sh /usr/local/bin/x # buildkit", true);
        check(is_add, "ADD --checksum=sha256:00 https://example.org/x.sh /x # buildkit", false);
        check(is_add, "COPY app /srv # buildkit", false);
    }

    #[test]
    fn verification_switched_off() {
        check(is_unverified, "RUN apt-get install --allow-unauthenticated x", true);
        check(is_unverified, "RUN curl -fsSLk https://example.org", true);
        check(is_unverified, "RUN curl -fsSL https://example.org/k", false);
        check(is_unverified, "RUN pip install --trusted-host pypi.example x", true);
        check(is_unverified, "RUN apt-get install x", false);
    }
}
