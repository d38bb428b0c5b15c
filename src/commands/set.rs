use clap::Args;

use super::args::{DryRun, FirstVault, ValueArgs, shown_word};
use super::oddities::{warn_of_oddities, warn_of_replacement, warn_of_variable};
use crate::crypto::SecretValue;
use crate::error::{CommandError, Exit};
use crate::key::{
    Expiry, KeyKind, KeyName, Model, Note, Provider, Scope, Tag, VariableName, WellKnown,
    has_secret,
};
use crate::output::escape;
use crate::session::Session;
use crate::vault::{Comparison, Found, KeyEdit, ListEdit, Vault, VaultError};
use crate::view::{ChangeDocument, KeyView, last_used};

/// Store or replace a key that a provider gave you
///
/// The value comes from standard input, from a file, or from a hidden prompt at a terminal; one final line end is dropped.
/// On a key that exists, another value is a rotation and asks first, and options replace what was set before. A new key
/// named after a well-known provider, such as openai, anthropic or stripe, gets that provider and the variable that its
/// documentation names; one with such a --provider gets the variable. Without a vault, one is made first.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright set openai
  keywright set work --provider openai --model gpt-5 --var WORK_OPENAI_KEY
  pbpaste | keywright set stripe -p shop -e staging --var STRIPE_SECRET_KEY
  keywright set tls-key --file key.pem --exact")]
pub(crate) struct SetArgs {
    /// Name of the key, 1 to 100 characters of any script
    name: KeyName,

    /// Whose key it is
    #[arg(long, value_name = "PROVIDER")]
    provider: Vec<Provider>,

    /// A model that it is for
    #[arg(long, value_name = "MODEL")]
    model: Vec<Model>,

    /// The environment variable that programs expect it in
    #[arg(long, value_name = "VARIABLE")]
    var: Option<VariableName>,

    /// No variable, not even the usual one
    #[arg(long, conflicts_with = "var")]
    no_var: bool,

    /// When it ends: 90d, 2027-01-31, an RFC 3339 time, or never
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expiry>,

    /// A word to find the key by
    #[arg(long, value_name = "TAG", value_parser = shown_word::<Tag>)]
    tag: Vec<Tag>,

    /// Free text about the key
    #[arg(long, value_name = "TEXT")]
    note: Option<Note>,

    #[command(flatten)]
    value: ValueArgs,

    #[command(flatten)]
    first: FirstVault,

    #[command(flatten)]
    change: DryRun,
}

/// What a new key gets of which nothing was said, because its provider is well known.
#[derive(Debug, Default)]
struct Chosen {
    provider: Option<Provider>,
    variable: Option<VariableName>,
    /// The variable that it would get, and the key that has it.
    taken: Option<(VariableName, KeyName)>,
}

pub(crate) fn set(args: &SetArgs, session: &mut Session) -> Result<Exit, CommandError> {
    args.refuse_secret_name()?;
    let edit = args.edit(session)?;
    if session.has_vault() || !args.change.dry_run {
        return session.with_vault_or_new(
            args.first.allow_weak_passphrase,
            |session| args.value.read(session),
            |value, vault, session| store(args, &value, &edit, vault, session),
        );
    }
    let value = args.value.read(session)?;
    let path = session.settings.location.vault.display().to_string();
    session
        .out
        .note(format_args!("Would make the vault `{}`", escape(&path)));
    args.tell_new(&value, &args.chosen(), None, session)
}

fn store(
    args: &SetArgs,
    value: &SecretValue,
    edit: &KeyEdit,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let (dry_run, now) = (args.change.dry_run, session.now);
    let scope = session.settings.scope.clone();
    let actor = session.settings.actor.clone();
    let chosen = args.chosen().in_scope(&scope, vault)?;
    if !dry_run {
        let edit = chosen.added_to(edit);
        match vault.set_new(&args.name, &scope, value, &edit, &actor, now) {
            // There is one: another value is a rotation.
            Err(VaultError::Exists {
                kind: KeyKind::Provider,
                ..
            }) => {}
            stored => return args.tell_new(value, &chosen, Some(stored?), session),
        }
    }
    match vault.compare(&args.name, &scope, value)? {
        Comparison::New if dry_run => args.tell_new(value, &chosen, None, session),
        Comparison::New => {
            let message = format!("`{}` is gone meanwhile", args.name);
            Err(CommandError::message(Exit::Conflict, message))
        }
        Comparison::Same(found) => {
            let edited = vault.edit(&found, edit, dry_run, &actor, now)?;
            let outcome = if edited.changes().is_empty() {
                "unchanged"
            } else {
                "updated"
            };
            args.tell(outcome, Some(edited.after), session)
        }
        Comparison::Different(found) if dry_run => {
            args.warn_of(value, &found, session);
            args.tell("rotated", Some(*found), session)
        }
        Comparison::Different(found) => {
            args.warn_of(value, &found, session);
            let (place, used) = (found.place(), last_used(&found, now));
            session.confirm(&format!("Replace the value of {place} ({used})"))?;
            let key = vault.replace_value(&found, value, edit, &actor, now)?;
            args.tell("rotated", Some(found.with(key)), session)
        }
    }
}

