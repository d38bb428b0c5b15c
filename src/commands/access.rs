use clap::{Args, Subcommand};
use serde::Serialize;

use super::args::{DryRun, kind, shown_word};
use super::handover::HandoverArgs;
use crate::error::{CommandError, Exit};
use crate::key::{Actor, Environment, Expiry, KeyKind, KeyName, Project, Timestamp};
use crate::output::{Cell, Table, Tone, escape};
use crate::session::Session;
use crate::settings::Settings;
use crate::vault::{AccessOutline, NewAccess};

/// Make, list and revoke access tokens, each of which opens one scope
///
/// An access token opens the keys of one kind in one project and environment, for use and not for changes, and nothing
/// else of the vault: another scope's keys cannot be had from anything that it opens. Programs find it in
/// KEYWRIGHT_ACCESS_TOKEN or in the file that KEYWRIGHT_ACCESS_TOKEN_FILE names; several are separated by white space. A
/// CI job or a server needs such a token and the vault file, or a slice of it, and no passphrase.
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_long_help = "\
Examples:
  keywright access create deploy -p shop -e staging --kind provider --out ci.token
  KEYWRIGHT_ACCESS_TOKEN_FILE=ci.token keywright run -p shop -e staging -- ./deploy
  keywright access list
  keywright access revoke deploy"
)]
pub(crate) struct AccessArgs {
    #[command(subcommand)]
    command: AccessCommand,
}

#[derive(Debug, Subcommand)]
enum AccessCommand {
    Create(CreateArgs),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Make an access token for the keys of one kind in a project and environment, and print it, once
///
/// The scope must have been used: its first key makes it. The date on which the token ends is kept by keywright wherever
/// it runs, and is no cryptography: a changed program could go on after it. To end it for good, revoke it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright access create deploy -p shop -e staging --kind provider
  keywright access create gateway -p shop -e production --kind issued --expires never --out gateway.token
  keywright access create ci -p shop -e staging --kind provider --pipe 'gh secret set KEYWRIGHT_ACCESS_TOKEN'")]
struct CreateArgs {
    /// Name of the access token, 1 to 100 characters of any script
    #[arg(value_parser = shown_word::<KeyName>)]
    name: KeyName,

    /// Kind of the keys that it opens: issued or provider
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: KeyKind,

    /// When it ends: 90d, 2027-01-31, an RFC 3339 time, or never [default: 90d]
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expiry>,

    #[command(flatten)]
    handover: HandoverArgs,

    #[command(flatten)]
    change: DryRun,
}

/// List access tokens, what they open, and when they were last used
///
/// -p and -e narrow the list when they are given as options. A use is known where the activity file is the one of this vault: what a CI job does elsewhere is not recorded here.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright access list
  keywright access list -p shop -e staging
  keywright access list --json")]
struct ListArgs {}

/// Revoke an access token: its scope gets a new key
///
/// Everything in the scope is sealed anew, so that the token opens nothing of the vault from now on; other access tokens
/// and all issued tokens go on working. It still opens copies of the vault from before, so rotate the provider keys that
/// its holder may have kept. A slice that was made before has to be brought up to date: `backup --scope … --refresh`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright access revoke deploy
  keywright access revoke deploy --yes")]
struct RevokeArgs {
    /// Name of the access token
    name: KeyName,

    #[command(flatten)]
    change: DryRun,
}

#[derive(Serialize)]
struct ListDocument<'a> {
    access_tokens: Vec<AccessView<'a>>,
}

#[derive(Serialize)]
struct AccessDocument<'a> {
    outcome: &'static str,
    dry_run: bool,
    access_token: AccessView<'a>,
}

#[derive(Serialize)]
struct AccessView<'a> {
    name: &'a KeyName,
    project: &'a Project,
    environment: &'a Environment,
    kind: KeyKind,
    status: &'static str,
    created_at: String,
    created_by: &'a str,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

pub(crate) fn access(args: &AccessArgs, session: &mut Session) -> Result<Exit, CommandError> {
    match &args.command {
        AccessCommand::Create(args) => create(args, session),
        AccessCommand::List(ListArgs {}) => list(session),
        AccessCommand::Revoke(args) => revoke(args, session),
    }
}

fn create(args: &CreateArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let expires = args.expires.unwrap_or(session.settings.default_expiry);
    let new = NewAccess {
        name: args.name.clone(),
        scope: session.settings.scope.clone(),
        kind: args.kind,
        expires_at: expires
            .resolve(session.now)
            .map_err(|err| CommandError::new(Exit::Usage, err))?,
    };
    args.handover.check()?;
    session.with_owned_vault(|vault, session| {
        let actor = session.settings.actor.clone();
        if args.change.dry_run {
            vault.check_access(&new, &actor, session.now)?;
            args.tell("Would create", &new, session);
            args.handover.tell_dry_run(session);
            if session.out.is_json() {
                let document = document(&new, true, &actor, session.now);
                session.out.json(&args.handover.told(document))?;
            }
            return Ok(Exit::Done);
        }
        let mut destination = args.handover.ready(session)?;
        let told = args
            .handover
            .told(document(&new, false, &actor, session.now));
        let out = &mut session.out;
        let outcome = vault.deliver_access(&new, &actor, session.now, |token| {
            destination.put_access_token(&token.text(), &told, out)
        });
        let place = destination.end(outcome, &told, out)?;
        args.tell("Created", &new, session);
        session
            .out
            .note(format_args!("  token        {}", escape(&place)));
        Ok(Exit::Done)
    })
}

