//! What `run` and `env` share: which keys go into which variables, and what is said of them.

use clap::Args;

use crate::key::{Assignment, KeyPattern, Span, Tag, VariableName};
use crate::output::escape;
use crate::session::Session;
use crate::vault::{Assigned, Found, Selection};

/// Which keys, and into which variables.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which keys")]
pub(super) struct SelectionArgs {
    /// Only these: names or variables, with * and ?
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<KeyPattern>,

    /// All but these, likewise
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    except: Vec<KeyPattern>,

    /// Only keys with this tag; of several tags, one
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tag: Vec<Tag>,

    /// Also this key, in this variable
    #[arg(long, value_name = "VARIABLE=NAME")]
    map: Vec<Assignment>,

    /// Go on without keys that are missing, revoked or expired
    #[arg(long)]
    allow_missing: bool,

    /// Set this variable although its name is a dangerous one
    #[arg(long, value_name = "VARIABLE", hide_short_help = true)]
    allow_name: Vec<VariableName>,
}

impl SelectionArgs {
    /// In the chosen scope, from what `keywright.toml` lists if it lists any; variables in `kept` are left as they are.
    pub(super) fn selection(&self, kept: Vec<VariableName>, session: &Session) -> Selection {
        let needs = session.settings.needs.as_ref();
        Selection {
            scope: session.settings.scope.clone(),
            listed: needs.map(|needs| needs.variables.clone()),
            only: self.only.clone(),
            except: self.except.clone(),
            tags: self.tag.clone(),
            added: self.map.clone(),
            kept,
            allowed: self.allow_name.clone(),
            allow_missing: self.allow_missing,
        }
    }
}

/// Says what is handed out and soon to end, what is left out and why, what could not be, and when nothing was selected at
/// all.
pub(super) fn warn_of<'f>(
    handed_out: impl ExactSizeIterator<Item = &'f Found>,
    left_out: &[Assigned],
    idle: &[String],
    session: &mut Session,
) {
    let now = session.now;
    for name in idle {
        let line = format!("no key with a variable is called `{name}`, which --except names");
        session.out.warn(format_args!("{}", escape(&line)));
    }
    for assigned in left_out {
        let variable = &assigned.variable;
        let trouble = assigned.trouble(now).unwrap_or_default();
        let line = format!("{variable} is not set: {trouble}");
        if assigned.required {
            session.out.warn(format_args!("{}", escape(&line)));
        } else {
            session.out.note(format_args!("{}", escape(&line)));
        }
    }
    if handed_out.len() == 0 && left_out.is_empty() {
        let line = nothing_selected(session);
        session.out.warn(format_args!("{}", escape(&line)));
    }
    let soon = now.after(Span::days(14));
    for found in handed_out {
        if let Some(end) = found.key.expires_at().filter(|end| *end <= soon) {
            let name = escape(found.key.name.as_str());
            session
                .out
                .warn(format_args!("`{name}` expires {}", end.relative(now)));
        }
    }
}

fn nothing_selected(session: &Session) -> String {
    let scope = &session.settings.scope;
    let why = match &session.settings.needs {
        None => "`keywright list` shows which have a variable".to_owned(),
        Some(needs) if needs.variables.is_empty() => {
            format!("the [env] table of `{}` is empty", needs.path.display())
        }
        Some(needs) => format!(
            "the [env] table of `{}` says which there are",
            needs.path.display()
        ),
    };
    format!("no key of {scope} was selected; {why}")
}
