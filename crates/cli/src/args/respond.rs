//! The arguments of `seawall respond`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use seawall_respond::ReceiptId;

pub(crate) const EXAMPLES: &str = "\
Examples:
  seawall respond list
  seawall respond show 20261128T161500.123Z-4711-12-freeze
  seawall respond undo 20261128T161500.123Z-4711-12-freeze
  seawall guard --format json … | seawall respond rehearse --policy policy.yaml -";

/// Where receipts lie.
#[derive(Debug, Args)]
pub(crate) struct ReceiptsArgs {
    /// Directory of receipts
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = seawall_respond::RECEIPTS_DIRECTORY)]
    pub(crate) receipts: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Respond {
    /// List receipts, the oldest first: what was done, rehearsed, refused or failed
    List {
        #[command(flatten)]
        receipts: ReceiptsArgs,
        /// Only what still holds: frozen, isolated
        #[arg(long)]
        holding: bool,
        /// As JSON, one receipt a line
        #[arg(long)]
        json: bool,
    },
    /// Show a receipt, JSON
    Show {
        /// Its name
        receipt: ReceiptId,
        #[command(flatten)]
        receipts: ReceiptsArgs,
    },
    /// Undo what a receipt tells of: thaw, connect again, start again
    Undo {
        /// Its name
        receipt: ReceiptId,
        #[command(flatten)]
        receipts: ReceiptsArgs,
    },
    /// Say what a policy would do about findings, without doing it
    Rehearse {
        /// Findings, a JSON object each, as the guard writes them; `-` is standard input
        #[arg(value_hint = ValueHint::FilePath)]
        findings: PathBuf,
        /// Policy file (YAML)
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        policy: Vec<PathBuf>,
    },
    /// Wait for the end of standard input, then release what a guard that has ended left; the guard starts it
    #[command(hide = true)]
    Release {
        #[command(flatten)]
        receipts: ReceiptsArgs,
    },
}
