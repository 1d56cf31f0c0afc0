//! Exit codes, the same for every command.

use std::process::ExitCode;

use seawall_policy::Verdict;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: the policy allows it, or the command did what it was asked.
    Allowed,
    /// 1: the policy denies it.
    Denied,
    /// 2: wrong usage, or input that cannot be read.
    BadInput,
    /// 3: nothing could be examined, or not all where the user asks for all.
    NotExamined,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Allowed => 0,
            Exit::Denied => 1,
            Exit::BadInput => 2,
            Exit::NotExamined => 3,
        })
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Allow | Verdict::Warn => Exit::Allowed,
            Verdict::Deny => Exit::Denied,
        }
    }
}
