//! The binary as a user meets it: targets, formats, exit codes, what goes to stdout and what to stderr.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::Path;

use seawall_testkit::{Compression, Image, Layout, Tar};
use serde_json::Value;

#[path = "place/place.rs"]
mod place;

use place::{OS_RELEASE, Place, debian, ids, status};

fn old() -> Image {
    debian(&[("openssl", "3.0.11-1"), ("zlib", "1:1.2.13-1")])
}

#[test]
fn every_form_of_an_image_gives_the_same_findings() {
    let place = Place::with_database();
    let image = old();
    let archive = place.write("app.tar", image.docker_archive());
    let compressed = place.write("app.tar.gz", Compression::Gzip.pack(&image.docker_archive()));
    let old_archive = place.write("old.tar", image.old_docker_archive());
    let oci_archive = place.write("oci.tar", Layout::new().image(&image).archive());
    Layout::new().image(&image).write(&place.path("layout")).unwrap();
    let layout = format!("oci:{}", place.path("layout").display());
    let root = place.path("root");
    std::fs::create_dir_all(root.join("var/lib/dpkg")).unwrap();
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/os-release"), OS_RELEASE).unwrap();
    let packages = status(&[("openssl", "3.0.11-1"), ("zlib", "1:1.2.13-1")]);
    std::fs::write(root.join("var/lib/dpkg/status"), packages).unwrap();
    let directory = format!("dir:{}", root.display());
    let expected = ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003"];
    for target in [archive, compressed, old_archive, oci_archive, layout, directory] {
        let report = place.json(&["scan", &target], 0);
        let mut found = ids(&report);
        found.sort_unstable();
        assert_eq!(found, expected, "{target}");
        assert_eq!(report["gaps"], Value::Array(Vec::new()), "{target}");
        assert_eq!(report["coverage"]["packages_judged"], 2, "{target}");
    }
}

#[test]
fn standard_input_is_a_target() {
    let place = Place::with_database();
    let path = place.write("app.tar", old().docker_archive());
    let output = place
        .command(&["scan", "-", "--format", "json"])
        .stdin(std::fs::File::open(path).unwrap())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(ids(&report).len(), 3);
    assert_eq!(report["target"]["name"], "standard input");
}

#[test]
fn the_exit_code_is_the_verdict() {
    let place = Place::with_database();
    let app = place.write("app.tar", old().docker_archive());
    place.check(&["scan", &app], 0);
    place.check(&["scan", &app, "--fail-on", "critical"], 1);
    place.check(&["scan", &app, "--fail-on", "critical", "--only-fixed"], 0);
    place.check(&["scan", &app, "--fail-on", "high", "--only-fixed"], 1);
    let fixed = place.write("fixed.tar", debian(&[("openssl", "3.0.14-1")]).docker_archive());
    place.check(&["scan", &fixed, "--fail-on", "high", "--only-fixed"], 0);
    // Wrong usage and unreadable input.
    place.check(&["scan"], 2);
    place.check(&["scan", &app, "--fail-on", "terrible"], 2);
    place.check(&["scan", "./absent.tar"], 2);
    let (_, err) = place.check(&["scan", "/dev/zero"], 2);
    assert!(err.contains("it is a device"), "{err}");
    let nonsense = place.write("nonsense", "this is no image");
    let (out, err) = place.check(&["scan", &nonsense], 2);
    assert_eq!(out, "");
    assert!(err.contains("nonsense is no image archive"), "{err}");
    // An image of which nothing can be read is not a clean image.
    let broken =
        Image::new().stored_layer(b"not a tar at all".repeat(100), Compression::Plain).tag("broken:1");
    let broken = place.write("broken.tar", broken.docker_archive());
    let report = place.json(&["scan", &broken], 3);
    assert_ne!(report["gaps"], Value::Array(Vec::new()));
}

