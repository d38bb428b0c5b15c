//! What is said of an import, before and after.

use serde::Serialize;

use crate::commands::import::source::Reading;
use crate::error::{CommandError, Exit};
use crate::key::{Environment, KeyKind, KeyName, Project, Scope, VariableName};
use crate::output::Cell;
use crate::output::Table;
use crate::session::Session;
use crate::vault::{Fate, Import, Imported, ImportedHalf};

/// What came of it.
pub(super) struct Report {
    pub(super) imported: Imported,
    /// Of each key and value, when it was only asked what would come of it.
    pub(super) fates: Option<Vec<Fate>>,
    pub(super) source_deleted: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    outcome: &'static str,
    dry_run: bool,
    issued_keys: usize,
    provider_keys: usize,
    new_roles: usize,
    unchanged: usize,
    /// Names without a value, which were left out.
    empty: &'a [String],
    literal: &'a [VariableName],
    first_line_only: Vec<&'a KeyName>,
    source_deleted: bool,
    /// With `--dry-run`.
    keys: Option<Vec<ForeseenKey<'a>>>,
}

/// A key or value of an import, and what becomes of it.
#[derive(Serialize)]
struct ForeseenKey<'a> {
    name: &'a KeyName,
    kind: KeyKind,
    project: &'a Project,
    environment: &'a Environment,
    variable: Option<&'a VariableName>,
    outcome: &'static str,
}

impl Report {
    /// Says it to a person.
    pub(super) fn tell(
        &self,
        reading: &Reading,
        session: &mut Session,
    ) -> Result<(), CommandError> {
        let Imported {
            provider,
            unchanged,
            issued,
            ..
        } = self.imported;
        let words = match self.fates {
            Some(_) => "Would import",
            None => "Imported",
        };
        let (out, from) = (&mut session.out, &reading.from);
        if !reading.import.values.is_empty() {
            let scope = &session.settings.scope;
            let plural = if provider == 1 { "" } else { "s" };
            let same = match unchanged {
                0 => String::new(),
                count => format!("; {count} unchanged"),
            };
            out.note(format_args!(
                "{words} {provider} provider key{plural} from {from} into {scope}{same}"
            ));
        } else if reading.import.is_empty() {
            out.note(format_args!("Nothing to import from {from}"));
        } else {
            out.note(format_args!("{words} {}", self.imported));
        }
        if issued > 0 {
            out.note(format_args!(
                "  issued keys have no token here until `keywright rotate` makes one"
            ));
        }
        Ok(())
    }

    /// The answer: a document, or what would become of each key.
    pub(super) fn answer(
        &self,
        reading: &Reading,
        session: &mut Session,
    ) -> Result<Exit, CommandError> {
        let foreseen = self.fates.as_ref();
        let keys = foreseen.map(|fates| foreseen_keys(&reading.import, fates));
        if session.out.is_json() {
            session.out.json(&Document {
                outcome: self.outcome(),
                dry_run: self.fates.is_some(),
                issued_keys: self.imported.issued,
                provider_keys: self.imported.provider,
                new_roles: self.imported.roles,
                unchanged: self.imported.unchanged,
                empty: &reading.empty,
                literal: &reading.literal,
                first_line_only: reading.first_line_only(),
                source_deleted: self.source_deleted,
                keys,
            })?;
        } else if let Some(keys) = keys.filter(|keys| !keys.is_empty()) {
            session.out.table(table(&keys))?;
        }
        Ok(Exit::Done)
    }

    fn outcome(&self) -> &'static str {
        let is_conflict = |fate: &Fate| matches!(fate, Fate::Conflict(_));
        let mut fates = self.fates.iter().flatten();
        if fates.any(is_conflict) {
            "conflict"
        } else if self.imported.has_changed() {
            "imported"
        } else {
            "unchanged"
        }
    }
}

fn foreseen_keys<'a>(import: &'a Import, fates: &[Fate]) -> Vec<ForeseenKey<'a>> {
    let keys = import.keys.iter().map(|key| match &key.half {
        ImportedHalf::Issued { .. } => (&key.name, &key.scope, KeyKind::Issued, None),
        ImportedHalf::Provider { details, .. } => {
            let variable = details.variable.as_ref();
            (&key.name, &key.scope, KeyKind::Provider, variable)
        }
    });
    let values = import.values.iter();
    let values = values.map(|new| {
        (
            &new.name,
            &new.scope,
            KeyKind::Provider,
            new.variable.as_ref(),
        )
    });
    let foreseen =
        |((name, scope, kind, variable), fate): ((_, &'a Scope, _, _), &Fate)| ForeseenKey {
            name,
            kind,
            project: &scope.project,
            environment: &scope.environment,
            variable,
            outcome: match fate {
                Fate::Conflict(_) => "conflict",
                Fate::New => "new",
                Fate::Unchanged => "unchanged",
            },
        };
    keys.chain(values).zip(fates).map(foreseen).collect()
}

fn table(keys: &[ForeseenKey<'_>]) -> Table {
    let mut table = Table::new(&[
        ("NAME", 0),
        ("SCOPE", 2),
        ("KIND", 3),
        ("VARIABLE", 1),
        ("OUTCOME", 0),
    ]);
    for key in keys {
        table.row(vec![
            Cell::new(key.name),
            Cell::new(format_args!("{}/{}", key.project, key.environment)),
            Cell::new(key.kind),
            Cell::maybe(key.variable),
            Cell::new(key.outcome),
        ]);
    }
    table
}
