//! `seawall db`: fetches, shows and mirrors the advisory database.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use seawall_advisory::Database;
use seawall_advisory::database::{ShardStatus, Verify};
use seawall_advisory::update::{
    self, AptSuite, Fetched, Network, NetworkUse, Origin, Outcome, PackageMirror, PartReport, SOURCES,
    UpdateOptions, Updated,
};
use seawall_image::manifest::PlatformChoice;
use seawall_inventory::Ecosystem;
use serde::Serialize;

use crate::Session;
use crate::args::{Db, TargetArgs};
use crate::exit::Exit;
use crate::target::Targets;
use crate::terminal::Terminal;

const USER_AGENT: &str = concat!("seawall/", env!("CARGO_PKG_VERSION"));

pub(crate) fn run(command: &Db, session: &Session<'_>) -> Result<Exit> {
    let directory = session.config.database(session.global.db.as_deref());
    match command {
        Db::Update { apt, only_for, rpm, .. } if !(apt.is_empty() && rpm.is_empty()) => {
            let mirrors = mirrors(apt, only_for.as_deref(), rpm, session)?;
            update_from_packages(&directory, &mirrors, session)
        }
        Db::Update { from, source, .. } => update(&directory, from.as_deref(), source, session),
        Db::Status { json, verify } => {
            let verify = if *verify { Verify::Digests } else { Verify::Frames };
            status(&directory, *json, verify, session)
        }
        Db::Mirror { directory: to } => mirror(&directory, to, session.terminal),
    }
}

fn usage(session: &Session<'_>) -> NetworkUse {
    if session.global.offline { NetworkUse::Forbidden } else { NetworkUse::Allowed }
}

fn update(directory: &Path, from: Option<&str>, source: &[String], session: &Session<'_>) -> Result<Exit> {
    let origin =
        Origin::named(from, usage(session), USER_AGENT).context("cannot update the advisory database")?;
    let options = UpdateOptions { sources: source.to_vec(), now: session.config.now().to_string() };
    let terminal = session.terminal;
    let updated = update::update(directory, &options, &origin, &mut |part| tell(terminal, part))?;
    Ok(summary(directory, &updated, terminal))
}

/// The package mirrors that the user names, asked only for what the target has where one is given.
fn mirrors(
    apt: &[AptSuite],
    only_for: Option<&str>,
    rpm: &[String],
    session: &Session<'_>,
) -> Result<Vec<PackageMirror>> {
    let mut only = BTreeSet::new();
    if let Some(target) = only_for {
        let targets = Targets::new(&TargetArgs::of(target), session)?;
        for opened in targets.open(target, &PlatformChoice::Host)? {
            let packages = targets.examine(&opened)?.inventory.packages;
            let sources = packages.iter().filter(|package| package.ecosystem == Ecosystem::Deb);
            only.extend(sources.map(|package| package.source_name().to_owned()));
        }
        if only.is_empty() {
            bail!("{target} has no Debian packages, so an apt mirror has nothing to say of it");
        }
    }
    let suites = apt.iter().map(|suite| PackageMirror::Apt(AptSuite { only: only.clone(), ..suite.clone() }));
    let repositories = rpm.iter().map(|base| PackageMirror::Rpm { base: base.clone(), space: None });
    Ok(suites.chain(repositories).collect())
}

fn update_from_packages(directory: &Path, mirrors: &[PackageMirror], session: &Session<'_>) -> Result<Exit> {
    let network = Network::new(usage(session), None, USER_AGENT).context("cannot ask the package mirror")?;
    let options = UpdateOptions { sources: Vec::new(), now: session.config.now().to_string() };
    let terminal = session.terminal;
    let updated = update::update_from_packages(directory, &options, mirrors, &network, &mut |part| {
        tell(terminal, part);
    })?;
    Ok(summary(directory, &updated, terminal))
}

/// Says what the database holds now, and what could not be had.
fn summary(directory: &Path, updated: &Updated, terminal: &Terminal) -> Exit {
    let failed = updated.parts.iter().filter(|part| matches!(part.outcome, Outcome::Failed { .. })).count();
    let manifest = &updated.manifest;
    terminal.note(format_args!(
        "the database in {} has {} records of {} sources in {:.1} MB",
        directory.display(),
        manifest.records(),
        manifest.sources().len(),
        manifest.size() as f64 / 1e6
    ));
    if failed > 0 {
        terminal.note(format_args!("{failed} files could not be had; what they brought before stays"));
    }
    Exit::Allowed
}

