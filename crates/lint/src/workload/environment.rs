//! Credentials where everybody reads them: environment, arguments.

use seawall_finding::Framework::{CisKubernetes112, Cwe, NistSp800190, NsaCisaKubernetes};
use seawall_finding::{Confidence, Rule, Severity};
use seawall_inventory::workload::{Command, ContainerSpec, Env, EnvOrigin, Origin, Source};

use super::case::{Answer, Case, Wrong, quoted};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "secret-in-environment",
            title: "Credential written into the environment",
            why: "A value in a manifest is in the repository, in every copy of it and in the engine's answer to \
                  anybody who asks; environment variables go on to every child process and into crash reports.",
            fix: "Take it from a secret: `secretKeyRef`, `secrets:`, `Secret=`, a file that only the program reads.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/concepts/configuration/secret/"],
            controls: &[
                (CisKubernetes112, "5.4.1"),
                (NsaCisaKubernetes, "Secrets"),
                (NistSp800190, "4.1.4"),
                (Cwe, "CWE-798"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(variables),
        bad: &[
            "docker run -e DB_PASSWORD=hunter2x x:1",
            "services: {a: {image: 'x:1', environment: {AWS_SECRET_ACCESS_KEY: abcdefgh}}}",
            "services: {a: {image: 'x:1', environment: ['POSTGRES_PASSWORD=postgres']}}",
            "[Container]\nImage=x:1\nEnvironment=A=b API_TOKEN=abcdef\n",
        ],
        good: &[
            "docker run -e DB_PASSWORD x:1",
            "services: {a: {image: 'x:1', environment: {DB_PASSWORD: '${DB_PASSWORD:?}', DB_PASSWORD_FILE: /run/secrets/db}}}",
            "docker run -e PASSWORD_MIN_LENGTH=8 -e TOKEN_URL=https://x -e AUTH_TOKEN= x:1",
            "docker run -e SECRET_NAME=db -e USE_TOKEN=true x:1",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "secret-in-arguments",
            title: "Credential among the arguments",
            why: "Every process of the machine, and whoever reads the manifest, sees the arguments of a program.",
            fix: "Give the program a file or a secret to read it from.",
            severity: Severity::High,
            references: &["https://man7.org/linux/man-pages/man5/proc_pid_cmdline.5.html"],
            controls: &[(NistSp800190, "4.1.4"), (Cwe, "CWE-214")],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(arguments),
        bad: &["docker run redis:7 redis-server --requirepass hunter2", "docker run x:1 --password=hunter2"],
        good: &["docker run x:1 --password-file=/run/secrets/p", "docker run x:1 --token=$TOKEN"],
    },
    WorkloadRule {
        rule: Rule {
            id: "secret-as-environment",
            title: "Secret delivered as environment variable",
            why: "A file can be read once, by one user; a variable goes on to every child process and into crash \
                  reports, and a rotated secret does not reach it.",
            fix: "Mount the secret as a file.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/configuration/secret/"],
            controls: &[(CisKubernetes112, "5.4.1"), (NsaCisaKubernetes, "Secrets"), (NistSp800190, "4.1.4")],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(delivered),
        bad: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, envFrom: [{secretRef: {name: s}}]}]}",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, env: [{name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}",
        ],
        good: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, envFrom: [{configMapRef: {name: s}}]}]}",
        ],
    },
];

const SECTION: &str = "Secrets of containers";

/// Whether a name says that its value is a credential.
pub(crate) fn names_credential(name: &str) -> bool {
    const WORDS: [&str; 16] = [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "TOKEN",
        "APIKEY",
        "API_KEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
        "CREDENTIAL",
        "CREDENTIALS",
        "PWD",
        "AUTH_KEY",
        "ENCRYPTION_KEY",
        "SECRET_KEY",
        "CONNECTION_STRING",
    ];
    // What follows such a word and makes it the name of something about a credential.
    const ABOUT: [&str; 32] = [
        "FILE",
        "PATH",
        "DIR",
        "NAME",
        "URL",
        "URI",
        "LENGTH",
        "MIN",
        "MAX",
        "TTL",
        "EXPIRY",
        "EXPIRATION",
        "EXPIRES",
        "TIMEOUT",
        "ENDPOINT",
        "ISSUER",
        "HEADER",
        "TYPE",
        "ID",
        "ENABLED",
        "REQUIRED",
        "POLICY",
        "ALGORITHM",
        "REF",
        "HASH_ROUNDS",
        "LIFETIME",
        "AUDIENCE",
        "STORE",
        "PROVIDER",
        "DURATION",
        "VERSION",
        "LIMIT",
    ];
    let upper = name.to_ascii_uppercase().replace(['-', '.'], "_");
    if upper == "PWD" || upper == "OLDPWD" {
        return false;
    }
    let is_about = upper.rsplit('_').next().is_some_and(|last| ABOUT.contains(&last));
    // `ACCESS_KEY_ID` names a public identifier; `dbPassword` and `ROOTPASSWORD` have no underline.
    let parts_match = WORDS.iter().any(|word| {
        let at_edges = |(at, _): (usize, &str)| {
            let before = at == 0 || upper.as_bytes().get(at - 1) == Some(&b'_') || word.len() > 5;
            let after = upper.as_bytes().get(at + word.len());
            before
                && (after.is_none()
                    || after == Some(&b'_')
                    || after == Some(&b'S')
                    || after.is_some_and(u8::is_ascii_digit))
        };
        upper.match_indices(word).any(at_edges)
    });
    let is_max_tokens =
        upper.ends_with("TOKENS") || upper.contains("PASSWORD_MIN") || upper.contains("PASSWORD_MAX");
    parts_match && !is_about && !is_max_tokens
}

