//! Versions of packages.

use super::package_installs::calls;
use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::packages::{Call, Manager};
use crate::shell::Word;

pub(super) const UNPINNED: Check = Check {
    rule: Rule {
        id: "unpinned-package",
        title: "Package without a version",
        why: "Two builds of one file install different versions. (Off by default: distributions drop old versions, so \
              a pinned build breaks when a fix comes out; a pinned base image and a lock file serve better.)",
        fix: "Name the version, or install from a lock file.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::VERIFIED,
    },
    aliases: &["DL3008", "DL3013", "DL3016", "DL3018", "DL3028", "DL3033", "DL3037", "DL3041", "DL3062"],
    standing: Standing::Off,
    bad: &[
        "FROM debian:12\nRUN apt-get install -y x\n",
        "FROM alpine:3.20\nRUN apk add --no-cache x\n",
        "FROM debian:12\nRUN pip install x\n",
        "FROM debian:12\nRUN npm install -g x\n",
        "FROM debian:12\nRUN gem install x\n",
        "FROM debian:12\nRUN go install example.org/x@latest\n",
        "FROM fedora:40\nRUN dnf install -y x\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get install -y x=1.0 ./y.deb\n",
        "FROM alpine:3.20\nRUN apk add --no-cache x=1.0 'y>2'\n",
        "FROM debian:12\nRUN pip install x==1 -r requirements.txt .\n",
        "FROM debian:12\nRUN npm install && npm install -g x@1.2 @a/b@1\n",
        "FROM debian:12\nRUN gem install x:1.2 && gem install y -v 1\n",
        "FROM debian:12\nRUN go install example.org/x@v1.2.3\n",
        "FROM fedora:40\nRUN dnf install -y x-1.2 @group\n",
    ],
    look: unpinned,
};

fn unpinned(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, call) in calls(file) {
        if !call.installs() || is_pinned_as_a_whole(&call) {
            continue;
        }
        let packages = call.packages();
        // `yarn global add x`, `yarn install`.
        let Some(alias) = alias_of_pins(call.manager) else { continue };
        for word in packages.into_iter().filter(|word| !is_pinned(call.manager, word)) {
            hits.add(script.span(&word.range), format!("{} has no version", word.text), "a version")
                .alias(alias);
        }
    }
}

fn alias_of_pins(manager: Manager) -> Option<&'static str> {
    Some(match manager {
        Manager::Apt => "DL3008",
        Manager::Apk => "DL3018",
        Manager::Yum => "DL3033",
        Manager::Dnf | Manager::Microdnf => "DL3041",
        Manager::Zypper => "DL3037",
        Manager::Pip => "DL3013",
        Manager::Npm => "DL3016",
        Manager::Gem => "DL3028",
        Manager::Go => "DL3062",
        Manager::Yarn => return None,
    })
}

fn is_pinned_as_a_whole(call: &Call<'_>) -> bool {
    let has = |options: &[&str]| call.rest.iter().any(|word| options.contains(&word.text.as_str()));
    match call.manager {
        Manager::Gem => has(&["-v", "--version"]) || call.command.has_long("--version"),
        Manager::Pip => has(&["-c", "--constraint"]) || call.command.has_long("--constraint"),
        Manager::Apt => has(&["-t", "--target-release"]),
        Manager::Apk
        | Manager::Yum
        | Manager::Dnf
        | Manager::Microdnf
        | Manager::Zypper
        | Manager::Npm
        | Manager::Yarn
        | Manager::Go => false,
    }
}

fn is_pinned(manager: Manager, word: &Word) -> bool {
    let text = word.text.as_str();
    let is_path = text.starts_with(['.', '/', '$', '~']) || text.contains("://") || text.starts_with("file:");
    let is_varied = !word.is_literal();
    match manager {
        Manager::Apt => {
            text.contains('=') || is_path || text.ends_with(".deb") || text.ends_with('-') || is_varied
        }
        Manager::Apk => text.contains(['=', '>', '<', '~']) || is_path || text.ends_with(".apk") || is_varied,
        Manager::Yum | Manager::Dnf | Manager::Microdnf => {
            let dashed = text.split('-').skip(1).any(|part| part.starts_with(|ch: char| ch.is_ascii_digit()));
            dashed
                || is_path
                || text.ends_with(".rpm")
                || text.starts_with('@')
                || text.contains('=')
                || is_varied
        }
        Manager::Zypper => text.contains(['=', '<', '>']) || is_path || text.ends_with(".rpm") || is_varied,
        Manager::Pip => {
            text.contains("==")
                || text.contains("===")
                || text.contains('@')
                || is_path
                || text.ends_with(".whl")
                || text.ends_with(".tar.gz")
                || text.contains('/')
                || is_varied
        }
        Manager::Npm => {
            let name = text.strip_prefix('@').unwrap_or(text);
            let has_version =
                name.split_once('@').is_some_and(|(_, version)| !version.is_empty() && version != "latest");
            has_version
                || is_path
                || name.contains('#')
                || text.ends_with(".tgz")
                || is_varied
                || (text.contains('/') && !text.starts_with('@'))
        }
        Manager::Gem => text.contains(':') || is_path || text.ends_with(".gem") || is_varied,
        Manager::Go => {
            let version = text.split_once('@').map(|(_, version)| version);
            is_path
                || is_varied
                || version.is_none()
                || version.is_some_and(|v| !matches!(v, "latest" | "master" | "main" | "upgrade"))
        }
        Manager::Yarn => true,
    }
}
