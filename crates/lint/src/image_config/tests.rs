//! Images in memory → the rules that speak.

use seawall_inventory::{Entry, EntryKind, History, Image, InMemory, Interest, Visitor};

use super::{FileChecks, ImageOptions, lint, lint_files};

fn image(user: &str, env: &[&str], history: &[&str]) -> Image {
    let mut image = Image::default();
    image.config.user = user.to_owned();
    image.config.env = env.iter().map(|variable| (*variable).to_owned()).collect();
    let step = |created_by: &&str| History { created_by: (*created_by).to_owned(), ..History::default() };
    image.history = history.iter().map(step).collect();
    image
}

fn check(image: &Image, options: &ImageOptions<'_>, expected: &[&str]) {
    let found = lint(image, options).found;
    let rules: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, expected);
}

#[test]
fn configuration_and_history_are_judged() {
    let none = ImageOptions::default();
    for root in ["", "root", "0", "0:0", "root:app", "00"] {
        check(&image(root, &[], &[]), &none, &["image-user-root"]);
    }
    check(&image("1000", &["PATH=/bin"], &["/bin/sh -c #(nop) ADD file:aa in / "]), &none, &[]);
    check(
        &image("app", &["DB_PASSWORD=hunter2", "PASSWORD_FILE=/x", "API_TOKEN="], &[]),
        &none,
        &["secret-in-variable"],
    );
    let every = ImageOptions { every_rule: true, ..none };
    check(&image("1", &[], &[]), &every, &["healthcheck-missing"]);
    let steps = [
        "/bin/sh -c #(nop) ADD file:aa in / ",
        "RUN |1 NPM_TOKEN=abc /bin/sh -c curl -k https://example.org/x | sh # buildkit",
        "ADD app /app # buildkit",
    ];
    check(
        &image("1", &[], &steps),
        &none,
        &["secret-in-variable", "download-piped-to-shell", "tls-check-off", "add-instead-of-copy"],
    );
    check(&image("1", &[], &steps), &ImageOptions { base_layers: Some(3), ..none }, &[]);
}

#[test]
fn no_finding_shows_a_credential() {
    let steps = ["x", "RUN |1 TOKEN=hunter2 /bin/sh -c git clone https://a:hunter2@example.org/x # buildkit"];
    let found = lint(&image("", &["DB_PASSWORD=hunter2"], &steps), &ImageOptions::default()).found;
    assert_eq!(found.len(), 4);
    for finding in found {
        assert!(!serde_json::to_string(&finding).unwrap().contains("hunter2"), "{finding:?}");
    }
}

#[test]
fn files_are_judged() {
    let mut checks = FileChecks::default();
    let files: [(&str, u32, &[u8]); 7] = [
        ("usr/bin/su", 0o4755, b"x"),
        ("usr/local/bin/x", 0o4755, b"x"),
        ("srv/data", 0o666, b"x"),
        ("var/lib/apt/lists/a_Packages", 0o644, b"xx"),
        ("etc/passwd", 0o644, b"root:x:0:0::/:\n"),
        ("etc/shadow", 0o640, b"root::1:\n"),
        ("usr/bin/y", 0o755, b"x"),
    ];
    for (path, mode, bytes) in files {
        let entry =
            Entry { path, kind: EntryKind::File, size_bytes: bytes.len() as u64, mode, uid: 0, gid: 0 };
        if checks.interest(&entry) != Interest::No {
            checks.visit(&entry, &mut InMemory::new(bytes));
        }
    }
    let layers = [checks.finish()];
    let found = lint_files(&Image::default(), &ImageOptions::default(), &layers, &|_, _| true).found;
    let rules: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(
        rules,
        [
            "setuid-file",
            "world-writable-file",
            "package-leftovers",
            "account-without-password",
            "setuid-file"
        ]
    );
    let hidden = lint_files(&Image::default(), &ImageOptions::default(), &layers, &|_, _| false).found;
    assert!(hidden.is_empty());
}