/// A layer that breaks off before its package database holds nothing that a policy could deny.
#[test]
fn what_a_layer_hides_behind_its_break_does_not_pass() {
    let place = Place::with_database();
    let cut =
        Tar::new().file("etc/os-release", OS_RELEASE).file("var/lib/dpkg/status", vec![b'x'; 5000]).cut();
    let nothing = Image::new().stored_layer(cut[..3000].to_vec(), Compression::Plain).docker_archive();
    let nothing = place.write("nothing.tar", nothing);
    let (out, _) = place.check(&["scan", &nothing, "--fail-on", "low"], 3);
    assert!(out.contains("nothing found in what could be examined") && !out.contains("db update"), "{out}");
    // A layer on top hides the database of the layers below.
    let hidden = old().stored_layer(cut[..3000].to_vec(), Compression::Plain);
    let hidden = place.write("hidden.tar", hidden.docker_archive());
    place.check(&["scan", &hidden, "--fail-on", "low"], 3);
    // Where something is known it is judged; the rest only where the user says that nothing may be missing.
    let cut = Tar::new().file("opt/big", vec![b'x'; 5000]).cut();
    let some = debian(&[("base-files", "12")]).stored_layer(cut[..3000].to_vec(), Compression::Plain);
    let some = place.write("some.tar", some.docker_archive());
    place.check(&["scan", &some], 0);
    place.check(&["scan", &some, "--fail-on-gaps"], 3);
    let vulnerable = old().stored_layer(cut[..3000].to_vec(), Compression::Plain);
    let vulnerable = place.write("vulnerable.tar", vulnerable.docker_archive());
    place.check(&["scan", &vulnerable, "--fail-on-gaps", "--fail-on", "high"], 1);
    let whole = place.write("whole.tar", debian(&[("base-files", "12")]).docker_archive());
    place.check(&["scan", &whole, "--fail-on-gaps"], 0);
}

#[test]
fn a_damaged_database_does_not_pass() {
    let place = Place::with_database();
    let app = place.write("app.tar", old().docker_archive());
    for entry in std::fs::read_dir(place.path("db/shards")).unwrap() {
        std::fs::write(entry.unwrap().path(), "cut").unwrap();
    }
    let (out, _) = place.check(&["scan", &app, "--fail-on", "low"], 3);
    assert!(out.contains("the advisory database cannot answer 2 questions"), "{out}");
    assert!(out.contains("0 of 2 packages, 2 unknown because"), "{out}");
    assert!(out.contains("seawall db update"), "{out}");
}

/// A healthy shard beside a damaged one must not make the packages of the damaged one look clean.
#[test]
fn a_damaged_shard_beside_healthy_ones_does_not_pass() {
    let place = Place::with_database();
    let module = Tar::new().file("app/node_modules/x/package.json", r#"{"name":"x","version":"1.0.0"}"#);
    let app = place.write("app.tar", debian(&[("base-files", "12")]).layer(module).docker_archive());
    place.check(&["scan", &app], 0);
    let npm = std::fs::read_dir(place.path("db/shards")).unwrap().map(|entry| entry.unwrap().path());
    for shard in npm.filter(|path| path.to_string_lossy().contains("npm")) {
        std::fs::write(shard, "cut").unwrap();
    }
    let (out, _) = place.check(&["scan", &app], 3);
    assert!(out.contains("1 of 2 packages, 1 unknown because the advisory database is damaged"), "{out}");
}

#[test]
fn a_device_without_end_is_no_policy_and_no_template() {
    let place = Place::with_database();
    let app = place.write("app.tar", old().docker_archive());
    for option in ["--policy", "--ignore-file", "--vex", "--baseline"] {
        let (_, err) = place.check(&["scan", &app, option, "/dev/zero"], 2);
        let is_told =
            err.contains("/dev/zero") && (err.contains("bytes") || err.contains("not a regular file"));
        assert!(is_told, "{err}");
    }
    let (_, err) = place.check(&["scan", &app, "-f", "template", "--template", "/dev/zero"], 2);
    assert!(err.contains("more than 1 MiB"), "{err}");
    let deep =
        format!("version: 1\nclauses:\n  - condition: \"{}\"\n    verdict: deny\n", "(".repeat(20_000));
    let (_, err) = place.check(&["scan", &app, "--policy", &place.write("deep.yaml", deep)], 2);
    assert!(err.len() < 10_000, "{} bytes of error", err.len());
}

#[test]
fn a_prefix_without_a_name_says_what_is_missing() {
    let place = Place::new();
    for (text, expected) in
        [("docker:", "docker:IMAGE[:TAG]"), ("container:", "container:NAME"), ("dir:", "dir:PATH")]
    {
        let (_, err) = place.check(&["scan", text], 2);
        assert!(err.contains(&format!("`{text}` names nothing to scan: write {expected}")), "{err}");
    }
}

#[test]
fn a_path_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::with_database();
    let name = std::ffi::OsStr::from_bytes(b"app-\xff.tar");
    std::fs::write(place.path("").join(name), old().docker_archive()).unwrap();
    for prefix in ["", "archive:"] {
        let target = [prefix.as_bytes(), name.as_bytes()].concat();
        let mut command = place.command(&["scan", "--format", "json"]);
        command.arg(std::ffi::OsStr::from_bytes(&target)).current_dir(place.path(""));
        let report: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        assert_eq!(ids(&report).len(), 3);
        assert_eq!(report["target"]["name"], format!("{prefix}app-\u{fffd}.tar"));
    }
}

