//! The command line: names, help, examples. What an argument means is decided in `commands`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use seawall_advisory::update::AptSuite;
use seawall_finding::{Confidence, Framework, Severity};
use seawall_inventory::Platform;
use seawall_lint::pss;
use seawall_report::Format;

pub(crate) mod admit;
#[cfg(feature = "runtime")]
pub(crate) mod guard;
pub(crate) mod respond;
pub(crate) mod rules;
#[cfg(feature = "runtime")]
pub(crate) mod top;
pub(crate) mod trust;

use rules::Rules;
use trust::{
    ATTEST_EXAMPLES, Attest, COPY_EXAMPLES, Copy, GATE_EXAMPLES, Gate, PIN_EXAMPLES, Pin, SIGN_EXAMPLES,
    Sign, Trust, VERIFY_BUNDLE_EXAMPLES, VERIFY_EXAMPLES, Verify, VerifyBundle,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  allowed by the policy
  1  denied by the policy
  2  wrong usage, or input that cannot be read
  3  nothing could be examined, or with --fail-on-gaps not all";

const SCAN_EXAMPLES: &str = "\
Targets:
  alpine:3.20                     an image: from Docker, podman or containerd, else from its registry
  registry:localhost:5000/app:1   an image, from its registry only
  docker:app, podman:app, containerd:app
  image.tar, image.tar.gz         `docker save`, or an OCI archive
  oci:DIR[:TAG|@DIGEST]           an OCI layout
  dir:/srv/app, /                 a directory or root file system
  container:NAME                  a running container, its upper layer told apart
  sbom.json                       CycloneDX, SPDX or Syft JSON
  -                               an archive or SBOM on standard input

Engines are found at DOCKER_HOST, CONTAINER_HOST (podman) and CONTAINERD_ADDRESS, or at their usual sockets.

Examples:
  seawall scan alpine:3.20
  seawall scan --fail-on high --only-fixed image.tar
  seawall scan --format sarif --output scan.sarif registry:ghcr.io/org/app:1.2
  seawall scan --format table --format json=scan.json --format html=scan.html app:latest
  seawall scan --only leaks dir:/srv/app          # credentials, without packages
  seawall scan --settings app:latest              # and how the image is set up
  seawall scan --baseline last.json --fail-on low app:next      # only what is new";

const DIFF_EXAMPLES: &str = "\
Examples:
  seawall diff app:1.2 app:1.3
  seawall diff --fail-on high last.tar next.tar    # exit 1 only for findings that are new
  seawall diff --format json app:1.2 app:1.3
  seawall diff --files app:1.2 rebuilt.tar         # is the build reproducible, and if not, where";

const LINT_EXAMPLES: &str = "\
Examples:
  seawall lint Dockerfile
  seawall lint --fail-on medium --format sarif=lint.sarif .
  seawall lint --pss restricted --kubernetes-version v1.34 deploy/
  seawall lint --disable healthcheck-missing,DL3008 Dockerfile
  seawall lint --fix compose.yaml                # what can be mended, as a diff
  seawall lint -                                 # `helm template . | seawall lint -`";

const AUDIT_EXAMPLES: &str = "\
Examples:
  seawall audit                                   # this machine and the engines that answer
  seawall audit --fail-on high --format junit=audit.xml
  seawall audit --benchmark cis-docker-1.8 --format html=audit.html
  seawall audit --root /mnt/disk                  # a file system that is mounted, not running
  seawall audit --inspect containers.json         # `docker inspect $(docker ps -q) > containers.json`
  seawall audit --fix                             # what would mend it, as a diff
  seawall audit --fix --apply";

const INCIDENTS_EXAMPLES: &str = "\
Examples:
  seawall incidents alerts.jsonl                          # as `seawall guard --format json` wrote them
  seawall incidents --with scan.json alerts.jsonl         # beside what `seawall scan --format json` found
  seawall incidents --receipts /var/lib/seawall/receipts alerts.jsonl    # and what was done about it
  seawall incidents --format json alerts.jsonl";

const DB_EXAMPLES: &str = "\
Examples:
  seawall db update                          # fetch what has changed
  seawall db status                          # sources, ages, counts
  seawall db mirror /media/usb/seawall       # everything an air-gapped site needs
  seawall db update --from /media/usb/seawall
  seawall db update --from http://mirror.local/seawall
  seawall db update --apt 'http://deb.debian.org/debian-security bookworm-security main' --for app.tar
                                             # where only the package mirror can be reached";

/// Container security from build to run time, in one binary.
#[derive(Debug, Parser)]
#[command(name = "seawall", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Make no network call; one that would be needed is an error
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Directory of the advisory database [default: $SEAWALL_DB or ~/.local/share/seawall/db]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) db: Option<PathBuf>,
    /// Directory of cached layer facts [default: $SEAWALL_CACHE or ~/.cache/seawall]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) cache: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find vulnerable packages, leaked credentials and bad settings in an image, directory, container or SBOM
    #[command(after_help = SCAN_EXAMPLES)]
    Scan(Box<Scan>),
    /// List what is in an image, directory or container as CycloneDX or SPDX
    #[command(
        after_help = "Examples:\n  seawall sbom alpine:3.20\n  seawall sbom --format spdx --output app.spdx.json app.tar"
    )]
    Sbom(Box<Sbom>),
    /// Compare this machine, its container engines and their containers with the CIS benchmarks
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit(Box<Audit>),
    /// Find bad settings in Dockerfiles, Kubernetes manifests, Compose files, Quadlet units and scripts
    #[command(after_help = LINT_EXAMPLES)]
    Lint(Box<Lint>),
    /// Compare two targets: packages and findings gained, lost and kept
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(Box<Diff>),
    /// Watch what processes and containers do, and judge it by rules
    #[cfg(feature = "runtime")]
    #[command(after_help = guard::GUARD_EXAMPLES)]
    Guard(Box<guard::Guard>),
    /// Show containers by what happens in them and by risk
    #[cfg(feature = "runtime")]
    #[command(after_help = top::TOP_EXAMPLES)]
    Top(top::Top),
    /// Tell what the guard found as incidents: one story for each container or host, with what a scan knows of it
    #[command(after_help = INCIDENTS_EXAMPLES)]
    Incidents(Incidents),
    /// Fetch, show and mirror advisories
    #[command(after_help = DB_EXAMPLES)]
    Db {
        #[command(subcommand)]
        command: Db,
    },
    /// Work with the rule files of `seawall guard`: Falco's language and our own keys
    Rules {
        #[command(subcommand)]
        command: Rules,
    },
    /// See what the guard's responses did, and undo them
    #[command(after_help = respond::EXAMPLES)]
    Respond {
        #[command(subcommand)]
        command: respond::Respond,
    },
    /// Make keys and authorities for signatures
    Trust {
        #[command(subcommand)]
        command: Trust,
    },
    /// Sign an image or a file
    #[command(after_help = SIGN_EXAMPLES)]
    Sign(Box<Sign>),
    /// Say something of an image, signed
    #[command(after_help = ATTEST_EXAMPLES)]
    Attest(Box<Attest>),
    /// Verify that the right ones signed an image
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Box<Verify>),
    /// Decide whether images may run, for Docker, containerd, podman and Kubernetes
    #[command(after_help = admit::EXAMPLES)]
    Admit {
        #[command(subcommand)]
        command: admit::Admit,
    },
    /// Verify the signature of a file
    #[command(after_help = VERIFY_BUNDLE_EXAMPLES)]
    VerifyBundle(Box<VerifyBundle>),
    /// Copy an image with its signatures, attestations and referrers between registries, layouts and archives
    #[command(after_help = COPY_EXAMPLES)]
    Copy(Box<Copy>),
    /// Pin the base images of build files to digests, once the policy trusts them
    #[command(after_help = PIN_EXAMPLES)]
    Pin(Box<Pin>),
    /// Ask all that a pipeline asks before it ships an image: files, base images, the image, policy; then sign
    #[command(after_help = GATE_EXAMPLES)]
    Gate(Box<Gate>),
    /// Say what a rule or a vulnerability is, and how to fix what it finds
    #[command(
        after_help = "Examples:\n  seawall explain CVE-2024-6387\n  seawall explain container-privileged\n  seawall explain DL3008    # what other tools call it\n  seawall explain --list"
    )]
    Explain {
        /// A rule's id, another tool's name for it, or an advisory's: CVE-…, GHSA-…, DSA-…
        #[arg(required_unless_present_any = ["list", "markdown"])]
        id: Option<String>,
        /// List every rule
        #[arg(long, conflicts_with = "id")]
        list: bool,
        /// Write the reference of all rules with their controls
        #[arg(long, conflicts_with_all = ["id", "list"])]
        markdown: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a directory
    Man {
        /// The directory
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

/// How a target is found and read.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// What to look at; see the list below
    pub(crate) target: OsString,
    /// Choose this platform of a multi-platform image [default: linux on this machine's architecture]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<Platform>,
    /// Talk plain http to this registry (loopback addresses may always)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) insecure_registry: Vec<String>,
    /// Trust the certificates of this PEM file for registries
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Do not read or write cached layer facts
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Threads that walk layers [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
}

impl TargetArgs {
    /// The target with every option at its default.
    pub(crate) fn of(target: &str) -> TargetArgs {
        TargetArgs {
            target: target.into(),
            platform: None,
            insecure_registry: Vec::new(),
            ca_file: None,
            no_cache: false,
            jobs: None,
        }
    }
}

/// What a scan can look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LookFor {
    /// Vulnerable, malicious and outdated packages
    Packages,
    /// Leaked credentials
    Leaks,
    /// Bad settings of the image
    Settings,
}

/// How sure a leak must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LeakConfidence {
    /// Everything that looks like a credential
    Low,
    /// What most probably is one
    Medium,
    /// What proves itself: a checksum, a structure, a file that holds nothing else
    High,
}

