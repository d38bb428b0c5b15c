use clap::Args;
use serde::Serialize;

use crate::agent::{Known, State};
use crate::crypto::SlotKind;
use crate::error::{CommandError, Exit};
use crate::key::{Span, Timestamp};
use crate::output::Cell;
use crate::session::Session;
use crate::vault::{Outline, SlotOutline, Vault};

/// Show which vault, project and environment are in use
///
/// Opens nothing and asks nothing: it tells what the file tells to everybody who can read it, and whether an agent has the
/// vault's key.
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
    scopes: Option<usize>,
    records: Option<u64>,
    changes: Option<u64>,
    slots: Option<Vec<Slot>>,
    config: String,
    state: String,
    project: String,
    environment: String,
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
    let location = session.settings.location.clone();
    let outline = session
        .has_vault()
        .then(|| Vault::outline(&location.vault))
        .transpose()?;
    let document = Document {
        vault: location.vault.display().to_string(),
        exists: outline.is_some(),
        vault_id: outline.as_ref().map(|outline| outline.id.to_string()),
        scopes: outline.as_ref().map(|outline| outline.scopes),
        records: outline.as_ref().map(|outline| outline.records),
        changes: outline.as_ref().map(|outline| outline.log_length),
        slots: outline
            .as_ref()
            .map(|outline| outline.slots.iter().map(slot).collect()),
        config: session.settings.config_file.display().to_string(),
        state: location.state.display().to_string(),
        project: session.settings.scope.project.to_string(),
        environment: session.settings.scope.environment.to_string(),
        agent: agent_part(session),
    };
    if session.out.is_json() {
        session.out.json(&document)?;
    } else {
        let fields = fields(&document, outline.as_ref());
        session.out.fields(fields)?;
    }
    Ok(Exit::Done)
}

fn fields(document: &Document, outline: Option<&Outline>) -> Vec<(&'static str, Cell)> {
    let mut fields = vec![("vault", Cell::new(&document.vault))];
    match outline {
        None => fields.push((
            "state",
            Cell::new("not there yet; `keywright init` makes it"),
        )),
        Some(outline) => {
            fields.push(("vault id", Cell::new(outline.id)));
            fields.push((
                "records",
                Cell::new(format!("{} in {} scopes", outline.records, outline.scopes)),
            ));
            fields.push(("changes", Cell::new(outline.log_length)));
            fields.extend(
                outline
                    .slots
                    .iter()
                    .map(|outline| ("opens with", Cell::new(words(&slot(outline))))),
            );
        }
    }
    fields.extend([
        ("agent", Cell::new(agent_words(&document.agent))),
        ("settings", Cell::new(&document.config)),
        ("usage, anchors", Cell::new(&document.state)),
        ("project", Cell::new(&document.project)),
        ("environment", Cell::new(&document.environment)),
    ]);
    fields
}

fn agent_part(session: &Session) -> AgentPart {
    let known = |state, known: Known| AgentPart {
        state,
        pid: Some(known.process),
        version: Some(known.version),
        ..AgentPart::default()
    };
    match session.agent().state() {
        Ok(State::Locked(agent)) => known("locked", agent),
        Ok(State::None) => AgentPart {
            state: "none",
            ..AgentPart::default()
        },
        Ok(State::Unlocked(agent)) => AgentPart {
            idle_seconds_left: Some(agent.idle),
            seconds_left: Some(agent.max),
            ..known("unlocked", agent)
        },
        // Whoever asks how things are is not refused.
        Err(err) => AgentPart {
            state: "unusable",
            reason: Some(err.to_string()),
            ..AgentPart::default()
        },
    }
}

fn agent_words(part: &AgentPart) -> String {
    let process = || {
        part.pid
            .map_or(String::new(), |pid| format!(" (process {pid})"))
    };
    match (part.idle_seconds_left, part.seconds_left, &part.reason) {
        (_, _, Some(reason)) => format!("unusable: {reason}"),
        (Some(idle), Some(max), None) => format!(
            "unlocked; locks {} without use, {} at the latest{}",
            later(idle),
            later(max),
            process()
        ),
        _ if part.pid.is_some() => format!("locked{}", process()),
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

fn words(slot: &Slot) -> String {
    match (slot.kdf_memory_mib, slot.kdf_passes) {
        (Some(memory), Some(passes)) => {
            format!("{}: Argon2id, {memory} MiB × {passes}", slot.kind)
        }
        _ => slot.kind.to_owned(),
    }
}