#[test]
fn a_path_that_could_be_an_image_is_told() {
    let place = Place::with_database();
    let archive = old().docker_archive();
    for (name, is_told) in [("app.tar", false), ("app", true)] {
        place.write(name, &archive);
        let output = place.command(&["scan", name]).current_dir(place.path("")).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(err.contains("is a path here"), is_told, "{err}");
    }
}

#[test]
fn what_options_leave_out_is_counted() {
    let place = Place::with_database();
    let app = place.write("app.tar", old().docker_archive());
    let report = place.json(&["scan", &app, "--only-fixed", "--severity", "high"], 0);
    assert_eq!(ids(&report), ["CVE-2024-0001"]);
    let left_out = report["coverage"]["left_out"].to_string();
    assert_eq!(left_out, r#"[{"by":"--only-fixed","findings":1},{"by":"--severity high","findings":1}]"#);
}

#[test]
fn policies_waivers_and_baselines_judge() {
    let place = Place::with_database();
    let app = place.write("app.tar", old().docker_archive());
    let policy = place.write(
        "policy.yaml",
        "version: 1\nfail-on: high\nwaivers:\n  - vulnerability: CVE-2024-0002\n    reason: not reachable\n    \
         owner: team@example.org\n    expires: 2024-12-31\nclauses:\n  - condition: finding.severity == 'low'\n    \
         verdict: deny\n",
    );
    let (_, _) = place.check(&["scan", &app, "--policy", &policy], 1);
    let report = place.json(&["scan", &app, "--policy", &policy], 1);
    let verdict_of = |id: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().find(|f| f["evidence"]["id"] == id).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict_of("CVE-2024-0001"), "deny");
    assert_eq!(verdict_of("CVE-2024-0002"), "allow");
    // A waiver without an owner is an error that names the file.
    let bad = place.write(
        "bad.yaml",
        "version: 1\nwaivers:\n  - vulnerability: CVE-2024-0002\n    reason: x\n    expires: 2024-12-31\n",
    );
    let (_, err) = place.check(&["scan", &app, "--policy", &bad], 2);
    assert!(err.contains("bad.yaml") && err.contains("owner"), "{err}");
    let ignore = place.write(".trivyignore", "# known\nCVE-2024-0002\n");
    place.check(&["scan", &app, "--ignore-file", &ignore, "--fail-on", "critical"], 0);
    // Only what is new counts.
    let (report, _) = place.check(&["scan", &app, "--format", "json"], 0);
    let baseline = place.write("baseline.json", report);
    place.check(&["scan", &app, "--baseline", &baseline, "--fail-on", "low"], 0);
}

#[test]
fn the_policy_of_the_readme_is_a_policy() {
    let place = Place::with_database();
    let readme = include_str!("../../../README.md");
    let yaml = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let app = place.write("app.tar", old().docker_archive());
    let policy = place.write("policy.yaml", yaml);
    place.check(&["scan", &app, "--policy", &policy], 1);
}

#[test]
fn several_formats_go_to_several_files_and_only_the_result_to_stdout() {
    let place = Place::with_database();
    let app = place.write("app.tar", old().docker_archive());
    let (json, sarif) = (place.path("r.json"), place.path("r.sarif"));
    let (as_json, as_sarif) = (format!("json={}", json.display()), format!("sarif={}", sarif.display()));
    let (out, err) = place.check(&["scan", &app, "-f", "table", "-f", &as_json, "-f", &as_sarif], 0);
    assert!(out.contains("openssl 3.0.11-1 → 3.0.14-1"), "{out}");
    assert!(!out.contains('\u{1b}'), "no colour in a pipe");
    assert!(err.contains("wrote"), "{err}");
    for path in [json, sarif] {
        let text = std::fs::read_to_string(path).unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
    }
    place.check(&["scan", &app, "-f", "json", "-f", "sarif"], 2);
    let (_, err) = place.check(&["--quiet", "scan", &app, "-o", &place.path("t").display().to_string()], 0);
    assert_eq!(err, "");
}