impl Scan {
    /// Whether to look for this.
    pub(crate) fn wants(&self, what: LookFor) -> bool {
        match what {
            _ if !self.only.is_empty() => self.only.contains(&what),
            LookFor::Packages | LookFor::Leaks => true,
            LookFor::Settings => self.settings,
        }
    }
}

impl From<LeakConfidence> for Confidence {
    fn from(confidence: LeakConfidence) -> Confidence {
        match confidence {
            LeakConfidence::Low => Confidence::Low,
            LeakConfidence::Medium => Confidence::Medium,
            LeakConfidence::High => Confidence::High,
        }
    }
}

/// How findings are judged and where reports go: the same for every command that finds something.
#[derive(Debug, Default, Args)]
pub(crate) struct Judging {
    /// Output format, or FORMAT=FILE; may be given several times [default: table]
    #[arg(long, short, value_name = "FORMAT[=FILE]")]
    pub(crate) format: Vec<Output>,
    /// Write the format that names no file of its own to this file
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// The text of `--format template`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) template: Option<PathBuf>,
    /// Policy file (YAML): clauses and waivers
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: Vec<PathBuf>,
    /// Ignore file of Trivy, Grype or osv-scanner
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ignore_file: Vec<PathBuf>,
    /// Deny only what this JSON report of an earlier scan does not list
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) baseline: Option<PathBuf>,
    /// Deny findings of this severity or above: unknown (which is below all others), negligible, low, medium, high,
    /// critical
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Severity>,
    /// Exit with 3 when anything could not be examined or judged and nothing was denied
    #[arg(long)]
    pub(crate) fail_on_gaps: bool,
    /// Report only findings of this severity or above
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) severity: Option<Severity>,
}

