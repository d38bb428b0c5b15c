use clap::Args;
use serde::Serialize;

use super::args::{DryRun, find_key, shown_word};
use super::oddities::warn_of_variable;
use crate::error::{CommandError, Exit};
use crate::key::{
    Brand, ContextKey, ContextPair, Expiry, KeyName, KeyRef, Model, Note, Permission, Provider,
    Rate, RoleName, Tag, VariableName,
};
use crate::output::escape;
use crate::session::Session;
use crate::vault::{Edited, FieldChange, KeyEdit, ListEdit, Wanted};
use crate::view::{KeyView, arrow};

/// Change what is known of a key
///
/// A list that is given replaces the one there was; `--add-…` and `--remove-…` change it by what they name, `--no-…`
/// empties it. What changed is shown as it was and as it is, and is in force for the next `verify`. The token or value
/// stays: `rotate` and `set` change that.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright edit my-service --permission read,write:orders --expires 30d
  keywright edit my-service --add-role billing --remove-tag old --no-note
  keywright edit dashboard --rename \"Internal dashboard\" --default
  keywright edit openai --add-model gpt-5 --var OPENAI_API_KEY")]
pub(crate) struct EditArgs {
    /// Name of the key, its key id, or its masked token
    name: KeyRef,

    /// The key's new name
    #[arg(long, value_name = "NAME", value_parser = shown_word::<KeyName>)]
    rename: Option<KeyName>,

    /// When it ends: 90d, 2027-01-31, RFC 3339, or never
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expiry>,

    /// A word to find the key by
    #[arg(long, value_name = "TAG", value_parser = shown_word::<Tag>)]
    tag: Vec<Tag>,

    /// One more tag
    #[arg(long, value_name = "TAG", hide_short_help = true, value_parser = shown_word::<Tag>)]
    add_tag: Vec<Tag>,

    /// A tag that goes
    #[arg(long, value_name = "TAG", hide_short_help = true)]
    remove_tag: Vec<Tag>,

    /// No tags
    #[arg(long, conflicts_with = "tag", hide_short_help = true)]
    no_tags: bool,

    /// Free text about the key
    #[arg(long, value_name = "TEXT")]
    note: Option<Note>,

    /// No note
    #[arg(long, conflicts_with = "note", hide_short_help = true)]
    no_note: bool,

    #[command(flatten)]
    issued: IssuedOptions,

    #[command(flatten)]
    provider: ProviderOptions,

    #[command(flatten)]
    change: DryRun,
}

/// What only an issued key has.
#[derive(Debug, Args)]
struct IssuedOptions {
    /// What an issued key may do: read, write, admin …
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    permission: Vec<Permission>,

    /// One more permission
    #[arg(
        long,
        value_name = "ACTION",
        value_delimiter = ',',
        hide_short_help = true
    )]
    add_permission: Vec<Permission>,

    /// A permission that goes
    #[arg(
        long,
        value_name = "ACTION",
        value_delimiter = ',',
        hide_short_help = true
    )]
    remove_permission: Vec<Permission>,

    /// No permissions but those of its roles
    #[arg(long, conflicts_with = "permission", hide_short_help = true)]
    no_permissions: bool,

    /// A role that an issued key has
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    role: Vec<RoleName>,

    /// One more role
    #[arg(
        long,
        value_name = "ROLE",
        value_delimiter = ',',
        hide_short_help = true
    )]
    add_role: Vec<RoleName>,

    /// A role that goes
    #[arg(
        long,
        value_name = "ROLE",
        value_delimiter = ',',
        hide_short_help = true
    )]
    remove_role: Vec<RoleName>,

    /// No roles
    #[arg(long, conflicts_with = "role", hide_short_help = true)]
    no_roles: bool,

    /// A pair for whoever verifies an issued key
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<ContextPair>,

    /// One more pair, or another value for its key
    #[arg(long, value_name = "KEY=VALUE", hide_short_help = true)]
    add_context: Vec<ContextPair>,

    /// The key of a pair that goes
    #[arg(long, value_name = "KEY", hide_short_help = true)]
    remove_context: Vec<ContextKey>,

    /// No pairs but those of its roles
    #[arg(long, conflicts_with = "context", hide_short_help = true)]
    no_context: bool,

    /// Most requests of an issued key that `serve` lets through: 5/s, 100/m …
    ///
    /// A second, minute (m), hour or day. Each `serve` process counts for itself; `verify` never limits.
    #[arg(long, value_name = "RATE", hide_short_help = true)]
    rate: Option<Rate>,

    /// No limit on requests
    #[arg(long, conflicts_with = "rate", hide_short_help = true)]
    no_rate: bool,

    /// First part of later tokens of an issued key
    #[arg(long, value_name = "WORD")]
    brand: Option<Brand>,

    /// Make it the default issued key of its scope
    #[arg(long)]
    default: bool,

    /// Take the default mark away
    #[arg(long, conflicts_with = "default", hide_short_help = true)]
    no_default: bool,
}

/// What only a provider key has.
#[derive(Debug, Args)]
struct ProviderOptions {
    /// Whose key a provider key is
    #[arg(long, value_name = "PROVIDER")]
    provider: Vec<Provider>,

