//! Package managers: what a command installs with which.

use crate::shell::{Command, Word};

/// The package managers whose use the rules judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Manager {
    Apt,
    Apk,
    Yum,
    Dnf,
    Microdnf,
    Zypper,
    Pip,
    Npm,
    Yarn,
    Gem,
    Go,
}

/// A call of a package manager.
#[derive(Debug, Clone)]
pub(crate) struct Call<'c> {
    pub(crate) manager: Manager,
    pub(crate) command: &'c Command,
    /// The word of the subcommand: `install`, `add`.
    pub(crate) verb: &'c Word,
    /// The words behind it.
    pub(crate) rest: &'c [Word],
}

impl Manager {
    fn of(name: &str) -> Option<Manager> {
        Some(match name {
            "apt-get" | "apt" | "aptitude" => Manager::Apt,
            "apk" => Manager::Apk,
            "yum" => Manager::Yum,
            "dnf" | "dnf5" => Manager::Dnf,
            "microdnf" => Manager::Microdnf,
            "zypper" => Manager::Zypper,
            "npm" => Manager::Npm,
            "yarn" => Manager::Yarn,
            "gem" => Manager::Gem,
            "go" => Manager::Go,
            _ if is_pip(name) => Manager::Pip,
            _ => return None,
        })
    }

    /// Options that take the next word as their value, in front of the subcommand or behind it.
    fn takes_value(self, option: &str) -> bool {
        let list: &[&str] = match self {
            Manager::Apt => &[
                "-o",
                "-c",
                "-t",
                "--option",
                "--config-file",
                "--target-release",
                "--default-release",
                "-a",
            ],
            Manager::Apk => &[
                "-t",
                "--virtual",
                "-X",
                "--repository",
                "-p",
                "--root",
                "--arch",
                "--cache-dir",
                "--keys-dir",
                "--repositories-file",
                "--cache-max-age",
            ],
            Manager::Yum | Manager::Dnf | Manager::Microdnf => &[
                "-c",
                "--config",
                "-d",
                "-e",
                "-R",
                "-x",
                "--exclude",
                "--disablerepo",
                "--enablerepo",
                "--installroot",
                "--releasever",
                "--setopt",
                "--repo",
                "--repoid",
                "--repofrompath",
                "--forcearch",
            ],
            Manager::Zypper => &[
                "-R",
                "--root",
                "-c",
                "--config",
                "-D",
                "--reposd-dir",
                "-r",
                "--repo",
                "--from",
                "-t",
                "--type",
                "-p",
                "--plus-repo",
            ],
            Manager::Pip => &[
                "-r",
                "--requirement",
                "-c",
                "--constraint",
                "-e",
                "--editable",
                "-i",
                "--index-url",
                "--extra-index-url",
                "-f",
                "--find-links",
                "-t",
                "--target",
                "--prefix",
                "--root",
                "--src",
                "--trusted-host",
                "--timeout",
                "--retries",
                "--cache-dir",
                "--python",
                "--platform",
                "--abi",
                "--python-version",
                "--implementation",
                "--only-binary",
                "--no-binary",
                "--proxy",
                "--cert",
                "--log",
                "--report",
                "--progress-bar",
                "-d",
                "--dest",
                "--upgrade-strategy",
                "--config-settings",
                "--global-option",
                "--install-option",
                "--root-user-action",
                "--exists-action",
                "--use-feature",
                "--use-deprecated",
                "--build-option",
            ],
            Manager::Npm => &[
                "--prefix",
                "--registry",
                "-C",
                "--loglevel",
                "--cache",
                "--userconfig",
                "-w",
                "--workspace",
                "--tag",
            ],
            Manager::Yarn => {
                &["--cwd", "--registry", "--cache-folder", "--network-timeout", "--modules-folder", "--mutex"]
            }
            Manager::Gem => &[
                "-v",
                "--version",
                "-i",
                "--install-dir",
                "-n",
                "--bindir",
                "-s",
                "--source",
                "-P",
                "--trust-policy",
                "--platform",
                "-p",
                "--http-proxy",
                "-g",
                "--file",
            ],
            Manager::Go => {
                &["-ldflags", "-tags", "-o", "-C", "-mod", "-modfile", "-gcflags", "-p", "-asmflags"]
            }
        };
        list.contains(&option)
    }
}

