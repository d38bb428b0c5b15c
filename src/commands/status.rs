use clap::Args;
use serde::Serialize;

use crate::agent::{Agent, Known, State};
use crate::crypto::SlotKind;
use crate::error::{CommandError, Exit};
use crate::key::{Scope, Span, Timestamp};
use crate::output::Cell;
use crate::session::Session;
use crate::settings::{AccessSource, PassphraseSource};
use crate::vault::{Outline, SlotOutline, Vault};
use crate::view::counted;

/// Show which vault, project and environment are in use
///
/// Opens nothing and asks nothing: it tells what the file tells to everybody who can read it, whether an agent has the
/// vault's key, and what would open the vault for a command that reads it. A wrong keywright.toml is a warning.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright status
  keywright status -p shop -e staging --json")]
pub(crate) struct StatusArgs {}

#[derive(Serialize)]
struct Document {
    vault: String,
    exists: bool,
    vault_id: Option<String>,
    slice: Option<bool>,
    scopes: Option<usize>,
    records: Option<u64>,
    changes: Option<u64>,
    slots: Option<Vec<Slot>>,
    /// The name of the option or variable, never its value.
    opened_by: Option<&'static str>,
    config: String,
    state: String,
    project: Option<String>,
    environment: Option<String>,
    agent: AgentPart,
}

/// What there is of the agent. Looking at it starts none, and is no use of the key.
#[derive(Default, Serialize)]
struct AgentPart {
    state: &'static str,
    idle_seconds_left: Option<u32>,
    seconds_left: Option<u32>,
    pid: Option<u32>,
    version: Option<String>,
    /// Why it cannot be used.
    reason: Option<String>,
}

#[derive(Serialize)]
struct Slot {
    kind: &'static str,
    kdf_memory_mib: Option<u32>,
    kdf_passes: Option<u32>,
    expires_at: Option<String>,
}

pub(crate) fn status(_args: &StatusArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let scope = session.settings.scope.clone();
    tell(Some(&scope), session)
}

/// The same where a wrong `keywright.toml`, which was told, keeps every project and environment from being chosen.
pub(crate) fn status_without_scope(session: &mut Session) -> Result<Exit, CommandError> {
    tell(None, session)
}

fn tell(scope: Option<&Scope>, session: &mut Session) -> Result<Exit, CommandError> {
    let location = session.settings.location.clone();
    let outline = session
        .has_vault()
        .then(|| Vault::outline(&location.vault))
        .transpose()?;
    let agent = agent_part(session, outline.as_ref());
    let opened_by = outline
        .as_ref()
        .and_then(|outline| opened_by(session, outline, &agent));
    let document = Document {
        opened_by,
        vault: location.vault.display().to_string(),
        exists: outline.is_some(),
        vault_id: outline.as_ref().map(|outline| outline.id.to_string()),
        slice: outline.as_ref().map(|outline| outline.is_slice),
        scopes: outline.as_ref().map(|outline| outline.scopes),
        records: outline.as_ref().map(|outline| outline.records),
        changes: outline.as_ref().map(|outline| outline.log_length),
        slots: outline
            .as_ref()
            .map(|outline| outline.slots.iter().map(slot).collect()),
        config: session.settings.config_file.display().to_string(),
        state: location.state.display().to_string(),
        project: scope.map(|scope| scope.project.to_string()),
        environment: scope.map(|scope| scope.environment.to_string()),
        agent,
    };
    if session.out.is_json() {
        session.out.json(&document)?;
    } else {
        let fields = fields(&document, outline.as_ref(), session.now);
        session.out.fields(fields)?;
    }
    Ok(Exit::Done)
}

