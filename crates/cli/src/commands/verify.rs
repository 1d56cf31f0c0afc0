//! `seawall verify`: an image → what is required of it and is missing, as findings. `seawall verify-bundle`: a file and its
//! bundle → who signed it, or why that does not count.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use seawall_finding::{Coverage, Findings, Severity};
use seawall_inventory::{Digest, Inventory, Target, TargetKind};
use seawall_keys::Place;
use seawall_scan::Assessed;
use seawall_trust::bundle::Bundle;
use seawall_trust::certificate::crl::RevocationList;
use seawall_trust::certificate::identity::{Identity, Pattern};
use seawall_trust::containers_policy::{ContainersPolicy, Question, RegistriesD};
use seawall_trust::image::{Attempt, Home, Pinned, examine_until, pin};
use seawall_trust::notation::Notation;
use seawall_trust::requirement::{Requirement, Requirements, undefined};
use seawall_trust::statement::predicate_type;
use seawall_trust::trusted_root::TrustedRoot;
use seawall_trust::verify::{Artifact, Verified, Wanted, verify};
use seawall_trust::{PublicKey, limits};

use super::judge::{Examined, Judge};
use super::{keys, sign, trust};
use crate::Session;
use crate::args::trust::{SignerArgs, Verify, VerifyBundle};
use crate::exit::Exit;

pub(crate) fn image(args: &Verify, session: &Session<'_>) -> Result<Exit> {
    let mut judge = Judge::new(&args.judging)?;
    judge.outputs.refuse_formats_of_packages()?;
    if args.judging.fail_on.is_none() {
        // Whoever asks for verification wants what fails it denied; the policy's waivers are the exceptions.
        judge.policy.fail_on = Some(Severity::Unknown);
    }
    let home = sign::home(&args.target, &args.registry, session)?;
    let (image, findings) = match &args.containers_policy {
        Some(policy) => by_containers_policy(args, policy, &home, session)?,
        None => by_requirements(args, &home, session)?,
    };
    let target = Target { kind: TargetKind::Image, name: args.target.clone(), digest: Some(image.digest) };
    let inventory = Inventory { target, ..Inventory::default() };
    let report = judge.report(Assessed { inventory, findings, coverage: Coverage::default() }, session)?;
    judge.outputs.write(&report, session.terminal)?;
    Ok(judge.exit(&report, Examined::Something))
}

fn by_requirements(args: &Verify, home: &Home, session: &Session<'_>) -> Result<(Pinned, Findings)> {
    judged(&requirements(args, session)?, &args.target, home, session)
}

/// What an image is, and what it lacks of what is required of it.
pub(super) fn judged(
    requirements: &Requirements,
    target: &str,
    home: &Home,
    session: &Session<'_>,
) -> Result<(Pinned, Findings)> {
    let image = pin(home)?;
    let requirement = match home {
        Home::Registry(_, name) => requirements.of(name),
        // A layout has no name: the command line says what is required, or a policy with one entry.
        Home::Layout(..) => requirements.0.first().filter(|_| requirements.0.len() == 1),
    };
    let findings = match requirement {
        Some(requirement) if is_skipped(requirement, home) => {
            session.terminal.note(format_args!("note: notation's trust policy exempts {target}"));
            Findings::default()
        }
        Some(requirement) => {
            let now = session.config.now();
            let judge = |attempts: &[Attempt]| requirement.judge(target, &image, attempts, now);
            let is_enough = |attempts: &[Attempt]| judge(attempts).found.is_empty();
            let attempts = examine_until(home, &image.digest, &requirement.wanted(), now, &is_enough)?;
            tell(&attempts, &image.digest, session);
            judge(&attempts)
        }
        None => Findings { found: vec![undefined(target, Some(&image.digest))], gaps: Vec::new() },
    };
    Ok((image, findings))
}

/// The requirements of several policy files, one after another.
pub(super) fn trust_sections(paths: &[PathBuf]) -> Result<Requirements> {
    let mut requirements = Requirements::default();
    for path in paths {
        requirements.0.extend(policy(path)?.0);
    }
    Ok(requirements)
}

