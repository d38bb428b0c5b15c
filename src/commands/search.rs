use clap::Args;

use super::listing::{FilterArgs, show_keys};
use crate::error::{CommandError, Exit};
use crate::key::SearchText;
use crate::session::Session;

/// Find keys by a text
///
/// The text may stand anywhere in a key's name, id, masked token, tags, note, provider, model or variable, in upper or
/// lower case. The filters of `list` narrow it further.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright search dashboard
  keywright search gpt --kind provider")]
pub(crate) struct SearchArgs {
    /// The text
    text: SearchText,

    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn search(args: SearchArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let filter = args.filter.filter(Some(args.text), session);
    show_keys(&filter, session)
}
