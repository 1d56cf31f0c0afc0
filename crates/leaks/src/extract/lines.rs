//! Files of lines: `name = value`, `name: value`, fields behind colons.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Out, Path};
use crate::placeholder;
use crate::text::{is_secret_name, is_secret_value};

/// `name<separator>value` of each line that is no comment, with quotes and an `export` taken off.
fn assignments(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start_matches("- ");
        if line.starts_with(['#', ';']) || line.starts_with("//") && !line.contains(":_") {
            return None;
        }
        // The value may have `=` and `:` itself; a registry's name in front may, too.
        let at = line
            .find(['='])
            .or_else(|| line.find(": ").or_else(|| line.ends_with(':').then(|| line.len() - 1)))?;
        let (name, value) = line.split_at_checked(at)?;
        Some((name.trim().trim_matches(['"', '\'']), unquoted(value.get(1..)?)))
    })
}

/// A value without its quotes, and without a comment behind it.
fn unquoted(value: &str) -> &str {
    let value = value.trim().trim_end_matches([',', ';']);
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return inner.split(quote).next().unwrap_or(inner);
        }
    }
    value.split(" #").next().unwrap_or(value).trim()
}

/// Values of lines whose names end so, without regard to case.
fn named(text: &str, names: &[&str], rule: &'static str, out: &mut Out<'_>) {
    for (name, value) in assignments(text) {
        let name = name.to_ascii_lowercase();
        if names.iter().any(|wanted| name == *wanted || name.ends_with(wanted)) {
            out.add(rule, value);
        }
    }
}

pub(super) fn npmrc(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["_authtoken", "_auth", "_password", "npmauthtoken", "npmauthident"], "npmrc-auth", out);
}

pub(super) fn pypirc(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["password"], "pypirc-password", out);
}

pub(super) fn netrc(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    let mut words =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    while let Some(word) = words.next() {
        if word == "password"
            && let Some(value) = words.next()
        {
            out.add("netrc-password", value);
        }
    }
}

pub(super) fn pgpass(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        // A password may have colons; those in front are five fields.
        if let Some(password) = line.splitn(5, ':').nth(4) {
            out.add("pgpass-password", password);
        }
    }
}

pub(super) fn my_cnf(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["password", "pass"], "mysql-option-password", out);
}

pub(super) fn git(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for line in text.lines() {
        let address = line.find("://").and_then(|at| line.get(at + 3..));
        let user = address
            .and_then(|rest| rest.split(['/', '"', '\'']).next()?.rsplit_once('@'))
            .map(|(user, _)| user);
        match user.map(|user| user.split_once(':').unwrap_or(("", user))) {
            // A token stands as the user's name, too: `https://ghp_…@github.com`.
            Some((name, "x-oauth-basic" | "")) if !name.is_empty() => out.add("git-credentials", name),
            Some(("", name)) if name.len() < 20 => {}
            Some((_, secret)) => out.add("git-credentials", secret),
            None => {}
        }
        let header = line.split_once("extraheader").and_then(|(_, rest)| rest.split_once("asic "));
        if let Some((_, value)) = header {
            out.add("git-credentials", value);
        }
    }
}

pub(super) fn aws(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(
        text,
        &["aws_secret_access_key", "aws_session_token", "aws_security_token"],
        "aws-credentials-file",
        out,
    );
}

pub(super) fn kubeconfig(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(
        text,
        &["token", "password", "client-key-data", "id-token", "refresh-token"],
        "kubeconfig-credential",
        out,
    );
}

/// `data:` and `stringData:` below `kind: Secret`, document by document.
pub(super) fn kubernetes_secret(path: &Path<'_>, text: &str, out: &mut Out<'_>) {
    if !text.contains("kind: Secret") {
        return;
    }
    for document in text.split("\n---") {
        let is_secret = document.lines().any(|line| line.trim_end() == "kind: Secret");
        if is_secret {
            secret_document(path, document, out);
        }
    }
}

fn secret_document(_: &Path<'_>, document: &str, out: &mut Out<'_>) {
    let mut section = "";
    for line in document.lines() {
        let is_top = !line.starts_with([' ', '\t', '#']);
        if is_top {
            section = line.trim_end();
            continue;
        }
        let Some((_, value)) = line.split_once(": ") else { continue };
        let value = unquoted(value);
        match section {
            "data:" => {
                let decoded = STANDARD.decode(value).unwrap_or_default();
                let is_secret = decoded.len() >= 4
                    && !decoded.starts_with(b"-----BEGIN CERT")
                    && !placeholder::is_placeholder(&decoded);
                if is_secret {
                    out.add("kubernetes-secret", value);
                }
            }
            "stringData:" if value.len() > 1 && !value.starts_with(['|', '>']) => {
                out.add("kubernetes-secret", value)
            }
            _ => {}
        }
    }
}

