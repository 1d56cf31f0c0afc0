//! Any bytes under the name of each credential file.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall_inventory::{Entry, EntryKind, InMemory, Visitor};
use seawall_leaks::{Leaks, Rules};

static RULES: LazyLock<Rules> = LazyLock::new(Rules::builtin);

const PATHS: &[&str] = &[
    "root/.docker/config.json", "root/.npmrc", "root/.pypirc", "root/.netrc", "root/.pgpass", "root/.my.cnf",
    "root/.git-credentials", "a/.git/config", "a/.git/HEAD", "root/.aws/credentials", "root/.kube/config", "a/s.yaml",
    "root/.s3cfg", "root/.passwd-s3fs", "root/.config/rclone/rclone.conf", "a/.env", "a/wp-config.php", "a/settings.py",
    "a/config/master.key", "a/secrets.yml", "a/.htpasswd", "etc/shadow", "a/sitemanager.xml", "a/sftp.json",
    "a/terraform.tfstate", "a/.terraformrc", "root/.m2/settings.xml", "a/tomcat-users.xml", "a/gradle.properties",
    "root/.cargo/credentials", "root/.gem/credentials", "a/auth.json", "root/.config/gh/hosts.yml", "a/.vault_pass",
    "a/mosquitto.passwd", "a/.msmtprc", "etc/postfix/sasl_passwd", "a/database.yml", "a/a.jks", "a/a.p12", "a/a.keytab",
    "root/.vnc/passwd", "var/lib/dpkg/info/a.md5sums", "lib/apk/db/installed",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let path = PATHS[usize::from(*first) % PATHS.len()];
    let size_bytes = bytes.len() as u64;
    let entry = Entry { path, kind: EntryKind::File, size_bytes, mode: 0o644, uid: 0, gid: 0 };
    let mut leaks = Leaks::new(&RULES, None);
    leaks.visit(&entry, &mut InMemory::new(bytes));
    let _ = leaks.finish();
});
