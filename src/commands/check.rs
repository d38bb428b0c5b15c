use std::collections::BTreeMap;
use std::fmt;
use std::io;

use clap::Args;
use serde::Serialize;

use crate::error::{CommandError, Exit};
use crate::key::{Environment, KeyId, Project, Scope, Span, Timestamp, VariableName};
use crate::output::{Cell, Table, Tone, escape};
use crate::session::Session;
use crate::settings::ProjectNeeds;
use crate::vault::{Need, Readiness, VaultError, listed};
use crate::view::{counted, expiry_cell, text};

/// Say whether every key that this project needs is there
///
/// The `[env]` table of the nearest keywright.toml lists the variables that the project needs and their keys. `check`
/// says of each whether its key is ready, missing, revoked, expired, or expires within 14 days. No value is opened, and no
/// use is recorded. Exit code 9 when a key that is required is not ready, or when a variable's name is one that must not be
/// set.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright check
  keywright check -e staging --json
  keywright check --quiet && make deploy
  keywright check --example > .env.example")]
pub(crate) struct CheckArgs {
    /// Print a .env.example instead, from keywright.toml alone
    #[arg(long, conflicts_with = "json")]
    example: bool,
}

/// How a variable stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Expired,
    ExpiresSoon,
    IssuedKey,
    Missing,
    Ready,
    RefusedName,
    Revoked,
}

/// A variable and how it stands.
struct Judged {
    need: Need,
    standing: Standing,
}

#[derive(Serialize)]
struct Document<'a> {
    project: &'a Project,
    environment: &'a Environment,
    file: String,
    ok: bool,
    variables: Vec<VariableView<'a>>,
}

#[derive(Serialize)]
struct VariableView<'a> {
    variable: &'a VariableName,
    key: String,
    required: bool,
    status: Standing,
    expires_at: Option<String>,
    key_id: Option<&'a KeyId>,
}

pub(crate) fn check(args: &CheckArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let needs = session.settings.needs.clone();
    let needs = needs.ok_or_else(|| nothing_to_check(session))?;
    if args.example {
        return print_example(&needs, session);
    }
    let judged: Vec<Judged> = session.with_vault(|vault, session| {
        let found = vault.needs(&needs.variables, &session.settings.scope)?;
        let judge = |need| Judged::new(need, session.now);
        Ok(found.into_iter().map(judge).collect())
    })?;
    let ok = !judged.iter().any(Judged::is_alarming);
    let exit = if ok { Exit::Done } else { Exit::Found };
    let told = if session.out.is_json() {
        let document = document(&judged, &needs, &session.settings.scope);
        session.out.json(&document)
    } else {
        show(&judged, session)
    };
    // Whoever asked by the exit code gets it, even when nobody reads the words.
    told.map_or_else(|err| CommandError::from(err).or_exit(exit), |()| Ok(exit))
}

fn nothing_to_check(session: &Session) -> CommandError {
    let Some(path) = &session.settings.project_file else {
        let message = "there is no `keywright.toml` in this folder or one above it";
        return CommandError::message(Exit::Usage, message).hint(format!(
            "`keywright init --project-file` writes one from the provider keys of {}",
            session.settings.scope
        ));
    };
    let message = format!(
        "`{}` has no [env] table, which says what the project needs",
        path.display()
    );
    CommandError::message(Exit::Usage, message).hint(
        "add [env] and lines such as OPENAI_API_KEY = \"openai\"; `keywright init --project-file` writes a file that has \
         it into a folder that has none",
    )
}

impl Judged {
    fn new(need: Need, now: Timestamp) -> Self {
        let assigned = &need.assigned;
        let ends = assigned
            .found
            .as_ref()
            .and_then(|found| found.key.expires_at());
        let soon = ends.is_some_and(|end| end <= now.after(Span::days(14)));
        let standing = match assigned.readiness(now) {
            _ if assigned.variable.is_dangerous() => Standing::RefusedName,
            Readiness::Expired => Standing::Expired,
            Readiness::Issued => Standing::IssuedKey,
            Readiness::Missing => Standing::Missing,
            Readiness::Ready if soon => Standing::ExpiresSoon,
            Readiness::Ready => Standing::Ready,
            Readiness::Revoked => Standing::Revoked,
        };
        Self { need, standing }
    }

    /// Whether `run` would hand its key out.
    fn is_ready(&self) -> bool {
        matches!(self.standing, Standing::ExpiresSoon | Standing::Ready)
    }

    /// Whether `run` would stop because of it.
    fn is_alarming(&self) -> bool {
        let required = self.need.assigned.required || self.standing == Standing::RefusedName;
        required && !self.is_ready()
    }

    fn is_missing(&self) -> bool {
        self.standing == Standing::Missing
    }

    /// Which name was meant, perhaps.
    fn likeness(&self) -> Option<String> {
        let nearest = self.need.nearest.as_ref().filter(|_| self.is_missing())?;
        let elsewhere = !self.need.elsewhere.is_empty();
        let key = &self.need.assigned.key;
        (!elsewhere).then(|| format!("`{key}` is missing; did you mean `{nearest}`?"))
    }
}