#[test]
fn without_a_database_packages_and_ends_of_life_are_told_and_the_rest_is_a_gap() {
    let place = Place::new();
    let tar = Tar::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=9\n")
        .file("var/lib/dpkg/status", status(&[("openssl", "1")]));
    let app = place.write("app.tar", Image::new().layer(tar).docker_archive());
    let (out, err) = place.check(&["scan", &app], 0);
    assert!(err.contains("there is no advisory database") && err.contains("seawall db update"), "{err}");
    assert!(out.contains("has got no fixes since") && out.contains("NOT EXAMINED"), "{out}");
    place.check(&["db", "status"], 2);
    // Whoever asks for a verdict gets none, and not a pass.
    place.check(&["scan", &app, "--fail-on", "critical"], 3);
}

#[test]
fn a_distribution_that_nobody_knows_does_not_pass() {
    let place = Place::with_database();
    let tar = Tar::new().file("etc/os-release", "ID=nope\nVERSION_ID=1\n");
    let tar = tar.file("var/lib/dpkg/status", status(&[("openssl", "1")]));
    let app = place.write("app.tar", Image::new().layer(tar).docker_archive());
    let report = place.json(&["scan", &app], 3);
    assert_eq!(report["coverage"]["packages_judged"], 0);
}

#[test]
fn an_old_database_is_told() {
    let place = Place::with_database();
    let app = place.write("app.tar", old().docker_archive());
    let manifest = place.path("db/seawall-db.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["built_at"] = "2024-04-01T00:00:00Z".into();
    std::fs::write(&manifest, document.to_string()).unwrap();
    let (_, err) = place.check(&["scan", &app], 0);
    assert!(err.contains("61 days old"), "{err}");
}

#[test]
fn a_second_scan_takes_its_layers_from_the_cache_and_says_the_same() {
    let place = Place::with_database();
    let app = place.write("app.tar", old().docker_archive());
    let first = place.json(&["scan", &app], 0);
    let second = place.json(&["scan", &app], 0);
    assert_eq!(
        (&first["coverage"]["layers_cached"], &second["coverage"]["layers_cached"]),
        (&0.into(), &1.into())
    );
    assert_eq!(first["findings"], second["findings"]);
    assert_eq!(first["packages"], second["packages"]);
    let third = place.json(&["scan", &app, "--no-cache"], 0);
    assert_eq!(third["coverage"]["layers_cached"], 0);
}

#[test]
fn a_layer_that_is_not_what_the_image_says_is_told_and_not_cached() {
    let place = Place::with_database();
    let image = old().configure(|config| {
        config["rootfs"]["diff_ids"][0] = format!("sha256:{}", "0".repeat(64)).into();
    });
    let app = place.write("app.tar", image.docker_archive());
    for _ in 0..2 {
        let report = place.json(&["scan", &app], 0);
        assert_eq!(report["coverage"]["layers_cached"], 0);
        assert!(report["gaps"].to_string().contains("should have"), "{}", report["gaps"]);
        assert_eq!(ids(&report).len(), 3);
    }
}

#[test]
fn each_package_names_the_layer_and_instruction_that_brought_it() {
    let place = Place::with_database();
    let base = Tar::new()
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", status(&[("zlib", "1:1.2.13-1")]));
    let top =
        Tar::new().file("var/lib/dpkg/status", status(&[("zlib", "1:1.2.13-1"), ("openssl", "3.0.11-1")]));
    let image = Image::new().layer(base).layer(top).tag("app:1").configure(|config| {
        config["history"] = serde_json::json!([
            {"created_by": "ADD rootfs.tar / # buildkit"},
            {"created_by": "CMD [\"bash\"]", "empty_layer": true},
            {"created_by": "RUN apt-get install openssl"},
        ]);
    });
    let app = place.write("app.tar", image.docker_archive());
    let report = place.json(&["scan", &app], 0);
    let layer_of = |name: &str| {
        let packages = report["packages"].as_array().unwrap();
        packages.iter().find(|p| p["name"] == name).unwrap()["places"][0]["layer"].clone()
    };
    assert_eq!(layer_of("zlib")["index"], 0);
    assert_eq!(layer_of("openssl")["index"], 1);
    assert_eq!(layer_of("openssl")["instruction"], "RUN apt-get install openssl");
    assert_eq!(report["base"]["layers"], 1);
    let base_advice = report["advice"].as_array().unwrap().iter().find(|a| a["package"] == "zlib").unwrap();
    assert_eq!(base_advice["in_base"], true);
}

#[test]
fn a_database_behind_a_link_into_another_layer_is_read() {
    let place = Place::with_database();
    let base = Tar::new()
        .file("etc/os-release", OS_RELEASE)
        .file("opt/packages/list", status(&[("openssl", "3.0.11-1")]));
    let top = Tar::new().symlink("var/lib/dpkg/status", "../../../opt/packages/list");
    let app = place.write("app.tar", Image::new().layer(base).layer(top).docker_archive());
    for _ in 0..2 {
        let report = place.json(&["scan", &app], 0);
        assert_eq!(ids(&report).len(), 2, "{report}");
    }
}

#[test]
fn a_diff_tells_what_was_gained_and_lost() {
    let place = Place::with_database();
    let before = place.write("before.tar", old().docker_archive());
    let after = place.write(
        "after.tar",
        debian(&[("openssl", "3.0.14-1"), ("zlib", "1:1.2.13-1"), ("curl", "8-1")]).docker_archive(),
    );
    let difference = place.json(&["diff", &before, &after], 0);
    assert_eq!(difference["packages"]["changed"][0]["name"], "openssl");
    assert_eq!(difference["packages"]["gained"][0]["name"], "curl");
    assert_eq!(difference["packages"]["kept"], 1);
    assert_eq!(difference["findings"]["lost"][0]["evidence"]["id"], "CVE-2024-0001");
    assert_eq!((&difference["findings"]["kept"], &difference["verdict"]), (&2.into(), &"allow".into()));
    place.check(&["diff", &after, &before, "--fail-on", "high"], 1);
    let (out, _) = place.check(&["diff", &before, &after], 0);
    assert!(out.contains("~ deb openssl 3.0.11-1 → 3.0.14-1"), "{out}");
}

#[test]
fn rules_and_advisories_are_explained() {
    let place = Place::with_database();
    let (out, _) = place.check(&["explain", "vulnerable-package"], 0);
    assert!(out.contains("Fix:"), "{out}");
    let (out, _) = place.check(&["explain", "cve-2024-0001"], 0);
    assert!(out.contains("debian:12 openssl before 3.0.14-1 (debian-tracker)"), "{out}");
    let (_, err) = place.check(&["explain", "CVE-1999-0001"], 2);
    assert!(err.contains("no source of the database knows"), "{err}");
    let (_, err) = place.check(&["explain", "nonsense"], 2);
    assert!(err.contains("explain --list"), "{err}");
}

#[test]
fn an_air_gapped_site_takes_a_mirror() {
    let place = Place::with_database();
    let mirror = place.path("mirror").display().to_string();
    place.check(&["db", "mirror", &mirror], 0);
    let there = Place::new();
    there.check(&["--offline", "db", "update", "--from", &mirror], 0);
    let status = |place: &Place| -> Value {
        serde_json::from_str(&place.check(&["db", "status", "--json", "--verify"], 0).0).unwrap()
    };
    assert_eq!(status(&place)["digest"], status(&there)["digest"]);
    let (_, err) = there.check(&["--offline", "db", "update"], 2);
    assert!(err.contains("no network call is allowed"), "{err}");
}

#[test]
fn offline_no_registry_is_asked() {
    let place = Place::with_database();
    let (_, err) = place.check(&["--offline", "scan", "registry:localhost:1/app:1"], 2);
    assert!(err.contains("offline") || err.contains("no network call"), "{err}");
}

#[test]
fn rule_files_are_checked_and_counted() {
    let place = Place::new();
    let rule = "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = open and m\n";
    let words = "- list: l\n  items: [a]\n- macro: m\n  condition: proc.name in (l)\n";
    let (words, good) = (place.write("words.yaml", words), place.write("good.yaml", rule));
    let bad = place.write("bad.yaml", rule.replace("evt.type", "evt.tpye"));
    let (out, _) = place.check(&["rules", "check", &words, &good], 0);
    assert_eq!(out, "1 rules, 1 macros, 1 lists\n");
    let (out, _) = place.check(&["rules", "check", &words, &bad], 2);
    assert!(out.contains("bad.yaml:5:14: error in rule r: `evt.tpye` is no field"), "{out}");
    assert!(out.contains("did you mean `evt.type`?"), "{out}");
    assert!(out.ends_with("1 rules, 1 macros, 1 lists\n"), "{out}");
}

#[test]
fn the_surface_is_documented() {
    let place = Place::new();
    for command in ["scan", "sbom", "diff", "db", "explain"] {
        let (out, _) = place.check(&[command, "--help"], 0);
        assert!(out.contains("Usage: seawall"), "{out}");
        assert!(out.contains("Examples:"), "{command} has no examples");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.check(&["completions", shell], 0).0.contains("seawall"), "{shell}");
    }
    let man = place.path("man");
    place.check(&["man", &man.display().to_string()], 0);
    for page in ["seawall.1", "seawall-scan.1", "seawall-db-update.1"] {
        assert!(Path::new(&man).join(page).is_file(), "{page}");
    }
}

