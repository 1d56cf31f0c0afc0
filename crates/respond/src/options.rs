//! How a [`crate::Responder`] is set up.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use seawall_policy::{Response, ResponseSettings};

use crate::machine::Roots;
use crate::receipt::{Mode, Receipt, ReceiptError};
use crate::recent::Recent;

/// Where receipts lie when nobody says otherwise.
pub const RECEIPTS_DIRECTORY: &str = "/var/lib/seawall/receipts";
/// Where evidence lies when nobody says otherwise.
pub const EVIDENCE_DIRECTORY: &str = "/var/lib/seawall/evidence";

/// Who hears of each receipt when it is written; it is called by the thread that acts, so it must not wait.
pub type Tell = Arc<dyn Fn(&Receipt) + Send + Sync>;

/// Everything that a [`crate::Responder`] goes by.
#[derive(Clone)]
pub struct Options {
    /// Rehearsal unless the user said otherwise.
    pub mode: Mode,
    /// What the policy says of all responses.
    pub settings: ResponseSettings,
    /// Every response that may be asked for, with who may ask: [`seawall_policy::Policy::wanted_responses`], and what the
    /// loaded rules say. What cannot be done is refused before anything happens.
    pub wanted: Vec<(String, Response)>,
    /// Whether the kernel part denies.
    pub deny: DenySupport,
    /// The directory of receipts.
    pub receipts: PathBuf,
    /// The directory of evidence.
    pub evidence: PathBuf,
    /// The machine.
    pub roots: Roots,
    /// Seawall's own process id.
    pub own_process: u32,
    /// The last events, for evidence.
    pub recent: Arc<Recent>,
    /// The command that runs beside and, when this process has ended in whatever way, releases what it held: `seawall
    /// respond release --receipts DIR`. Its standard input ends with this process.
    pub release: Option<Vec<OsString>>,
    /// Who hears of receipts.
    pub tell: Option<Tell>,
}

/// Whether the kernel part can refuse an operation before it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DenySupport {
    /// It does, for the rules that it was given.
    Kernel,
    /// It does not, for this reason.
    None(String),
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { mode, receipts, evidence, roots, .. } = self;
        f.debug_struct("Options")
            .field("mode", mode)
            .field("receipts", receipts)
            .field("evidence", evidence)
            .field("roots", roots)
            .finish_non_exhaustive()
    }
}

/// Why responses cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `deny` is asked for and cannot be done.
    #[error("{by} asks for `deny`, which cannot be done here: {reason}")]
    Deny {
        /// The clause or rule.
        by: String,
        /// Why.
        reason: String,
    },
    /// The directory of receipts cannot be used.
    #[error(transparent)]
    Receipts(#[from] ReceiptError),
    /// Another Seawall responds with the same receipts.
    #[error("another Seawall responds with the receipts in {0}; give this one another directory")]
    Locked(PathBuf),
    /// The command that releases does not start.
    #[error("cannot start what releases responses when Seawall ends")]
    Release(#[source] std::io::Error),
    /// `/proc` is not there: nobody could be told apart.
    #[error("{0} is no `/proc`: processes could not be told apart")]
    NoProc(PathBuf),
    /// A thread does not start.
    #[error("cannot start a thread for responses")]
    Thread(#[source] std::io::Error),
}