impl SetArgs {
    /// A value in the place of the name, or behind it: every list would show it.
    fn refuse_secret_name(&self) -> Result<(), CommandError> {
        let name = self.name.as_str();
        if !has_secret(name) {
            return Ok(());
        }
        let message = "the name has a provider's key in it, and names are shown";
        Err(CommandError::message(Exit::Usage, message).hint(
            "`keywright set NAME` asks for the value, or reads it from standard input or --file",
        ))
    }

    fn edit(&self, session: &Session) -> Result<KeyEdit, CommandError> {
        let usage = |err| CommandError::new(Exit::Usage, err);
        let expires_at = self
            .expires
            .map(|expires| expires.resolve(session.now))
            .transpose()
            .map_err(usage)?;
        Ok(KeyEdit {
            providers: given(&self.provider),
            models: given(&self.model),
            variable: (self.no_var || self.var.is_some()).then(|| self.var.clone()),
            tags: given(&self.tag),
            note: self.note.clone().map(Some),
            expires_at,
            ..KeyEdit::default()
        })
    }

    /// What a new key gets by default: of the provider that was given, or whose name it has.
    fn chosen(&self) -> Chosen {
        let known = match self.provider.as_slice() {
            [] => WellKnown::named(self.name.as_str()),
            [provider] => WellKnown::named(provider.as_str()),
            _ => None,
        };
        let Some(known) = known else {
            return Chosen::default();
        };
        let is_open = !self.no_var && self.var.is_none();
        Chosen {
            provider: self.provider.is_empty().then(|| known.name()),
            variable: known.variable_name().filter(|_| is_open),
            taken: None,
        }
    }

    fn warn_of(&self, value: &SecretValue, found: &Found, session: &mut Session) {
        if self.provider.is_empty() {
            warn_of_replacement(value, &found.key, &mut session.out);
        } else {
            warn_of_oddities(value, &self.name, &self.provider, &mut session.out);
        }
    }

    fn tell_new(
        &self,
        value: &SecretValue,
        chosen: &Chosen,
        found: Option<Found>,
        session: &mut Session,
    ) -> Result<Exit, CommandError> {
        let providers = match &chosen.provider {
            Some(provider) => std::slice::from_ref(provider),
            None => &self.provider,
        };
        warn_of_oddities(value, &self.name, providers, &mut session.out);
        let told = self.tell("created", found, session)?;
        chosen.tell(session);
        Ok(told)
    }

    fn tell(
        &self,
        outcome: &'static str,
        found: Option<Found>,
        session: &mut Session,
    ) -> Result<Exit, CommandError> {
        warn_of_variable(self.var.as_ref(), &mut session.out);
        let (name, scope) = (escape(self.name.as_str()), &session.settings.scope);
        let dry_run = self.change.dry_run;
        let words = match (outcome, dry_run) {
            ("created", false) => format!("Stored provider key `{name}` in {scope}"),
            ("created", true) => format!("Would store provider key `{name}` in {scope}"),
            ("rotated", false) => format!("Replaced the value of `{name}` in {scope}"),
            ("rotated", true) => format!("Would replace the value of `{name}` in {scope}"),
            ("updated", false) => format!("Updated `{name}` in {scope}; the value is the same"),
            ("updated", true) => format!("Would update `{name}` in {scope}; the value is the same"),
            _ => format!("`{name}` in {scope} is unchanged"),
        };
        session.out.note(format_args!("{words}"));
        if session.out.is_json() {
            let key = found.as_ref().map(|found| KeyView::new(found, session.now));
            session.out.json(&ChangeDocument {
                outcome,
                dry_run,
                key,
            })?;
        }
        Ok(Exit::Done)
    }
}

impl Chosen {
    /// Without a variable that another key of the scope has. Two keys may share one, but nobody asked for it.
    fn in_scope(mut self, scope: &Scope, vault: &mut Vault) -> Result<Self, CommandError> {
        if let Some(variable) = &self.variable
            && let Some(holder) = vault.holder_of(variable, scope)?
        {
            self.taken = self.variable.take().map(|variable| (variable, holder));
        }
        Ok(self)
    }

    fn added_to(&self, edit: &KeyEdit) -> KeyEdit {
        let mut edit = edit.clone();
        if let Some(provider) = &self.provider {
            edit.providers = ListEdit::replaced_by(vec![provider.clone()]);
        }
        if let Some(variable) = &self.variable {
            edit.variable = Some(Some(variable.clone()));
        }
        edit
    }

    fn tell(&self, session: &mut Session) {
        let out = &mut session.out;
        if let Some(provider) = &self.provider {
            out.note(format_args!("  provider     {provider} (by default)"));
        }
        if let Some(variable) = &self.variable {
            out.note(format_args!("  variable     {variable} (by default)"));
        }
        if let Some((variable, holder)) = &self.taken {
            let holder = escape(holder.as_str());
            out.note(format_args!(
                "  variable     none, because `{holder}` has {variable}; --var gives one"
            ));
        }
    }
}

/// Replaces a list by what was given, if anything was.
fn given<T: Clone>(list: &[T]) -> ListEdit<T> {
    if list.is_empty() {
        ListEdit::default()
    } else {
        ListEdit::replaced_by(list.to_vec())
    }
}