#[test]
fn the_reference_of_all_rules_is_what_the_program_says() {
    let (out, _) = Place::with_database().check(&["explain", "--markdown"], 0);
    let kept = include_str!("../../../docs/rules.md");
    assert!(out == kept, "run `seawall explain --markdown > docs/rules.md`");
}

#[test]
fn a_credential_in_a_build_file_or_script_is_found_once_and_never_shown() {
    let place = Place::with_database();
    let password = ["k7Qm2x", "Wv9LpZ"].concat();
    std::fs::create_dir(place.path("files")).unwrap();
    let build = format!(
        "FROM debian:12\nRUN mysql -h db -u root -p{password}\n# seawall:ignore=credential-in-command of a test\nRUN curl -u ci:{password} https://example.org/\nCOPY --chmod=644 <<E /root/x\nmachine git.example.org login ci password {password}\nE\nUSER 1000\n"
    );
    place.write("files/Dockerfile", build);
    let script = format!(
        "docker run debian:12\n# seawall:ignore=curl-user of a test\ncurl -u ci:{password} https://a.example/\n./x --password={password}\n"
    );
    place.write("files/deploy.sh", script);
    let directory = place.path("files").display().to_string();
    let report = place.json(&["lint", &directory], 0);
    let text = report.to_string();
    assert!(!text.contains(&password), "{text}");
    let found = report["findings"].as_array().unwrap().iter();
    let found: Vec<String> = found
        .filter(|finding| {
            finding["controls"].to_string().contains("CWE-798") || finding["rule"] == "credential-in-command"
        })
        .map(|finding| {
            let path = finding["place"]["path"].as_str().unwrap().rsplit('/').next().unwrap();
            format!("{} {path}:{}", finding["rule"].as_str().unwrap(), finding["place"]["line"])
        })
        .collect();
    let expected =
        ["credential-in-command Dockerfile:2", "netrc-line Dockerfile:6", "password-option deploy.sh:4"];
    assert_eq!(found.iter().filter(|found| expected.contains(&found.as_str())).count(), 3, "{found:?}");
    assert_eq!(found.len(), 3, "{found:?}");
    let (out, _) = place.check(&["lint", "--fix", &directory], 0);
    assert!(out.contains("deploy.sh:4: A file holds a credential") && !out.contains(&password), "{out}");
}

