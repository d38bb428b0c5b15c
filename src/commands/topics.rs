//! What belongs to no single command: told by `help TOPIC`, and in sections of the manual.

use crate::error::Exit;
use crate::settings::VARIABLES;

/// One thing that is explained.
pub(crate) struct Topic {
    /// The word for it after `help`.
    pub(crate) name: &'static str,
    /// What it is about, in a line.
    pub(crate) about: &'static str,
    /// Its section in the manual.
    pub(super) section: &'static str,
    pub(super) parts: fn() -> Vec<Part>,
}

/// A piece of a topic; whoever shows it lays it out.
pub(super) enum Part {
    Heading(&'static str),
    /// Shown as it is, such as a file's contents.
    Lines(&'static str),
    /// Words and what they mean.
    Terms(Vec<(String, &'static str)>),
    /// A paragraph.
    Text(&'static str),
}

/// Every topic, in alphabetical order.
pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "environment",
        about: "Environment variables, and where the passphrase comes from",
        section: "ENVIRONMENT",
        parts: environment,
    },
    Topic {
        name: "exit-codes",
        about: "What the exit codes mean",
        section: "EXIT STATUS",
        parts: exit_codes,
    },
    Topic {
        name: "files",
        about: "Files that are read and written",
        section: "FILES",
        parts: files,
    },
    Topic {
        name: "scopes",
        about: "Projects and environments, and how a command chooses them",
        section: "SCOPES",
        parts: scopes,
    },
];

/// The command that words name, each a name or an alias; without any, `root`.
pub(super) fn command_at<'a>(
    root: &'a clap::Command,
    words: &[String],
) -> Option<&'a clap::Command> {
    words
        .iter()
        .try_fold(root, |command, word| command.find_subcommand(word))
}

fn environment() -> Vec<Part> {
    let own = VARIABLES
        .iter()
        .map(|variable| (variable.name.to_owned(), variable.help));
    vec![
        Part::Text(
            "A variable that is set to nothing is not set. A program that `run` starts gets those that choose a vault and a \
             scope, and none that opens a vault; no other program that keywright starts gets any of them.",
        ),
        Part::Terms(own.collect()),
        Part::Heading("Variables of the system"),
        terms(SYSTEM_VARIABLES),
        Part::Heading("How the vault is opened"),
        Part::Text(
            "The first of these that is present is used. When it does not open the vault, the next is not tried.",
        ),
        terms(WAYS_IN),
        Part::Text(
            "With --no-input, KEYWRIGHT_NO_INPUT or no terminal, a command that needs the terminal ends with exit code 5 \
             instead of waiting.",
        ),
    ]
}

fn exit_codes() -> Vec<Part> {
    let codes = Exit::TABLE
        .iter()
        .map(|(exit, meaning)| (exit.number().to_string(), *meaning));
    vec![
        Part::Text("Scripts can rely on these numbers: none of them will change its meaning."),
        Part::Terms(codes.collect()),
        Part::Text(
            "With --json, an error is a JSON object on standard error that has the number in exit_code and a word for it \
             in kind.",
        ),
    ]
}

fn files() -> Vec<Part> {
    vec![
        Part::Text(
            "On Linux; other systems have folders of their own for the same. `keywright status` shows which are in use.",
        ),
        terms(FILES),
        Part::Text(
            "The folders are made with mode 0700, the vault and the files beside it with mode 0600. A vault that others \
             can read or write is refused with exit code 8.",
        ),
        Part::Heading("keywright.toml"),
        Part::Text(
            "It holds no secret and belongs into the repository of the project that it is about:",
        ),
        Part::Lines(
            "project = \"shop\"\nenvironment = \"development\"\n\n[env]\nOPENAI_API_KEY = \"openai\"\n\
             DSN = { key = \"sentry\", required = false }",
        ),
        Part::Text(
            "[env] says which variables the project needs and which key goes into each. `env` and `run` then hand out these keys \
             instead of all that have a variable, and `check` says how they stand. A key that is not required may be \
             missing. `init --project-file` writes such a file, `check --example` prints a .env.example from it.",
        ),
    ]
}

fn scopes() -> Vec<Part> {
    vec![
        Part::Text(
            "A key belongs to one project and to one environment of it, which together are its scope, and is of one kind.",
        ),
        terms(&[
            (
                "project",
                "What the key is for, such as shop; default where none is chosen",
            ),
            (
                "environment",
                "production (or prod), staging (stg), development (dev), or a word of your own; development where none is \
                 chosen",
            ),
            (
                "kind",
                "issued: made by `create` for a service of yours. provider: given to you by a provider, and kept by `set`",
            ),
        ]),
        Part::Text(
            "A name is unique in its scope, across both kinds. The same name in another scope is another key.",
        ),
        Part::Heading("How a scope is chosen"),
        Part::Text(
            "A command that makes or names one key works in one scope. Its project and its environment are chosen each by \
             itself, by the first of these that says one:",
        ),
        terms(SCOPE_SOURCES),
        Part::Text(
            "keywright.toml can never select production, because everybody who can commit to a repository can write it: \
             the command ends with exit code 8, and production has to be said with -e or in KEYWRIGHT_ENV. So it has where \
             config.toml selects production and keywright.toml chooses the project or has an [env] table.",
        ),
        Part::Heading("Which commands choose one, and which cover all"),
        terms(SCOPE_OF_COMMANDS),
    ]
}

/// Those that belong to others and matter to keywright, too.
const SYSTEM_VARIABLES: &[(&str, &str)] = &[
    (
        "CI",
        "Where it is set and not false, no agent is started by itself",
    ),
    (
        "COLUMNS",
        "The width of tables on a terminal, before the terminal's own",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "Set by systemd: the folder of the file keywright-passphrase",
    ),
    (
        "GITHUB_ENV",
        "Set by GitHub Actions: the file that `keywright env --format github` adds to",
    ),
    (
        "HOME, XDG_CONFIG_HOME, XDG_STATE_HOME",
        "Where the files are; see `keywright help files`",
    ),
    (
        "LC_ALL, LC_CTYPE, LANG",
        "Charts use block characters where the first of these that is set names UTF-8",
    ),
    (
        "LISTEN_FDS, LISTEN_PID",
        "Set by systemd: sockets that `keywright serve` listens at",
    ),
    (
        "NOTIFY_SOCKET",
        "Set by systemd: where `keywright serve` says that it is ready or stopping",
    ),
    ("XDG_RUNTIME_DIR", "Where the agent's socket is"),
    (
        "NO_COLOR, CLICOLOR, CLICOLOR_FORCE",
        "Whether there is colour, unless --color says so",
    ),
    (
        "USER, LOGNAME",
        "Who is recorded as the maker of a change, unless --actor says so",
    ),
];

/// In the order in which they are looked for.
const WAYS_IN: &[(&str, &str)] = &[
    (
        "--passphrase-fd",
        "The first line of an open file descriptor",
    ),
    ("--passphrase-file", "The first line of a file"),
    (
        "KEYWRIGHT_ACCESS_TOKEN",
        "Access tokens; a command that changes the vault or needs all of it passes them over where another source is there",
    ),
    (
        "KEYWRIGHT_ACCESS_TOKEN_FILE",
        "Access tokens from a file, in the same way",
    ),
    (
        "the agent",
        "The vault's key, where `unlock` gave it to an agent; see `keywright unlock --help`",
    ),
    ("KEYWRIGHT_PASSPHRASE_FILE", "The first line of a file"),
    ("KEYWRIGHT_PASSPHRASE", "The passphrase itself"),
    (
        "KEYWRIGHT_PASSPHRASE_COMMAND",
        "The first line that a program prints",
    ),
    (
        "$CREDENTIALS_DIRECTORY/keywright-passphrase",
        "The first line of a credential of systemd, where that file exists",
    ),
    ("the terminal", "A question whose answer is not shown"),
];

/// In the order in which they are looked for.
const SCOPE_SOURCES: &[(&str, &str)] = &[
    ("-p, -e", "The options --project and --env"),
    ("KEYWRIGHT_PROJECT, KEYWRIGHT_ENV", "The variables"),
    (
        "keywright.toml",
        "The nearest: in the working directory or a folder above it, up to the home directory and within one file system",
    ),
    ("config.toml", "The config file"),
    ("default, development", "Where nothing says another"),
];

const SCOPE_OF_COMMANDS: &[(&str, &str)] = &[
    (
        "create, init --project-file, set",
        "The scope that was chosen",
    ),
    (
        "delete, edit, get, revoke, rotate, show",
        "The key of that name in the scope that was chosen. A key id or masked token is found in every scope, unless -p or \
         -e is given as an option",
    ),
    (
        "audit NAME, usage NAME",
        "The key of that name in the same way",
    ),
    ("access create", "The scope that was chosen"),
    (
        "access list, access revoke",
        "Every scope; -p and -e narrow it when they are given as options",
    ),
    (
        "audit, doctor, export, list, search, usage",
        "Every scope; -p and -e narrow it when they are given as options, variables and files do not",
    ),
    (
        "import",
        "The scope that was chosen; of JSON that `export` made, the scopes that it names",
    ),
    (
        "backup, restore",
        "Every scope; `backup --scope` names those of a slice",
    ),
    (
        "check, env, run",
        "The scope that was chosen, and no other, not even for a key id",
    ),
    (
        "role",
        "None: a role is the same in every project and environment",
    ),
    (
        "agent, lock, unlock",
        "None: they are about the vault as a whole",
    ),
    (
        "status",
        "Shows the scope that a command would choose here and now",
    ),
    (
        "verify",
        "Every scope; -p and -e are required of the key when they are given as options",
    ),
];

/// On Linux; other systems have folders of their own for the same.
const FILES: &[(&str, &str)] = &[
    (
        "~/.config/keywright/vault.db",
        "The vault, unless --vault or KEYWRIGHT_VAULT names another",
    ),
    (
        "~/.config/keywright/config.toml",
        "Settings: project, environment, brand, default_expiry, audit (\"best-effort\" or \"required\"), usage_days, \
         event_days, events, agent (\"auto\" or \"off\"), agent_idle, agent_max",
    ),
    (
        "keywright.toml",
        "Project, environment and variables of a source tree, in its folder or one above; it can never select production",
    ),
    (
        "$XDG_RUNTIME_DIR/keywright",
        "The agent's sockets, mode 0700; without that variable ~/.local/state/keywright/agent",
    ),
    (
        "~/.local/state/keywright",
        "Usage counts (activity.db) and rollback anchors, by the vault's id",
    ),
];

fn terms(table: &[(&str, &'static str)]) -> Part {
    let owned = table
        .iter()
        .map(|(term, meaning)| ((*term).to_owned(), *meaning));
    Part::Terms(owned.collect())
}
