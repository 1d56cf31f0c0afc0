//! Credential files whose layout is known: where in them the values stand, whatever they look like.
//!
//! An extractor gets the path and the bytes of a file and says which values are credentials by which rule. It decides
//! nothing by the value's look, except that a variable or a template is none.

mod binary;
mod json;
mod lines;
mod xml;

use crate::placeholder;

/// A value that is a credential by its place.
pub(crate) struct Extracted {
    /// The rule.
    pub(crate) rule: &'static str,
    /// The value.
    pub(crate) value: Vec<u8>,
    /// It stands at or behind this byte.
    pub(crate) from: usize,
}

/// Collects what extractors say.
pub(crate) struct Out<'b> {
    bytes: &'b [u8],
    found: Vec<Extracted>,
}

impl Out<'_> {
    /// A value, unless it is empty or refers to another one.
    fn add(&mut self, rule: &'static str, value: &str) {
        let value = value.trim().trim_matches(['"', '\'']);
        if value.len() >= 4 && !placeholder::is_placeholder(value.as_bytes()) {
            self.certain(rule, value.as_bytes());
        }
    }

    /// A value that is one whatever it says.
    fn certain(&mut self, rule: &'static str, value: &[u8]) {
        let start = self.bytes.as_ptr() as usize;
        let at = (value.as_ptr() as usize).checked_sub(start).filter(|at| *at < self.bytes.len());
        self.found.push(Extracted { rule, value: value.to_vec(), from: at.unwrap_or(0) });
    }
}

/// Which files one kind is.
type Wants = fn(&Path<'_>) -> bool;
/// Reads one kind of file.
type Extract = fn(&Path<'_>, &str, &mut Out<'_>);

/// A path, taken apart once.
pub(crate) struct Path<'p> {
    /// From the root of the tree, or of the innermost archive.
    pub(crate) whole: &'p str,
    /// The last component.
    pub(crate) name: &'p str,
}

