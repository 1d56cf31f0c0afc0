//! `seawall gate`: everything that a pipeline asks before it ships an image, in one step with one report and one exit code:
//! its files, their base images, the image itself, the policy; and where that allows it, statements and a signature.

use std::ffi::OsString;

use anyhow::{Context as _, Result, bail};
use seawall_finding::{Coverage, Findings, Severity};
use seawall_image::manifest::PlatformChoice;
use seawall_inventory::{Digest, Inventory, Target, TargetKind};
use seawall_lint::files::is_dockerfile;
use seawall_policy::{Judged, Verdict};
use seawall_report::{Format, Report};
use seawall_scan::{Assessed, assess};
use seawall_trust::image::{Home, Pinned, attest, pin, resolve, sign};
use seawall_trust::statement::predicate_type;

use super::attest::{Source, predicate_of, provenance, scan_predicate};
use super::judge::{Examined, Judge, is_unread};
use super::pin::Bases;
use super::{lint, scan, verify};
use crate::Session;
use crate::args::TargetArgs;
use crate::args::trust::{Annotate, Gate};
use crate::exit::Exit;
use crate::target::{LeakRules, Targets};

pub(crate) fn run(args: &Gate, session: &Session<'_>) -> Result<Exit> {
    let mut judge = Judge::new(&args.judging)?;
    // A gate that lets everything pass is none.
    judge.policy.fail_on = Some(args.judging.fail_on.unwrap_or(Severity::High));
    for path in &args.vex {
        judge.policy.add_vex(path)?;
    }
    if args.image.is_none() && args.files.is_empty() {
        bail!("say what to look at: an image, --files PATH, or both");
    }
    // What cannot be signed in the end must not cost the minutes before.
    let site = super::sign::site(&args.by, session)?;
    let by = match args.by.is_given() {
        true => Some(super::sign::Signing::read(&args.by, site.as_ref(), session)?),
        false => None,
    };
    let mut gathered = Gathered::default();
    if !args.files.is_empty() {
        gathered.files(args, session)?;
    }
    let image = args.image.as_deref().map(|image| gathered.image(image, args, session)).transpose()?;
    let examined = gathered.examined;
    let report = judge.report(gathered.assessed(args), session)?;
    judge.outputs.write(&report, session.terminal)?;
    annotate(&report, args, session);
    let exit = match (judge.exit(&report, examined), examined) {
        (Exit::Allowed, Examined::Nothing) => Exit::NotExamined,
        (exit, _) => exit,
    };
    match (&image, &by, exit) {
        (Some(image), Some(by), Exit::Allowed) => vouch(image, by, &report, args, session)?,
        (Some(_), Some(_), Exit::Denied | Exit::NotExamined | Exit::BadInput) => {
            session.terminal.note("note: nothing was signed");
        }
        (None, _, _) | (_, None, _) => {}
    }
    Ok(exit)
}

/// The image, pinned before it was looked at: what is signed is what was examined, wherever its tag moves meanwhile.
struct Shipped {
    home: Home,
    pinned: Pinned,
}

/// What all parts found.
#[derive(Default)]
struct Gathered {
    inventory: Option<Inventory>,
    findings: Findings,
    coverage: Coverage,
    examined: Examined,
}

/// One part that could not be examined makes the whole not examined.
fn both(one: Examined, other_is_examined: bool) -> Examined {
    if other_is_examined { one } else { Examined::Nothing }
}

impl Gathered {
    fn files(&mut self, args: &Gate, session: &Session<'_>) -> Result<()> {
        let (files, linted) = lint::look(&args.files, session)?;
        let requirements = verify::trust_sections(&args.judging.policy)?;
        if requirements.0.is_empty() {
            session.terminal.note("note: no --policy with a section `trust`: base images are not verified");
        } else {
            let mut bases = Bases::new(requirements, &args.registry, session);
            for (path, bytes) in &files.files {
                if is_dockerfile(path, std::str::from_utf8(bytes).unwrap_or_default()) {
                    let looked = bases.look_only(path, bytes);
                    // A base image that nobody could ask for is one that nobody verified.
                    self.examined = both(self.examined, looked.gaps.is_empty());
                    self.findings.found.extend(looked.found);
                    self.findings.gaps.extend(looked.gaps);
                }
            }
        }
        // Of what was named and not read nobody knows on which images it builds.
        self.examined = both(self.examined, linted.is_anything_read && files.gaps.is_empty());
        self.findings.found.extend(linted.findings.found);
        self.findings.gaps.extend(linted.findings.gaps);
        self.add(linted.coverage);
        Ok(())
    }

