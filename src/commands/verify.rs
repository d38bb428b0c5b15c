use std::io::{self, IsTerminal};

use clap::Args;
use serde::Serialize;

use super::args::read_start;
use crate::error::{CommandError, Exit};
use crate::key::{Context, Environment, Permission, PermissionSet, Project, RoleName};
use crate::output::escape;
use crate::session::Session;
use crate::vault::{Code, Found, Requirements, Verdict};
use crate::view::{role_names, text};

/// How much of standard input is read, in bytes: more is no token.
const INPUT_LIMIT: usize = 4096;

/// Check a token that is read from standard input
///
/// Takes a bare token or an `Authorization: Bearer` line. Exits 0 when it is good, 10 when it is not, and 11 when it is
/// good but not for what is required. -p and -e are requirements when they are given as options. The use is recorded.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright verify < token.txt
  keywright verify --require write:orders -e production --json <<< \"$AUTHORIZATION\"")]
pub(crate) struct VerifyArgs {
    /// A permission that the key has to have
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
    require: Vec<Permission>,

    /// Do not record this use
    #[arg(long)]
    no_record: bool,
}

/// The answer as JSON. After a refusal there is no more than the code and, for a token that was good, whose it is.
#[derive(Serialize)]
struct Document<'a> {
    valid: bool,
    code: Code,
    key_id: Option<&'a str>,
    name: Option<&'a str>,
    #[serde(flatten)]
    granted: Option<Granted<'a>>,
}

#[derive(Serialize)]
struct Granted<'a> {
    display: String,
    project: &'a Project,
    environment: &'a Environment,
    permissions: PermissionSet,
    roles: Vec<&'a RoleName>,
    context: Context,
    created_by: &'a str,
    expires_at: Option<String>,
    generation: Option<u32>,
    superseded: bool,
    checked_at: String,
}

pub(crate) fn verify(args: &VerifyArgs, session: &mut Session) -> Result<Exit, CommandError> {
    if io::stdin().is_terminal() {
        return Err(CommandError::message(
            Exit::Usage,
            "standard input is a terminal; a token is read from it",
        )
        .hint("keywright verify < token.txt"));
    }
    let requirements = Requirements {
        environment: session.settings.environment_option.clone(),
        project: session.settings.project_option.clone(),
        permissions: args.require.clone(),
    };
    session.with_vault(|vault, session| {
        let presented = read_start(INPUT_LIMIT)?;
        let (now, record) = (session.now, !args.no_record);
        let actor = &session.settings.actor;
        let verdict = vault.verify(&presented, &requirements, record, actor, now)?;
        let exit = match verdict.code {
            Code::Valid => Exit::Done,
            code if code.is_authenticated() => Exit::NotAllowed,
            _ => Exit::NotAuthenticated,
        };
        let told = if session.out.is_json() {
            session.out.json(&document(&verdict))
        } else {
            let sentence = sentence(&verdict, &requirements);
            session.out.data(format_args!("{}", escape(&sentence)))
        };
        // Whoever asked by the exit code gets it, even when nobody reads the words.
        told.map_or_else(|err| CommandError::from(err).or_exit(exit), |()| Ok(exit))
    })
}

fn document(verdict: &Verdict) -> Document<'_> {
    let found = verdict.found.as_ref();
    let valid = verdict.code == Code::Valid;
    Document {
        valid,
        code: verdict.code,
        key_id: found.map(|found| found.id.as_str()),
        name: found.map(|found| found.key.name.as_str()),
        granted: found
            .filter(|_| valid)
            .and_then(|found| granted(found, verdict)),
    }
}

fn granted<'a>(found: &'a Found, verdict: &Verdict) -> Option<Granted<'a>> {
    let issued = found.key.issued()?;
    let end = found
        .key
        .generations
        .iter()
        .find(|generation| Some(generation.number) == verdict.generation)?;
    Some(Granted {
        display: found.display(),
        project: &found.scope.project,
        environment: &found.scope.environment,
        permissions: issued.granted_permissions(),
        roles: role_names(issued),
        context: issued.granted_context(),
        created_by: found.key.created_by.as_str(),
        expires_at: text(end.valid_until()),
        generation: verdict.generation,
        superseded: verdict.superseded,
        checked_at: verdict.checked_at.to_string(),
    })
}

/// The answer in one line.
fn sentence(verdict: &Verdict, requirements: &Requirements) -> String {
    let code = verdict.code.text();
    let Some(found) = &verdict.found else {
        return match verdict.code {
            Code::Missing => format!("{code}: there is no token on standard input"),
            Code::Malformed => format!("{code}: this is not a whole, correctly typed token"),
            _ => format!("{code}: no open scope has a key with this token"),
        };
    };
    let name = &found.key.name;
    let in_scope = &found.scope;
    match verdict.code {
        Code::Valid => {
            let permissions = found
                .key
                .issued()
                .map(|issued| issued.granted_permissions().to_string())
                .unwrap_or_default();
            let superseded = if verdict.superseded {
                "; a newer token is out"
            } else {
                ""
            };
            format!("{code}: `{name}` in {in_scope} may {permissions}{superseded}")
        }
        Code::InsufficientPermission => {
            let wanted: Vec<&str> = requirements
                .permissions
                .iter()
                .map(|wanted| wanted.as_str())
                .collect();
            format!("{code}: `{name}` may not {}", wanted.join(", "))
        }
        Code::WrongEnvironment | Code::WrongProject => format!("{code}: `{name}` is in {in_scope}"),
        _ => format!("{code}: `{name}` in {in_scope}"),
    }
}