/// `pip`, `pip3`, `pip3.11`.
pub(crate) fn is_pip(name: &str) -> bool {
    name.strip_prefix("pip")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Programs that only start another one.
const STARTERS: [&str; 10] =
    ["sudo", "env", "exec", "command", "nice", "ionice", "nohup", "time", "eatmydata", "doas"];

/// The words of a command behind the programs that only start another one: `sudo`, `env`, `exec`, `nice`, `time`.
pub(crate) fn bare_words(command: &Command) -> &[Word] {
    let mut words = command.words.as_slice();
    loop {
        let Some((first, rest)) = words.split_first() else { return words };
        if !STARTERS.contains(&first.text.rsplit('/').next().unwrap_or_default()) {
            return words;
        }
        let options =
            rest.iter().take_while(|word| word.text.starts_with('-') || word.text.contains('=')).count();
        words = rest.get(options..).unwrap_or_default();
    }
}

/// The call of a package manager that a command is.
pub(crate) fn call(command: &Command) -> Option<Call<'_>> {
    let words = bare_words(command);
    let (first, mut rest) = words.split_first()?;
    let name = first.text.rsplit('/').next().unwrap_or_default();
    let manager = match name {
        // `python3 -m pip install`
        _ if name.starts_with("python") || name.starts_with("pypy") => {
            let at = rest.iter().position(|word| word.text == "-m")?;
            rest.get(at + 1).filter(|word| is_pip(&word.text))?;
            rest = rest.get(at + 2..)?;
            Manager::Pip
        }
        _ => Manager::of(name)?,
    };
    let mut skip = 0;
    while let Some(word) = rest.get(skip).filter(|word| word.text.starts_with('-')) {
        skip += if manager.takes_value(&word.text) { 2 } else { 1 };
    }
    let verb = rest.get(skip)?;
    Some(Call { manager, command, verb, rest: rest.get(skip + 1..).unwrap_or_default() })
}

impl<'c> Call<'c> {
    /// Whether it installs packages by name.
    pub(crate) fn installs(&self) -> bool {
        let verbs: &[&str] = match self.manager {
            Manager::Apt => &["install"],
            Manager::Apk => &["add"],
            Manager::Yum | Manager::Dnf => &["install", "localinstall", "groupinstall", "reinstall", "in"],
            Manager::Microdnf => &["install"],
            Manager::Zypper => &["install", "in", "source-install", "si"],
            Manager::Pip => &["install"],
            Manager::Npm => &["install", "i", "add", "isntall", "in"],
            Manager::Yarn => &["add", "install", "global"],
            Manager::Gem => &["install", "i"],
            Manager::Go => &["install", "get"],
        };
        verbs.contains(&self.verb.text.as_str())
    }

    /// The packages that it names.
    pub(crate) fn packages(&self) -> Vec<&'c Word> {
        let mut found = Vec::new();
        let mut words = self.rest.iter();
        while let Some(word) = words.next() {
            if word.text == "--" {
                continue;
            }
            if word.text.starts_with('-') && word.text.len() > 1 {
                if self.manager.takes_value(&word.text) {
                    words.next();
                }
                continue;
            }
            found.push(word);
        }
        found
    }

    /// All words of the call but its name.
    pub(crate) fn arguments(&self) -> &'c [Word] {
        self.command.arguments()
    }

    pub(crate) fn is(&self, manager: Manager, verb: &str) -> bool {
        self.manager == manager && self.verb.text == verb
    }
}