#[test]
fn a_name_that_is_a_token_is_in_no_report() {
    let place = Place::with_database();
    let token = ["AKIA", "Q3EGRZTNVJ4X2MLA"].concat();
    let root = place.path("root");
    std::fs::create_dir_all(root.join(&token)).unwrap();
    std::fs::write(root.join(&token).join("package-lock.json"), "{ this is no JSON").unwrap();
    let target = format!("dir:{}", root.display());
    for format in ["json", "table", "sarif", "html", "cyclonedx", "junit"] {
        let output = place.command(&["scan", &target, "--format", format]).output().unwrap();
        let shown = [output.stdout, output.stderr].concat();
        let shown = String::from_utf8(shown).unwrap();
        // A bill of materials tells no gaps.
        let is_told = shown.contains("package-lock.json") || format == "cyclonedx";
        assert!(is_told && !shown.contains(&token), "{format}: {shown}");
    }
}

/// DESIGN.md, "Fixed points that scripts rely on", for what is found in files.
#[test]
fn files_are_linted_and_the_standard_of_a_version_is_a_policy() {
    let place = Place::with_database();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostPID: true\n  containers: [{name: a, image: 'a:1'}]\n";
    let pod = place.write("pod.yaml", pod);
    let report = place.json(&["lint", "--pss", "baseline", "--kubernetes-version", "v1.30", &pod], 1);
    assert_eq!(report["verdict"], "deny");
    assert_eq!(report["target"]["kind"], "files");
    let rules: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["pss-host-namespaces"]);
    let build = place.write("Dockerfile", b"FROM debian:12\nADD a /b\nUSER 1000\n");
    let report = place.json(&["lint", &build], 0);
    let adds =
        report["findings"].as_array().unwrap().iter().find(|found| found["rule"] == "add-instead-of-copy");
    assert_eq!(adds.unwrap()["place"]["line"], 2);
    place.check(&["lint", "--fail-on", "low", &build], 1);
    let (diff, _) = place.check(&["lint", "--fix", &build], 0);
    assert!(diff.contains("-ADD a /b\n+COPY a /b\n"), "{diff}");
    let (_, err) = place.check(&["lint", "--format", "cyclonedx", &build], 2);
    assert!(err.contains("no words for settings"), "{err}");
    place.check(&["lint", &place.write("notes.txt", b"hello")], 3);
}

