//! What of a key is shown: the fields of its JSON, and the words of its table rows.

mod answer;

use serde::Serialize;

pub(crate) use self::answer::AnswerView;

use crate::key::{
    Brand, Context, Environment, GenerationState, IssuedDetails, KeyKind, Model, PermissionSet,
    Project, Provider, Rate, RoleName, Status, Tag, Timestamp, VariableName,
};
use crate::output::{Cell, Tone};
use crate::vault::{Found, KeyUsage, SinceRotation};

/// A key as JSON. The fields are a promise; absent values are `null`.
#[derive(Serialize)]
pub(crate) struct KeyView<'a> {
    name: &'a str,
    key_id: &'a str,
    kind: KeyKind,
    display: String,
    project: &'a Project,
    environment: &'a Environment,
    status: Status,
    default: bool,
    pending: bool,
    permissions: Option<PermissionSet>,
    own_permissions: Option<&'a PermissionSet>,
    roles: Option<Vec<&'a RoleName>>,
    context: Option<Context>,
    own_context: Option<&'a Context>,
    rate: Option<Rate>,
    brand: Option<&'a Brand>,
    providers: Option<&'a [Provider]>,
    models: Option<&'a [Model]>,
    variable: Option<&'a VariableName>,
    tags: &'a [Tag],
    note: Option<&'a str>,
    created_at: String,
    created_by: &'a str,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    revoked_by: Option<&'a str>,
    last_used_at: Option<String>,
    requests: u64,
    refused: u64,
    generation: Option<u32>,
    previous_valid_until: Option<String>,
    generations: Vec<GenerationView<'a>>,
}

/// One generation as JSON.
#[derive(Serialize)]
struct GenerationView<'a> {
    number: u32,
    state: GenerationState,
    created_at: String,
    created_by: &'a str,
    delivered_at: Option<String>,
    expires_at: Option<String>,
    superseded_at: Option<String>,
    /// Only in documents that count them.
    #[serde(flatten)]
    uses: Option<GenerationUses>,
}

/// What was counted of one generation as JSON; all `null` when it is not known.
#[derive(Default, Serialize)]
struct GenerationUses {
    requests: Option<u64>,
    refused: Option<u64>,
    last_used_at: Option<String>,
    requests_since_rotation: Option<u64>,
}

impl<'a> KeyView<'a> {
    /// With the uses of each generation.
    pub(crate) fn with_usage(found: &'a Found, usage: Option<&KeyUsage>, now: Timestamp) -> Self {
        let mut view = Self::new(found, now);
        for generation in &mut view.generations {
            let number = generation.number;
            let uses = usage.map(|usage| {
                let tally = usage.of_generation(number);
                let since = usage.since_rotation(&found.key, number);
                GenerationUses {
                    requests: Some(tally.requests),
                    refused: Some(tally.refused),
                    last_used_at: text(tally.last_used),
                    requests_since_rotation: since.map(|since| since.requests),
                }
            });
            generation.uses = Some(uses.unwrap_or_default());
        }
        view
    }

    pub(crate) fn new(found: &'a Found, now: Timestamp) -> Self {
        let key = &found.key;
        let (issued, provider) = (key.issued(), key.provider());
        Self {
            name: key.name.as_str(),
            key_id: found.id.as_str(),
            kind: key.kind(),
            display: found.display(),
            project: &found.scope.project,
            environment: &found.scope.environment,
            status: key.status(now),
            default: found.is_default,
            pending: key.pending().is_some(),
            permissions: issued.map(IssuedDetails::granted_permissions),
            own_permissions: issued.map(|issued| &issued.permissions),
            roles: issued.map(role_names),
            context: issued.map(IssuedDetails::granted_context),
            own_context: issued.map(|issued| &issued.context),
            rate: issued.and_then(|issued| issued.rate),
            brand: issued.map(|issued| &issued.brand),
            providers: provider.map(|provider| provider.providers.as_slice()),
            models: provider.map(|provider| provider.models.as_slice()),
            variable: provider.and_then(|provider| provider.variable.as_ref()),
            tags: &key.tags,
            note: key.note.as_ref().map(|note| note.as_str()),
            created_at: key.created_at.to_string(),
            created_by: key.created_by.as_str(),
            expires_at: text(key.expires_at()),
            revoked_at: text(key.revoked.as_ref().map(|revoked| revoked.at)),
            revoked_by: key.revoked.as_ref().map(|revoked| revoked.by.as_str()),
            last_used_at: text(found.total.last_used),
            requests: found.total.requests,
            refused: found.total.refused,
            generation: key.current().map(|generation| generation.number),
            previous_valid_until: text(
                key.overlapping(now)
                    .and_then(|generation| generation.valid_until()),
            ),
            generations: key
                .generations
                .iter()
                .map(|generation| GenerationView {
                    number: generation.number,
                    state: generation.state(now),
                    created_at: generation.created_at.to_string(),
                    created_by: generation.created_by.as_str(),
                    delivered_at: text(generation.delivered_at),
                    expires_at: text(generation.expires_at),
                    superseded_at: text(generation.superseded_at),
                    uses: None,
                })
                .collect(),
        }
    }
}

