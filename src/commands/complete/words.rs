//! What can stand where a name, project, tag or the like belongs, as far as the vault tells it in time.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use clap::builder::ValueParser;
use clap::{Arg, Args, Command, FromArgMatches, value_parser};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;
use rustix::process::{Resource, getrlimit};

use crate::key::{
    Assignment, Environment, KeyId, KeyKind, KeyName, KeyPattern, KeyRef, Model, Permission,
    Project, Provider, RoleName, Status, Tag, Timestamp, VariableName,
};
use crate::output::{Look, Printer, escape};
use crate::session::Session;
use crate::settings::{GlobalArgs, Settings, plain_look};
use crate::vault::{Filter, Found, Vault};

/// What an argument takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sort {
    /// A variable, `=`, and a provider key of the chosen scope.
    Assignments,
    Environments,
    /// The same words always.
    Fixed(&'static [&'static str]),
    /// Keys of the chosen scope, of one kind or of both.
    Keys(Option<KeyKind>),
    Models,
    /// Names of provider keys, where a key id would be a name like any other.
    Names,
    Projects,
    Providers,
    Roles,
    /// What chooses provider keys of the chosen scope: their names and their variables.
    Selectors,
    Tags,
    /// Variables that keys of the chosen scope go into.
    Variables,
}

const KINDS: Sort = Sort::Fixed(&["issued", "provider"]);
const PERMISSIONS: Sort = Sort::Fixed(&["read", "write", "admin", "create", "update", "delete"]);
const STATUSES: Sort = Sort::Fixed(&["active", "expired", "overlap", "revoked", "undelivered"]);

/// What a command's argument takes: by the type that it is read into, so that a new command needs nothing here.
///
/// A type of names that the vault keeps gets its line here, its [`Sort`] above, and its words in [`look_up`].
fn sort_of(command: &str, arg: &Arg) -> Option<Sort> {
    let parsed = arg.get_value_parser().type_id();
    let of = |parser: ValueParser| parser.type_id() == parsed;
    if of(value_parser!(KeyRef).into()) {
        Some(Sort::Keys((command == "get").then_some(KeyKind::Provider)))
    } else if of(value_parser!(KeyName).into()) {
        // Elsewhere it names a key that is not there yet.
        (command == "set").then_some(Sort::Names)
    } else if of(value_parser!(VariableName).into()) {
        // There it is given to a key, and another key's would be refused.
        (!["edit", "set"].contains(&command)).then_some(Sort::Variables)
    } else {
        let table = [
            (value_parser!(Assignment).into(), Sort::Assignments),
            (value_parser!(Environment).into(), Sort::Environments),
            (ValueParser::new(parse_kind), KINDS),
            (value_parser!(KeyPattern).into(), Sort::Selectors),
            (value_parser!(Model).into(), Sort::Models),
            (value_parser!(Permission).into(), PERMISSIONS),
            (value_parser!(Project).into(), Sort::Projects),
            (value_parser!(Provider).into(), Sort::Providers),
            (value_parser!(RoleName).into(), Sort::Roles),
            (value_parser!(Status).into(), STATUSES),
            (value_parser!(Tag).into(), Sort::Tags),
        ];
        let row = table.into_iter().find(|(parser, _)| of(parser.clone()));
        row.map(|(_, sort)| sort)
    }
}

/// Only its type counts: a kind has no `FromStr` of its own.
fn parse_kind(_: &str) -> Result<KeyKind, String> {
    Err(String::new())
}

/// Puts completers on all arguments of a command and of those below it.
///
/// Other names of a command are offered only where its own does not begin with what was typed.
pub(super) fn attach(command: Command, source: &Arc<Source>) -> Command {
    let name = command.get_name().to_owned();
    let aliases: Vec<String> = command.get_visible_aliases().map(str::to_owned).collect();
    command
        .visible_alias(None)
        .aliases(aliases)
        .mut_args(|arg| match sort_of(&name, &arg) {
            None => arg,
            Some(sort) => {
                let (source, positional) = (Arc::clone(source), arg.is_positional());
                let (as_name, as_value) = source.dashes;
                let dash = if positional { as_name } else { as_value };
                let delimiter = arg.get_value_delimiter();
                let offer = move |current: &OsStr| {
                    let mut found = source.candidates(sort, current, dash);
                    // It would be read as several.
                    found.retain(|candidate| {
                        let text = candidate.get_value().to_string_lossy();
                        delimiter.is_none_or(|delimiter| !text.contains(delimiter))
                    });
                    found
                };
                arg.add(ArgValueCompleter::new(offer))
            }
        })
        .mut_subcommands(|below| attach(below, source))
}

