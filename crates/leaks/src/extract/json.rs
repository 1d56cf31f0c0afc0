//! Files of JSON.

use serde_json::Value;

use super::{Out, Path};
use crate::text::{is_secret_name, is_secret_value};

/// Nesting that is followed; serde_json itself stops at 128.
const DEPTH_MAX: usize = 64;

/// Calls `each` with every text, its name, and the name of what it is in.
fn strings(text: &str, mut each: impl FnMut(&str, &str, &str)) {
    // Comments are common in files of editors.
    let uncommented = || {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let parsed = serde_json::from_str(text).or_else(|_| serde_json::from_str(&uncommented()));
    if let Ok(value) = parsed {
        walk(&value, "", "", DEPTH_MAX, &mut each);
    }
}

fn walk(value: &Value, name: &str, outer: &str, depth: usize, each: &mut impl FnMut(&str, &str, &str)) {
    match value {
        Value::String(text) => each(outer, name, text),
        Value::Object(members) if depth > 0 => {
            members.iter().for_each(|(inner, value)| walk(value, inner, name, depth - 1, each));
        }
        Value::Array(items) if depth > 0 => {
            items.iter().for_each(|value| walk(value, name, outer, depth - 1, each))
        }
        Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Texts with one of these names.
fn named(text: &str, names: &[&str], rule: &'static str, out: &mut Out<'_>) {
    strings(text, |_, name, value| {
        if names.contains(&name) {
            out.add(rule, value);
        }
    });
}

pub(super) fn docker(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["auth", "identitytoken", "registrytoken", "password"], "docker-registry-auth", out);
}

pub(super) fn google(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["refresh_token", "private_key", "client_secret"], "gcp-credentials-file", out);
}

pub(super) fn azure(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(
        text,
        &["accessToken", "refreshToken", "secret", "client_secret", "password"],
        "azure-credentials-file",
        out,
    );
}

pub(super) fn object_store(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["secretKey", "sessionToken"], "s3cfg-secret", out);
}

pub(super) fn dbeaver(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    // Encrypted with a key that is in DBeaver's source; the file as a whole is the credential.
    if !text.trim_start().starts_with('{') {
        out.certain("dbeaver-credentials", text.trim().as_bytes());
    }
    named(text, &["password"], "dbeaver-credentials", out);
}

pub(super) fn sftp(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    named(text, &["password", "passphrase", "pass"], "sftp-config-password", out);
}

pub(super) fn composer(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    strings(text, |outer, name, value| {
        let is_token = ["github-oauth", "gitlab-token", "gitlab-oauth", "bearer"].contains(&outer);
        if is_token || name == "password" || name == "token" {
            out.add("composer-auth", value);
        }
    });
}

pub(super) fn terraform_state(_: &Path<'_>, text: &str, out: &mut Out<'_>) {
    strings(text, |outer, name, value| {
        // An output's value is named by what is round it.
        let name = if name == "value" { outer } else { name };
        if is_secret_name(name) && is_secret_value(value) {
            out.add("terraform-state-secret", value);
        }
    });
}
