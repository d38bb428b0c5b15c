use clap::Args;

use crate::error::{CommandError, Exit};
use crate::exchange::{DOCUMENT_LIMIT, KeyEntry, Preamble};
use crate::session::Session;
use crate::vault::Filter;

/// Print all keys and roles as one JSON document
///
/// Without `--reveal` it is what is known of the keys; with it, the values of provider keys are in it, too, those of revoked
/// ones included, in plain text: pipe it into a program that encrypts. An issued key's token is kept nowhere and cannot be in it. -p and -e narrow it
/// when they are given as options. `import` reads what this writes, up to 16 MiB at once.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright export > keys.json
  keywright export --reveal | age -p > keys.json.age
  keywright export -p shop | jq -r '.keys[].name'")]
pub(crate) struct ExportArgs {
    /// Put the values of provider keys into it; each is recorded as a use
    #[arg(long)]
    reveal: bool,
}

pub(crate) fn export(args: &ExportArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let filter = Filter {
        project: session.settings.project_option.clone(),
        environment: session.settings.environment_option.clone(),
        ..Filter::default()
    };
    session.with_owned_vault(|vault, session| {
        let Session {
            settings, out, now, ..
        } = session;
        let export = vault.export(&filter, args.reveal, &settings.actor, *now)?;
        let keys = export.keys.iter();
        let keys = keys.map(|key| (KeyEntry::new(&key.found), key.value.as_ref()));
        let written = out.reveal_keys_json(&Preamble::new(&export, *now), keys);
        let size = if args.reveal {
            written.map_err(CommandError::not_shown)?
        } else {
            written?
        };
        if size > DOCUMENT_LIMIT {
            out.warn(format_args!(
                "The document has {size} bytes, and `import` reads at most {DOCUMENT_LIMIT}: take it in parts with -p and -e"
            ));
        }
        if args.reveal {
            out.note(format_args!(
                "The document has values in plain text: keep it only encrypted"
            ));
        }
        Ok(Exit::Done)
    })
}