impl<'p> Path<'p> {
    fn new(path: &'p str) -> Path<'p> {
        let whole = path.rsplit_once("!/").map_or(path, |(_, inner)| inner);
        Path { whole, name: whole.rsplit('/').next().unwrap_or(whole) }
    }

    fn ends(&self, ending: &str) -> bool {
        let rest = self.whole.strip_suffix(ending);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    }
}

/// Which files an extractor reads, and the extractor.
const EXTRACTORS: &[(Wants, Extract)] = &[
    (
        |p| {
            p.ends(".docker/config.json")
                || p.ends("containers/auth.json")
                || matches!(p.name, ".dockercfg" | ".dockerconfigjson")
        },
        json::docker,
    ),
    (|p| matches!(p.name, ".npmrc" | "npmrc" | ".yarnrc" | ".yarnrc.yml"), lines::npmrc),
    (|p| p.name == ".pypirc", lines::pypirc),
    (|p| matches!(p.name, ".netrc" | "_netrc"), lines::netrc),
    (|p| matches!(p.name, ".pgpass" | "pgpass.conf"), lines::pgpass),
    (|p| matches!(p.name, ".my.cnf" | "my.cnf" | "debian.cnf"), lines::my_cnf),
    (
        |p| {
            p.name == ".git-credentials"
                || p.ends("git/credentials")
                || p.ends(".git/config")
                || p.name == ".gitconfig"
        },
        lines::git,
    ),
    (|p| p.ends(".aws/credentials") || p.ends(".aws/config"), lines::aws),
    (|p| matches!(p.name, "application_default_credentials.json" | "adc.json"), json::google),
    (
        |p| {
            matches!(p.name, "accessTokens.json" | "msal_token_cache.json" | "service_principal_entries.json")
        },
        json::azure,
    ),
    (
        |p| {
            p.ends(".kube/config")
                || p.name.contains("kubeconfig")
                || p.whole.contains("etc/kubernetes/") && p.name.ends_with(".conf")
                || p.ends("k3s/k3s.yaml")
        },
        lines::kubeconfig,
    ),
    (|p| p.name.ends_with(".yaml") || p.name.ends_with(".yml"), lines::kubernetes_secret),
    (
        |p| matches!(p.name, ".s3cfg" | ".boto" | ".passwd-s3fs") || p.name == "passwd-s3fs",
        lines::object_store,
    ),
    (|p| p.ends(".mc/config.json") || p.ends("mc/config.json"), json::object_store),
    (|p| p.name == "rclone.conf", lines::rclone),
    (
        |p| {
            p.name == ".env"
                || p.name.starts_with(".env.")
                || p.name.ends_with(".env")
                || p.ends("etc/environment")
                || p.name == ".envrc"
        },
        lines::dotenv,
    ),
    (|p| p.name == "wp-config.php", lines::wordpress),
    (|p| p.name.ends_with(".py") && p.whole.contains("settings"), lines::django),
    (
        |p| {
            p.name.ends_with(".key")
                && (p.whole.contains("config/credentials/") || p.ends("config/master.key"))
                || matches!(p.name, "secrets.yml" | "secret_token.rb")
        },
        lines::rails,
    ),
    (
        |p| p.name.ends_with(".htpasswd") || matches!(p.name, "htpasswd" | ".htdigest" | ".htaccess_passwd"),
        lines::htpasswd,
    ),
    (
        |p| p.ends("etc/shadow") || p.ends("etc/shadow-") || p.ends("etc/gshadow") || p.ends("etc/gshadow-"),
        lines::shadow,
    ),
    (|p| matches!(p.name, "sitemanager.xml" | "recentservers.xml" | "filezilla.xml"), xml::filezilla),
    (|p| p.name == "credentials-config.json", json::dbeaver),
    (
        |p| {
            matches!(
                p.name,
                "sftp.json" | "sftp-config.json" | ".ftpconfig" | ".remote-sync.json" | ".sftpconfig.json"
            )
        },
        json::sftp,
    ),
    (|p| p.name.ends_with(".tfstate") || p.name.ends_with(".tfstate.backup"), json::terraform_state),
    (|p| matches!(p.name, "credentials.tfrc.json" | ".terraformrc" | "terraform.rc"), lines::terraform),
    (|p| matches!(p.name, "settings.xml" | "settings-security.xml"), xml::maven),
    (|p| p.name == "tomcat-users.xml", xml::tomcat),
    (|p| p.name == "gradle.properties", lines::gradle),
    (|p| p.ends(".cargo/credentials") || p.ends(".cargo/credentials.toml"), lines::cargo),
    (|p| p.ends(".gem/credentials") || p.ends(".bundle/config"), lines::gem),
    (|p| p.name == "auth.json" && !p.ends("containers/auth.json"), json::composer),
    (|p| p.ends("gh/hosts.yml") || p.ends("config/hub"), lines::github),
    (
        |p| {
            matches!(
                p.name,
                ".vault_pass" | ".vault_pass.txt" | "vault_pass.txt" | ".vault-password" | ".vault_password"
            )
        },
        lines::ansible,
    ),
    (|p| p.name.contains("mosquitto") && p.name.contains("passw") || p.name == "pwfile", lines::mosquitto),
    (|p| matches!(p.name, ".msmtprc" | ".esmtprc" | ".fetchmailrc" | "sasl_passwd"), lines::mail),
    (|p| matches!(p.name, "database.yml" | "database.yaml"), lines::database),
];

/// Whether an extractor reads the file at this path.
pub(crate) fn is_read(path: &str) -> bool {
    let path = Path::new(path);
    EXTRACTORS.iter().any(|(wants, _)| wants(&path))
}

/// The credentials of a file.
pub(crate) fn extract(path: &str, bytes: &[u8]) -> Vec<Extracted> {
    let path = Path::new(path);
    let mut out = Out { bytes, found: Vec::new() };
    binary::extract(&path, bytes, &mut out);
    for (_, extract) in EXTRACTORS.iter().filter(|(wants, _)| wants(&path)) {
        if let Ok(text) = std::str::from_utf8(bytes) {
            extract(&path, text, &mut out);
        }
    }
    out.found
}

#[cfg(test)]
mod tests;