/// What podman would say. Files that its policy names are meant from the root, as podman means them.
fn by_containers_policy(
    args: &Verify,
    path: &Path,
    home: &Home,
    session: &Session<'_>,
) -> Result<(Pinned, Findings)> {
    let bytes = trust::bytes(path, limits::TRUSTED_ROOT_BYTES_MAX)?;
    let policy = ContainersPolicy::read(&bytes).with_context(|| format!("cannot use {}", path.display()))?;
    let registries = args.registries_d.as_deref().map(RegistriesD::read).transpose();
    let registries = registries.map_err(anyhow::Error::msg).context("cannot use registries.d")?;
    let image = pin(home)?;
    let open = |name: &str| {
        trust::bytes(Path::new(name), limits::KEY_BYTES_MAX).map_err(|error| format!("{error:#}"))
    };
    let question = Question {
        target: &args.target,
        home,
        image: &image,
        registries: registries.as_ref(),
        now: session.config.now(),
    };
    let findings = policy.judge(question, &open)?;
    Ok((image, findings))
}

/// Whether notation's policy exempts the image, and nothing else is required of it.
fn is_skipped(requirement: &Requirement, home: &Home) -> bool {
    let policy = requirement.notation.as_ref().and_then(|notation| notation.of(&home.scope()));
    requirement.wanted().len() == 1 && policy.is_some_and(|policy| policy.is_skip())
}

/// Lists of revoked certificates from files.
fn lists(paths: &[PathBuf]) -> Result<Vec<RevocationList>> {
    let mut lists = Vec::new();
    for path in paths {
        let read = RevocationList::read_all(&trust::bytes(path, limits::CRL_BYTES_MAX)?);
        lists.extend(read.with_context(|| format!("cannot use {}", path.display()))?);
    }
    Ok(lists)
}

fn tell(attempts: &[Attempt], digest: &Digest, session: &Session<'_>) {
    for verified in attempts.iter().filter_map(|attempt| attempt.outcome.as_ref().ok()) {
        session.terminal.note(format_args!("{digest} is {}", told(verified)));
        for unchecked in &verified.unchecked {
            session.terminal.note(format_args!("note: not checked: {unchecked}"));
        }
        for tolerated in &verified.tolerated {
            session.terminal.note(format_args!("note: notation's trust policy only logs: {tolerated}"));
        }
    }
}

/// What the command line requires of every image, or what the policy files require of which.
pub(super) fn requirements(args: &Verify, session: &Session<'_>) -> Result<Requirements> {
    if let Some(directory) = &args.notation {
        let notation = Notation::open(directory, lists(&args.signer.crl)?)?;
        let images = vec![Pattern::glob("**").map_err(anyhow::Error::msg)?];
        let notation = Some(notation);
        return Ok(Requirements(vec![Requirement { images, notation, ..Requirement::default() }]));
    }
    if args.signer.key.is_empty() && args.signer.certificate_identity.is_empty() {
        let requirements = trust_sections(&args.judging.policy)?;
        if requirements.0.is_empty() {
            bail!(
                "say who must have signed: --key, --certificate-identity, or a --policy with a section `trust`"
            );
        }
        return Ok(requirements);
    }
    let signers = Signers::read(&args.signer, session)?;
    let types = args.attestation.iter().map(|name| predicate_type(name).map_err(anyhow::Error::msg));
    Ok(Requirements(vec![Requirement {
        images: vec![Pattern::glob("**").map_err(anyhow::Error::msg)?],
        keys: signers.keys,
        identities: signers.identities,
        root: signers.root,
        signers: args.signers.get(),
        attestations: types.collect::<Result<_>>()?,
        age_days_max: args.age_days_max,
        ..Requirement::default()
    }]))
}

/// The requirements of a policy file; the files that it names lie beside it.
pub(super) fn policy(path: &Path) -> Result<Requirements> {
    let text = trust::text(path, limits::TRUSTED_ROOT_BYTES_MAX)?;
    let beside = |name: &str| {
        // Whoever writes a policy does not choose a module that is loaded, nor a host that is asked.
        if Place::is_elsewhere(name) {
            return Err("a policy names keys by file; `seawall trust public-key` writes one".to_owned());
        }
        let path: PathBuf = path.parent().unwrap_or_else(|| Path::new("")).join(name);
        trust::text(&path, limits::TRUSTED_ROOT_BYTES_MAX).map_err(|error| format!("{error:#}"))
    };
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    Requirements::read_beside(&text, Some(directory), &beside)
        .with_context(|| format!("cannot use {}", path.display()))
}