#[derive(Debug, Args)]
pub(crate) struct Scan {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Look only for these: packages (vulnerable, malicious, outdated), leaks, settings [default: packages,leaks]
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) only: Vec<LookFor>,
    /// Judge the image's settings too: its user, history, variables, setuid files (CIS Docker section 4)
    #[arg(long, conflicts_with = "only")]
    pub(crate) settings: bool,
    /// More rules for leaked credentials: Seawall's YAML, or the TOML of gitleaks and Betterleaks
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) leak_rules: Vec<PathBuf>,
    /// Report leaks of at least this confidence: low, medium, high
    #[arg(long, value_name = "CONFIDENCE", default_value = "medium")]
    pub(crate) leak_confidence: LeakConfidence,
    /// Scan every platform of a multi-platform image
    #[arg(long, conflicts_with = "platform")]
    pub(crate) all_platforms: bool,
    #[command(flatten)]
    pub(crate) judging: Judging,
    /// VEX document: OpenVEX, CSAF or CycloneDX
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) vex: Vec<PathBuf>,
    /// Report only what a published version fixes
    #[arg(long, visible_alias = "ignore-unfixed")]
    pub(crate) only_fixed: bool,
    /// Judge packages that a lock file names for development only
    #[arg(long)]
    pub(crate) include_dev: bool,
    /// Tell the layers of this image apart as the base
    #[arg(long, value_name = "TARGET")]
    pub(crate) base: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Files, directories (all files of a known kind below them, but not in .git and node_modules), or - for
    /// standard input
    #[arg(required_unless_present = "compose_file", value_hint = ValueHint::AnyPath)]
    pub(crate) path: Vec<PathBuf>,
    /// Judge these Compose files as one project in this order, like `docker compose -f A -f B`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) compose_file: Vec<PathBuf>,
    /// Judge pods by this Pod Security Standard alone, baseline or restricted; what it forbids is denied
    #[arg(long, value_name = "LEVEL")]
    pub(crate) pss: Option<pss::Level>,
    /// The standard as this version of Kubernetes has it [default: latest]
    #[arg(long, value_name = "v1.N", requires = "pss")]
    pub(crate) kubernetes_version: Option<pss::Version>,
    /// Ask this rule too, by its id or another tool's; `all` asks every one
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) enable: Vec<String>,
    /// Do not ask this rule
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) disable: Vec<String>,
    /// A registry that base images may come from; once given, no other may
    #[arg(long, value_name = "HOST")]
    pub(crate) registry: Vec<String>,
    /// A label that an image must have
    #[arg(long, value_name = "KEY")]
    pub(crate) label: Vec<String>,
    /// A seccomp profile by the path with which workloads use it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) seccomp_profile: Vec<PathBuf>,
    /// Judge also what comments and annotations in the files ask to leave out
    #[arg(long)]
    pub(crate) no_ignore: bool,
    /// Show as a diff what can be mended mechanically, and list what is left
    #[arg(long)]
    pub(crate) fix: bool,
    /// Change also what a program may not survive: a read-only root, no capabilities, no root
    #[arg(long, requires = "fix")]
    pub(crate) harden: bool,
    /// Make the changes that --fix shows
    #[arg(long, requires = "fix")]
    pub(crate) apply: bool,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Audit the file system that is mounted here, not this machine
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) root: Option<PathBuf>,
    /// Audit what `docker inspect` or `docker info` answered, saved in a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) inspect: Vec<PathBuf>,
    /// Ask this engine only, `unix:///run/docker.sock` [default: all that are found]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) engine: Vec<String>,
    /// Show only what this benchmark asks: cis-docker-1.6, cis-docker-1.7, cis-docker-1.8, cis-kubernetes-1.12
    #[arg(long, value_name = "BENCHMARK")]
    pub(crate) benchmark: Option<Benchmark>,
    /// Answers of people to questions that no program can answer (YAML: rule, who, when, until, statement)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) attestations: Option<PathBuf>,
    /// A user who may use the engine's socket; once given, no other may
    #[arg(long, value_name = "NAME")]
    pub(crate) trusted_user: Vec<String>,
    /// A registry or repository that base images may come from; once given, no other may
    #[arg(long, value_name = "PREFIX")]
    pub(crate) trusted_image: Vec<String>,
    /// Scan the engines' images, to answer what only a scan can; each layer is looked at once, ever
    #[arg(long)]
    pub(crate) scan_images: bool,
    /// Show as a diff what would mend the failures, and what would not be mended
    #[arg(long)]
    pub(crate) fix: bool,
    /// Make the changes that --fix shows, keep the former files, and audit again
    #[arg(long, requires = "fix")]
    pub(crate) apply: bool,
    /// Where --apply keeps the former files [default: /var/backups/seawall]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "apply")]
    pub(crate) backup: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

