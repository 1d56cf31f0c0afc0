//! The command line: names, help, examples. What an argument means is decided in `commands`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use seawall_advisory::update::AptSuite;
use seawall_finding::Severity;
use seawall_inventory::Platform;
use seawall_report::Format;

pub(crate) mod trust;

use trust::{SIGN_EXAMPLES, Sign, Trust, VERIFY_BUNDLE_EXAMPLES, VerifyBundle};

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
  seawall scan --baseline last.json --fail-on low app:next      # only what is new";

const DIFF_EXAMPLES: &str = "\
Examples:
  seawall diff app:1.2 app:1.3
  seawall diff --fail-on high last.tar next.tar    # exit 1 only for findings that are new
  seawall diff --format json app:1.2 app:1.3";

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
    /// Find vulnerable, malicious and outdated packages in an image, directory, container or SBOM
    #[command(after_help = SCAN_EXAMPLES)]
    Scan(Box<Scan>),
    /// List what is in an image, directory or container as CycloneDX or SPDX
    #[command(
        after_help = "Examples:\n  seawall sbom alpine:3.20\n  seawall sbom --format spdx --output app.spdx.json app.tar"
    )]
    Sbom(Box<Sbom>),
    /// Compare two targets: packages and findings gained, lost and kept
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(Box<Diff>),
    /// Fetch, show and mirror advisories
    #[command(after_help = DB_EXAMPLES)]
    Db {
        #[command(subcommand)]
        command: Db,
    },
    /// Make keys and authorities for signatures
    Trust {
        #[command(subcommand)]
        command: Trust,
    },
    /// Sign a file
    #[command(after_help = SIGN_EXAMPLES)]
    Sign(Box<Sign>),
    /// Verify the signature of a file
    #[command(after_help = VERIFY_BUNDLE_EXAMPLES)]
    VerifyBundle(Box<VerifyBundle>),
    /// Say what a rule or a vulnerability is, and how to fix what it finds
    #[command(
        after_help = "Examples:\n  seawall explain vulnerable-package\n  seawall explain CVE-2024-6387"
    )]
    Explain {
        /// A rule's id or an advisory's: CVE-…, GHSA-…, DSA-…
        id: String,
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

/// How findings are judged and where reports go: the same for every command that finds something.
#[derive(Debug, Args)]
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

    #[test]
    fn every_example_in_help_and_readme_is_a_command_line() {
        let texts = [
            include_str!("../../../README.md"),
            SCAN_EXAMPLES,
            DIFF_EXAMPLES,
            DB_EXAMPLES,
            SIGN_EXAMPLES,
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
