//! What is in an image: from its scan, its labels and its environment.

use jiff::civil::{Date, date};
use seawall_finding::{Outcome, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, cis, few};
use crate::machine::Machine;

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "image-trusted-base",
            title: "Origin of the image",
            why: "Whoever made the base image has put code into everything that is built on it.",
            fix: "Build on images of a publisher that is trusted, by digest, and list what is trusted for the audit.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/docker-hub/image-library/trusted-content/"],
            controls: &cis("4.2", "4.1.5"),
        },
        ask: origin,
    },
    Question {
        rule: Rule {
            id: "image-unneeded-packages",
            title: "Packages that a running service does not need",
            why: "Compilers, debuggers and network tools are what an intruder would have to bring along.",
            fix: "Build in one stage and copy the result into a slim or distroless one.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/build/building/multi-stage/"],
            controls: &cis("4.3", "4.1.2"),
        },
        ask: packages,
    },
    Question {
        rule: Rule {
            id: "image-fixable-vulnerabilities",
            title: "Vulnerabilities of the image that have a fix",
            why: "What is known and fixed elsewhere is what is tried first.",
            fix: "Rebuild the image on its newest base, with newest packages, and replace the containers.",
            severity: Severity::High,
            references: &["https://docs.docker.com/build/building/best-practices/#rebuild-your-images-often"],
            controls: &cis("4.4", "4.1.1"),
        },
        ask: vulnerabilities,
    },
    Question {
        rule: Rule {
            id: "image-setuid-files",
            title: "Set-user-id files of the image",
            why: "Each turns any user of the container into its owner, mostly root.",
            fix: "Take the bits away in the Dockerfile (`find / -xdev -perm /6000 -type f -exec chmod a-s {} +`), or run \
                  containers with no-new-privileges.",
            severity: Severity::Low,
            references: &["https://man7.org/linux/man-pages/man2/execve.2.html"],
            controls: &cis("4.8", "4.1.2"),
        },
        ask: |asked| {
            asked
                .none_of(asked.scan.and_then(|scan| scan.setuid_files.as_deref()), "files with such a bit")
                .expecting("none")
        },
    },
    Question {
        rule: Rule {
            id: "image-secrets",
            title: "Credentials in the image",
            why: "Everybody who can pull the image can read every layer of it, also of files that a later one deletes.",
            fix: "Withdraw the credential, and give it to the build by `RUN --mount=type=secret` or to the container when it \
                  starts.",
            severity: Severity::High,
            references: &["https://docs.docker.com/build/building/secrets/"],
            controls: &cis("4.10", "4.1.4"),
        },
        ask: secrets,
    },
    Question {
        rule: Rule {
            id: "image-signature",
            title: "Signature of the image",
            why: "A digest says that the image is the same as yesterday's; only a signature says whose it is.",
            fix: "Sign images in the build, and check signatures before they run.",
            severity: Severity::Medium,
            references: &["https://docs.sigstore.dev/cosign/signing/signing_with_containers/"],
            controls: &cis("4.12", "4.1.5"),
        },
        ask: signature,
    },
];

/// The day on which Docker's Notary server is switched off.
const CONTENT_TRUST_ENDS: Date = date(2026, 12, 8);

pub(super) const CONTENT_TRUST: Rule = Rule {
    id: "content-trust",
    title: "Docker Content Trust",
    why: "It made the client refuse unsigned tags. Docker switches its server off on 2026-12-08; with the variable set, \
          pulls fail from then on.",
    fix: "Remove DOCKER_CONTENT_TRUST, and check signatures of cosign or notation instead.",
    severity: Severity::Low,
    references: &["https://docs.docker.com/engine/security/trust/"],
    controls: &cis("4.5", "4.1.5"),
};

/// Where the environment of all users is set.
const ENVIRONMENT_FILES: [&str; 3] = ["/etc/environment", "/etc/profile", "/etc/bash.bashrc"];

pub(super) fn content_trust(machine: &Machine<'_>) -> Answer {
    let mut files: Vec<String> = ENVIRONMENT_FILES.iter().map(|&file| file.to_owned()).collect();
    let directory = "/etc/profile.d";
    files.extend(
        machine
            .host
            .root
            .names(directory)
            .unwrap_or_default()
            .iter()
            .map(|name| format!("{directory}/{name}")),
    );
    let sets = |line: &str| {
        let line = line.trim().trim_start_matches("export ").trim();
        let value = line.strip_prefix("DOCKER_CONTENT_TRUST=");
        value.is_some_and(|value| value.trim_matches(['"', '\'']) == "1")
    };
    let is_in = |file: &&String| machine.host.root.text(file).is_ok_and(|text| text.lines().any(sets));
    match (files.iter().find(is_in), machine.inputs.today() >= CONTENT_TRUST_ENDS) {
        (Some(file), false) => {
            Answer::new(Outcome::Pass, file.clone(), "DOCKER_CONTENT_TRUST is 1").expecting("1 until it ends")
        }
        (Some(file), true) => {
            let seen = "DOCKER_CONTENT_TRUST is 1, and the server that it asks is gone";
            Answer::new(Outcome::Fail, file.clone(), seen).expecting("not set")
        }
        (None, _) => {
            let why =
                "it ends on 2026-12-08 and cannot verify Docker's own images already; see image-signature";
            Answer::not_applicable(files.join(", "), why)
        }
    }
}