/// Whether a value can be a credential: written down, not a reference, not a switch.
pub(crate) fn can_be_credential(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let is_reference =
        value.contains("${") || value.starts_with('$') || value.contains("{{") || value.starts_with("$(");
    let is_switch = matches!(
        value.to_ascii_lowercase().as_str(),
        "" | "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "none"
            | "null"
            | "enabled"
            | "disabled"
            | "required"
    );
    let is_place =
        value.starts_with('/') || value.starts_with("file:") || value.contains("://") && !value.contains('@');
    let is_blank = value.starts_with('<') && value.ends_with('>')
        || value.bytes().all(|b| b == b'*' || b == b'x' || b == b'X');
    !is_reference && !is_switch && !is_place && !is_blank
}

fn variables(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrong = |variable: &Env| {
        let value = variable.value.as_ref()?;
        let is_written = matches!(variable.from, EnvOrigin::Literal | EnvOrigin::Image);
        let is_one = is_written && names_credential(&variable.name) && can_be_credential(value.reveal());
        let setting = format!("environment variable {}", quoted(&variable.name));
        let seen = format!(
            "{} has a value of {} characters",
            quoted(&variable.name),
            value.reveal().chars().count()
        );
        is_one.then(|| Wrong {
            confidence: Confidence::Medium,
            ..Wrong::new(&variable.origin, &setting, seen, "a secret's name, not its value")
        })
    };
    if case.is(Source::Engine) && container.env.is_empty() {
        return Answer::Pass("no variables".to_owned());
    }
    Answer::from(container.env.iter().filter_map(wrong).collect(), "no variable holds a credential")
}

fn arguments(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let commands = container.entrypoint.iter().chain(&container.command);
    let wrongs = commands.flat_map(|given| {
        let words: Vec<String> = match &given.value {
            Command::Words(words) => words.clone(),
            Command::Line(line) => line.split_whitespace().map(str::to_owned).collect(),
        };
        let flag = |(index, word): (usize, &String)| {
            let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, words.get(index + 1).filter(|next| !next.starts_with('-')).cloned()),
            };
            let is_redis = name == "requirepass" || name == "masterauth";
            let is_one = is_redis || names_credential(name);
            let value = value.filter(|value| is_one && can_be_credential(value))?;
            let seen = format!("{} has a value of {} characters", quoted(name), value.chars().count());
            Some(Wrong {
                confidence: Confidence::Medium,
                ..Wrong::new(&given.origin, &format!("argument {}", quoted(name)), seen, "the name of a file")
            })
        };
        words.iter().enumerate().filter_map(flag).collect::<Vec<_>>()
    });
    Answer::from(wrongs.collect(), "no argument holds a credential")
}

fn delivered(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrong = |origin: &Origin, name: &str, secret: &str| {
        Wrong::new(
            origin,
            &format!("environment {}", quoted(name)),
            format!("secret {secret}"),
            "a mounted file",
        )
    };
    let one = |variable: &Env| match &variable.from {
        EnvOrigin::Secret(secret) => Some(wrong(&variable.origin, &variable.name, secret)),
        EnvOrigin::Literal
        | EnvOrigin::ConfigMap(_)
        | EnvOrigin::Field
        | EnvOrigin::Inherited
        | EnvOrigin::Image => None,
    };
    let all = container.env_from.iter().filter_map(|set| match &set.from {
        EnvOrigin::Secret(secret) => Some(wrong(&set.origin, "all of a secret", secret)),
        EnvOrigin::Literal
        | EnvOrigin::ConfigMap(_)
        | EnvOrigin::Field
        | EnvOrigin::Inherited
        | EnvOrigin::Image => None,
    });
    if !case.is_kubernetes() && !case.is(Source::Quadlet) {
        return Answer::NotApplicable("its variables come from no secret");
    }
    Answer::from(container.env.iter().filter_map(one).chain(all).collect(), "no secret is a variable")
}
