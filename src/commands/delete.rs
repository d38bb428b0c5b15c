use clap::Args;

use super::args::{DryRun, KeyArg};
use crate::error::{CommandError, Exit};
use crate::key::KeyKind;
use crate::output::escape;
use crate::session::Session;
use crate::view::{ChangeDocument, KeyView, last_used};

/// Delete a key for good
///
/// An issued key's token is unknown from then on; a provider key's value is gone. `revoke` refuses a key and keeps it
/// listed.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright delete my-service
  keywright delete openai -p shop -e staging --yes")]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    key: KeyArg,

    #[command(flatten)]
    change: DryRun,
}

pub(crate) fn delete(args: &DeleteArgs, session: &mut Session) -> Result<Exit, CommandError> {
    session.with_owned_vault(|vault, session| {
        let found = args.key.find(vault, session)?;
        let (kind, place) = (found.kind(), found.place());
        if args.change.dry_run {
            session
                .out
                .note(format_args!("Would delete {kind} key {}", escape(&place)));
        } else {
            let used = last_used(&found, session.now);
            let stops = match kind {
                KeyKind::Issued => "its tokens stop working now",
                KeyKind::Provider => "its value is gone",
            };
            session.confirm(&format!(
                "Delete {kind} key {place} for good: {stops} ({used})"
            ))?;
            vault.delete(&found, &session.settings.actor, session.now)?;
            session
                .out
                .note(format_args!("Deleted {kind} key {}", escape(&place)));
        }
        if session.out.is_json() {
            let key = Some(KeyView::new(&found, session.now));
            session.out.json(&ChangeDocument {
                outcome: "deleted",
                dry_run: args.change.dry_run,
                key,
            })?;
        }
        Ok(Exit::Done)
    })
}
