use std::collections::{BTreeSet, HashSet};
use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::error::{CommandError, Exit};
use crate::key::{Actor, Environment, KeyId, KeyKind, KeyRef, Project, When};
use crate::output::{Cell, Foreseen, Rows, Table, Tone, escape};
use crate::session::Session;
use crate::vault::{
    Audit, AuditCode, AuditEntry, AuditFilter, AuditMark, AuditSource, AuditVerb, UseRequest,
    Vault, Wanted,
};
use crate::view::shortened;

/// How often a followed vault is read.
const POLL: Duration = Duration::from_millis(500);

/// Show who did what, and when: changes of the vault and uses of its keys
///
/// Changes come from the vault's log, whose chain of entries is checked from its beginning each time; an entry that was
/// altered, or is missing, ends the command with exit code 7 and its number. Uses come from the activity file, which keeps
/// them for 30 days, those over HTTP with method, path and client; `verify --batch` only counts its uses. Without a name, -p and -e narrow what is shown. A key that is deleted or has another name now is found
/// by the name it had. With --json, each entry is an object on a line of its own.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright audit
  keywright audit my-service --since 7d
  keywright audit --verb create,delete,revoke --since 2027-01-01 --until 2027-01-31
  keywright audit --code wrong_secret --json
  keywright audit -e production --follow")]
pub(crate) struct AuditArgs {
    /// Name of the key, its key id, or its masked token
    name: Option<KeyRef>,

    /// Take the default issued key of the project and environment
    #[arg(long, conflicts_with = "name")]
    default: bool,

    /// Print new entries as they come, until interrupted
    #[arg(short, long, conflicts_with = "until")]
    follow: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
struct FilterArgs {
    /// Only entries with one of these verbs
    #[arg(
        long,
        value_name = "VERB",
        value_delimiter = ',',
        value_parser = verb(),
        hide_possible_values = true,
        long_help = one_of("Only entries with one of these verbs", AuditVerb::all().map(AuditVerb::text))
    )]
    verb: Vec<AuditVerb>,

    /// Only uses with one of these answers
    #[arg(
        long,
        value_name = "CODE",
        value_delimiter = ',',
        value_parser = code(),
        hide_possible_values = true,
        long_help = one_of("Only uses with one of these answers", AuditCode::all().map(AuditCode::text))
    )]
    code: Vec<AuditCode>,

    // Nothing is recorded here, so the global option of this name has another meaning.
    /// Only what was done by this one, such as user@host
    #[arg(long, value_name = "NAME")]
    actor: Option<Actor>,

    /// Only entries from then on: 24h, 2027-01-31 (UTC), or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,

    /// Only entries up to then, and to the end of a date
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,

    /// Show the newest N entries, or all of them
    #[arg(long, value_name = "N", default_value = "100")]
    limit: Limit,
}

/// Most entries that are shown at first.
#[derive(Clone, Copy, Debug)]
enum Limit {
    All,
    Newest(usize),
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            _ if text == "all" => Ok(Self::All),
            Ok(count) if digits => Ok(Self::Newest(count)),
            _ => Err("a limit is a whole number, or `all`"),
        }
    }
}

/// The short help would be a screen of words.
fn one_of(help: &str, words: impl Iterator<Item = &'static str>) -> String {
    format!("{help}: {}", words.collect::<Vec<_>>().join(", "))
}

fn verb() -> impl TypedValueParser<Value = AuditVerb> {
    let known = PossibleValuesParser::new(AuditVerb::all().map(AuditVerb::text));
    known.try_map(|text| {
        let verb = AuditVerb::all().find(|verb| verb.text() == text);
        Ok::<_, Infallible>(verb.expect("one of the possible values"))
    })
}

fn code() -> impl TypedValueParser<Value = AuditCode> {
    let known = PossibleValuesParser::new(AuditCode::all().map(AuditCode::text));
    known.try_map(|text| {
        let code = AuditCode::all().find(|code| code.text() == text);
        Ok::<_, Infallible>(code.expect("one of the possible values"))
    })
}

pub(crate) fn audit(args: &AuditArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let filter = args.filter.filter(session)?;
    session.with_owned_vault(|vault, session| {
        let named = args.name.as_ref().map(Wanted::Named);
        let wanted = named.or(args.default.then_some(Wanted::Default));
        let (audit, mark) = vault.audit(wanted, &session.settings.scope, &filter)?;
        if args.follow {
            let rows = show_first(&audit, args, session)?;
            return follow(rows.as_ref(), mark, &filter, vault, session);
        }
        if session.out.is_json() {
            session
                .out
                .json_lines(audit.entries.iter().map(EntryView::new))?;
        } else if !audit.entries.is_empty() {
            session.out.table(table(&audit.entries))?;
        } else if !audit.has_more {
            session.out.note(format_args!("No entries"));
        }
        tell(&audit, args.name.as_ref(), session);
        Ok(Exit::Done)
    })
}