#[test]
fn a_root_is_audited_and_what_would_mend_it_is_a_diff() {
    let place = Place::with_database();
    let root = place.path("root");
    std::fs::create_dir_all(root.join("etc/docker")).unwrap();
    std::fs::write(root.join("etc/docker/daemon.json"), "{\n  \"icc\": true\n}\n").unwrap();
    let root = root.display().to_string();
    let report = place.json(&["audit", "--root", &root, "--benchmark", "cis-docker-1.8"], 0);
    let checks = report["coverage"]["checks"].as_array().unwrap();
    assert!(checks.len() > 50, "{}", checks.len());
    let found = report["findings"].as_array().unwrap();
    assert!(found.iter().any(|finding| finding["rule"] == "daemon-bridge-traffic"), "{found:#?}");
    let (diff, _) = place.check(&["audit", "--root", &root, "--fix"], 0);
    assert!(diff.contains("-  \"icc\": true\n"), "{diff}");
    place.check(&["audit", "--root", &root, "--fail-on", "medium"], 1);
    place.check(&["audit", "--root", "/does/not/exist"], 2);
}

#[test]
fn credentials_are_found_and_never_shown() {
    let place = Place::with_database();
    let token = ["glpat", "-", "x7Kq2mWv9LpZ4tRbN3sD"].concat();
    let image = debian(&[]).layer(Tar::new().file("srv/.env", format!("TOKEN={token}\n").as_bytes()));
    let path = place.write("app.tar", image.docker_archive());
    for format in ["table", "json", "sarif", "junit", "html", "trivy"] {
        let (out, err) = place.check(&["scan", "--only", "leaks", "--format", format, &path], 0);
        assert!(out.contains("gitlab-token"), "{format}: {out}");
        assert!(!out.contains(&token) && !err.contains(&token), "{format}");
    }
    let report = place.json(&["scan", "--only", "leaks", &path], 0);
    assert_eq!(report["findings"][0]["place"]["layer"]["index"], 1);
}

const MENDABLE: &str = "FROM debian:12\nADD a /b\nUSER 1000\n";
const MENDED: &str = "FROM debian:12\nCOPY a /b\nUSER 1000\n";

fn fifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
}

/// The reasons of the gaps of a report, by the last part of their paths.
fn gaps(report: &Value) -> Vec<(String, String)> {
    let gap = |gap: &Value| {
        let path = gap["place"]["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (path, gap["reason"].as_str().unwrap().to_owned())
    };
    report["gaps"].as_array().unwrap().iter().map(gap).collect()
}

#[test]
fn what_is_mended_is_the_file_that_was_named_and_no_other() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    let named = place.write("Dockerfile", MENDABLE);
    // The path of the other file below this directory: its name without `./` would be the other file's.
    let below = place.path("work").join(named.trim_start_matches('/'));
    std::fs::create_dir_all(below.parent().unwrap()).unwrap();
    std::fs::write(&below, MENDABLE).unwrap();
    let mut command = place.command(&["lint", "--fix", "--apply", &format!("./{named}")]);
    let output = command.current_dir(place.path("work")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(std::fs::read_to_string(&below).unwrap(), MENDED);
    assert_eq!(std::fs::read_to_string(&named).unwrap(), MENDABLE);

    let odd = place.path("odd");
    std::fs::create_dir(&odd).unwrap();
    let odd = odd.join(std::ffi::OsStr::from_bytes(b"\xff.Dockerfile"));
    std::fs::write(&odd, MENDABLE).unwrap();
    let output = place.command(&["lint", "--fix", "--apply"]).arg(&odd).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(std::fs::read_to_string(&odd).unwrap(), MENDED);
    assert_eq!(std::fs::read_dir(place.path("odd")).unwrap().count(), 1);

    // Found by its directory, such a name says nothing of which file it is.
    std::fs::write(&odd, MENDABLE).unwrap();
    let twin = place.write("odd/\\xFF.Dockerfile", MENDABLE);
    let directory = place.path("odd").display().to_string();
    let (out, err) = place.check(&["lint", "--fix", "--apply", &directory], 2);
    assert!(out.contains("shown like that of another file"), "{out}");
    assert!(err.contains("its name is not UTF-8"), "{err}");
    for path in [odd.as_path(), Path::new(&twin)] {
        assert_eq!(std::fs::read_to_string(path).unwrap(), MENDABLE);
    }

    let link = place.path("link.Dockerfile");
    std::os::unix::fs::symlink(&named, &link).unwrap();
    let (_, err) = place.check(&["lint", "--fix", "--apply", &link.display().to_string()], 2);
    assert!(err.contains("it is a symbolic link, which is not followed"), "{err}");
    assert!(link.is_symlink());
    assert_eq!(std::fs::read_to_string(&named).unwrap(), MENDABLE);
}

#[test]
fn pipes_and_devices_in_the_place_of_files_are_neither_waited_for_nor_read() {
    let place = Place::with_database();
    let build = place.write("Dockerfile", MENDABLE);
    let pipe = place.path("pipe.yaml");
    fifo(&pipe);
    let pipe = pipe.display().to_string();
    for file in [pipe.as_str(), "/dev/zero"] {
        for arguments in [
            &["lint", file][..],
            &["lint", "--seccomp-profile", file, &build],
            &["rules", "check", file],
            &["scan", "--leak-rules", file, "/"],
        ] {
            let (_, err) = place.check(arguments, 2);
            assert!(err.contains(&format!("cannot read {file}: it is not a regular file")), "{err}");
        }
    }
    let beside = place.path(".dockerignore");
    fifo(&beside);
    let expected = |reason: &str| vec![(".dockerignore".to_owned(), reason.to_owned())];
    assert_eq!(gaps(&place.json(&["lint", &build], 0)), expected("it is not a regular file"));
    std::fs::remove_file(&beside).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &beside).unwrap();
    let reason = "it is a symbolic link, which is not followed";
    assert_eq!(gaps(&place.json(&["lint", &build], 0)), expected(reason));
}

