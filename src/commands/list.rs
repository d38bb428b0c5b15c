use clap::Args;

use super::listing::{FilterArgs, show_keys};
use crate::error::{CommandError, Exit};
use crate::session::Session;

/// List keys
///
/// Shows every key of every project and environment; -p and -e narrow it when they are given as options. A `*` marks the
/// default key of its project and environment. With `--expiring`, keys that are found are exit code 9. On a narrow terminal, columns are left out; `--json` has them all.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright list
  keywright list -e production --expiring 14d
  keywright list --kind provider --provider openai
  keywright list --unused 30d --json")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn list(args: ListArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let filter = args.filter.filter(None, session);
    show_keys(&filter, session)
}
