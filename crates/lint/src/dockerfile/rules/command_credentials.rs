//! Credentials in the commands of `RUN`: options, variables, credential files that are written. Their values are never
//! shown: the span of a finding is the command's name.

use seawall_finding::Confidence;

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls, names_secret};
use crate::shell::{Command, Word};

pub(super) const CHECK: Check = Check {
    rule: Rule {
        id: "credential-in-command",
        title: "Credential in a command of the build",
        why: "The command stands in the history of the image word for word, and what it writes stays in the layer, \
              also when a later instruction removes it. Whoever can pull the image has the credential.",
        fix: "Change the credential, and mount it for the step that needs it (RUN --mount=type=secret,id=…).",
        severity: Severity::High,
        references: &["https://docs.docker.com/build/building/secrets/"],
        controls: controls::SECRETS,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN mysql -h db -u root -phunter2 -e 'select 1'\n",
        "FROM debian:12\nRUN curl -u ci:hunter2 https://example.org/a\n",
        "FROM debian:12\nRUN curl -sfuci:hunter2 https://example.org/a\n",
        "FROM debian:12\nRUN curl -H 'Authorization: Bearer hunter2hunter2' https://example.org/a\n",
        "FROM debian:12\nRUN export AWS_SECRET_ACCESS_KEY=hunter2 && aws s3 cp s3://a/b .\n",
        "FROM debian:12\nRUN PGPASSWORD=hunter2 psql -h db\n",
        "FROM debian:12\nRUN ./install --admin-password=hunter2\n",
        "FROM debian:12\nRUN ./install --token hunter2\n",
        "FROM debian:12\nRUN docker login -u ci -p hunter2 r.example.org\n",
        "FROM debian:12\nRUN sshpass -p hunter2 ssh a\n",
        "FROM debian:12\nRUN redis-cli -a hunter2 ping\n",
        "FROM debian:12\nRUN echo 'machine example.org login ci password hunter2' > ~/.netrc\n",
        "FROM debian:12\nARG T\nRUN echo \"//registry.npmjs.org/:_authToken=$T\" >> /root/.npmrc\n",
        "FROM debian:12\nRUN npm config set //registry.npmjs.org/:_authToken=hunter2\n",
    ],
    good: &[
        "FROM debian:12\nRUN mysql -h db -u root -p$P && curl -u \"$U:$P\" https://example.org/a && mysql -p app\n",
        "FROM debian:12\nRUN --mount=type=secret,id=p,env=PGPASSWORD psql -h db --password-file=/p --token=$T\n",
        "FROM debian:12\nRUN curl -u ci: https://example.org/a && export PASSWORD= TOKEN_URL=https://example.org/t\n",
        "FROM debian:12\nRUN echo 'registry=https://registry.example.org' > /root/.npmrc\n",
        "FROM debian:12\nRUN echo \"machine a login b password $T\" > ~/.netrc && go mod download && rm ~/.netrc\n",
        "FROM debian:12\nRUN docker login --password-stdin r.example.org < /run/secrets/p && wget --password='' a:80\n",
        "FROM debian:12\nRUN adduser -D --disabled-password app && ./x --token true\n",
    ],
    look,
};

/// Programs, the subcommand, and its short option whose value is a password.
const PASSWORD_OPTIONS: [(&[&str], &str, &str); 6] = [
    (&["docker", "podman", "buildah", "skopeo", "oras", "crane", "nerdctl", "helm"], "login", "-p"),
    (&["sshpass"], "", "-p"),
    (&["redis-cli"], "", "-a"),
    (&["sqlcmd"], "", "-P"),
    (&["ldapsearch", "ldapadd", "ldapmodify"], "", "-w"),
    (&["mongo", "mongosh", "mongodump", "mongorestore"], "", "-p"),
];

/// Programs of MySQL, whose `-p` has its value in the same word or none.
const MYSQL: [&str; 6] = ["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mariadb", "mariadb-dump"];

/// Long options that are about a credential and have their value in the next word.
const LONG_OPTIONS: [&str; 8] = [
    "--password",
    "--passwd",
    "--pass",
    "--token",
    "--api-key",
    "--secret",
    "--access-token",
    "--secret-key",
];

/// Files of credentials by the end of their path, and what stands in one in front of a credential.
const CREDENTIAL_FILES: [(&str, &str); 9] = [
    (".netrc", "password"),
    (".npmrc", "_auth"),
    (".npmrc", "_password"),
    (".pypirc", "password"),
    (".pgpass", ":"),
    (".my.cnf", "password"),
    (".git-credentials", "://"),
    (".docker/config.json", "auth"),
    (".aws/credentials", "secret_access_key"),
];

fn look(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, _, script) in file.scripts() {
        for command in &script.script.commands {
            let Some(what) = in_options(command)
                .or_else(|| in_variables(command))
                .or_else(|| in_header(command))
                .or_else(|| in_file(command, &script.script.commands))
            else {
                continue;
            };
            let first = command.assignments.first().or(command.words.first());
            // Of an assignment the name alone is shown.
            let start = first.map_or(command.range.start, |word| word.range.start);
            let length = first.map_or(0, |word| word.text.split('=').next().unwrap_or_default().len());
            let end = (start + length).min(command.range.end);
            hits.add(
                script.span(&(start..end)),
                format!("a command of the build has {what}"),
                "a secret mount",
            )
            .detail(command.name())
            .confidence(Confidence::Medium);
        }
    }
}