fn fields(
    document: &Document,
    outline: Option<&Outline>,
    now: Timestamp,
) -> Vec<(&'static str, Cell)> {
    let mut fields = vec![("vault", Cell::new(&document.vault))];
    match outline {
        None => fields.push((
            "state",
            Cell::new("not there yet; `keywright init` makes it"),
        )),
        Some(outline) => {
            let scopes = counted(outline.scopes as u64, "scope");
            let records = format!("{} in {scopes}", outline.records);
            if outline.is_slice {
                fields.push(("state", Cell::new(format!("slice of vault {}", outline.id))));
                fields.push(("records", Cell::new(records)));
            } else {
                fields.push(("vault id", Cell::new(outline.id)));
                fields.push(("records", Cell::new(records)));
                fields.push(("changes", Cell::new(outline.log_length)));
            }
            let ways = ways(&outline.slots, now);
            fields.extend(ways.into_iter().map(|way| ("opens with", Cell::new(way))));
            fields.push(("opened by", Cell::new(opened_words(document))));
        }
    }
    fields.extend([
        ("agent", Cell::new(agent_words(document))),
        ("settings", Cell::new(&document.config)),
        ("usage, anchors", Cell::new(&document.state)),
        ("project", Cell::maybe(document.project.as_ref())),
        ("environment", Cell::maybe(document.environment.as_ref())),
    ]);
    fields
}

/// What would open the vault for reading now, in the order in which it is looked for.
fn opened_by(session: &Session, outline: &Outline, agent: &AgentPart) -> Option<&'static str> {
    let settings = &session.settings;
    let token = settings.access.as_ref().map(|source| match source {
        AccessSource::File(_) => "KEYWRIGHT_ACCESS_TOKEN_FILE",
        AccessSource::Variable(_) => "KEYWRIGHT_ACCESS_TOKEN",
    });
    if token.is_some() || outline.is_slice {
        return token;
    }
    if settings.agent.is_asked && agent.state == UNLOCKED {
        return Some("the agent");
    }
    match settings.passphrase {
        PassphraseSource::Terminal => session.terminal().map(|_| settings.passphrase_name),
        _ => Some(settings.passphrase_name),
    }
}

fn opened_words(document: &Document) -> &'static str {
    match document.opened_by {
        Some(name) => name,
        None if document.slice == Some(true) => "nothing here; KEYWRIGHT_ACCESS_TOKEN_FILE would",
        None => "nothing here; KEYWRIGHT_PASSPHRASE_FILE would",
    }
}

/// The key that opens this vault, whoever holds it; else the agent that there is most to tell of.
fn agent_part(session: &Session, outline: Option<&Outline>) -> AgentPart {
    let agents = session.settings.agent.agents.each();
    let parts = agents.iter().map(|agent| part_of(agent, outline));
    let rank = |part: &AgentPart| RANKS.iter().position(|state| *state == part.state);
    parts.max_by_key(rank).unwrap_or_default()
}

const UNLOCKED: &str = "unlocked";

/// Of several agents the one with the later state is shown.
const RANKS: &[&str] = &[
    "none",
    "locked",
    "unusable",
    "outdated",
    "other_vault",
    UNLOCKED,
];

fn part_of(agent: &Agent, outline: Option<&Outline>) -> AgentPart {
    let known = |state, known: Known| AgentPart {
        state,
        pid: Some(known.process),
        version: Some(known.version),
        ..AgentPart::default()
    };
    match agent.state() {
        Ok(State::Locked(agent)) => known("locked", agent),
        Ok(State::None) => AgentPart {
            state: "none",
            ..AgentPart::default()
        },
        Ok(State::Unlocked(told)) => AgentPart {
            idle_seconds_left: Some(told.idle),
            seconds_left: Some(told.max),
            ..known(whose(agent, &told, outline), told)
        },
        // Whoever asks how things are is not refused.
        Err(err) => AgentPart {
            state: "unusable",
            reason: Some(err.to_string()),
            ..AgentPart::default()
        },
    }
}

