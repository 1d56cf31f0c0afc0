//! `seawall attest`: a document about an image, the result of a scan of it, or where it comes from → a signed statement
//! beside the image.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seawall_report::{Colour, Format, RenderOptions, Report, render};
use seawall_scan::assess;
use seawall_trust::image::{Home, Pinned, attest, pin};
use seawall_trust::limits;
use seawall_trust::provenance::{Checkout, Host, SLSA_1, of_buildkit, of_environment};
use seawall_trust::statement::predicate_type;
use serde_json::{Value, json};

use super::judge::{Judge, is_unread};
use super::{scan, sign, trust};
use crate::Session;
use crate::args::trust::{Attest, Gate};
use crate::args::{Judging, TargetArgs};
use crate::exit::Exit;
use crate::target::{LeakRules, Targets, platforms};

pub(crate) fn run(args: &Attest, session: &Session<'_>) -> Result<Exit> {
    let site = sign::site(&args.by, session)?;
    let by = sign::Signing::read(&args.by, site.as_ref(), session)?;
    let home = sign::home(&args.target, &args.registry, session)?;
    let image = pin(&home)?;
    let (kind, predicate) = match &args.predicate {
        Some(path) => {
            let kind = predicate_type(&args.kind).map_err(anyhow::Error::msg)?;
            let bytes = trust::bytes(path, limits::PREDICATE_BYTES_MAX)?;
            let predicate = serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is no JSON document", path.display()))?;
            (kind, predicate)
        }
        None if args.scan => {
            (predicate_type("vuln").map_err(anyhow::Error::msg)?, scanned(args, &home, &image, session)?)
        }
        None => provenance(&Source::of_attest(args), &image, session)?,
    };
    attest(&home, &image, &kind, predicate, by.signatory()?, session.config.now())?;
    session.terminal.note(format_args!("{} has an attestation of {kind} ({})", args.target, image.digest));
    Ok(Exit::Allowed)
}

/// What a scan finds of the very image that the statement will be about.
fn scanned(args: &Attest, home: &Home, image: &Pinned, session: &Session<'_>) -> Result<Value> {
    let text = match home {
        Home::Registry(_, name) => {
            format!("registry:{}/{}@{}", name.registry(), name.repository(), image.digest)
        }
        Home::Layout(path, _) => format!("oci:{}@{}", path.display(), image.digest),
    };
    let target = TargetArgs {
        target: OsString::from(&text),
        insecure_registry: args.registry.insecure_registry.clone(),
        ca_file: args.registry.ca_file.clone(),
        ..TargetArgs::of(&text)
    };
    let database = scan::database(session)?;
    if database.is_none() {
        bail!(
            "a scan without advisories says nothing that is worth a signature; `seawall db update` fetches them"
        );
    }
    let targets = Targets::new(&target, session)?.with_leaks(LeakRules::builtin(session));
    let opened = targets.open(&text, &platforms(&target))?;
    let [one] = opened.as_slice() else { bail!("{text} has {} images; attest each", opened.len()) };
    let mut examined = targets.examine(one)?;
    // As in a scan that nobody asked for settings.
    examined.settings.clear();
    let assessed = assess(examined, database.as_ref(), &super::assess_options(session));
    if let Some(gap) = assessed.findings.gaps.iter().find(|gap| is_unread(gap)) {
        bail!("nobody may call {text} scanned, because part of it was not read: {gap}");
    }
    let judging = Judging::default();
    let report = Judge::new(&judging)?.report(assessed, session)?;
    scan_predicate(&report, session)
}

/// A report as a predicate of cosign's type `vuln` (cosign, specs/COSIGN_VULN_ATTESTATION_SPEC.md).
pub(super) fn scan_predicate(report: &Report, session: &Session<'_>) -> Result<Value> {
    let now = session.config.now();
    Ok(json!({
        "invocation": {"parameters": [], "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": "pkg:generic/seawall",
            "version": env!("CARGO_PKG_VERSION"),
            "db": {"uri": "", "version": report.coverage.database},
            "result": predicate_of(report, Format::Json)?,
        },
        "metadata": {"scanStartedOn": now, "scanFinishedOn": now},
    }))
}

