//! Arguments of the commands that work with rule files.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

const CHECK_EXAMPLES: &str = "\
Examples:
  seawall rules check falco_rules.yaml
  seawall rules check falco_rules.yaml local_rules.yaml    # with what a site changes";

const LIST_EXAMPLES: &str = "\
Examples:
  seawall rules list                              # Seawall's own
  seawall rules list --rules falco_rules.yaml --format json";

const TEST_EXAMPLES: &str = "\
A file of tests is YAML, a list of cases:
  - name: a shell on a terminal
    events:
      - {type: execve, result: 0, container: {id: abc}, process: {name: bash, tty: 34816}}
    alerts:                       # these and no others; `none` for nothing
      - Interactive shell in a container
      - {rule: Another one, fields: {proc.name: bash}, output: a part of its sentence}
  - name: what was recorded
    capture: today.jsonl          # beside this file
    alerts: none
or JSON lines as rules/guard/*.events.jsonl: {\"rule\": …, \"fires\": true, \"before\": […], \"event\": …}.
Requests of the Kubernetes audit log are events as well. A recording or audit log by itself is tested with --expect.

Examples:
  seawall rules test tests.yaml
  seawall rules test --rules falco_rules.yaml --rules local.yaml --format junit=rules.xml tests.yaml
  seawall rules test --expect none today.jsonl";

const EXPLAIN_EXAMPLES: &str = "\
EVENT is FILE:LINE, a line of a recording, an audit log or a file of tests; `-` is one event on standard input.

Examples:
  seawall rules explain today.jsonl:17 'Password hashes read'
  seawall rules explain today.jsonl:17 password-hashes-read --all --format json
  head -1 audit.log | seawall rules explain --rules k8s_audit_rules.yaml - 'Attach/Exec Pod'";

const LEARN_EXAMPLES: &str = "\
Writes into the directory what the workload of the recording does:
  exceptions.yaml     exceptions of the rules that it set off, to be loaded behind them
  profile.json        programs, files and connections
  profile.rules.yaml  rules that speak of everything beyond that
  seccomp.json        a profile for `--security-opt seccomp=`
  capabilities.json   for `--cap-drop ALL --cap-add …`

Examples:
  seawall guard --record shop.jsonl --for 10m
  seawall rules learn --from shop.jsonl --container shop-web-1 --workload shop --output learned/
  seawall rules check rules.yaml learned/exceptions.yaml";

#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// Load rule files in this order and say what is wrong with them; exit 2 where something cannot be used
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// The files; later ones change what earlier ones define
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        file: Vec<PathBuf>,
    },
    /// List rules
    #[command(after_help = LIST_EXAMPLES)]
    List {
        #[command(flatten)]
        rules: RuleFiles,
        /// How
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
        /// Write the reference page of the rules
        #[arg(long, conflicts_with = "format")]
        markdown: bool,
    },
    /// Ask rules of written or recorded events and compare with what is expected; exit 1 where it differs
    #[command(after_help = TEST_EXAMPLES)]
    Test(Test),
    /// Say why a rule speaks of an event, or does not
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
    /// Learn from a recording what a workload does
    #[command(after_help = LEARN_EXAMPLES)]
    Learn(Learn),
}

/// Which rules.
#[derive(Debug, Args)]
pub(crate) struct RuleFiles {
    /// Rule file; later ones change what earlier ones define [default: Seawall's own rules]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) rules: Vec<PathBuf>,
    /// Load Seawall's own rules before those of --rules
    #[arg(long, requires = "rules")]
    pub(crate) with_own: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Files of tests, or with --expect recordings
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub(crate) file: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleFiles,
    /// What recordings shall set off: names of rules, or `none`
    #[arg(long, value_name = "RULE")]
    pub(crate) expect: Vec<String>,
    /// Only the first rule that matches an event speaks, as in Falco
    #[arg(long)]
    pub(crate) first: bool,
    /// How, and into which file: `table`, `json`, `junit=FILE` [default: table]
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = test_output)]
    pub(crate) format: Vec<TestOutput>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// FILE:LINE, or `-` for one event on standard input
    pub(crate) event: String,
    /// The rule's name or id
    pub(crate) rule: String,
    #[command(flatten)]
    pub(crate) rules: RuleFiles,
    /// Show every part, not only those on the way to what decided
    #[arg(long)]
    pub(crate) all: bool,
    /// How
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ExplainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Learn {
    /// The recording
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from: PathBuf,
    /// Only events of containers with this name or id
    #[arg(long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Only events of containers of this image's repository
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) image: Option<String>,
    /// What the workload is called
    #[arg(long, value_name = "NAME", default_value = "workload")]
    pub(crate) workload: String,
    /// The directory to write into; it is made, and what learning wrote before is replaced
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) rules: RuleFiles,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A line for each
    Table,
    /// One array
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people
    Text,
    /// The tree
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestFormat {
    /// For people
    Table,
    /// One object
    Json,
    /// As other test runners write it
    Junit,
}

/// A format and where it goes; nowhere is standard output.
#[derive(Debug, Clone)]
pub(crate) struct TestOutput {
    pub(crate) format: TestFormat,
    pub(crate) file: Option<PathBuf>,
}

fn test_output(text: &str) -> Result<TestOutput, String> {
    let (format, file) = match text.split_once('=') {
        Some((format, file)) => (format, Some(PathBuf::from(file))),
        None => (text, None),
    };
    let format =
        TestFormat::from_str(format, false).map_err(|_| "it is one of table, json, junit".to_owned())?;
    Ok(TestOutput { format, file })
}
