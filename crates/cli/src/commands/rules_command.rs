//! `seawall rules`: which of its commands.

use anyhow::Result;

use super::{rules_check, rules_explain, rules_learn, rules_list, rules_test};
use crate::Session;
use crate::args::rules::Rules;
use crate::exit::Exit;

pub(crate) fn run(command: &Rules, session: &Session<'_>) -> Result<Exit> {
    match command {
        Rules::Check { file } => rules_check::run(file, session),
        Rules::List { rules, markdown: true, .. } => rules_list::markdown(rules, session),
        Rules::List { rules, format, markdown: false } => rules_list::run(rules, *format, session),
        Rules::Test(args) => rules_test::run(args, session),
        Rules::Explain(args) => rules_explain::run(args, session),
        Rules::Learn(args) => rules_learn::run(args, session),
    }
}