impl CreateArgs {
    fn tell(&self, verb: &str, new: &NewAccess, session: &mut Session) {
        let NewAccess {
            name, scope, kind, ..
        } = new;
        let name = escape(name.as_str());
        let out = &mut session.out;
        out.note(format_args!("{verb} access token `{name}`"));
        out.note(format_args!("  opens        the {kind} keys of {scope}"));
        let expires = new.expires_at.map_or("never".to_owned(), |end| {
            format!("{}, {end}", end.relative(session.now))
        });
        let chosen = if self.expires.is_some() {
            ""
        } else {
            " (by default)"
        };
        out.note(format_args!("  expires      {expires}{chosen}"));
    }
}

fn list(session: &mut Session) -> Result<Exit, CommandError> {
    session.with_owned_vault(|vault, session| {
        let (mut tokens, now) = (vault.access_tokens()?, session.now);
        tokens.retain(|token| is_wanted(token, session));
        if session.out.is_json() {
            let access_tokens = tokens.iter().map(|token| view(token, now)).collect();
            session.out.json(&ListDocument { access_tokens })?;
        } else if tokens.is_empty() {
            session.out.note(format_args!("No access tokens"));
        } else {
            session.out.table(table(&tokens, now))?;
        }
        Ok(Exit::Done)
    })
}

/// Whether a token is of the project and environment that were given as options.
fn is_wanted(token: &AccessOutline, session: &Session) -> bool {
    let Settings {
        project_option,
        environment_option,
        ..
    } = &session.settings;
    let is_project = |project: &Project| token.scope.project == *project;
    let is_environment = |environment: &Environment| token.scope.environment == *environment;
    project_option.iter().all(is_project) && environment_option.iter().all(is_environment)
}

fn table(tokens: &[AccessOutline], now: Timestamp) -> Table {
    let mut table = Table::new(&[
        ("NAME", 0),
        ("KIND", 0),
        ("SCOPE", 0),
        ("EXPIRES", 1),
        ("LAST USED", 2),
        ("CREATED", 3),
        ("CREATED BY", 4),
    ]);
    for token in tokens {
        let expires = match token.expires_at {
            Some(end) if end <= now => Cell::toned("expired", Tone::Warning),
            Some(end) => Cell::new(end.relative(now)),
            None => Cell::new("never"),
        };
        table.row(vec![
            Cell::new(&token.name),
            Cell::new(token.kind),
            Cell::new(&token.scope),
            expires,
            Cell::maybe(token.last_used.map(|at| at.relative(now))),
            Cell::new(token.created_at.relative(now)),
            Cell::new(&token.created_by),
        ]);
    }
    table
}

fn revoke(args: &RevokeArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let dry_run = args.change.dry_run;
    session.with_owned_vault(|vault, session| {
        let (token, now) = (vault.find_access(&args.name)?, session.now);
        if !is_wanted(&token, session) {
            let message = format!("the access token `{}` opens {}", token.name, token.opens());
            return Err(CommandError::message(Exit::NotFound, message)
                .hint("leave out -p and -e, or choose what it opens"));
        }
        let name = format!("access token `{}`", token.name);
        if dry_run {
            session
                .out
                .note(format_args!("Would revoke {}", escape(&name)));
        } else {
            let last_used = match token.last_used {
                Some(at) => format!("last used {}", at.relative(now)),
                None => "no use is recorded here".to_owned(),
            };
            session.confirm(&format!(
                "Revoke {name}: who has it opens {} no more ({last_used})",
                token.opens()
            ))?;
            vault.revoke_access(token.slot, &session.settings.actor, now)?;
            session.out.note(format_args!("Revoked {}", escape(&name)));
            session.out.note(format_args!(
                "  It still opens older copies: rotate what its holder may have kept, and refresh slices"
            ));
        }
        if session.out.is_json() {
            session.out.json(&AccessDocument {
                outcome: "revoked",
                dry_run,
                access_token: view(&token, now),
            })?;
        }
        Ok(Exit::Done)
    })
}

/// Of one that is made now.
fn document<'a>(
    new: &'a NewAccess,
    dry_run: bool,
    who: &'a Actor,
    now: Timestamp,
) -> AccessDocument<'a> {
    AccessDocument {
        outcome: "created",
        dry_run,
        access_token: AccessView {
            name: &new.name,
            project: &new.scope.project,
            environment: &new.scope.environment,
            kind: new.kind,
            status: status(new.expires_at, now),
            created_at: now.to_string(),
            created_by: who.as_str(),
            expires_at: new.expires_at.map(|at| at.to_string()),
            last_used_at: None,
        },
    }
}

fn view(token: &AccessOutline, now: Timestamp) -> AccessView<'_> {
    AccessView {
        name: &token.name,
        project: &token.scope.project,
        environment: &token.scope.environment,
        kind: token.kind,
        status: status(token.expires_at, now),
        created_at: token.created_at.to_string(),
        created_by: token.created_by.as_str(),
        expires_at: token.expires_at.map(|at| at.to_string()),
        last_used_at: token.last_used.map(|at| at.to_string()),
    }
}

fn status(expires_at: Option<Timestamp>, now: Timestamp) -> &'static str {
    match expires_at {
        Some(end) if end <= now => "expired",
        _ => "active",
    }
}
