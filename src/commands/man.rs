use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Args;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::fields::JSON_FIELDS;
use crate::error::{CommandError, Exit};
use crate::session::Session;
use crate::settings::VARIABLES;

/// Print a manual page
///
/// Read one with `keywright man | man -l -`, or write all of them where `man` finds them with
/// `keywright man --dir ~/.local/share/man/man1`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page it is; without one, the page of keywright itself
    command: Option<String>,

    /// Write all pages into this folder instead
    #[arg(long, value_name = "PATH", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(crate) fn man(
    args: &ManArgs,
    root: clap::Command,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let names = page_names(&root);
    let pages = pages(root).map_err(|err| CommandError::new(Exit::Failed, err))?;
    if let Some(dir) = &args.dir {
        for (name, page) in &pages {
            let path = dir.join(format!("{name}.1"));
            fs::write(&path, page).map_err(|err| {
                let context = format!("cannot write `{}`", path.display());
                CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
            })?;
        }
        return Ok(Exit::Done);
    }
    let wanted = match &args.command {
        None => "keywright".to_owned(),
        Some(command) => names
            .iter()
            .find(|(alias, _)| alias == command)
            .map(|(_, name)| name.clone())
            .ok_or_else(|| {
                CommandError::message(Exit::Usage, "there is no such command")
                    .hint("`keywright --help` lists them")
            })?,
    };
    let page = pages
        .iter()
        .find(|(name, _)| *name == wanted)
        .map(|(_, page)| page.as_str())
        .unwrap_or_default();
    session.out.data(format_args!("{}", page.trim_end()))?;
    Ok(Exit::Done)
}

/// Commands and their aliases, each with the name of its page.
fn page_names(root: &clap::Command) -> Vec<(String, String)> {
    let pages = root.get_subcommands().map(|command| {
        let page = format!("keywright-{}", command.get_name());
        let names = std::iter::once(command.get_name()).chain(command.get_all_aliases());
        names
            .map(|name| (name.to_owned(), page.clone()))
            .collect::<Vec<_>>()
    });
    pages.flatten().collect()
}

/// Every page by its name, the root's first.
fn pages(mut root: clap::Command) -> io::Result<Vec<(String, String)>> {
    root.build();
    // What `-h` leaves out, the manual has.
    root = root.mut_args(|arg| arg.hide_short_help(false));
    let mut pages = vec![("keywright".to_owned(), root_page(&root)?)];
    for command in root
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        let name = format!("keywright-{}", command.get_name());
        let shown = command
            .clone()
            .display_name(name.clone())
            .mut_args(|arg| arg.hide_short_help(false));
        pages.push((name, page(&man_of(shown))?));
    }
    Ok(pages)
}

fn man_of(command: clap::Command) -> Man {
    let version = format!("keywright {}", env!("CARGO_PKG_VERSION"));
    Man::new(command)
        .source(version)
        .manual("Keywright Manual")
        .date("")
}

fn root_page(root: &clap::Command) -> io::Result<String> {
    let man = man_of(root.clone());
    let mut text = page(&man)?;
    text.push_str(&listed(
        "ENVIRONMENT",
        VARIABLES
            .iter()
            .map(|variable| (variable.name.to_owned(), variable.help)),
    ));
    text.push_str(&listed(
        "EXIT STATUS",
        Exit::TABLE
            .iter()
            .map(|(exit, meaning)| (exit.number().to_string(), *meaning)),
    ));
    text.push_str(&listed(
        "FILES",
        FILES
            .iter()
            .map(|(file, meaning)| ((*file).to_owned(), *meaning)),
    ));
    text.push_str(&json_section());
    Ok(text)
}

/// On Linux; other systems have folders of their own for the same.
const FILES: &[(&str, &str)] = &[
    (
        "~/.config/keywright/vault.db",
        "The vault, unless --vault or KEYWRIGHT_VAULT names another",
    ),
    (
        "~/.config/keywright/config.toml",
        "Settings: project, environment, brand, default_expiry, audit (\"best-effort\" or \"required\"), usage_days, \
         event_days, events",
    ),
    (
        "keywright.toml",
        "Project and environment of a source tree, in its folder or one above; it can never select production",
    ),
    (
        "~/.local/state/keywright",
        "Usage counts (activity.db) and rollback anchors, by the vault's id",
    ),
];

fn page(man: &Man) -> io::Result<String> {
    let mut page = Vec::new();
    man.render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn listed(section: &str, items: impl Iterator<Item = (String, &'static str)>) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [section]);
    for (term, meaning) in items {
        push_item(&mut roff, &term, meaning);
    }
    roff.to_roff()
}

fn json_section() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["JSON"]);
    roff.text([roman("With --json, the answer is one document. Times are RFC 3339 in UTC; what is absent is null.")]);
    for (document, fields) in JSON_FIELDS {
        roff.control("SS", [*document]);
        for (names, meaning) in *fields {
            push_item(&mut roff, names, meaning);
        }
    }
    roff.to_roff()
}

fn push_item(roff: &mut Roff, term: &str, meaning: &str) {
    roff.control("TP", []);
    roff.text([bold(term)]);
    roff.text([roman(meaning)]);
}
