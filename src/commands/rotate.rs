use clap::Args;
use serde::Serialize;

use super::args::{DryRun, KeyArg, ValueArgs};
use super::handover::{HandoverArgs, reveal_json};
use super::oddities::warn_of_replacement;
use crate::crypto::Token;
use crate::error::{CommandError, Exit};
use crate::key::{Expiry, KeyKind, Span, Status, Timestamp};
use crate::output::{Printer, escape};
use crate::session::Session;
use crate::vault::{Comparison, Delivered, Found, KeyEdit, Rotation, Vault};
use crate::view::{ChangeDocument, KeyView, last_used, text};

/// Replace a key's token or value
///
/// An issued key gets a new token, printed once; it keeps its name, id, permissions and usage. The previous token stops
/// working at once, or after `--overlap`. A provider key gets the new value that its provider gave you; the one before
/// stays readable with `get --previous` until the next rotation.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright rotate my-service
  keywright rotate my-service --overlap 24h > new-token.txt
  keywright rotate my-service --finish
  keywright rotate my-service --finish --when-unused 24h --yes
  keywright rotate ci --yes --pipe 'gh secret set CI_KEY'
  keywright rotate openai --yes < new-value.txt")]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    key: KeyArg,

    /// Keep the previous token working for this long, such as 30m, 24h or 7d
    #[arg(long, value_name = "DURATION", conflicts_with = "finish")]
    overlap: Option<Span>,

    /// End an earlier overlap now, and make no new token
    #[arg(long, conflicts_with_all = ["copy", "exact", "expires", "file", "out", "pipe"])]
    finish: bool,

    /// End it only if the previous token was not let through for this long, such as 24h; else exit 9
    #[arg(
        long,
        value_name = "DURATION",
        requires = "finish",
        hide_short_help = true
    )]
    when_unused: Option<Span>,

    /// When the new token or value ends [default: the lifetime that the previous one was given]
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expiry>,

    #[command(flatten)]
    handover: HandoverArgs,

    #[command(flatten)]
    value: ValueArgs,

    #[command(flatten)]
    change: DryRun,
}

/// The outcome of a rotation as JSON; a new token stands behind it.
#[derive(Serialize)]
struct Rotated<'a> {
    outcome: &'static str,
    dry_run: bool,
    previous_valid_until: Option<String>,
    key: KeyView<'a>,
}

pub(crate) fn rotate(args: &RotateArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let expires = args
        .expires
        .map(|expires| expires.resolve(session.now))
        .transpose();
    let expires = expires.map_err(|err| CommandError::new(Exit::Usage, err))?;
    args.handover.check()?;
    session.with_owned_vault(|vault, session| {
        let found = args.key.find(vault, session)?;
        match found.kind() {
            KeyKind::Provider => rotate_value(args, expires, &found, vault, session),
            KeyKind::Issued if args.value.is_given() => Err(CommandError::message(
                Exit::Usage,
                format!(
                    "`{}` is an issued key: keywright makes its token",
                    found.key.name
                ),
            )),
            KeyKind::Issued if args.finish => finish_overlap(args, &found, vault, session),
            KeyKind::Issued => rotate_token(args, expires, &found, vault, session),
        }
    })
}

fn rotate_token(
    args: &RotateArgs,
    expires_at: Option<Option<Timestamp>>,
    found: &Found,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let (overlap, now) = (args.overlap.unwrap_or(Span::ZERO), session.now);
    let (place, used) = (found.place(), last_used(found, now));
    let last = found
        .key
        .expires_at()
        .map_or(now.after(overlap), |end| end.min(now.after(overlap)));
    let stops = if found.key.status(now) == Status::Undelivered {
        "no token of it works here yet".to_owned()
    } else if last <= now {
        "its present token stops working now".to_owned()
    } else {
        format!("its present token stops working {}", last.relative(now))
    };
    let earlier = previous_end(found, now);
    let stops = match earlier {
        None => stops,
        Some(end) => {
            format!("{stops}, and the one before, which was to work until {end}, stops now")
        }
    };
    if found.key.revoked.is_some() {
        return Err(
            CommandError::message(Exit::Refused, format!("{place} is revoked"))
                .hint("`keywright create` issues another key"),
        );
    }
    if args.change.dry_run {
        session.out.note(format_args!(
            "Would rotate {}: {stops} ({used})",
            escape(&place)
        ));
        args.handover.tell_dry_run(session);
        if session.out.is_json() {
            session.out.json(&args.handover.told(ChangeDocument {
                outcome: "rotated",
                dry_run: true,
                key: Some(KeyView::new(found, now)),
            }))?;
        }
        return Ok(Exit::Done);
    }
    session.confirm(&format!("Rotate {place}: {stops} ({used})"))?;
    let destination = args.handover.ready(session)?;
    let Session { settings, out, .. } = session;
    let pending = vault.rotate(
        found,
        Rotation {
            overlap,
            expires_at,
        },
        &settings.actor,
        now,
    )?;
    let tell = |out: &mut Printer, delivered: &Delivered, token: Option<&Token>| {
        let document = args.handover.told(Rotated {
            outcome: "rotated",
            dry_run: false,
            previous_valid_until: text(previous_end(&delivered.found, now)),
            key: KeyView::new(&delivered.found, now),
        });
        reveal_json(out, &document, token)
    };
    let (delivered, place_of_token) = destination.deliver(pending, out, tell)?;
    if delivered.replaced_pending {
        out.note(format_args!(
            "An earlier new token was never shown; it is gone"
        ));
    }
    out.note(format_args!("Rotated {}", escape(&place)));
    match previous_end(&delivered.found, now) {
        Some(end) => out.note(format_args!(
            "  previous     works until {end} ({})",
            end.relative(now)
        )),
        None => out.note(format_args!("  previous     no longer works")),
    }
    // Who was asked has read it in the question.
    if let Some(end) = earlier.filter(|_| settings.yes) {
        out.note(format_args!(
            "  before that  no longer works; it was to work until {end}"
        ));
    }
    let expires = delivered.found.key.expires_at();
    let expires = expires.map_or("never".to_owned(), |end| {
        format!("{}, {end}", end.relative(now))
    });
    out.note(format_args!("  expires      {expires}"));
    out.note(format_args!("  token        {}", escape(&place_of_token)));
    Ok(Exit::Done)
}

