use std::collections::BTreeSet;

use clap::Args;

use super::args::{DryRun, FirstVault, shown_word};
use super::handover::{Destination, HandoverArgs, reveal_json};
use crate::crypto::Token;
use crate::error::{CommandError, Exit};
use crate::key::{
    Brand, Context, ContextPair, Expiry, KeyKind, KeyName, Note, Permission, PermissionSet, Rate,
    RoleName, Tag, Timestamp, tag_list,
};
use crate::output::{Printer, escape};
use crate::session::Session;
use crate::vault::{Delivered, Found, NewIssued, Vault};
use crate::view::{ChangeDocument, KeyView};

/// Issue a new key and print its token, once
///
/// The token goes to standard output, alone on its line, unless it is handed over to a file, a program or the clipboard;
/// everything else goes to standard error. Only a digest of it is kept, so it cannot be shown again. Without a vault, one
/// is made first.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright create my-service
  keywright create \"CI/CD integration\" -p shop -e staging --permission write:orders --expires 30d
  keywright create dashboard --permission read,admin:reports --context team=blue --out token.txt
  keywright create ci --pipe 'gh secret set CI_KEY'")]
pub(crate) struct CreateArgs {
    /// Name of the key, 1 to 100 characters of any script
    #[arg(value_parser = shown_word::<KeyName>)]
    name: KeyName,

    /// What the key may do: read, write, admin, your own action, or action:resource [default: read, unless it has roles]
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    permission: Vec<Permission>,

    /// A role that the key has; `role set` makes one
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    role: Vec<RoleName>,

    /// A pair that is handed to whoever verifies the key
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<ContextPair>,

    /// Most requests that `serve` lets through: 5/s, 100/m, 1000/h, 20000/d
    ///
    /// A second, minute (m), hour or day. Each `serve` process counts for itself; `verify` never limits.
    #[arg(long, value_name = "RATE", hide_short_help = true)]
    rate: Option<Rate>,

    /// When it ends: 90d, 2027-01-31, an RFC 3339 time, or never [default: 90d]
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expiry>,

    /// First part of the token [default: kwt]
    #[arg(long, value_name = "WORD", hide_short_help = true)]
    brand: Option<Brand>,

    /// A word to find the key by
    #[arg(long, value_name = "TAG", value_parser = shown_word::<Tag>)]
    tag: Vec<Tag>,

    /// Free text about the key
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    note: Option<Note>,

    /// Make it the default of its project and environment
    #[arg(long)]
    default: bool,

    #[command(flatten)]
    handover: HandoverArgs,

    #[command(flatten)]
    first: FirstVault,

    #[command(flatten)]
    change: DryRun,
}

pub(crate) fn create(args: &CreateArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let new = args.new_key(session)?;
    args.handover.check()?;
    if !args.change.dry_run {
        return session.with_vault_or_new(
            args.first.allow_weak_passphrase,
            |session| args.handover.ready(session),
            |destination, vault, session| issue(args, &new, destination, vault, session),
        );
    }
    if session.has_vault() {
        session.with_owned_vault(|vault, session| {
            Ok(vault.check_issue(&new, &session.settings.actor, session.now)?)
        })?;
    } else {
        let path = session.settings.location.vault.display().to_string();
        session
            .out
            .note(format_args!("Would make the vault `{}`", escape(&path)));
    }
    session.out.note(format_args!(
        "Would create issued key `{}` in {}",
        escape(new.name.as_str()),
        new.scope
    ));
    args.tell(&new, session);
    args.handover.tell_dry_run(session);
    if session.out.is_json() {
        session.out.json(&args.handover.told(ChangeDocument {
            outcome: "created",
            dry_run: true,
            key: None,
        }))?;
    }
    Ok(Exit::Done)
}

fn issue(
    args: &CreateArgs,
    new: &NewIssued,
    destination: Destination,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let Session {
        settings, out, now, ..
    } = session;
    let pending = vault.issue(new, &settings.actor, *now)?;
    let tell = |out: &mut Printer, delivered: &Delivered, token: Option<&Token>| {
        let document = args.handover.told(ChangeDocument {
            outcome: "created",
            dry_run: false,
            key: Some(KeyView::new(&delivered.found, *now)),
        });
        reveal_json(out, &document, token)
    };
    let (delivered, place) = destination.deliver(pending, out, tell)?;
    let Found { id, scope, key, .. } = &delivered.found;
    if delivered.replaced_pending {
        out.note(format_args!(
            "An earlier token of this name was never shown; it is gone"
        ));
    }
    out.note(format_args!(
        "Created {} key `{}` in {scope}",
        KeyKind::Issued,
        escape(key.name.as_str())
    ));
    out.note(format_args!("  key id       {id}"));
    args.tell(new, session);
    session
        .out
        .note(format_args!("  token        {}", escape(&place)));
    Ok(Exit::Done)
}

impl CreateArgs {
    fn new_key(&self, session: &Session) -> Result<NewIssued, CommandError> {
        let usage = |err| CommandError::new(Exit::Usage, err);
        let permissions: BTreeSet<Permission> = if self.has_default_permission() {
            BTreeSet::from(["read".parse().map_err(usage)?])
        } else {
            self.permission.iter().cloned().collect()
        };
        let expires = self.expires.unwrap_or(session.settings.default_expiry);
        Ok(NewIssued {
            name: self.name.clone(),
            scope: session.settings.scope.clone(),
            brand: self
                .brand
                .clone()
                .unwrap_or_else(|| session.settings.brand.clone()),
            permissions: PermissionSet::try_from(permissions).map_err(usage)?,
            roles: BTreeSet::from_iter(self.role.iter().cloned())
                .into_iter()
                .collect(),
            context: Context::from_pairs(&self.context).map_err(usage)?,
            rate: self.rate,
            expires_at: expires.resolve(session.now).map_err(usage)?,
            tags: tag_list(self.tag.clone()).map_err(usage)?,
            note: self.note.clone(),
            make_default: self.default,
        })
    }

    /// Nothing was said of what it may do.
    fn has_default_permission(&self) -> bool {
        self.permission.is_empty() && self.role.is_empty()
    }

    /// What was chosen, and what of it by nobody.
    fn tell(&self, new: &NewIssued, session: &mut Session) {
        let chosen = |given: bool| if given { "" } else { " (by default)" };
        let expires = new.expires_at.map_or("never".to_owned(), |end: Timestamp| {
            format!("{}, {}", end.relative(session.now), end)
        });
        if !new.permissions.is_empty() {
            session.out.note(format_args!(
                "  permissions  {}{}",
                new.permissions,
                chosen(!self.has_default_permission())
            ));
        }
        if !new.roles.is_empty() {
            let roles: Vec<&str> = new.roles.iter().map(|role| role.as_str()).collect();
            session
                .out
                .note(format_args!("  roles        {}", roles.join(", ")));
        }
        if let Some(rate) = new.rate {
            session.out.note(format_args!("  rate         {rate}"));
        }
        session.out.note(format_args!(
            "  expires      {expires}{}",
            chosen(self.expires.is_some())
        ));
        if new.make_default {
            session
                .out
                .note(format_args!("  default      of {}", new.scope));
        }
    }
}
