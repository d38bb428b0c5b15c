//! The global options.

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args, ValueEnum};

use crate::key::{Actor, Environment, Project};

/// Options of every command. `-h` leaves them out and says so.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Vault file [default: vault.db in the config directory]
    #[arg(long, global = true, value_name = "PATH", hide_short_help = true)]
    pub(crate) vault: Option<PathBuf>,

    /// Project of the key
    #[arg(
        short,
        long,
        global = true,
        value_name = "PROJECT",
        hide_short_help = true
    )]
    pub(crate) project: Option<Project>,

    /// Environment of the key: production, staging, development, or your own
    #[arg(
        short,
        long,
        global = true,
        value_name = "ENVIRONMENT",
        hide_short_help = true
    )]
    pub(crate) env: Option<Environment>,

    /// Answer as one JSON document
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) json: bool,

    /// Say nothing but the answer and errors
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) quiet: bool,

    /// Do not ask for confirmation
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) yes: bool,

    /// Never ask anything; fail where an answer is needed
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_input: bool,

    /// Who is recorded as the maker of a change [default: user@host]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(crate) actor: Option<Actor>,

    /// Read the passphrase from the first line of a file
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        conflicts_with = "passphrase_fd",
        hide_short_help = true
    )]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// Read the passphrase from the first line of an open file descriptor
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) passphrase_fd: Option<i32>,

    /// Go on with a vault that is older than the one this machine has seen
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) accept_rollback: bool,

    /// When to use colour
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_short_help = true
    )]
    pub(crate) color: ColorWhen,
}

/// When colour is used.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ColorWhen {
    Always,
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Never,
}

impl ColorWhen {
    pub(crate) fn choice(self) -> ColorChoice {
        match self {
            Self::Always => ColorChoice::Always,
            Self::Auto => ColorChoice::Auto,
            Self::Never => ColorChoice::Never,
        }
    }
}
