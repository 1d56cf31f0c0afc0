//! CPE 2.3 match criteria → affected versions of programs without a package manager.

use serde::Deserialize;

use crate::record::{Affected, Bound, Range, State};

/// One criterion of a node.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Match {
    vulnerable: bool,
    criteria: String,
    #[serde(default)]
    version_start_including: Option<String>,
    #[serde(default)]
    version_start_excluding: Option<String>,
    #[serde(default)]
    version_end_including: Option<String>,
    #[serde(default)]
    version_end_excluding: Option<String>,
}

/// Vendor and product → the name that the catalog gives the program.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("python", "python", "python"),
    ("nodejs", "node.js", "node"),
    ("nginx", "nginx", "nginx"),
    ("f5", "nginx", "nginx"),
    ("f5", "nginx_open_source", "nginx"),
    ("openssl", "openssl", "openssl"),
    ("php", "php", "php"),
    ("ruby-lang", "ruby", "ruby"),
    ("perl", "perl", "perl"),
    ("apache", "http_server", "httpd"),
    ("redis", "redis", "redis"),
    ("lfprojects", "valkey", "valkey"),
    ("postgresql", "postgresql", "postgresql"),
    ("oracle", "mysql", "mysql"),
    ("oracle", "mysql_server", "mysql"),
    ("mariadb", "mariadb", "mariadb"),
    ("mongodb", "mongodb", "mongodb"),
    ("memcached", "memcached", "memcached"),
    ("haproxy", "haproxy", "haproxy"),
    ("traefik", "traefik", "traefik"),
    ("envoyproxy", "envoy", "envoy"),
    ("hashicorp", "consul", "consul"),
    ("hashicorp", "vault", "vault"),
    ("etcd", "etcd", "etcd"),
    ("grafana", "grafana", "grafana"),
    ("busybox", "busybox", "busybox"),
    ("gnu", "bash", "bash"),
    ("gnu", "glibc", "glibc"),
    ("haxx", "curl", "curl"),
    ("haxx", "libcurl", "curl"),
    ("zlib", "zlib", "zlib"),
    ("sqlite", "sqlite", "sqlite"),
    ("oracle", "openjdk", "openjdk"),
    ("rust-lang", "rust", "rust"),
    ("erlang", "erlang/otp", "erlang"),
    ("lighttpd", "lighttpd", "lighttpd"),
    ("git-scm", "git", "git"),
    ("denoland", "deno", "deno"),
    ("bun", "bun", "bun"),
];

impl Match {
    /// Adds what it says; criteria of one program become one entry.
    pub(super) fn add_to(&self, affected: &mut Vec<Affected>) {
        let Some((name, version)) = self.program().filter(|_| self.vulnerable) else { return };
        let existing = affected.iter().position(|entry| entry.name == name);
        let index = existing.unwrap_or_else(|| {
            affected.push(Affected {
                space: "generic".to_owned(),
                name: name.to_owned(),
                ..Affected::default()
            });
            affected.len() - 1
        });
        let Some(entry) = affected.get_mut(index) else { return };
        match version {
            Some(version) if entry.versions.contains(&version) => {}
            Some(version) => entry.versions.push(version),
            None => {
                let range = self.range();
                if matches!(range.until, Bound::Fixed(_)) {
                    entry.state = State::Fixed;
                }
                if !entry.ranges.contains(&range) {
                    entry.ranges.push(range);
                }
            }
        }
    }

    /// The program's name and its single version, if the criterion names one.
    fn program(&self) -> Option<(&'static str, Option<String>)> {
        let fields = fields(&self.criteria);
        let field = |index: usize| fields.get(index).map(String::as_str);
        if field(0) != Some("cpe") || field(2) != Some("a") {
            return None;
        }
        let (vendor, product) = (field(3)?, field(4)?);
        let (.., name) = PROGRAMS.iter().find(|(v, p, _)| *v == vendor && *p == product)?;
        let version = match (field(5)?, field(6).unwrap_or("*")) {
            ("*", _) => None,
            // Not applicable: a statement about no version.
            ("-", _) => return None,
            (version, "*" | "-") => Some(version.to_owned()),
            (version, update) => Some(format!("{version}-{update}")),
        };
        Some((*name, version))
    }

    fn range(&self) -> Range {
        // An excluded start is one version too many at most: a range cannot say it.
        let introduced =
            self.version_start_including.clone().or_else(|| self.version_start_excluding.clone());
        let until = match (&self.version_end_excluding, &self.version_end_including) {
            (Some(version), _) => Bound::Fixed(version.clone()),
            (None, Some(version)) => Bound::LastAffected(version.clone()),
            (None, None) => Bound::Open,
        };
        Range { introduced, until }
    }
}

/// The fields between unescaped colons, without escapes (NISTIR 7695, 6.2).
fn fields(criteria: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut escaped = false;
    for c in criteria.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            ':' if !escaped => fields.push(String::new()),
            c => {
                escaped = false;
                if let Some(field) = fields.last_mut() {
                    field.push(c);
                }
            }
        }
    }
    fields
}
