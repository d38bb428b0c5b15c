use clap::Args;

use super::args::KeyArg;
use crate::error::{CommandError, Exit};
use crate::key::{GenerationState, IssuedDetails, Timestamp};
use crate::output::{Cell, Table, Tone, escape_lines};
use crate::session::Session;
use crate::vault::{Found, KeyUsage};
use crate::view::{KeyDocument, KeyView, expiry_cell, overlap_fields, status_cell};

/// Show one key, all of it but the secret
///
/// A rate, such as 100/m, holds in each `serve` process by itself; `keywright verify` never limits.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright show my-service
  keywright show uQCT8H872CoB --json")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    key: KeyArg,
}

pub(crate) fn show(args: &ShowArgs, session: &mut Session) -> Result<Exit, CommandError> {
    session.with_vault(|vault, session| {
        let found = args.key.find(vault, session)?;
        let now = session.now;
        // That it cannot be read was a warning when the key was found; the rest is known all the same.
        let usage = vault.usage_of(&found, 0, KeyUsage::EVENTS).ok();
        let usage = usage.as_ref();
        if session.out.is_json() {
            session.out.json(&KeyDocument {
                key: KeyView::with_usage(&found, usage, now),
            })?;
            return Ok(Exit::Done);
        }
        session.out.fields(fields(&found, usage, now))?;
        session.out.data(format_args!(""))?;
        session.out.table(generations(&found, usage, now))?;
        if let Some(note) = &found.key.note {
            session
                .out
                .data(format_args!("\n{}", escape_lines(note.as_str())))?;
        }
        Ok(Exit::Done)
    })
}

fn fields(found: &Found, usage: Option<&KeyUsage>, now: Timestamp) -> Vec<(&'static str, Cell)> {
    let key = &found.key;
    let at = |at: Timestamp| format!("{}, {at}", at.relative(now));
    let list = |items: Vec<&str>| (!items.is_empty()).then(|| items.join(", "));
    let provider = key.provider();
    let mut fields = vec![
        ("name", Cell::new(&key.name)),
        ("key", Cell::new(found.display())),
        ("key id", Cell::new(found.id)),
        ("kind", Cell::new(key.kind())),
        ("project", Cell::new(&found.scope.project)),
        ("environment", Cell::new(&found.scope.environment)),
        ("status", status_cell(found, now)),
    ];
    if found.is_default {
        fields.push(("default", Cell::new(format!("of {}", found.scope))));
    }
    if let Some(issued) = key.issued() {
        fields.extend(granted(issued));
    }
    let optional = [
        (
            "providers",
            provider.and_then(|p| list(p.providers.iter().map(|name| name.as_str()).collect())),
        ),
        (
            "models",
            provider.and_then(|p| list(p.models.iter().map(|model| model.as_str()).collect())),
        ),
        (
            "variable",
            provider
                .and_then(|p| p.variable.as_ref())
                .map(ToString::to_string),
        ),
        (
            "tags",
            list(key.tags.iter().map(|tag| tag.as_str()).collect()),
        ),
    ];
    fields.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, Cell::new(value?)))),
    );
    fields.push((
        "created",
        Cell::new(format!("{} by {}", at(key.created_at), key.created_by)),
    ));
    fields.push((
        "expires",
        key.expires_at()
            .map_or_else(|| Cell::new("never"), |end| expiry(found, end, now)),
    ));
    if let Some(revoked) = &key.revoked {
        fields.push((
            "revoked",
            Cell::new(format!("{} by {}", at(revoked.at), revoked.by)),
        ));
    }
    fields.extend(overlap_fields(found, usage, now));
    fields.push((
        "last used",
        Cell::new(found.total.last_used.map_or("never".to_owned(), at)),
    ));
    fields.push((
        "requests",
        Cell::new(format!(
            "{}, {} refused",
            found.total.requests, found.total.refused
        )),
    ));
    fields
}

/// What it may do and hands on, and which of its roles that is from.
fn granted(issued: &IssuedDetails) -> Vec<(&'static str, Cell)> {
    let permissions = issued.granted_permissions();
    let permissions = if permissions.is_empty() {
        Cell::toned("none", Tone::Warning)
    } else {
        Cell::new(permissions)
    };
    let mut fields = vec![("permissions", permissions)];
    for role in &issued.roles {
        let from = format!("{} ({})", role.name, role.permissions);
        fields.push(("role", Cell::new(from)));
    }
    let context = issued.granted_context();
    if !context.is_empty() {
        fields.push(("context", Cell::new(context)));
    }
    if let Some(rate) = issued.rate {
        fields.push(("rate", Cell::new(rate)));
    }
    fields
}

fn expiry(found: &Found, end: Timestamp, now: Timestamp) -> Cell {
    expiry_cell(found, now).followed_by(&format!(", {end}"))
}

fn generations(found: &Found, usage: Option<&KeyUsage>, now: Timestamp) -> Table {
    let mut table = Table::new(&[
        ("GENERATION", 0),
        ("STATE", 0),
        ("CREATED", 1),
        ("CREATED BY", 3),
        ("WORKS UNTIL", 1),
        ("REQUESTS", 2),
        ("LAST USED", 1),
    ]);
    let revoked = found.key.revoked.as_ref().map(|revoked| revoked.at);
    for generation in found.key.generations.iter().rev() {
        let until = generation.valid_until().into_iter().chain(revoked).min();
        let state = match generation.state(now) {
            GenerationState::Current | GenerationState::Overlap if revoked.is_some() => {
                Cell::new("revoked")
            }
            state => Cell::new(state),
        };
        let uses = usage.map(|usage| usage.of_generation(generation.number));
        table.row(vec![
            Cell::new(generation.number),
            state,
            Cell::new(generation.created_at),
            Cell::new(&generation.created_by),
            Cell::maybe(until),
            Cell::maybe(uses.map(|uses| uses.requests)),
            Cell::maybe(
                uses.and_then(|uses| uses.last_used)
                    .map(|at| at.relative(now)),
            ),
        ]);
    }
    table
}