fn origin(asked: &Asked<'_>) -> Answer {
    let labels = &asked.image.image.config.labels;
    let base = asked.scan.and_then(|scan| scan.base.clone());
    let base = base.or_else(|| labels.get("org.opencontainers.image.base.name").cloned());
    let base = base.unwrap_or_else(|| asked.image.name().to_owned());
    let Some(trusted) = &asked.machine.inputs.trusted_images else {
        return Answer::new(
            Outcome::Manual,
            asked.looked_at(),
            format!("{base}; nobody has said which are trusted"),
        );
    };
    // `registry/team` trusts everything below it, `registry/team/app` that image alone.
    let is_under = |trusted: &String| {
        base.strip_prefix(trusted.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
    };
    Answer::judged(trusted.iter().any(is_under), asked.looked_at(), base.clone())
        .expecting("an image of the list")
}

/// Tools by the names of their packages in Debian, Red Hat and Alpine.
const UNNEEDED: [&str; 30] = [
    "binutils",
    "build-base",
    "build-essential",
    "clang",
    "cmake",
    "cpp",
    "g++",
    "gcc",
    "gdb",
    "go",
    "golang",
    "llvm",
    "ltrace",
    "make",
    "musl-dev",
    "nc",
    "ncat",
    "netcat-openbsd",
    "netcat-traditional",
    "nmap",
    "openssh-server",
    "rsh-server",
    "rust",
    "rustc",
    "socat",
    "strace",
    "sudo",
    "tcpdump",
    "telnet",
    "vim",
];

fn packages(asked: &Asked<'_>) -> Answer {
    let found = asked.scan.and_then(|scan| scan.packages.as_ref()).map(|packages| {
        packages.iter().filter(|name| UNNEEDED.contains(&name.as_str())).cloned().collect::<Vec<String>>()
    });
    asked.none_of(found.as_deref(), "packages of compilers, debuggers and network tools").expecting("none")
}

fn vulnerabilities(asked: &Asked<'_>) -> Answer {
    let Some(fixable) = asked.scan.and_then(|scan| scan.fixable.as_ref()) else { return asked.not_scanned() };
    let grave: u32 =
        [Severity::High, Severity::Critical].iter().filter_map(|severity| fixable.get(severity)).sum();
    let all: u32 = fixable.values().sum();
    let created = asked.image.image.created.get(..10).unwrap_or("an unknown day");
    let seen = format!("{all} with a fix, {grave} of them high or critical; built on {created}");
    Answer::judged(grave == 0, "scan of the image", seen)
        .expecting("none that is high or critical and has a fix")
}

/// Whether a variable of this name holds a credential: by its words, for `TOKENIZERS` are none. What names a file does
/// not hold what is in it.
pub(in crate::section) fn is_credential_name(name: &str) -> bool {
    const WORDS: [&str; 8] =
        ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "CREDENTIAL", "CREDENTIALS"];
    const KEYS: [&str; 4] = ["API", "PRIVATE", "ACCESS", "ENCRYPTION"];
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split(['_', '.', '-']).collect();
    let is_key = |pair: &[&str]| matches!(pair, [kind, "KEY"] if KEYS.contains(kind));
    let names_a_file = matches!(words.last(), Some(&("FILE" | "PATH" | "DIR" | "URL")));
    !names_a_file && (words.iter().any(|word| WORDS.contains(word)) || words.windows(2).any(is_key))
}

/// Environment and labels are at hand without a scan; files are not.
fn secrets(asked: &Asked<'_>) -> Answer {
    let config = &asked.image.image.config;
    let variables = config.env.iter().filter_map(|variable| variable.split_once('='));
    let labels = config.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let named = variables.chain(labels).filter(|(name, value)| !value.is_empty() && is_credential_name(name));
    let names: Vec<String> = named.map(|(name, _)| name.to_owned()).collect();
    let expected = "none";
    if !names.is_empty() {
        let seen = format!("values of {}", few(&names));
        return Answer::new(Outcome::Fail, asked.looked_at(), seen).expecting(expected);
    }
    asked.none_of(asked.scan.and_then(|scan| scan.leaks.as_deref()), "credentials").expecting(expected)
}

fn signature(asked: &Asked<'_>) -> Answer {
    let answer = match asked.scan.and_then(|scan| scan.signed_by.as_deref()) {
        None => {
            let name = asked.image.name();
            Answer::not_checked(
                asked.looked_at(),
                format!("signatures were not looked for; `seawall verify {name}` does it"),
            )
        }
        Some([]) => {
            Answer::new(Outcome::Fail, asked.looked_at(), "nobody whose signature can be verified signed it")
        }
        Some(signers) => Answer::new(Outcome::Pass, asked.looked_at(), format!("signed by {}", few(signers))),
    };
    answer.expecting("a signature of a known signer")
}

#[cfg(test)]
mod tests {
    use super::is_credential_name;

    #[test]
    fn names_of_credentials() {
        let check = |name: &str, expected: bool| assert_eq!(is_credential_name(name), expected, "{name}");
        check("DB_PASSWORD", true);
        check("AWS_SECRET_ACCESS_KEY", true);
        check("stripe_api_key", true);
        check("GITHUB_TOKEN", true);
        check("DB_PASSWORD_FILE", false);
        check("TOKENIZERS_PARALLELISM", false);
        check("GPG_KEY", false);
        check("PATH", false);
        check("TOKEN_URL", false);
    }
}
