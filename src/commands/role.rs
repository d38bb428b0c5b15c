use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::args::{DryRun, shown_word};
use crate::error::{CommandError, Exit};
use crate::key::{Context, ContextPair, Permission, PermissionSet, Role, RoleName};
use crate::output::{Cell, Table, escape};
use crate::session::Session;
use crate::vault::{Found, RoleChange, RoleUse};
use crate::view::{arrow, status_cell};

/// Make, show and delete roles: named sets of permissions
///
/// An issued key has what its roles carry, beside its own permissions; where both give a context key, the key's own pair
/// wins. A role is the same in every project and environment. Changing one changes every key that has it, at once.
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_long_help = "\
Examples:
  keywright role set billing --permission read,write:invoices --context team=blue
  keywright create dashboard --role billing
  keywright role show billing"
)]
pub(crate) struct RoleArgs {
    #[command(subcommand)]
    command: RoleCommand,
}

#[derive(Debug, Subcommand)]
enum RoleCommand {
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    Set(SetArgs),
    Show(ShowArgs),
}

/// Delete a role that no key has
///
/// While keys have it, it is refused, and they are listed: `keywright edit NAME --remove-role ROLE` takes it from one.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright role delete billing --yes")]
struct DeleteArgs {
    /// Name of the role
    #[arg(value_name = "ROLE")]
    name: RoleName,

    #[command(flatten)]
    change: DryRun,
}

/// List roles, what they carry, and how many keys have them
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright role list
  keywright role list --json")]
struct ListArgs {}

/// Make a role, or change what it carries
///
/// The role carries what is given here and nothing else; every key that has it is changed in the same transaction, and
/// the next `verify` answers accordingly.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright role set billing --permission read,write:invoices
  keywright role set blue-team --permission read --context team=blue --dry-run")]
struct SetArgs {
    /// Name of the role: letters, digits, `.`, `_` and `-`
    #[arg(value_name = "ROLE", value_parser = shown_word::<RoleName>)]
    name: RoleName,

    /// What it lets keys do: read, write, admin, your own action, or action:resource
    #[arg(
        long,
        value_name = "ACTION",
        value_delimiter = ',',
        required_unless_present = "context"
    )]
    permission: Vec<Permission>,

    /// A pair that is handed to whoever verifies a key with this role
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<ContextPair>,

    #[command(flatten)]
    change: DryRun,
}

/// Show a role and the keys that have it
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright role show billing")]
struct ShowArgs {
    /// Name of the role
    #[arg(value_name = "ROLE")]
    name: RoleName,
}

#[derive(Serialize)]
struct RolesDocument<'a> {
    roles: Vec<RoleView<'a>>,
}

#[derive(Serialize)]
struct RoleDocument<'a> {
    role: RoleView<'a>,
    keys: Vec<HolderView<'a>>,
}

#[derive(Serialize)]
struct RoleChangeDocument<'a> {
    outcome: &'static str,
    dry_run: bool,
    role: &'a Role,
    keys: Vec<HolderView<'a>>,
}

#[derive(Serialize)]
struct RoleView<'a> {
    #[serde(flatten)]
    role: &'a Role,
    created_at: String,
    created_by: &'a str,
    key_count: usize,
}

/// A key that has a role.
#[derive(Serialize)]
struct HolderView<'a> {
    name: &'a str,
    key_id: &'a str,
    project: &'a str,
    environment: &'a str,
}

pub(crate) fn role(args: &RoleArgs, session: &mut Session) -> Result<Exit, CommandError> {
    match &args.command {
        RoleCommand::Delete(args) => delete(args, session),
        RoleCommand::List(ListArgs {}) => list(session),
        RoleCommand::Set(args) => set(args, session),
        RoleCommand::Show(args) => show(args, session),
    }
}

fn delete(args: &DeleteArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let dry_run = args.change.dry_run;
    session.with_owned_vault(|vault, session| {
        let (actor, now) = (session.settings.actor.clone(), session.now);
        // Whoever is asked should be asked about something that can be done.
        let role = vault.delete_role(&args.name, true, &actor, now)?;
        if dry_run {
            session
                .out
                .note(format_args!("Would delete role `{}`", args.name));
        } else {
            session.confirm(&format!(
                "Delete role `{}` ({}); no key has it",
                args.name, role.permissions
            ))?;
            vault.delete_role(&args.name, false, &actor, now)?;
            session
                .out
                .note(format_args!("Deleted role `{}`", args.name));
        }
        tell_json("deleted", dry_run, &role, &[], session)
    })
}

fn list(session: &mut Session) -> Result<Exit, CommandError> {
    session.with_owned_vault(|vault, session| {
        let roles = vault.roles()?;
        if session.out.is_json() {
            let roles = roles.iter().map(role_view).collect();
            session.out.json(&RolesDocument { roles })?;
        } else if roles.is_empty() {
            session.out.note(format_args!("No roles"));
        } else {
            let table = role_table(&roles, session);
            session.out.table(table)?;
        }
        Ok(Exit::Done)
    })
}