impl FilterArgs {
    fn filter(&self, session: &Session) -> Result<AuditFilter, CommandError> {
        let now = session.now;
        let since = self.since.as_ref().map(|since| since.resolve(now));
        let until = self.until.as_ref().map(|until| until.resolve_end(now));
        if let (Some(since), Some(until)) = (&self.since, &self.until)
            && since.resolve(now) > until.resolve_end(now)
        {
            let message = format!("--since `{since}` is later than --until `{until}`");
            return Err(CommandError::message(Exit::Usage, message)
                .hint("durations count back from now, as in --since 7d --until 24h"));
        }
        Ok(AuditFilter {
            project: session.settings.project_option.clone(),
            environment: session.settings.environment_option.clone(),
            verbs: self.verb.clone(),
            codes: self.code.clone(),
            actor: self.actor.clone(),
            since,
            until,
            limit: match self.limit {
                Limit::All => None,
                Limit::Newest(count) => Some(count),
            },
        })
    }
}

/// What is to be known beside the entries.
fn tell(audit: &Audit, name: Option<&KeyRef>, session: &mut Session) {
    let out = &mut session.out;
    if let (Some(name), true) = (name, audit.is_gone) {
        let name = name.to_string();
        out.note(format_args!(
            "No key is called `{}` now; the log knows which one was",
            escape(&name)
        ));
    }
    if !audit.namesakes.is_empty() {
        out.note(format_args!(
            "{} had this name before; `keywright audit KEY_ID` tells of it",
            listed(&audit.namesakes)
        ));
    }
    if audit.has_more {
        out.note(format_args!(
            "Older entries are left out; --limit says how many are shown"
        ));
    }
    if let Some(warning) = unopened(audit) {
        out.warn(format_args!("{warning}"));
    }
}

/// The first of some ids, and how many more there are.
fn listed(ids: &BTreeSet<KeyId>) -> String {
    let shown: Vec<&str> = ids.iter().take(3).map(KeyId::as_str).collect();
    let shown = shown.join(", ");
    match ids.len() {
        1 => format!("The key {shown}"),
        2..=3 => format!("The keys {shown}"),
        more => format!("The keys {shown} and {} more", more - 3),
    }
}

fn unopened(audit: &Audit) -> Option<String> {
    let count = audit.unopened;
    let uses = if count == 1 {
        "1 recorded use does"
    } else {
        &format!("{count} recorded uses do")
    };
    (count > 0).then(|| {
        format!(
            "{uses} not open: from before the vault was re-keyed, or altered in the activity file"
        )
    })
}

/// Prints what is there, in columns whose widths are foreseen; none for JSON.
fn show_first(
    audit: &Audit,
    args: &AuditArgs,
    session: &mut Session,
) -> Result<Option<Rows>, CommandError> {
    let rows = match session.out.is_json() {
        true => None,
        false => Some(session.out.titles(COLUMNS)?),
    };
    show(audit, rows.as_ref(), session)?;
    tell(audit, args.name.as_ref(), session);
    Ok(rows)
}

/// Prints what comes, as long as somebody reads it.
fn follow(
    rows: Option<&Rows>,
    mut mark: AuditMark,
    filter: &AuditFilter,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let mut told = HashSet::new();
    loop {
        let audit = vault.audit_after(&mut mark, filter)?;
        show(&audit, rows, session)?;
        // The same at each turn is said once.
        for warning in vault.take_warnings().into_iter().chain(unopened(&audit)) {
            if told.insert(warning.clone()) {
                session.out.warn(format_args!("{}", escape(&warning)));
            }
        }
        if !audit.has_more {
            session.out.pause(POLL)?;
        }
    }
}

fn show(audit: &Audit, rows: Option<&Rows>, session: &mut Session) -> Result<(), CommandError> {
    let entries = audit.entries.iter();
    match rows {
        None => session.out.json_lines(entries.map(EntryView::new))?,
        Some(rows) => session.out.rows(rows, entries.map(cells))?,
    }
    Ok(())
}