/// What helps to find missing keys: those that are in the same other scopes together, then those that are nowhere.
fn advice(judged: &[Judged]) -> Vec<String> {
    let mut found: BTreeMap<&[Scope], Vec<&Judged>> = BTreeMap::new();
    for judged in judged.iter().filter(|judged| judged.is_missing()) {
        let elsewhere = judged.need.elsewhere.as_slice();
        found.entry(elsewhere).or_default().push(judged);
    }
    found.remove(&[][..]);
    let places = found.iter().map(|(scopes, judged)| {
        let mut keys: Vec<String> = judged
            .iter()
            .map(|judged| format!("`{}`", judged.need.assigned.key))
            .collect();
        keys.sort();
        keys.dedup();
        let words = match keys.len() {
            1 => "is missing; it exists in",
            _ => "are missing; they exist in",
        };
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        format!("{} {words} {}", listed(&keys), scopes.join(", "))
    });
    let likenesses = judged.iter().filter_map(Judged::likeness);
    places.chain(likenesses).take(ADVISED).collect()
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "expired",
            Self::ExpiresSoon => "expires soon",
            Self::IssuedKey => "issued key",
            Self::Missing => "missing",
            Self::Ready => "ready",
            Self::RefusedName => "refused name",
            Self::Revoked => "revoked",
        })
    }
}

fn document<'a>(judged: &'a [Judged], needs: &ProjectNeeds, scope: &'a Scope) -> Document<'a> {
    let variables = judged.iter().map(|judged| {
        let assigned = &judged.need.assigned;
        let found = assigned.found.as_ref();
        VariableView {
            variable: &assigned.variable,
            key: assigned.name(),
            required: assigned.required,
            status: judged.standing,
            expires_at: text(found.and_then(|found| found.key.expires_at())),
            key_id: found.map(|found| &found.id),
        }
    });
    Document {
        project: &scope.project,
        environment: &scope.environment,
        file: needs.path.display().to_string(),
        ok: !judged.iter().any(Judged::is_alarming),
        variables: variables.collect(),
    }
}

fn show(judged: &[Judged], session: &mut Session) -> io::Result<()> {
    if !judged.is_empty() {
        session.out.table(table(judged, session.now))?;
    }
    for advice in advice(judged) {
        session.out.note(format_args!("{}", escape(&advice)));
    }
    let refused = judged
        .iter()
        .filter(|judged| judged.standing == Standing::RefusedName);
    let names: Vec<VariableName> = refused
        .map(|judged| judged.need.assigned.variable.clone())
        .collect();
    if !names.is_empty() {
        session
            .out
            .note(format_args!("{}", VaultError::DangerousNames(names)));
    }
    session.out.note(format_args!("{}", summary(judged)));
    Ok(())
}

/// Most lines about missing keys.
const ADVISED: usize = 10;

fn table(judged: &[Judged], now: Timestamp) -> Table {
    let mut table = Table::new(&[
        ("VARIABLE", 0),
        ("KEY", 0),
        ("STATUS", 0),
        ("EXPIRES", 1),
        ("REQUIRED", 2),
    ]);
    for judged in judged {
        let assigned = &judged.need.assigned;
        let tone = match judged.standing {
            Standing::Ready => Tone::Good,
            Standing::ExpiresSoon => Tone::Warning,
            _ if judged.is_alarming() => Tone::Bad,
            _ => Tone::Warning,
        };
        let expires = assigned.found.as_ref().map(|found| expiry_cell(found, now));
        table.row(vec![
            Cell::new(&assigned.variable),
            Cell::new(assigned.name()),
            Cell::toned(judged.standing, tone),
            expires.unwrap_or_else(|| Cell::new("-")),
            Cell::new(if assigned.required { "yes" } else { "no" }),
        ]);
    }
    table
}

/// `2 of 5 variables are not ready`, and what helps.
fn summary(judged: &[Judged]) -> String {
    let count =
        |test: &dyn Fn(&Judged) -> bool| judged.iter().filter(|judged| test(judged)).count();
    let unready = count(&|judged| !judged.is_ready());
    let total = counted(judged.len() as u64, "variable");
    let mut line = match (judged.len(), unready) {
        (0, _) => "The project needs no variable".to_owned(),
        (1, 0) => "The variable is ready".to_owned(),
        (_, 0) => format!("All {total} are ready"),
        (_, 1) => format!("1 of {total} is not ready"),
        _ => format!("{unready} of {total} are not ready"),
    };
    if unready > 0 && !judged.iter().any(Judged::is_alarming) {
        line.push_str(", none of them required");
    }
    match count(&|judged| judged.standing == Standing::ExpiresSoon) {
        0 => {}
        1 => line.push_str("; 1 expires within 14 days"),
        soon => line.push_str(&format!("; {soon} expire within 14 days")),
    }
    if count(&|judged| judged.standing == Standing::Missing) > 0 {
        line.push_str("; `keywright set NAME` stores a missing key");
    }
    line
}

/// A template for those who have no keywright: no vault is opened for it.
fn print_example(needs: &ProjectNeeds, session: &mut Session) -> Result<Exit, CommandError> {
    let (refused, shown): (Vec<_>, Vec<_>) = needs
        .variables
        .iter()
        .partition(|assignment| assignment.variable.is_dangerous());
    let mut lines = vec![
        "# Variables that this project needs, without their values. Made by: keywright check --example"
            .to_owned(),
    ];
    for assignment in shown {
        let (variable, key) = (&assignment.variable, assignment.key.to_string());
        let (optional, mark) = if assignment.required {
            ("", "")
        } else {
            (" (optional)", "# ")
        };
        lines.push(String::new());
        // Escaped for programs, too: to some readers U+2028 begins a line.
        lines.push(format!("# The key {}{optional}", escape(&key)));
        lines.push(format!("{mark}{variable}="));
    }
    session.out.data(format_args!("{}", lines.join("\n")))?;
    if !refused.is_empty() {
        let names = refused.iter().map(|assignment| assignment.variable.clone());
        let why = VaultError::DangerousNames(names.collect());
        session.out.warn(format_args!("left out: {why}"));
    }
    Ok(Exit::Done)
}