/// Whether the key is this vault's. An agent of another version cannot be asked without ending it.
fn whose(agent: &Agent, told: &Known, outline: Option<&Outline>) -> &'static str {
    let Some(outline) = outline else {
        return "other_vault";
    };
    if told.version != env!("CARGO_PKG_VERSION") {
        return UNLOCKED;
    }
    match agent.peek(outline.id) {
        Ok(Some(key)) if !outline.is_opened_by(&key) => "outdated",
        Ok(None) => "other_vault",
        Ok(Some(_)) | Err(_) => UNLOCKED,
    }
}

fn agent_words(document: &Document) -> String {
    let part = &document.agent;
    let process = part
        .pid
        .map_or(String::new(), |pid| format!(" (process {pid})"));
    match (part.idle_seconds_left, part.seconds_left, &part.reason) {
        (_, _, Some(reason)) => format!("unusable: {reason}"),
        _ if part.state == "other_vault" => {
            format!("unlocked for another vault; `keywright lock` ends it{process}")
        }
        _ if part.state == "outdated" => {
            format!("has a key that opens this vault no more; `keywright lock` ends it{process}")
        }
        (Some(idle), Some(max), None) => format!(
            "unlocked; locks {} without use, {} at the latest{process}",
            later(idle),
            later(max),
        ),
        _ if part.pid.is_some() => format!("locked{process}"),
        // An agent holds the key of a whole vault.
        _ if document.slice == Some(true) => "none".to_owned(),
        _ => "none; `keywright unlock` starts one".to_owned(),
    }
}

fn later(seconds: u32) -> String {
    let start = Timestamp(0);
    start.after(Span::seconds(seconds)).relative(start)
}

fn slot(outline: &SlotOutline) -> Slot {
    let cost = outline.profile.map(crate::crypto::Profile::cost);
    Slot {
        kind: match outline.kind {
            Some(SlotKind::AccessToken) => "access token",
            Some(SlotKind::Passphrase) => "passphrase",
            Some(SlotKind::RecoveryCode) => "recovery code",
            None => "unknown",
        },
        kdf_memory_mib: cost.map(|(memory, _, _)| memory / 1024),
        kdf_passes: cost.map(|(_, passes, _)| passes),
        expires_at: outline.expires_at.map(|at| at.to_string()),
    }
}

/// A line for each way that there is, however often.
fn ways(slots: &[SlotOutline], now: Timestamp) -> Vec<String> {
    let is_token = |slot: &&SlotOutline| slot.kind == Some(SlotKind::AccessToken);
    let mut ways: Vec<(String, usize)> = Vec::new();
    for slot in slots.iter().filter(|slot| !is_token(slot)) {
        let words = words(slot);
        match ways.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += 1,
            None => ways.push((words, 1)),
        }
    }
    let mut ways: Vec<String> = ways
        .into_iter()
        .map(|(words, count)| match count {
            1 => words,
            _ => format!("{words} ({count} times)"),
        })
        .collect();
    let tokens: Vec<&SlotOutline> = slots.iter().filter(is_token).collect();
    if !tokens.is_empty() {
        ways.push(token_words(&tokens, now));
    }
    ways
}

fn token_words(tokens: &[&SlotOutline], now: Timestamp) -> String {
    let count = match tokens.len() {
        1 => "1 access token".to_owned(),
        count => format!("{count} access tokens"),
    };
    let ends = || tokens.iter().filter_map(|slot| slot.expires_at);
    let ended = match ends().filter(|at| *at <= now).count() {
        0 => String::new(),
        ended => format!(", {ended} ended"),
    };
    let next = match ends().filter(|at| *at > now).min() {
        None => String::new(),
        Some(at) if tokens.len() == 1 => format!(", it ends {}", at.date()),
        Some(at) => format!(", the next ends {}", at.date()),
    };
    count + &ended + &next
}

fn words(outline: &SlotOutline) -> String {
    let slot = slot(outline);
    match (slot.kdf_memory_mib, slot.kdf_passes) {
        (Some(memory), Some(passes)) => {
            format!("{}: Argon2id, {memory} MiB × {passes}", slot.kind)
        }
        _ => slot.kind.to_owned(),
    }
}