pub(super) fn object_store(path: &Path<'_>, text: &str, out: &mut Out<'_>) {
    if path.name.ends_with("passwd-s3fs") {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(secret) = line.rsplit(':').next().filter(|secret| secret.len() > 15) {
                out.add("s3cfg-secret", secret);
            }
        }
        return;
    }
    named(
        text,
        &[
            "secret_key",
            "gs_secret_access_key",
            "gs_oauth2_refresh_token",
            "aws_secret_access_key",
            "gpg_passphrase",
        ],
        "s3cfg-secret",
        out,
    );
}

pub(super) fn rclone(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(
        text,
        &[
            "pass",
            "password",
            "password2",
            "secret_access_key",
            "client_secret",
            "token",
            "account_key",
            "key",
        ],
        "rclone-secret",
        out,
    );
}

pub(super) fn dotenv(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for (name, value) in assignments(text) {
        if name == "APP_KEY" && value.starts_with("base64:") {
            out.add("laravel-app-key", value);
        } else if is_secret_name(name) && is_secret_value(value) {
            out.add("dotenv-secret", value);
        }
    }
}

/// `define('DB_PASSWORD', '…');`
pub(super) fn wordpress(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("define") else { continue };
        let mut parts = rest.split(['\'', '"']).skip(1).step_by(2);
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        let is_secret = name == "DB_PASSWORD" || name.ends_with("_KEY") || name.ends_with("_SALT");
        if is_secret && value != "put your unique phrase here" {
            out.add("wordpress-secret", value);
        }
    }
}

pub(super) fn django(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for (name, value) in assignments(text) {
        let is_literal = !value.contains('(') || value.len() >= 40;
        if name == "SECRET_KEY"
            && value.len() >= 20
            && is_literal
            && !placeholder::is_reference(value.as_bytes())
        {
            out.certain("django-secret-key", value.as_bytes());
        }
    }
}

pub(super) fn rails(path: &Path<'_>, text: &str, out: &mut Out<'_>) {
    if path.name.ends_with(".key") {
        let key = text.trim();
        if key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            out.add("rails-master-key", key);
        }
        return;
    }
    named(text, &["secret_key_base", "secret_token"], "rails-master-key", out);
}

pub(super) fn htpasswd(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for line in text.lines() {
        let hash = line.rsplit(':').next().unwrap_or_default();
        let is_hash = ["$apr1$", "$2y$", "$2a$", "$2b$", "{SHA}", "$5$", "$6$"]
            .iter()
            .any(|kind| hash.starts_with(kind));
        let is_digest = hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if line.contains(':') && (is_hash || is_digest) {
            out.certain("htpasswd-hash", hash.as_bytes());
        }
    }
}

/// A real hash in the second field: `!` and `*` lock, and an empty one is the matter of another check.
pub(super) fn shadow(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for hash in text.lines().filter_map(|line| line.split(':').nth(1)) {
        let hash = hash.trim_start_matches('!');
        let is_old = hash.len() == 13
            && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte));
        if hash.starts_with('$') && hash.len() > 20 || is_old {
            out.certain("shadow-hash", hash.as_bytes());
        }
    }
}

pub(super) fn terraform(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["token"], "terraform-credentials", out);
}

pub(super) fn gradle(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for (name, value) in assignments(text) {
        let lower = name.to_ascii_lowercase();
        let is_secret = is_secret_name(name) || lower.ends_with("password") || lower.ends_with("token");
        if is_secret && is_secret_value(value) {
            out.add("gradle-properties-secret", value);
        }
    }
}

pub(super) fn cargo(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["token", "secret-key"], "cargo-credentials", out);
}

pub(super) fn gem(path: &Path<'_>, text: &str, out: &mut Out<'_>) {
    if path.name == "config" {
        for (_, value) in assignments(text)
            .filter(|(name, value)| name.starts_with("BUNDLE_") && name.contains("__") && value.contains(':'))
        {
            out.add("gem-credentials", value);
        }
        return;
    }
    named(text, &["api_key"], "gem-credentials", out);
}

pub(super) fn github(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["oauth_token"], "gh-hosts-token", out);
}

pub(super) fn ansible(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    if let Some(password) = text.lines().next().filter(|line| !line.starts_with("#!")) {
        out.add("ansible-vault-password", password);
    }
}

pub(super) fn mosquitto(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for hash in text.lines().filter_map(|line| line.split_once(':')).map(|(_, hash)| hash) {
        if hash.starts_with("$6$") || hash.starts_with("$7$") {
            out.certain("mosquitto-password", hash.as_bytes());
        }
    }
}

pub(super) fn mail(path: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let value = match path.name {
            // `[host]:587 user:password`
            "sasl_passwd" => {
                line.split_whitespace().nth(1).and_then(|user| user.split_once(':')).map(|(_, value)| value)
            }
            _ => {
                line.split_once("password").map(|(_, value)| value.trim_start_matches([' ', '\t', '=', ':']))
            }
        };
        if let Some(value) = value {
            out.add("mail-client-password", value.split_whitespace().next().unwrap_or_default());
        }
    }
}

pub(super) fn database(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    for (_, value) in assignments(text).filter(|(name, _)| *name == "password") {
        if is_secret_value(value) {
            out.add("database-config-password", value);
        }
    }
}
