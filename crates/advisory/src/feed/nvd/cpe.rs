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

/// Vendor and product → the names that the catalog gives the program; one product can be several programs.
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
    ("haxx", "curl", "libcurl"),
    ("haxx", "libcurl", "curl"),
    ("haxx", "libcurl", "libcurl"),
    ("golang", "go", "go"),
    ("dart", "dart_software_development_kit", "dart"),
    ("elixir-lang", "elixir", "elixir"),
    ("libexpat_project", "libexpat", "expat"),
    ("ffmpeg", "ffmpeg", "ffmpeg"),
    ("libpng", "libpng", "libpng"),
    ("openbsd", "libressl", "libressl"),
    ("openbsd", "openssh", "openssh"),
    ("lua", "lua", "lua"),
    ("musl-libc", "musl", "musl"),
    ("openresty", "openresty", "openresty"),
    ("pypy", "pypy", "pypy"),
    ("vmware", "rabbitmq", "rabbitmq"),
    ("pivotal_software", "rabbitmq", "rabbitmq"),
    ("broadcom", "rabbitmq_server", "rabbitmq"),
    ("squid-cache", "squid", "squid"),
    ("wordpress", "wordpress", "wordpress"),
    ("tukaani", "xz", "xz"),
    ("oracle", "jdk", "oracle-jdk"),
    ("oracle", "jre", "oracle-jdk"),
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
        if !self.vulnerable {
            return;
        }
        let Some((names, version)) = self.programs() else { return };
        for name in names {
            self.add_program(name, version.clone(), affected);
        }
    }

    fn add_program(&self, name: &str, version: Option<String>, affected: &mut Vec<Affected>) {
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

    /// The programs' names and the single version, if the criterion names one.
    fn programs(&self) -> Option<(Vec<&'static str>, Option<String>)> {
        let fields = fields(&self.criteria);
        let field = |index: usize| fields.get(index).map(String::as_str);
        if field(0) != Some("cpe") || field(2) != Some("a") {
            return None;
        }
        let (vendor, product) = (field(3)?, field(4)?);
        let known = PROGRAMS.iter().filter(|(v, p, _)| *v == vendor && *p == product);
        let names: Vec<&str> = known.map(|(.., name)| *name).collect();
        if names.is_empty() {
            return None;
        }
        let version = match (field(5)?, field(6).unwrap_or("*")) {
            ("*", _) => None,
            // Not applicable: a statement about no version.
            ("-", _) => return None,
            (version, "*" | "-") => Some(version.to_owned()),
            (version, update) => Some(updated(version, update)),
        };
        Some((names, version))
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

/// `1.8.0` and `update392` are Java's `1.8.0_392`, `8.9` and `p1` OpenSSH's `8.9p1`; elsewhere an update is a pre-release.
fn updated(version: &str, update: &str) -> String {
    let number = |prefix: &str| {
        let digits = update.strip_prefix(prefix)?;
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
    };
    match (number("update_").or_else(|| number("update")), number("p")) {
        (Some(java), _) => format!("{version}_{java}"),
        (None, Some(portable)) => format!("{version}p{portable}"),
        (None, None) => format!("{version}-{update}"),
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