/// Where words come from, and until when.
#[derive(Debug)]
pub(super) struct Source {
    /// Options that were given, as [`GlobalArgs`] reads them.
    pub(super) options: Vec<String>,
    pub(super) clock: fn() -> Timestamp,
    pub(super) until: Instant,
    /// Whether a word with a dash in front can stand there as a name, and as an option's value.
    pub(super) dashes: (bool, bool),
}

/// One word that can stand there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Word {
    text: String,
    /// Stands for the text where the text cannot be typed.
    id: Option<KeyId>,
    help: String,
}

impl Source {
    fn candidates(&self, sort: Sort, current: &OsStr, dash: bool) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else {
            return Vec::new();
        };
        if sort == Sort::Assignments {
            return self.assignments(current);
        }
        let words = self.words(sort);
        let mut found: Vec<_> = words
            .iter()
            .filter_map(|word| word.candidate(current, dash))
            .collect();
        if found.is_empty() && !current.is_empty() {
            found.extend(words.iter().filter_map(|word| word.by_id(current)));
        }
        found
    }

    /// The key of an assignment; its variable is a new one as often as not.
    fn assignments(&self, current: &str) -> Vec<CompletionCandidate> {
        let Some((variable, key)) = current.split_once('=') else {
            return Vec::new();
        };
        let keys = self.candidates(Sort::Keys(Some(KeyKind::Provider)), OsStr::new(key), true);
        let assigned = |key: CompletionCandidate| key.add_prefix(format!("{variable}="));
        keys.into_iter().map(assigned).collect()
    }

    fn words(&self, sort: Sort) -> Vec<Word> {
        match sort {
            Sort::Fixed(words) => words.iter().map(|word| Word::new(*word)).collect(),
            Sort::Environments => {
                let always = ["production", "staging", "development"]
                    .map(Word::new)
                    .to_vec();
                let mut others = self.ask(sort);
                others.retain(|word| !always.contains(word));
                [always, others].concat()
            }
            _ => self.ask(sort),
        }
    }

    /// Asks the vault in a thread that nobody waits for when the time is over: the process ends without it.
    fn ask(&self, sort: Sort) -> Vec<Word> {
        let (sender, receiver) = mpsc::channel();
        let (options, clock) = (self.options.clone(), self.clock);
        let thread = thread::Builder::new().spawn(move || {
            // Nobody listens any more when it was too late.
            let _ = sender.send(look_up(sort, &options, clock));
        });
        if thread.is_err() {
            return Vec::new();
        }
        let patience = self.until.saturating_duration_since(Instant::now());
        receiver
            .recv_timeout(patience)
            .ok()
            .flatten()
            .unwrap_or_default()
    }
}

impl Word {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// The text where it can be typed, else the id; if either goes on from what was typed.
    fn candidate(&self, current: &str, dash: bool) -> Option<CompletionCandidate> {
        if !self.can_be_typed(dash) {
            return self.by_id(current);
        }
        let help = (!self.help.is_empty()).then(|| self.help.clone().into());
        let candidate = CompletionCandidate::new(&self.text).help(help);
        self.text.starts_with(current).then_some(candidate)
    }

    fn by_id(&self, current: &str) -> Option<CompletionCandidate> {
        let id = self.id.filter(|id| id.as_str().starts_with(current))?;
        let help = escape(&self.text).into_owned();
        Some(CompletionCandidate::new(id.as_str()).help(Some(help.into())))
    }

    /// Not what a terminal would not show as it is, what would be read as an option, or as an id.
    fn can_be_typed(&self, dash: bool) -> bool {
        let means_itself = || {
            let parsed = self.text.parse::<KeyRef>().ok();
            parsed
                .and_then(|key| key.name)
                .is_some_and(|name| name.as_str() == self.text)
        };
        escape(&self.text) == self.text
            && (dash || !self.text.starts_with('-'))
            && (self.id.is_none() || means_itself())
    }
}