/// A report as JSON of a format.
pub(super) fn predicate_of(report: &Report, format: Format) -> Result<Value> {
    let options = RenderOptions { width: None, colour: Colour::Never, template: None };
    let mut bytes = Vec::new();
    render(report, format, &options, &mut bytes)?;
    serde_json::from_slice(&bytes).context("the report is no JSON document")
}

/// Where what is said of a build's origin comes from.
pub(super) struct Source<'a> {
    buildkit: Option<&'a Path>,
    checkout: &'a Path,
}

impl<'a> Source<'a> {
    fn of_attest(args: &'a Attest) -> Source<'a> {
        Source { buildkit: args.buildkit_metadata.as_deref(), checkout: &args.source }
    }

    pub(super) fn of_gate(args: &'a Gate) -> Source<'a> {
        Source { buildkit: args.buildkit_metadata.as_deref(), checkout: Path::new(".") }
    }
}

/// Predicate type and predicate of where an image comes from.
pub(super) fn provenance(
    source: &Source<'_>,
    image: &Pinned,
    session: &Session<'_>,
) -> Result<(String, Value)> {
    if let Some(path) = source.buildkit {
        let metadata = trust::bytes(path, limits::PREDICATE_BYTES_MAX)?;
        let (kind, predicate) = of_buildkit(&metadata, &image.digest)
            .with_context(|| format!("cannot use {}", path.display()))?;
        return Ok((kind.to_owned(), predicate));
    }
    let name = trust::text(Path::new("/proc/sys/kernel/hostname"), limits::KEY_BYTES_MAX).unwrap_or_default();
    let checkout = checkout(source.checkout);
    let host = Host { name: name.trim(), checkout: &checkout, now: session.config.now() };
    let predicate = of_environment(&|name| session.config.variable(name), host)?;
    Ok((SLSA_1.to_owned(), predicate))
}

/// What git's own files say of a directory: the commit that is checked out, and where the repository came from.
fn checkout(directory: &Path) -> Checkout {
    let Some(git) = directory.ancestors().map(|above| above.join(".git")).find(|git| git.is_dir()) else {
        return Checkout::default();
    };
    let read = |name: &str| trust::text(&git.join(name), limits::KEY_BYTES_MAX).ok();
    let is_commit =
        |text: &&str| [40, 64].contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let head = read("HEAD").unwrap_or_default();
    let commit = match head.trim().strip_prefix("ref: ") {
        None => Some(head.trim().to_owned()),
        Some(name) if name.contains("..") => None,
        Some(name) => read(name).map(|text| text.trim().to_owned()).or_else(|| {
            let packed = read("packed-refs")?;
            let line = packed.lines().find(|line| line.ends_with(&format!(" {name}")))?;
            line.split(' ').next().map(str::to_owned)
        }),
    };
    let config = read("config").unwrap_or_default();
    let origin = config.lines().skip_while(|line| line.trim() != "[remote \"origin\"]").skip(1);
    let origin = origin.take_while(|line| !line.trim().starts_with('['));
    let mut origin = origin.filter_map(|line| line.trim().strip_prefix("url = "));
    Checkout {
        origin: origin.next().map(without_login),
        commit: commit.filter(|text| is_commit(&text.as_str())),
    }
}

/// An address without the user and password that it may hold.
fn without_login(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit('@').next().unwrap_or(authority);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_read_without_its_login() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(checkout(directory.path()), Checkout::default());
        let git = directory.path().join(".git");
        std::fs::create_dir(&git).unwrap();
        let write = |name: &str, text: &str| std::fs::write(git.join(name), text).unwrap();
        let commit = "0123456789abcdef0123456789abcdef01234567";
        write("HEAD", "ref: refs/heads/main\n");
        write("packed-refs", &format!("# pack-refs\n{commit} refs/heads/main\n"));
        write(
            "config",
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://u:secret@h.example/r.git\n",
        );
        let read = checkout(&directory.path().join("."));
        assert_eq!(read.commit.as_deref(), Some(commit));
        assert_eq!(read.origin.as_deref(), Some("https://h.example/r.git"));
        write("HEAD", "ref: ../../secret\n");
        assert_eq!(checkout(directory.path()).commit, None);
    }
}