/// Whether a text is a value that stands here for everybody to read.
fn is_told(value: &str) -> bool {
    const NOTHING: [&str; 9] = ["", "true", "false", "yes", "no", "0", "1", "null", "none"];
    let value = value.trim_matches(['"', '\'']);
    !NOTHING.contains(&value)
        && !value.contains(['$', '`'])
        && !value.starts_with(['-', '<', '{', '/', '!'])
        && !value.chars().all(|c| matches!(c, '*' | 'x' | 'X'))
}

fn in_options(command: &Command) -> Option<String> {
    let (name, words) = (command.name(), command.arguments());
    let value_of = |option: &str| {
        let at = words.iter().position(|word| word.text.starts_with(option))?;
        match words.get(at)?.text.strip_prefix(option)? {
            "" => words.get(at + 1).map(|word| word.text.as_str()),
            glued => Some(glued),
        }
    };
    let of_it = PASSWORD_OPTIONS.iter().filter(|(names, subcommand, _)| {
        names.contains(&name) && (subcommand.is_empty() || command.has(subcommand))
    });
    if of_it.filter_map(|(_, _, option)| value_of(option)).any(is_told) {
        return Some(format!("a password among the options of {name}"));
    }
    if MYSQL.contains(&name) && words.iter().any(|word| word.text.strip_prefix("-p").is_some_and(is_told)) {
        return Some(format!("a password among the options of {name}"));
    }
    if name == "curl" && curl_users(words).any(|user| user.split_once(':').is_some_and(|(_, p)| is_told(p))) {
        return Some("a user's password among the options of curl".to_owned());
    }
    words.iter().enumerate().find_map(|(at, word)| {
        let (option, value) = match word.text.split_once('=') {
            Some((option, value)) => (option, value),
            None if LONG_OPTIONS.contains(&word.text.as_str()) => {
                (word.text.as_str(), words.get(at + 1).map_or("", |next| next.text.as_str()))
            }
            None => return None,
        };
        let is_secret = match option.strip_prefix("--") {
            Some(long) => names_secret(long) && !matches!(name, "useradd" | "usermod" | "adduser"),
            None => option.ends_with(":_authToken") || option.ends_with(":_password"),
        };
        (is_secret && is_told(value)).then(|| format!("a credential behind {option}"))
    })
}

/// What curl takes for users: `-u a:b`, `-ua:b`, `-sfu a:b`, `--user a:b`, `--user=a:b`.
fn curl_users(words: &[Word]) -> impl Iterator<Item = &str> {
    words.iter().enumerate().filter_map(|(at, word)| {
        let next = || words.get(at + 1).map(|next| next.text.as_str());
        if let Some(long) = word.text.strip_prefix("--") {
            let (option, value) = long.split_once('=').unwrap_or((long, ""));
            let is_user = matches!(option, "user" | "proxy-user");
            return is_user.then(|| if value.is_empty() { next() } else { Some(value) }).flatten();
        }
        let shorts = word.text.strip_prefix('-')?;
        let user = shorts.find(['u', 'U'])?;
        // In front of it are switches; a letter that takes a value would have taken the rest.
        let is_switches = shorts.get(..user)?.chars().all(|c| "fgikLlnNOpqRsSvZ0123456j".contains(c));
        let rest = shorts.get(user + 1..)?;
        is_switches.then(|| if rest.is_empty() { next() } else { Some(rest) }).flatten()
    })
}

fn in_variables(command: &Command) -> Option<String> {
    let exports = matches!(command.name(), "export" | "declare" | "typeset" | "readonly" | "env");
    let exported = command.arguments().iter().filter(|_| exports);
    command.assignments.iter().chain(exported).find_map(|word| {
        let (name, value) = word.text.split_once('=')?;
        (names_secret(name) && is_told(value)).then(|| format!("a credential in the variable {name}"))
    })
}

fn in_header(command: &Command) -> Option<String> {
    const HEADERS: [&str; 5] = [
        "authorization: basic ",
        "authorization: bearer ",
        "authorization: token ",
        "x-api-key: ",
        "private-token: ",
    ];
    command.arguments().iter().find_map(|word| {
        let lower = word.text.to_ascii_lowercase();
        let (at, header) = HEADERS.iter().find_map(|header| Some((lower.find(header)?, header)))?;
        let value = word.text.get(at + header.len()..)?.trim();
        is_told(value).then(|| format!("a credential in a header for {}", command.name()))
    })
}

/// A file of credentials that stays in the layer, or whose content stands in the history.
fn in_file(command: &Command, script: &[Command]) -> Option<String> {
    if !matches!(command.name(), "echo" | "printf") {
        return None;
    }
    let target = command.redirects.iter().filter(|redirect| redirect.operator.contains('>'));
    let path = target.filter_map(|redirect| redirect.target.as_ref()).next()?;
    let words: Vec<&Word> = command.arguments().iter().collect();
    let (name, _) = CREDENTIAL_FILES.iter().find(|(name, mark)| {
        path.text.ends_with(name) && words.iter().any(|word| word.text.contains(mark))
    })?;
    let is_removed = script.iter().any(|other| other.name() == "rm" && other.has(&path.text));
    let is_literal = words.iter().all(|word| word.is_literal());
    (is_literal || !is_removed).then(|| format!("credentials that it writes into {name}"))
}