    /// Every platform of the image is shipped, so every platform is looked at.
    fn image(&mut self, image: &str, args: &Gate, session: &Session<'_>) -> Result<Shipped> {
        let database = scan::database(session)?;
        let home = super::sign::home(image, &args.registry, session)?;
        let pinned = pin(&home)?;
        let (home, text) = fixed(home, image, &pinned.digest);
        let target = TargetArgs {
            target: OsString::from(&text),
            insecure_registry: args.registry.insecure_registry.clone(),
            ca_file: args.registry.ca_file.clone(),
            ..TargetArgs::of(&text)
        };
        let targets = Targets::new(&target, session)?.with_leaks(LeakRules::builtin(session));
        let opened = targets.open(&target.target, &PlatformChoice::All)?;
        for one in &opened {
            let mut examined = targets.examine(one)?;
            if !args.settings {
                examined.settings.clear();
            }
            let assessed = assess(examined, database.as_ref(), &super::assess_options(session));
            let coverage = &assessed.coverage;
            let is_judged = coverage.packages_judged + coverage.packages_undetermined > 0;
            let has_packages = !assessed.inventory.packages.is_empty();
            // What could not be read may be the very database that knows the packages.
            let is_read = !assessed.findings.gaps.iter().any(is_unread);
            self.examined =
                both(self.examined, is_read && (is_judged || !has_packages && database.is_some()));
            self.findings.found.extend(assessed.findings.found);
            self.findings.gaps.extend(assessed.findings.gaps);
            self.add(assessed.coverage);
            self.inventory.get_or_insert(assessed.inventory);
        }
        if let Some(inventory) = &mut self.inventory {
            inventory.target.name = image.to_owned();
            inventory.target.digest = Some(pinned.digest.clone());
        }
        Ok(Shipped { home, pinned })
    }

    fn add(&mut self, other: Coverage) {
        let all = &mut self.coverage;
        all.layers += other.layers;
        all.layers_cached += other.layers_cached;
        all.files += other.files;
        all.bytes += other.bytes;
        all.packages_judged += other.packages_judged;
        all.packages_undetermined += other.packages_undetermined;
        all.packages_unanswered += other.packages_unanswered;
        all.packages_owned += other.packages_owned;
        all.packages_for_development += other.packages_for_development;
        all.problems_suppressed += other.problems_suppressed;
        all.packages.extend(other.packages);
        all.left_out.extend(other.left_out);
        if all.database.is_none() {
            all.database = other.database;
            all.advisories = other.advisories;
        }
    }

    fn assessed(self, args: &Gate) -> Assessed {
        let name = args.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
        let inventory = self.inventory.unwrap_or_else(|| Inventory {
            target: Target { kind: TargetKind::Files, name, digest: None },
            ..Inventory::default()
        });
        Assessed { inventory, findings: self.findings, coverage: self.coverage }
    }
}

/// The image by its digest, for us and for the scan.
fn fixed(home: Home, text: &str, digest: &Digest) -> (Home, String) {
    match home {
        Home::Registry(registry, name) => {
            let name = name.with_digest(digest.clone());
            let text = format!("registry:{}/{}@{digest}", name.registry(), name.repository());
            (Home::Registry(registry, Box::new(name)), text)
        }
        Home::Layout(path, _) => {
            let text = match path.to_str() {
                Some(path) => format!("oci:{path}@{digest}"),
                None => text.to_owned(),
            };
            (Home::Layout(path, Some(digest.to_string())), text)
        }
    }
}

/// What was found is said of the image, then where it comes from, and then it is signed.
fn vouch(
    image: &Shipped,
    by: &super::sign::Signing<'_>,
    report: &Report,
    args: &Gate,
    session: &Session<'_>,
) -> Result<()> {
    let now = session.config.now();
    let Shipped { home, pinned } = image;
    let mut statements = Vec::new();
    let kind = |name: &str| predicate_type(name).map_err(anyhow::Error::msg);
    statements.push((kind("vuln")?, scan_predicate(report, session)?));
    statements.push((kind("cyclonedx")?, predicate_of(report, Format::CycloneDx)?));
    if args.provenance {
        statements.push(provenance(&Source::of_gate(args), pinned, session)?);
    }
    for (kind, predicate) in statements {
        attest(home, pinned, &kind, predicate, by.signatory()?, now)
            .with_context(|| format!("cannot attach {kind}"))?;
        session.terminal.note(format_args!("{} has an attestation of {kind}", pinned.digest));
    }
    for image in resolve(home)? {
        sign(home, &image, by.signatory()?, now)?;
        session.terminal.note(format_args!("{} is signed {by}", image.digest));
    }
    Ok(())
}

/// Tells what is denied in the words of the pipeline that runs us, so that it stands beside the code.
fn annotate(report: &Report, args: &Gate, session: &Session<'_>) {
    let wanted = match args.annotate {
        Annotate::Github => true,
        Annotate::None => false,
        Annotate::Auto => session.config.variable("GITHUB_ACTIONS") == Some("true"),
    };
    if !wanted {
        return;
    }
    for judged in
        report.findings.iter().filter(|judged| judged.verdict != Verdict::Allow).take(ANNOTATIONS_MAX)
    {
        session.terminal.note(workflow_command(judged));
    }
}

/// GitHub shows ten of each kind in a step and fifty in a job.
const ANNOTATIONS_MAX: usize = 50;

/// `::error file=…,line=…,title=…::…`; what is special there stands as a percent sign with digits.
fn workflow_command(judged: &Judged) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let finding = &judged.finding;
    let kind = if judged.verdict == Verdict::Deny { "error" } else { "warning" };
    let mut properties = vec![format!("title={}", property(&finding.rule))];
    // A path in a layer is none of the repository's.
    if let (Some(path), None) = (&finding.place.path, &finding.place.layer) {
        properties.push(format!("file={}", property(path)));
        properties.extend(finding.place.line.map(|line| format!("line={line}")));
    }
    format!("::{kind} {}::{}", properties.join(","), data(&finding.summary))
}
