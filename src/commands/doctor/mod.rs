//! `doctor`: what is not as it should be, or soon will not be, and what mends it.

mod agent;
mod finding;
mod machine;

use std::io;

use clap::Args;
use serde::Serialize;

use self::finding::{Check, Finding};
use crate::error::{CommandError, Exit};
use crate::key::Scope;
use crate::session::Session;
use crate::settings::{AccessSource, PassphraseSource, SecretFile};
use crate::vault::{Diagnosis, Examined, Vault};
use crate::view::counted;

/// Look for what is not as it should be, or soon will not be
///
/// First without opening anything: who can reach the vault and what belongs to it, what killed processes left, the agent,
/// core dumps and swap. Then the vault is opened: its heads, its settings and its keys are checked. Each finding is a problem or a
/// piece of advice, and comes with what mends it. Exit code 9 when there is one; when the vault does not open, or was
/// altered, what was found until then is shown, and the error has its own exit code. With -p and -e findings about keys and
/// access tokens are of that project or environment alone.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright doctor
  keywright doctor --deep --json
  keywright doctor --ignore swap --ignore recovery_code")]
pub(crate) struct DoctorArgs {
    /// Check what every record seals, the whole log and every recorded use, too
    #[arg(long)]
    deep: bool,

    /// Leave a check out
    #[arg(long, value_name = "CHECK")]
    ignore: Vec<Check>,
}

#[derive(Serialize)]
struct Document<'a> {
    vault: String,
    opened: bool,
    ok: bool,
    findings: &'a [Finding],
    examined: Option<ExaminedView>,
}

#[derive(Serialize)]
struct ExaminedView {
    keys: u64,
    settings: u64,
    changes: u64,
    uses: u64,
}

pub(crate) fn doctor(args: &DoctorArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let is_json = session.out.is_json();
    let mut findings = args.wanted(around(session), session);
    // After that look: to open a file ends what a killed process left of it.
    let path = &session.settings.location.vault;
    if Vault::outline(path).is_ok_and(|outline| outline.is_slice) {
        // What a vault must be, a slice need not: others may read it.
        let message = format!(
            "`{}` is a slice of a vault, and doctor looks at vaults",
            path.display()
        );
        return Err(CommandError::message(Exit::Refused, message)
            .hint("`keywright status` tells of a slice; run doctor where the vault is"));
    }
    if !is_json {
        // Before the passphrase is asked for, which may not come.
        or_silent(show(&findings, session))?;
    }
    let looked =
        session.with_owned_vault(|vault, session| Ok(vault.diagnose(args.deep, session.now)?));
    let (examined, failure) = match looked {
        Ok(diagnosis) => {
            let (inside, examined) = inside(diagnosis, session);
            let inside = args.wanted(inside, session);
            if !is_json {
                or_silent(show(&inside, session))?;
            }
            findings.extend(inside);
            (examined, None)
        }
        Err(err) => (None, Some(err)),
    };
    let exit = if findings.is_empty() {
        Exit::Done
    } else {
        Exit::Found
    };
    if is_json {
        let document = Document {
            vault: session.settings.location.vault.display().to_string(),
            opened: failure.is_none(),
            ok: findings.is_empty() && failure.is_none(),
            findings: &findings,
            examined: examined.map(ExaminedView::from),
        };
        or_silent(session.out.json(&document))?;
    }
    if let Some(err) = failure {
        return Err(err);
    }
    tell(&findings, examined, session);
    Ok(exit)
}

/// Whoever asked by the exit code gets it, even when nobody reads the words.
fn or_silent(told: io::Result<()>) -> Result<(), CommandError> {
    match told {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => Err(err.into()),
        _ => Ok(()),
    }
}

/// What is found without opening the vault.
fn around(session: &Session) -> Vec<Finding> {
    let settings = &session.settings;
    let mut secrets = Vec::new();
    if let PassphraseSource::File(SecretFile { path, .. }) = &settings.passphrase {
        secrets.push(path.as_path());
    }
    if let Some(AccessSource::File(path)) = &settings.access {
        secrets.push(path.as_path());
    }
    let files = Vault::look_at_files(
        &settings.location,
        &settings.config_file,
        &secrets,
        session.now,
    );
    let files = files.into_iter().map(Finding::of_file);
    files
        .chain(agent::finding(session))
        .chain(machine::findings(&session.core_limit))
        .collect()
}

/// What is found in it. Of a key or an access token it is told where it is in the project and environment that were given as options.
fn inside(diagnosis: Diagnosis, session: &Session) -> (Vec<Finding>, Option<Examined>) {
    let settings = &session.settings;
    let Diagnosis {
        of_vault,
        mut of_keys,
        mut of_access,
        examined,
    } = diagnosis;
    let is_asked_for = |scope: &Scope| {
        let (project, environment) = (&settings.project_option, &settings.environment_option);
        project
            .as_ref()
            .is_none_or(|project| scope.project == *project)
            && environment
                .as_ref()
                .is_none_or(|environment| scope.environment == *environment)
    };
    of_keys.retain(|(found, _)| is_asked_for(&found.scope));
    of_access.retain(|(token, _)| is_asked_for(&token.scope));
    let of_vault = of_vault.into_iter().map(Finding::of_vault);
    let of_access = of_access
        .iter()
        .map(|(token, trouble)| Finding::of_access(token, trouble, session.now));
    let of_keys = of_keys
        .iter()
        .map(|(found, trouble)| Finding::of_key(found, trouble, session.now));
    (of_vault.chain(of_access).chain(of_keys).collect(), examined)
}

fn show(findings: &[Finding], session: &mut Session) -> io::Result<()> {
    findings
        .iter()
        .try_for_each(|finding| finding.show(&mut session.out))
}

fn tell(findings: &[Finding], examined: Option<Examined>, session: &mut Session) {
    if let Some(examined) = examined {
        session.out.note(format_args!(
            "Checked {}, {}, {} and {}",
            counted(examined.keys, "key"),
            counted(examined.settings, "setting"),
            counted(examined.changes, "change"),
            counted(examined.uses, "recorded use")
        ));
    }
    if findings.is_empty() {
        session.out.note(format_args!("Nothing found"));
    }
}

impl DoctorArgs {
    fn wanted(&self, mut findings: Vec<Finding>, session: &Session) -> Vec<Finding> {
        findings.retain(|finding| !self.ignore.contains(&finding.check()));
        match &session.settings.vault_option {
            None => findings,
            Some(vault) => findings
                .into_iter()
                .map(|finding| finding.for_vault(vault))
                .collect(),
        }
    }
}

impl From<Examined> for ExaminedView {
    fn from(examined: Examined) -> Self {
        let Examined {
            keys,
            settings,
            changes,
            uses,
        } = examined;
        Self {
            keys,
            settings,
            changes,
            uses,
        }
    }
}