const COLUMNS: &[Foreseen] = &[
    column("TIME", 20, 0),
    column("WHAT", 8, 0),
    column("CODE", 12, 1),
    column("KEY", 16, 0),
    column("SCOPE", 20, 3),
    column("GENERATION", 10, 5),
    column("ACTOR", 14, 2),
    column("DETAIL", 6, 4),
];

const fn column(title: &'static str, width: usize, readiness: u8) -> Foreseen {
    Foreseen {
        title,
        width,
        readiness,
    }
}

fn table(entries: &[AuditEntry]) -> Table {
    let columns: Vec<(&str, u8)> = COLUMNS
        .iter()
        .map(|column| (column.title, column.readiness))
        .collect();
    let mut table = Table::new(&columns);
    entries.iter().for_each(|entry| table.row(cells(entry)));
    table
}

fn cells(entry: &AuditEntry) -> Vec<Cell> {
    let id = entry.key_id.map(|id| id.to_string());
    let name = entry.name.as_ref().map(ToString::to_string);
    vec![
        Cell::new(entry.at),
        Cell::new(&entry.verb),
        code_cell(entry),
        Cell::maybe(name.or(id)),
        Cell::maybe(entry.scope.as_ref()),
        Cell::maybe(entry.generation),
        Cell::new(&entry.actor),
        Cell::maybe(detail(entry)),
    ]
}

/// With what was asked over HTTP before the rest: `GET /v1/charges from 203.0.113.7`.
fn detail(entry: &AuditEntry) -> Option<String> {
    let request = entry.request.as_ref().map(request_line);
    let request = request.filter(|line| !line.is_empty());
    let times = entry.times.filter(|times| *times > 1);
    let times = times.map(|times| format!("{times} times in this second"));
    let parts = request.into_iter().chain(times).chain(entry.detail.clone());
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn request_line(request: &UseRequest) -> String {
    let method = request.method().map(str::to_owned);
    let path = request.path().map(shortened);
    let client = request.client().map(|client| format!("from {client}"));
    let words: Vec<String> = [method, path, client].into_iter().flatten().collect();
    words.join(" ")
}

/// The answer to a use, unless the verb says it.
fn code_cell(entry: &AuditEntry) -> Cell {
    let tone = match entry.code.as_deref() {
        Some("wrong_secret") => Tone::Bad,
        _ if entry.is_refused() => Tone::Warning,
        _ => Tone::Plain,
    };
    match &entry.code {
        Some(code) if *code != entry.verb => Cell::toned(code, tone),
        _ => Cell::maybe(None::<&str>),
    }
}

/// An entry as JSON. The fields are a promise; absent values are `null`.
#[derive(Serialize)]
struct EntryView<'a> {
    at: String,
    source: &'static str,
    index: Option<u64>,
    operation: Option<&'a str>,
    verb: &'a str,
    code: Option<&'a str>,
    actor: &'a str,
    project: Option<&'a Project>,
    environment: Option<&'a Environment>,
    kind: Option<KeyKind>,
    key_id: Option<String>,
    name: Option<&'a str>,
    generation: Option<u32>,
    detail: Option<&'a str>,
    request: Option<RequestView<'a>>,
    times: Option<u64>,
}

#[derive(Serialize)]
struct RequestView<'a> {
    method: Option<&'a str>,
    path: Option<&'a str>,
    client: Option<&'a str>,
    id: Option<&'a str>,
}

impl<'a> RequestView<'a> {
    fn new(request: &'a UseRequest) -> Self {
        Self {
            method: request.method(),
            path: request.path(),
            client: request.client(),
            id: request.id(),
        }
    }
}

impl<'a> EntryView<'a> {
    fn new(entry: &'a AuditEntry) -> Self {
        let (source, index) = match entry.source {
            AuditSource::Log => ("log", Some(entry.number)),
            AuditSource::Use => ("use", None),
        };
        Self {
            at: entry.at.to_string(),
            source,
            index,
            operation: entry.operation.as_deref(),
            verb: &entry.verb,
            code: entry.code.as_deref(),
            actor: entry.actor.as_str(),
            project: entry.scope.as_ref().map(|scope| &scope.project),
            environment: entry.scope.as_ref().map(|scope| &scope.environment),
            kind: entry.kind,
            key_id: entry.key_id.map(|id| id.to_string()),
            name: entry.name.as_ref().map(|name| name.as_str()),
            generation: entry.generation,
            detail: entry.detail.as_deref(),
            request: entry.request.as_ref().map(RequestView::new),
            times: entry.times,
        }
    }
}