    /// One more provider
    #[arg(long, value_name = "PROVIDER", hide_short_help = true)]
    add_provider: Vec<Provider>,

    /// A provider that goes
    #[arg(long, value_name = "PROVIDER", hide_short_help = true)]
    remove_provider: Vec<Provider>,

    /// No providers
    #[arg(long, conflicts_with = "provider", hide_short_help = true)]
    no_providers: bool,

    /// A model that a provider key is for
    #[arg(long, value_name = "MODEL")]
    model: Vec<Model>,

    /// One more model
    #[arg(long, value_name = "MODEL", hide_short_help = true)]
    add_model: Vec<Model>,

    /// A model that goes
    #[arg(long, value_name = "MODEL", hide_short_help = true)]
    remove_model: Vec<Model>,

    /// No models
    #[arg(long, conflicts_with = "model", hide_short_help = true)]
    no_models: bool,

    /// The environment variable for a provider key
    #[arg(long, value_name = "VARIABLE")]
    var: Option<VariableName>,

    /// No variable
    #[arg(long, conflicts_with = "var", hide_short_help = true)]
    no_var: bool,
}

/// The key as it is now, and what is different.
#[derive(Serialize)]
struct Document<'a> {
    outcome: &'static str,
    dry_run: bool,
    changes: Vec<ChangeView<'a>>,
    key: KeyView<'a>,
}

#[derive(Serialize)]
struct ChangeView<'a> {
    field: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

pub(crate) fn edit(args: &EditArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let edit = args.edit(session)?;
    let dry_run = args.change.dry_run;
    session.with_owned_vault(|vault, session| {
        let found = find_key(Wanted::Named(&args.name), vault, session)?;
        let actor = &session.settings.actor;
        let edited = vault.edit(&found, &edit, dry_run, actor, session.now)?;
        let changes = edited.changes();
        tell(&edited, &changes, dry_run, session);
        warn_of_variable(args.provider.var.as_ref(), &mut session.out);
        if session.out.is_json() {
            let outcome = if changes.is_empty() {
                "unchanged"
            } else {
                "edited"
            };
            session.out.json(&Document {
                outcome,
                dry_run,
                changes: changes.iter().map(change_view).collect(),
                key: KeyView::new(&edited.after, session.now),
            })?;
        }
        Ok(Exit::Done)
    })
}

fn tell(edited: &Edited, changes: &[FieldChange], dry_run: bool, session: &mut Session) {
    let place = edited.before.place();
    let words = match (changes.is_empty(), dry_run) {
        (true, _) => format!("{place} is so already; unchanged"),
        (false, false) => format!("Edited {place}"),
        (false, true) => format!("Would edit {place}"),
    };
    session.out.note(format_args!("{}", escape(&words)));
    for change in changes {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        session.out.note(format_args!(
            "  {:11}  {}",
            change.field,
            escape(&arrow(before, after))
        ));
    }
}

fn change_view(change: &FieldChange) -> ChangeView<'_> {
    ChangeView {
        field: change.field,
        before: change.before.as_deref(),
        after: change.after.as_deref(),
    }
}

impl EditArgs {
    fn edit(&self, session: &Session) -> Result<KeyEdit, CommandError> {
        let (issued, provider) = (&self.issued, &self.provider);
        let expires_at = self
            .expires
            .map(|expires| expires.resolve(session.now))
            .transpose()
            .map_err(|err| CommandError::new(Exit::Usage, err))?;
        let edit = KeyEdit {
            name: self.rename.clone(),
            tags: list(&self.tag, self.no_tags, &self.add_tag, &self.remove_tag),
            note: optional(self.note.as_ref(), self.no_note),
            expires_at,
            brand: issued.brand.clone(),
            context: list(
                &issued.context,
                issued.no_context,
                &issued.add_context,
                &issued.remove_context,
            ),
            make_default: (issued.default || issued.no_default).then_some(issued.default),
            permissions: list(
                &issued.permission,
                issued.no_permissions,
                &issued.add_permission,
                &issued.remove_permission,
            ),
            rate: optional(issued.rate.as_ref(), issued.no_rate),
            roles: list(
                &issued.role,
                issued.no_roles,
                &issued.add_role,
                &issued.remove_role,
            ),
            models: list(
                &provider.model,
                provider.no_models,
                &provider.add_model,
                &provider.remove_model,
            ),
            providers: list(
                &provider.provider,
                provider.no_providers,
                &provider.add_provider,
                &provider.remove_provider,
            ),
            variable: optional(provider.var.as_ref(), provider.no_var),
        };
        if edit.is_empty() {
            return Err(CommandError::message(Exit::Usage, "nothing to change")
                .hint("say what with options; `keywright edit --help` lists them"));
        }
        Ok(edit)
    }
}

fn list<T: Clone, K: Clone>(given: &[T], emptied: bool, add: &[T], remove: &[K]) -> ListEdit<T, K> {
    ListEdit {
        replace: (emptied || !given.is_empty()).then(|| given.to_vec()),
        add: add.to_vec(),
        remove: remove.to_vec(),
    }
}

fn optional<T: Clone>(given: Option<&T>, emptied: bool) -> Option<Option<T>> {
    (emptied || given.is_some()).then(|| given.cloned())
}
