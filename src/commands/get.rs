use clap::Args;

use super::args::find_key;
use super::handover::ValueHandoverArgs;
use crate::crypto::SecretValue;
use crate::error::{CommandError, Exit};
use crate::key::{KeyRef, Model, Provider, Span, Timestamp};
use crate::output::{Printer, escape};
use crate::session::Session;
use crate::vault::{Found, Purpose, Vault, Wanted};
use crate::view::{KeyDocument, KeyView};

/// Print a provider key's value
///
/// Into a pipe or file go the exact bytes, without a line end; on a terminal one is added. The use is recorded. An issued
/// key's token is not kept and cannot be printed. Instead of a name, --provider and --model say what the key is for: of
/// the keys in the project and environment that serve it, one that names the model comes before one that names none.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright get openai
  keywright get openai -p shop -e production | docker login --password-stdin
  keywright get openai --previous
  keywright get --provider openai --model gpt-5
  keywright get openai --copy")]
pub(crate) struct GetArgs {
    /// Name of the key, its key id, or its masked token
    #[arg(required_unless_present_any = ["provider", "model"])]
    name: Option<KeyRef>,

    /// Find the key of this provider instead
    #[arg(long, value_name = "PROVIDER", conflicts_with = "name")]
    provider: Option<Provider>,

    /// Find the key for this model instead
    #[arg(long, value_name = "MODEL", conflicts_with = "name")]
    model: Option<Model>,

    /// The value before the present one
    #[arg(long)]
    previous: bool,

    #[command(flatten)]
    handover: ValueHandoverArgs,
}

pub(crate) fn get(args: &GetArgs, session: &mut Session) -> Result<Exit, CommandError> {
    args.handover.check()?;
    session.with_vault(|vault, session| {
        let found = args.find(vault, session)?;
        let destination = args.handover.ready(session)?;
        let value = vault.value(&found, args.previous, &session.settings.actor, session.now)?;
        let Session { out, now, .. } = session;
        let tell = |out: &mut Printer, value: Option<&SecretValue>| {
            let key = KeyView::new(&found, *now);
            let document = args.handover.told(KeyDocument { key });
            match value {
                Some(value) => out.reveal_value_json(&document, value),
                None => out.json(&document),
            }
        };
        if let Some(place) = destination.give(&value, out, tell)? {
            let name = found.key.name.as_str();
            out.note(format_args!(
                "Value of `{}`: {}",
                escape(name),
                escape(&place)
            ));
        }
        if let Some(warning) = expiry_warning(&found, *now) {
            out.warn(format_args!("{}", escape(&warning)));
        }
        Ok(Exit::Done)
    })
}

impl GetArgs {
    fn find(&self, vault: &mut Vault, session: &Session) -> Result<Found, CommandError> {
        if let Some(name) = &self.name {
            return find_key(Wanted::Named(name), vault, session);
        }
        let purpose = Purpose {
            provider: self.provider.clone(),
            model: self.model.clone(),
        };
        Ok(vault.find_for(&purpose, &session.settings.scope)?)
    }
}

/// The value may be refused by its provider, or soon will be.
fn expiry_warning(found: &Found, now: Timestamp) -> Option<String> {
    let end = found
        .key
        .expires_at()
        .filter(|end| *end <= now.after(Span::days(14)))?;
    let verb = if end <= now { "expired" } else { "expires" };
    Some(format!("`{}` {verb} {}", found.key.name, end.relative(now)))
}