/// Names of a key's roles.
pub(crate) fn role_names(issued: &IssuedDetails) -> Vec<&RoleName> {
    issued.roles.iter().map(|role| &role.name).collect()
}

/// What a field was and what it is, each cut to a part of a line.
pub(crate) fn arrow(before: Option<&str>, after: Option<&str>) -> String {
    let shown = |text: Option<&str>| shortened(text.unwrap_or("none"));
    format!("{} -> {}", shown(before), shown(after))
}

/// A text, cut to a part of a line.
pub(crate) fn shortened(text: &str) -> String {
    const CHARACTERS: usize = 60;
    match text.char_indices().nth(CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// RFC 3339, or `null`.
pub(crate) fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// The document of a command about one key.
#[derive(Serialize)]
pub(crate) struct KeyDocument<'a> {
    pub(crate) key: KeyView<'a>,
}

/// The document of a command that changes one key, or with `--dry-run` would.
#[derive(Serialize)]
pub(crate) struct ChangeDocument<'a> {
    pub(crate) outcome: &'static str,
    pub(crate) dry_run: bool,
    pub(crate) key: Option<KeyView<'a>>,
}

/// When a key was last used, for questions: `last used 3 d ago`.
pub(crate) fn last_used(found: &Found, now: Timestamp) -> String {
    match found.total.last_used {
        None => "never used".to_owned(),
        Some(at) => format!("last used {}", at.relative(now)),
    }
}

/// A number of things, one of which is a `noun`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// The status as a cell: the words carry it, the colour underlines it.
pub(crate) fn status_cell(found: &Found, now: Timestamp) -> Cell {
    let status = found.key.status(now);
    let tone = match status {
        Status::Active => Tone::Good,
        Status::Expired | Status::Revoked => Tone::Bad,
        Status::Overlap | Status::Undelivered => Tone::Warning,
    };
    let rotation_cut_off = found.key.pending().is_some() && status != Status::Undelivered;
    if rotation_cut_off {
        Cell::toned(format!("{status}, new token undelivered"), Tone::Warning)
    } else {
        Cell::toned(status, tone)
    }
}

/// When a key ends, as a cell that warns in its last two weeks.
pub(crate) fn expiry_cell(found: &Found, now: Timestamp) -> Cell {
    match found.key.expires_at() {
        None => Cell::new("never"),
        Some(end) if end <= now => Cell::toned(end.relative(now), Tone::Bad),
        Some(end) if end <= now.after(crate::key::Span::days(14)) => {
            Cell::toned(end.relative(now), Tone::Warning)
        }
        Some(end) => Cell::new(end.relative(now)),
    }
}

/// While the token before the present one works: until when, and whether it is still used.
pub(crate) fn overlap_fields(
    found: &Found,
    usage: Option<&KeyUsage>,
    now: Timestamp,
) -> Vec<(&'static str, Cell)> {
    let overlapping = found.key.overlapping(now);
    let Some((previous, end)) = overlapping.and_then(|g| Some((g, g.valid_until()?))) else {
        return Vec::new();
    };
    let mut fields = vec![(
        "overlap ends",
        Cell::new(format!("{}, {end}", end.relative(now))),
    )];
    let since = usage.and_then(|usage| usage.since_rotation(&found.key, previous.number));
    // Nothing of a revoked key works.
    if found.key.revoked.is_none() {
        fields.push(("previous token", still_used_cell(since, now)));
    }
    fields
}

fn still_used_cell(since: Option<SinceRotation>, now: Timestamp) -> Cell {
    match since {
        None => Cell::new("not known whether it is still used"),
        Some(SinceRotation {
            requests,
            is_exact,
            last_used: Some(last),
        }) => {
            let about = if is_exact { "" } else { "at least " };
            let (last, requests) = (last.relative(now), counted(requests, "request"));
            Cell::toned(
                format!("still used: last {last}, {about}{requests} since the rotation"),
                Tone::Warning,
            )
        }
        Some(_) => Cell::toned(
            "not used since the rotation: `rotate --finish` can end the overlap",
            Tone::Good,
        ),
    }
}