/// When the generation before the present one stops working, if it has not yet.
fn previous_end(found: &Found, now: Timestamp) -> Option<Timestamp> {
    found
        .key
        .overlapping(now)
        .and_then(|generation| generation.valid_until())
}

fn finish_overlap(
    args: &RotateArgs,
    found: &Found,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let (place, now) = (found.place(), session.now);
    let Some(previous) = found.key.overlapping(now) else {
        session
            .out
            .note(format_args!("{} has no overlap to end", escape(&place)));
        return tell_change("unchanged", args.change.dry_run, found, session);
    };
    if let Some(span) = args.when_unused
        && let Some(last) = vault.used_within(found, previous.number, span, now)?
    {
        session.out.note(format_args!(
            "The overlap of {} goes on: the previous token was last used {}, {last}",
            escape(&place),
            last.relative(now)
        ));
        tell_change("unchanged", args.change.dry_run, found, session)?;
        return Ok(Exit::Found);
    }
    // Ending a leaked token must not depend on a file that only counts.
    let used = match vault.usage_of(found, 0, 0) {
        Err(_) => "last use unknown".to_owned(),
        Ok(usage) => match usage.last_used_of(previous.number) {
            None => "never used".to_owned(),
            Some(at) => format!("last used {}", at.relative(now)),
        },
    };
    let question = format!("its previous token stops working now ({used})");
    if args.change.dry_run {
        session.out.note(format_args!(
            "Would end the overlap of {}: {question}",
            escape(&place)
        ));
        return tell_dry_run("finished", found, session);
    }
    session.confirm(&format!("End the overlap of {place}: {question}"))?;
    vault.finish_overlap(found, &session.settings.actor, now)?;
    session.out.note(format_args!(
        "Ended the overlap of {} (the previous token was {used})",
        escape(&place)
    ));
    let mut ended = found.clone();
    for generation in &mut ended.key.generations {
        generation.superseded_at = generation.superseded_at.map(|end| end.min(now));
    }
    tell_change("finished", false, &ended, session)
}

fn rotate_value(
    args: &RotateArgs,
    expires_at: Option<Option<Timestamp>>,
    found: &Found,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let (place, now) = (found.place(), session.now);
    if args.overlap.is_some() || args.finish {
        let message = format!(
            "{place} is a provider key: how long its old value works is its provider's to say"
        );
        return Err(CommandError::message(Exit::Usage, message)
            .hint("--overlap and --finish are for issued keys"));
    }
    if args.handover.is_given() {
        let message = format!("{place} is a provider key: no token is made of it to hand over");
        return Err(CommandError::message(Exit::Usage, message)
            .hint("`keywright get` takes --out and --copy for its value"));
    }
    let value = args.value.read(session)?;
    let found = match vault.compare(&found.key.name, &found.scope, &value)? {
        Comparison::Different(found) => found,
        Comparison::New => {
            return Err(CommandError::message(
                Exit::Conflict,
                format!("{place} is gone meanwhile"),
            ));
        }
        Comparison::Same(found) => {
            session.out.note(format_args!(
                "{} has this very value already; unchanged",
                escape(&place)
            ));
            return tell_change("unchanged", args.change.dry_run, &found, session);
        }
    };
    warn_of_replacement(&value, &found.key, &mut session.out);
    let used = last_used(&found, now);
    if args.change.dry_run {
        session.out.note(format_args!(
            "Would replace the value of {} ({used})",
            escape(&place)
        ));
        return tell_dry_run("rotated", &found, session);
    }
    session.confirm(&format!("Replace the value of {place} ({used})"))?;
    let edit = KeyEdit {
        expires_at,
        ..KeyEdit::default()
    };
    let key = vault.replace_value(&found, &value, &edit, &session.settings.actor, now)?;
    session.out.note(format_args!(
        "Rotated {}; the value before is in `get --previous`",
        escape(&place)
    ));
    tell_change("rotated", false, &found.with(key), session)
}

fn tell_dry_run(
    outcome: &'static str,
    found: &Found,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    tell_change(outcome, true, found, session)
}

fn tell_change(
    outcome: &'static str,
    dry_run: bool,
    found: &Found,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    if session.out.is_json() {
        let key = Some(KeyView::new(found, session.now));
        session.out.json(&ChangeDocument {
            outcome,
            dry_run,
            key,
        })?;
    }
    Ok(Exit::Done)
}