fn tell(terminal: &Terminal, part: &PartReport) {
    match &part.outcome {
        Outcome::Replaced { records } => terminal.note(format_args!("{:24} {records} records", part.name)),
        Outcome::Unchanged => terminal.note(format_args!("{:24} unchanged", part.name)),
        Outcome::Failed { reason } => terminal.note(format_args!("{:24} failed: {reason}", part.name)),
    }
    if part.gaps_total > 0 {
        terminal.note(format_args!("{:24} {} documents not understood, the first:", "", part.gaps_total));
        for gap in part.gaps.iter().take(1) {
            terminal.note(format_args!("{:26} {}", "", gap.as_named()));
        }
    }
}

/// One source as `db status --json` shows it.
#[derive(Serialize)]
struct SourceLine {
    name: String,
    title: String,
    covers: Vec<String>,
    as_of: Option<String>,
    records: u64,
}

#[derive(Serialize)]
struct Status {
    directory: String,
    digest: String,
    built_at: Option<String>,
    records: u64,
    bytes: u64,
    damaged: Vec<String>,
    sources: Vec<SourceLine>,
    not_fetched: Vec<&'static str>,
}

fn status(directory: &Path, json: bool, verify: Verify, session: &Session<'_>) -> Result<Exit> {
    let database = Database::open(directory)
        .context("cannot show the advisory database; `seawall db update` makes one")?;
    let status = Status::of(&database, verify);
    let exit = if status.damaged.is_empty() { Exit::Allowed } else { Exit::BadInput };
    let bytes = match json {
        true => {
            let mut bytes = serde_json::to_vec_pretty(&status)?;
            bytes.push(b'\n');
            bytes
        }
        false => status.text().into_bytes(),
    };
    session.terminal.result(|out| Ok(out.write_all(&bytes)?))?;
    Ok(exit)
}

impl Status {
    fn of(database: &Database, verify: Verify) -> Status {
        let manifest = database.manifest();
        let damaged =
            |shard: ShardStatus| shard.damage.map(|damage| format!("{}: {damage}", shard.info.file));
        let sources: Vec<SourceLine> = manifest
            .sources()
            .into_iter()
            .map(|status| SourceLine {
                name: status.source.name.clone(),
                title: status.source.title.clone(),
                as_of: status.source.as_of.clone(),
                covers: status.covers,
                records: status.records,
            })
            .collect();
        let is_here = |name: &str| sources.iter().any(|source| source.name == name);
        let usual = SOURCES.iter().filter(|source| source.fetched == Fetched::Always);
        let not_fetched = usual.map(|source| source.name).filter(|name| !is_here(name)).collect();
        Status {
            directory: database.directory().display().to_string(),
            digest: database.digest().to_owned(),
            built_at: manifest.built_at.clone(),
            records: manifest.records(),
            bytes: manifest.size(),
            damaged: database.status(verify).into_iter().filter_map(damaged).collect(),
            sources,
            not_fetched,
        }
    }

    fn text(&self) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        let built = self.built_at.as_deref().unwrap_or("an unknown time");
        let _ = writeln!(text, "{}", self.directory);
        let _ =
            writeln!(text, "{} records, {:.1} MB, built at {built}", self.records, self.bytes as f64 / 1e6);
        let _ = writeln!(text, "digest {}\n", self.digest);
        let _ = writeln!(text, "{:18} {:>9}  {:10}  covers", "source", "records", "as of");
        for source in &self.sources {
            let as_of = source.as_of.as_deref().and_then(|as_of| as_of.get(..10)).unwrap_or("unknown");
            let covers = match source.covers.as_slice() {
                [] => source.title.clone(),
                few if few.len() <= 4 => few.join(", "),
                [first, second, third, rest @ ..] => {
                    format!("{first}, {second}, {third} and {} more", rest.len())
                }
                [..] => String::new(),
            };
            let _ = writeln!(text, "{:18} {:>9}  {as_of:10}  {covers}", source.name, source.records);
        }
        if !self.not_fetched.is_empty() {
            let _ = writeln!(text, "\nnot in this database: {}", self.not_fetched.join(", "));
        }
        for damaged in &self.damaged {
            let _ = writeln!(text, "damaged: {damaged}");
        }
        text
    }
}

fn mirror(directory: &Path, to: &Path, terminal: &Terminal) -> Result<Exit> {
    let database = Database::open(directory)
        .context("there is no advisory database to mirror; `seawall db update` makes one")?;
    let manifest = update::mirror_database(&database, to)?;
    terminal.note(format_args!(
        "mirrored {} records in {} files to {}; there, run `seawall db update --from {}`",
        manifest.records(),
        manifest.shards.len(),
        to.display(),
        to.display()
    ));
    Ok(Exit::Allowed)
}
