use clap::Args;

use super::args::{DryRun, KeyArg};
use crate::error::{CommandError, Exit};
use crate::key::{KeyKind, Revocation};
use crate::output::escape;
use crate::session::Session;
use crate::view::{ChangeDocument, KeyView, last_used};

/// End a key now
///
/// Every token of an issued key is refused from the next verification on; a provider key's value is no longer handed
/// out. The key stays listed, with its usage, until it is deleted.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright revoke my-service
  keywright revoke uQCT8H872CoB --yes")]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    key: KeyArg,

    #[command(flatten)]
    change: DryRun,
}

pub(crate) fn revoke(args: &RevokeArgs, session: &mut Session) -> Result<Exit, CommandError> {
    session.with_owned_vault(|vault, session| {
        let mut found = args.key.find(vault, session)?;
        let (kind, place, now) = (found.kind(), found.place(), session.now);
        let done = found.key.revoked.is_some();
        if done {
            session
                .out
                .note(format_args!("{} is revoked already", escape(&place)));
        } else if args.change.dry_run {
            session
                .out
                .note(format_args!("Would revoke {kind} key {}", escape(&place)));
        } else {
            let stops = match kind {
                KeyKind::Issued => "its tokens stop working now",
                KeyKind::Provider => "its value is no longer handed out",
            };
            session.confirm(&format!(
                "Revoke {kind} key {place}: {stops} ({})",
                last_used(&found, now)
            ))?;
            vault.revoke(&found, &session.settings.actor, now)?;
            found.key.revoked = Some(Revocation {
                at: now,
                by: session.settings.actor.clone(),
            });
            session
                .out
                .note(format_args!("Revoked {kind} key {}", escape(&place)));
        }
        if session.out.is_json() {
            let outcome = if done { "unchanged" } else { "revoked" };
            let key = Some(KeyView::new(&found, now));
            session.out.json(&ChangeDocument {
                outcome,
                dry_run: args.change.dry_run,
                key,
            })?;
        }
        Ok(Exit::Done)
    })
}