/// A benchmark of which only the questions are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Benchmark {
    #[value(name = "cis-docker-1.6")]
    CisDocker16,
    #[value(name = "cis-docker-1.7")]
    CisDocker17,
    #[value(name = "cis-docker-1.8")]
    CisDocker18,
    #[value(name = "cis-kubernetes-1.12")]
    CisKubernetes112,
}

impl From<Benchmark> for Framework {
    fn from(benchmark: Benchmark) -> Framework {
        match benchmark {
            Benchmark::CisDocker16 => Framework::CisDocker16,
            Benchmark::CisDocker17 => Framework::CisDocker17,
            Benchmark::CisDocker18 => Framework::CisDocker18,
            Benchmark::CisKubernetes112 => Framework::CisKubernetes112,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Sbom {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Output format: cyclonedx, spdx, spdx3, or table for people
    #[arg(long, short, value_name = "FORMAT", default_value = "cyclonedx")]
    pub(crate) format: Format,
    /// Write to this file instead of stdout
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Incidents {
    /// Findings of the guard, one JSON object a line
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub(crate) file: Vec<PathBuf>,
    /// JSON report of a scan: what it found in an image is told beside the incidents of its containers
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) with: Vec<PathBuf>,
    /// Directory of receipts: what was done about a finding is told beside it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) receipts: Option<PathBuf>,
    /// Output format: table or json
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: DiffFormat,
    /// Write to this file instead of stdout
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The target to compare with
    pub(crate) before: String,
    #[command(flatten)]
    pub(crate) after: TargetArgs,
    /// Output format: table or json
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: DiffFormat,
    /// Write to this file instead of stdout
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Deny gained findings of this severity or above
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Severity>,
    /// Say instead which file of which layer the two differ in: content, mode, owner, time. Whatever differs is denied
    #[arg(long, conflicts_with = "fail_on")]
    pub(crate) files: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people
    Table,
    /// For programs
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Fetch what has changed and swap the database atomically
    Update {
        /// A mirror's directory or address, or a directory of feeds as fetched
        #[arg(long, value_name = "DIR|URL")]
        from: Option<String>,
        /// Only these sources (see `seawall db status`)
        #[arg(long, value_name = "NAME")]
        source: Vec<String>,
        /// A suite of an apt mirror whose changelogs say what is fixed, as a line of sources.list
        #[arg(long, value_name = "ADDRESS SUITE COMPONENT", conflicts_with_all = ["from", "source"])]
        apt: Vec<AptSuite>,
        /// With --apt: only the source packages of this target
        #[arg(long = "for", value_name = "TARGET", requires = "apt")]
        only_for: Option<String>,
        /// An rpm repository whose updateinfo says what is fixed: the address above `repodata`
        #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["from", "source"])]
        rpm: Vec<String>,
    },
    /// Show sources, ages and counts
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Compare every byte with the database's digests
        #[arg(long)]
        verify: bool,
    },
    /// Write everything that an air-gapped site needs into a directory
    Mirror {
        /// The directory
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

/// A format and the file it goes to, `json=report.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) file: Option<PathBuf>,
}

impl std::str::FromStr for Output {
    type Err = seawall_report::FormatError;

    fn from_str(text: &str) -> Result<Output, Self::Err> {
        let (format, file) = match text.split_once('=') {
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        Ok(Output { format: format.parse()?, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a shell line: blanks, single quotes, a comment at the end.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(" #").next().unwrap_or(line);
        let mut words = Vec::new();
        for (index, part) in line.split('\'').enumerate() {
            match index % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        words
    }

    const README: &str = include_str!("../../../README.md");

    #[test]
    fn every_example_in_help_and_readme_is_a_command_line() {
        let texts = [
            README,
            SCAN_EXAMPLES,
            LINT_EXAMPLES,
            AUDIT_EXAMPLES,
            DIFF_EXAMPLES,
            INCIDENTS_EXAMPLES,
            DB_EXAMPLES,
            SIGN_EXAMPLES,
            ATTEST_EXAMPLES,
            VERIFY_EXAMPLES,
            VERIFY_BUNDLE_EXAMPLES,
        ];
        let examples: Vec<&str> = texts
            .iter()
            .flat_map(|text| text.lines())
            .map(str::trim)
            .filter(|line| line.starts_with("seawall "))
            .collect();
        assert!(examples.len() > 15, "{examples:?}");
        for example in examples {
            if let Err(error) = Cli::try_parse_from(words(example)) {
                panic!("{example}: {error}");
            }
        }
    }
}