#[test]
fn what_is_not_read_below_a_linted_directory_is_said() {
    let place = Place::with_database();
    let directory = place.path("project");
    std::fs::create_dir(&directory).unwrap();
    let write = |name: &str| std::fs::write(directory.join(name), MENDABLE).unwrap();
    write("Dockerfile");
    std::fs::File::create(directory.join("a.Dockerfile")).unwrap().set_len(17 << 20).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", directory.join("b.Dockerfile")).unwrap();
    fifo(&directory.join("c.Dockerfile"));
    // The file that it points to is examined.
    std::os::unix::fs::symlink("Dockerfile", directory.join("d.Dockerfile")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", directory.join("notes")).unwrap();
    let name = directory.display().to_string();
    let report = place.json(&["lint", &name], 0);
    let mut found = gaps(&report);
    found.sort();
    let expected = [
        ("a.Dockerfile", "it is larger than 16 MiB"),
        ("b.Dockerfile", "it is a symbolic link, which is not followed"),
        ("c.Dockerfile", "it is not a regular file"),
    ];
    assert_eq!(found, expected.map(|(path, reason)| (path.to_owned(), reason.to_owned())));

    std::fs::write(directory.join("e.Dockerfile"), b"FROM a:1\nENV a=\xff\n").unwrap();
    let (out, _) = place.check(&["lint", "--fix", &name], 0);
    assert!(out.contains("e.Dockerfile: it is not UTF-8 text\n"), "{out}");
}

#[test]
fn what_a_file_says_does_not_reach_the_terminal_in_the_notes_of_a_patch() {
    let place = Place::new();
    let build = place.write("Dockerfile", "FROM debian\u{1b}]0;x\u{7}:latest\nMAINTAINER a\u{9b}\u{202e}\n");
    let (out, _) = place.check(&["lint", "--fix", &build], 0);
    let notes: Vec<&str> = out.lines().filter(|line| line.starts_with('#')).collect();
    assert!(!notes.is_empty(), "{out}");
    for note in notes {
        assert!(!note.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{note:?}");
    }
}

#[test]
fn what_no_engine_has_answered_is_not_audited() {
    let place = Place::with_database();
    for text in ["nope", "{}", "[]", "null", ""] {
        let saved = place.write("saved.json", text.as_bytes());
        let (_, err) = place.check(&["audit", "--inspect", &saved], 2);
        assert!(err.contains("is no answer of `docker inspect`"), "{text}: {err}");
    }
    let saved = place.write(
        "saved.json",
        br#"[{"Id": "1", "Name": "/a", "HostConfig": {"Privileged": true}, "Config": {}}]"#,
    );
    let report = place.json(&["audit", "--inspect", &saved], 0);
    let found = report["findings"].as_array().unwrap();
    assert!(found.iter().any(|finding| finding["rule"] == "privileged-container"), "{found:#?}");
    // Nothing is said of a daemon that was not seen.
    assert!(found.iter().all(|finding| finding["subject"]["kind"] != "engine"), "{found:#?}");
}