pub(crate) fn bundle(args: &VerifyBundle, session: &Session<'_>) -> Result<Exit> {
    let signers = Signers::read(&args.signer, session)?;
    let bytes = trust::bytes(&args.bundle, limits::BUNDLE_BYTES_MAX)?;
    let bundle = Bundle::read(&bytes).with_context(|| format!("cannot use {}", args.bundle.display()))?;
    let path = Path::new(&args.target);
    let digest: Option<Digest> = if path.exists() { None } else { args.target.parse().ok() };
    let message = match &digest {
        Some(_) => Vec::new(),
        None => trust::bytes(path, limits::FILE_BYTES_MAX)?,
    };
    let artifact = digest.as_ref().map_or(Artifact::Bytes(&message), Artifact::Digest);
    match verify(&bundle, artifact, signers.wanted(), session.config.now()) {
        Ok(verified) => {
            session.terminal.text(&format!("{}: {}\n", args.target, told(&verified)))?;
            for unchecked in &verified.unchecked {
                session.terminal.note(format_args!("note: not checked: {unchecked}"));
            }
            Ok(Exit::Allowed)
        }
        Err(refusal) => {
            session.terminal.text(&format!("{}: not trusted: {refusal}\n", args.target))?;
            Ok(Exit::Denied)
        }
    }
}

/// `signed by key SHA256:… at 2026-…`.
fn told(verified: &Verified) -> String {
    let at = verified.at.map(|at| format!(" at {at}")).unwrap_or_default();
    let what = verified.statement.as_ref().map(|statement| format!(", says {}", statement.predicate_type));
    format!("signed by {}{at}{}", verified.by, what.unwrap_or_default())
}

/// Who must have signed, as the user's arguments and files say.
pub(super) struct Signers {
    keys: Vec<PublicKey>,
    identities: Vec<Identity>,
    root: Option<TrustedRoot>,
}

impl Signers {
    pub(super) fn read(args: &SignerArgs, session: &Session<'_>) -> Result<Signers> {
        let mut keys = Vec::new();
        for key in &args.key {
            keys.extend(keys::public(key, session)?);
        }
        let issuer = args.certificate_oidc_issuer.as_deref().map(Pattern::exact);
        let identity = |text: &String| {
            let subject = Pattern::glob(text).map_err(anyhow::Error::msg)?;
            Ok(Identity { subject, issuer: issuer.clone() })
        };
        let identities = args.certificate_identity.iter().map(identity).collect::<Result<Vec<_>>>()?;
        let signers = Signers { keys, identities, root: root(args)? };
        match (signers.keys.is_empty(), signers.identities.is_empty(), &signers.root) {
            (true, true, _) => {
                bail!("say who must have signed: --key FILE or --certificate-identity IDENTITY")
            }
            (_, false, None) => {
                bail!("an identity needs an authority: --trusted-root FILE or --signer-ca FILE")
            }
            _ if !signers.identities.is_empty() && args.signer_ca.is_none() && issuer.is_none() => {
                bail!("say who must have vouched for the identity: --certificate-oidc-issuer ADDRESS")
            }
            _ => Ok(signers),
        }
    }

    pub(super) fn wanted(&self) -> Wanted<'_> {
        match &self.root {
            Some(root) if !self.identities.is_empty() => Wanted::Identities(&self.identities, root),
            root => Wanted::Keys(&self.keys, root.as_ref()),
        }
    }
}

fn root(args: &SignerArgs) -> Result<Option<TrustedRoot>> {
    if let Some(path) = &args.trusted_root {
        let bytes = trust::bytes(path, limits::TRUSTED_ROOT_BYTES_MAX)?;
        let root = TrustedRoot::read(&bytes).with_context(|| format!("cannot use {}", path.display()))?;
        return Ok(Some(root.with_revoked(lists(&args.crl)?)));
    }
    let Some(path) = &args.signer_ca else { return Ok(None) };
    let pem = |path: &Path| trust::text(path, limits::TRUSTED_ROOT_BYTES_MAX);
    let mut root =
        TrustedRoot::private(&pem(path)?).with_context(|| format!("cannot use {}", path.display()))?;
    if let Some(path) = &args.timestamp_ca {
        let with = root.with_timestamp_authority(&pem(path)?);
        root = with.with_context(|| format!("cannot use {}", path.display()))?;
    }
    Ok(Some(root.with_revoked(lists(&args.crl)?)))
}