/// The words of the vault, or nothing for every reason there can be: nobody is told while somebody types.
fn look_up(sort: Sort, options: &[String], clock: fn() -> Timestamp) -> Option<Vec<Word>> {
    let now = clock();
    let session = Session {
        settings: settings(options)?,
        out: Printer::new(Look {
            quiet: true,
            ..plain_look(false)
        }),
        now,
        clock,
        core_limit: getrlimit(Resource::Core),
    };
    let mut vault = session.open_unasked()?;
    let filter = filter(sort, &session.settings);
    let keys = |vault: &mut Vault| vault.list(&filter, now).ok();
    match sort {
        Sort::Environments => {
            let scopes = vault.scopes().ok()?.into_iter();
            let project = session.settings.project_option.as_ref();
            let scopes = scopes.filter(|scope| project.is_none_or(|given| scope.project == *given));
            Some(distinct(scopes.map(|scope| scope.environment.into())))
        }
        Sort::Assignments | Sort::Fixed(_) => None,
        Sort::Keys(_) => Some(
            keys(&mut vault)?
                .iter()
                .map(|found| key_word(found, now))
                .collect(),
        ),
        Sort::Models => {
            let providers = keys(&mut vault)?;
            let providers = providers.iter().filter_map(|found| found.key.provider());
            Some(distinct(providers.flat_map(|provider| {
                provider.models.iter().map(ToString::to_string)
            })))
        }
        Sort::Names => Some(names(&keys(&mut vault)?, now)),
        Sort::Projects => {
            let scopes = vault.scopes().ok()?.into_iter();
            Some(distinct(scopes.map(|scope| scope.project.into())))
        }
        Sort::Providers => {
            let providers = keys(&mut vault)?;
            let providers = providers.iter().filter_map(|found| found.key.provider());
            Some(distinct(providers.flat_map(|provider| {
                provider.providers.iter().map(ToString::to_string)
            })))
        }
        Sort::Roles => {
            let names = vault.role_names().ok()?.into_iter();
            Some(distinct(names.map(String::from)))
        }
        Sort::Selectors => {
            let keys = keys(&mut vault)?;
            let named = names(&keys, now);
            let mut others = variables(&keys);
            // The key's name, where a variable is called so too.
            others.retain(|variable| named.iter().all(|name| name.text != variable.text));
            Some([named, others].concat())
        }
        Sort::Tags => {
            let keys = keys(&mut vault)?;
            let tags = keys.iter().flat_map(|found| &found.key.tags);
            Some(distinct(tags.map(ToString::to_string)))
        }
        Sort::Variables => Some(variables(&keys(&mut vault)?)),
    }
}

fn settings(options: &[String]) -> Option<Settings> {
    let command = GlobalArgs::augment_args(Command::new("keywright").no_binary_name(true));
    let matches = command.try_get_matches_from(options).ok()?;
    Settings::load(&GlobalArgs::from_arg_matches(&matches).ok()?).ok()
}

/// Keys are looked for in the scope that a command would choose, what describes them wherever options do not narrow it.
fn filter(sort: Sort, settings: &Settings) -> Filter {
    let kind = match sort {
        Sort::Keys(kind) => kind,
        Sort::Models | Sort::Names | Sort::Providers | Sort::Selectors | Sort::Variables => {
            Some(KeyKind::Provider)
        }
        _ => None,
    };
    if matches!(
        sort,
        Sort::Keys(_) | Sort::Names | Sort::Selectors | Sort::Variables
    ) {
        let scope = settings.scope.clone();
        return Filter {
            kind,
            project: Some(scope.project),
            environment: Some(scope.environment),
            ..Filter::default()
        };
    }
    Filter {
        kind,
        project: settings.project_option.clone(),
        environment: settings.environment_option.clone(),
        ..Filter::default()
    }
}

fn key_word(found: &Found, now: Timestamp) -> Word {
    let key = &found.key;
    Word {
        text: key.name.to_string(),
        id: Some(found.id),
        help: format!("{} key, {}", key.kind(), key.status(now)),
    }
}

/// Keys by their names alone, where an id would be a name like any other.
fn names(keys: &[Found], now: Timestamp) -> Vec<Word> {
    let named = |found: &Found| Word {
        id: None,
        ..key_word(found, now)
    };
    keys.iter().map(named).collect()
}

fn variables(keys: &[Found]) -> Vec<Word> {
    let providers = keys.iter().filter_map(|found| found.key.provider());
    let variables = providers.filter_map(|provider| provider.variable.as_ref());
    distinct(variables.map(ToString::to_string))
}

fn distinct(texts: impl Iterator<Item = String>) -> Vec<Word> {
    let texts: BTreeSet<String> = texts.collect();
    texts.into_iter().map(Word::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chooses_keys_is_known_by_its_type_in_every_command() {
        let arg = |parser: ValueParser| Arg::new("any").long("any").value_parser(parser);
        for command in ["env", "run"] {
            for (parser, sort) in [
                (value_parser!(Assignment).into(), Sort::Assignments),
                (value_parser!(KeyPattern).into(), Sort::Selectors),
                (value_parser!(Tag).into(), Sort::Tags),
                (value_parser!(VariableName).into(), Sort::Variables),
            ] {
                assert_eq!(sort_of(command, &arg(parser)), Some(sort), "{command}");
            }
        }
        let variable = arg(value_parser!(VariableName).into());
        assert_eq!(sort_of("set", &variable), None);
    }
}
