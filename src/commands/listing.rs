//! What `list` and `search` share: their filters and their table.

use clap::Args;
use serde::Serialize;

use super::args::kind;
use crate::error::{CommandError, Exit};
use crate::key::{
    IssuedDetails, KeyKind, Permission, Provider, RoleName, SearchText, Span, Status, Tag,
};
use crate::output::{Cell, Table};
use crate::session::Session;
use crate::vault::{Filter, Found};
use crate::view::{KeyView, expiry_cell, role_names, status_cell};

/// Conditions of `list` and `search`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterArgs {
    /// Only issued or only provider keys
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<KeyKind>,

    /// Only keys with this status: active, expired, overlap, revoked, undelivered
    #[arg(long, value_name = "STATUS")]
    status: Option<Status>,

    /// Only issued keys with this very permission
    #[arg(long, value_name = "ACTION")]
    permission: Option<Permission>,

    /// Only issued keys with this role
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleName>,

    /// Only keys of this provider
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<Provider>,

    /// Only keys with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<Tag>,

    /// Only keys that end within this time, such as 14d, or have ended
    #[arg(long, value_name = "DURATION")]
    expiring: Option<Span>,

    /// Only keys that were not used for this long, such as 30d, and are older than that
    #[arg(long, value_name = "DURATION")]
    unused: Option<Span>,
}

impl FilterArgs {
    /// With `-p` and `-e` where they were given as options.
    pub(super) fn filter(self, text: Option<SearchText>, session: &Session) -> Filter {
        Filter {
            text,
            kind: self.kind,
            project: session.settings.project_option.clone(),
            environment: session.settings.environment_option.clone(),
            status: self.status,
            permission: self.permission,
            role: self.role,
            provider: self.provider,
            tag: self.tag,
            expiring: self.expiring,
            unused: self.unused,
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    keys: Vec<KeyView<'a>>,
}

/// Shows the keys that pass the filter, as a table or as JSON.
pub(super) fn show_keys(filter: &Filter, session: &mut Session) -> Result<Exit, CommandError> {
    session.with_vault(|vault, session| {
        let keys = vault.list(filter, session.now)?;
        if session.out.is_json() {
            let keys = keys
                .iter()
                .map(|found| KeyView::new(found, session.now))
                .collect();
            session.out.json(&Document { keys })?;
        } else if keys.is_empty() {
            session.out.note(format_args!("No keys"));
        } else {
            let table = key_table(&keys, session);
            session.out.table(table)?;
        }
        let alarming = filter.expiring.is_some() && !keys.is_empty();
        Ok(if alarming { Exit::Found } else { Exit::Done })
    })
}

fn key_table(keys: &[Found], session: &Session) -> Table {
    let now = session.now;
    // The number says how long a column stays when the terminal is narrow: 0 for ever.
    let mut table = Table::new(&[
        ("NAME", 0),
        ("SCOPE", 1),
        ("KIND", 6),
        ("STATUS", 0),
        ("KEY", 3),
        ("PERMISSIONS", 5),
        ("ROLES", 6),
        ("PROVIDER", 7),
        ("MODEL", 10),
        ("VARIABLE", 9),
        ("CREATED", 11),
        ("CREATED BY", 12),
        ("LAST USED", 2),
        ("REQUESTS", 8),
        ("EXPIRES", 1),
    ]);
    for found in keys {
        let mark = if found.is_default { " *" } else { "" };
        let key = &found.key;
        let provider = key.provider();
        let joined = |texts: Vec<&str>| (!texts.is_empty()).then(|| texts.join(", "));
        let providers =
            provider.and_then(|p| joined(p.providers.iter().map(|name| name.as_str()).collect()));
        let models =
            provider.and_then(|p| joined(p.models.iter().map(|model| model.as_str()).collect()));
        table.row(vec![
            Cell::new(format!("{}{mark}", key.name)),
            Cell::new(&found.scope),
            Cell::new(key.kind()),
            status_cell(found, now),
            Cell::new(found.display()),
            Cell::maybe(key.issued().map(IssuedDetails::granted_permissions)),
            Cell::maybe(key.issued().and_then(|issued| {
                joined(
                    role_names(issued)
                        .iter()
                        .map(|name| name.as_str())
                        .collect(),
                )
            })),
            Cell::maybe(providers),
            Cell::maybe(models),
            Cell::maybe(provider.and_then(|p| p.variable.as_ref())),
            Cell::new(key.created_at.relative(now)),
            Cell::new(&key.created_by),
            Cell::maybe(found.total.last_used.map(|at| at.relative(now))),
            Cell::new(found.total.requests),
            expiry_cell(found, now),
        ]);
    }
    table
}
