//! Variables that shells keep for themselves. Assigning one may run its value as arithmetic (`SECONDS` of bash), end the
//! shell (`OPTIND` of dash), do nothing (`UID`), or change what the shell does from then on (`PROMPT`, `TMOUT`).

use super::Reason;
use crate::key::VariableName;

/// A shell with variables of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shell {
    /// And every other `sh`.
    Bash,
    Fish,
    Zsh,
}

/// Why one of the shells cannot have a variable of that name.
pub(super) fn belongs_to(name: &VariableName, shells: &[Shell]) -> Option<Reason> {
    let shell = shells.iter().find(|shell| shell.owns(name.as_str()))?;
    Some(format!("`{name}` means something to {}", shell.name()).into())
}

impl Shell {
    fn owns(self, name: &str) -> bool {
        match self {
            Self::Bash => BASH.contains(&name),
            Self::Fish => {
                FISH.contains(&name) || name.starts_with("fish_") || name.starts_with("__fish_")
            }
            Self::Zsh => ZSH.contains(&name),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bash => "sh or bash",
            Self::Fish => "fish",
            Self::Zsh => "zsh",
        }
    }
}

/// "Shell Variables" in bash(1), and the few that dash(1) has besides.
#[rustfmt::skip]
const BASH: &[&str] = &[
    "BASH", "BASHOPTS", "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_ARGV0", "BASH_CMDS", "BASH_COMMAND",
    "BASH_COMPAT", "BASH_ENV", "BASH_EXECUTION_STRING", "BASH_LINENO", "BASH_LOADABLES_PATH", "BASH_MONOSECONDS",
    "BASH_REMATCH", "BASH_SOURCE", "BASH_SUBSHELL", "BASH_TRAPSIG", "BASH_VERSINFO", "BASH_VERSION", "BASH_XTRACEFD",
    "CDPATH", "CHILD_MAX", "COLUMNS", "COMPREPLY", "COMP_CWORD", "COMP_KEY", "COMP_LINE", "COMP_POINT", "COMP_TYPE",
    "COMP_WORDBREAKS", "COMP_WORDS", "COPROC", "DIRSTACK", "EMACS", "ENV", "EPOCHREALTIME", "EPOCHSECONDS", "EUID",
    "EXECIGNORE", "FCEDIT", "FIGNORE", "FUNCNAME", "FUNCNEST", "GLOBIGNORE", "GLOBSORT", "GROUPS", "HISTCMD",
    "HISTCONTROL", "HISTFILE", "HISTFILESIZE", "HISTIGNORE", "HISTSIZE", "HISTTIMEFORMAT", "HOSTFILE", "IFS", "IGNOREEOF",
    "INPUTRC", "INSIDE_EMACS", "LINENO", "LINES", "MAIL", "MAILCHECK", "MAILPATH", "MAPFILE", "OLDPWD", "OPTARG",
    "OPTERR", "OPTIND", "PIPESTATUS", "POSIXLY_CORRECT", "PPID", "PROMPT_COMMAND", "PROMPT_DIRTRIM", "PS0", "PS1", "PS2",
    "PS3", "PS4", "PWD", "RANDOM", "READLINE_ARGUMENT", "READLINE_LINE", "READLINE_MARK", "READLINE_POINT", "REPLY",
    "SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM", "TERM", "TIMEFORMAT", "TMOUT", "UID", "_", "auto_resume", "histchars",
];

/// Chapters "Dynamically-scoped variables" and "Special variables" of fish's manual; those it keeps for itself are
/// `fish_…` or `__fish_…`.
#[rustfmt::skip]
const FISH: &[&str] = &[
    "CDPATH", "CMD_DURATION", "COLUMNS", "EUID", "FISH_VERSION", "IFS", "LINES", "PWD", "SHLVL", "TERM", "_",
    "argv", "history", "hostname", "pipestatus", "status", "status_generation", "umask", "version",
];

/// zshparam(1), and the parameters of zshmodules(1); not those that bash has, too.
#[rustfmt::skip]
const ZSH: &[&str] = &[
    "ARGC", "ARGV0", "BAUD", "CORRECT_IGNORE", "CORRECT_IGNORE_FILE", "DIRSTACKSIZE", "EGID", "ERRNO",
    "FPATH", "GID", "HISTCHARS", "HISTNO", "HISTORY_IGNORE", "KEYBOARD_HACK", "KEYTIMEOUT", "LISTMAX",
    "LOGCHECK", "MANPATH", "MATCH", "MBEGIN", "MEND", "MODULE_PATH", "NULLCMD", "PERIOD",
    "POSTEDIT", "PROMPT", "PROMPT2", "PROMPT3", "PROMPT4", "PROMPT_EOL_MARK", "PSVAR", "READNULLCMD", "REPORTMEMORY",
    "REPORTTIME", "RPROMPT", "RPROMPT2", "RPS1", "RPS2", "SAVEHIST", "SPROMPT", "STTY", "TERMINFO", "TERMINFO_DIRS",
    "TIMEFMT", "TMPPREFIX", "TMPSUFFIX", "TRY_BLOCK_ERROR", "TRY_BLOCK_INTERRUPT", "TTY", "TTYIDLE", "USERNAME",
    "WATCH", "WATCHFMT", "WORDCHARS", "ZBEEP", "ZDOTDIR", "ZLE_LINE_ABORTED", "ZLE_RECURSIVE",
    "ZLE_REMOVE_SUFFIX_CHARS", "ZLE_RPROMPT_INDENT", "ZLE_SPACE_SUFFIX_CHARS", "ZSH_ARGZERO", "ZSH_EVAL_CONTEXT",
    "ZSH_EXECUTION_STRING", "ZSH_NAME", "ZSH_PATCHLEVEL", "ZSH_SCRIPT", "ZSH_SUBSHELL", "ZSH_VERSION", "aliases", "argv",
    "builtins", "cdpath", "commands", "dirstack", "dis_aliases", "dis_builtins", "dis_functions", "dis_functions_source",
    "dis_galiases", "dis_patchars", "dis_reswords", "dis_saliases", "epochtime", "errnos", "fignore", "fpath",
    "funcfiletrace", "funcsourcetrace", "funcstack", "functions", "functions_source", "functrace", "galiases", "history",
    "historywords", "jobdirs", "jobstates", "jobtexts", "keymaps", "langinfo", "mailpath", "manpath", "mapfile", "match",
    "mbegin", "mend", "module_path", "modules", "nameddirs", "options", "parameters", "patchars", "path", "pipestatus",
    "prompt", "psvar", "reply", "reswords", "saliases", "signals", "status", "sysparams", "termcap", "terminfo",
    "userdirs", "usergroups", "watch", "widgets", "zle_bracketed_paste", "zle_highlight", "zsh_eval_context",
    "zsh_scheduled_events",
];