fn set(args: &SetArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let usage = |err| CommandError::new(Exit::Usage, err);
    let permissions = BTreeSet::from_iter(args.permission.iter().cloned());
    let role = Role {
        name: args.name.clone(),
        permissions: PermissionSet::try_from(permissions).map_err(usage)?,
        context: Context::from_pairs(&args.context).map_err(usage)?,
    };
    let dry_run = args.change.dry_run;
    session.with_owned_vault(|vault, session| {
        let actor = &session.settings.actor;
        let change = vault.set_role(&role, dry_run, actor, session.now)?;
        let outcome = match &change.before {
            None => "created",
            Some(before) if *before == role => "unchanged",
            Some(_) => "updated",
        };
        tell_set(&role, &change, dry_run, session);
        tell_json(outcome, dry_run, &role, &change.keys, session)
    })
}

fn show(args: &ShowArgs, session: &mut Session) -> Result<Exit, CommandError> {
    session.with_owned_vault(|vault, session| {
        let known = vault.role(&args.name)?;
        let now = session.now;
        if session.out.is_json() {
            session.out.json(&RoleDocument {
                role: role_view(&known),
                keys: known.keys.iter().map(holder_view).collect(),
            })?;
            return Ok(Exit::Done);
        }
        let created = known.created_at;
        session.out.fields(vec![
            ("name", Cell::new(&known.role.name)),
            ("permissions", Cell::new(or_none(&known.role.permissions))),
            ("context", Cell::new(or_none(&known.role.context))),
            (
                "created",
                Cell::new(format!(
                    "{}, {created} by {}",
                    created.relative(now),
                    known.created_by
                )),
            ),
            ("keys", Cell::new(known.keys.len())),
        ])?;
        if !known.keys.is_empty() {
            let mut table = Table::new(&[("NAME", 0), ("SCOPE", 1), ("STATUS", 2), ("KEY", 3)]);
            for found in &known.keys {
                table.row(vec![
                    Cell::new(&found.key.name),
                    Cell::new(&found.scope),
                    status_cell(found, now),
                    Cell::new(found.display()),
                ]);
            }
            session.out.data(format_args!(""))?;
            session.out.table(table)?;
        }
        Ok(Exit::Done)
    })
}

fn tell_set(role: &Role, change: &RoleChange, dry_run: bool, session: &mut Session) {
    let verb = match (&change.before, dry_run) {
        (Some(before), _) if before == role => {
            session.out.note(format_args!(
                "Role `{}` is so already; unchanged",
                role.name
            ));
            return;
        }
        (None, false) => "Made",
        (None, true) => "Would make",
        (Some(_), false) => "Changed",
        (Some(_), true) => "Would change",
    };
    let name = &role.name;
    match change.keys.len() {
        0 => session
            .out
            .note(format_args!("{verb} role `{name}`; no key has it")),
        1 => session
            .out
            .note(format_args!("{verb} role `{name}`; one key has it")),
        count => session
            .out
            .note(format_args!("{verb} role `{name}`; {count} keys have it")),
    }
    let before = change.before.as_ref();
    let permissions = before.map_or(String::new(), |role| role.permissions.to_string());
    let context = before.map_or(String::new(), |role| role.context.to_string());
    for (field, was, is) in [
        ("permissions", permissions, role.permissions.to_string()),
        ("context", context, role.context.to_string()),
    ] {
        if was != is {
            session.out.note(format_args!(
                "  {field:11}  {}",
                escape(&arrow(filled(&was), filled(&is)))
            ));
        }
    }
}

fn tell_json(
    outcome: &'static str,
    dry_run: bool,
    role: &Role,
    keys: &[Found],
    session: &mut Session,
) -> Result<Exit, CommandError> {
    if session.out.is_json() {
        session.out.json(&RoleChangeDocument {
            outcome,
            dry_run,
            role,
            keys: keys.iter().map(holder_view).collect(),
        })?;
    }
    Ok(Exit::Done)
}

fn role_table(roles: &[RoleUse], session: &Session) -> Table {
    let mut table = Table::new(&[
        ("NAME", 0),
        ("PERMISSIONS", 0),
        ("CONTEXT", 1),
        ("KEYS", 0),
        ("CREATED", 3),
        ("CREATED BY", 4),
    ]);
    for known in roles {
        table.row(vec![
            Cell::new(&known.role.name),
            Cell::new(or_none(&known.role.permissions)),
            Cell::new(or_none(&known.role.context)),
            Cell::new(known.keys.len()),
            Cell::new(known.created_at.relative(session.now)),
            Cell::new(&known.created_by),
        ]);
    }
    table
}

fn role_view(known: &RoleUse) -> RoleView<'_> {
    RoleView {
        role: &known.role,
        created_at: known.created_at.to_string(),
        created_by: known.created_by.as_str(),
        key_count: known.keys.len(),
    }
}

fn holder_view(found: &Found) -> HolderView<'_> {
    HolderView {
        name: found.key.name.as_str(),
        key_id: found.id.as_str(),
        project: found.scope.project.as_str(),
        environment: found.scope.environment.as_str(),
    }
}

fn or_none(list: &impl ToString) -> String {
    filled(&list.to_string()).unwrap_or("-").to_owned()
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
