use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::{Generator, Shell, generate};

use crate::error::{CommandError, Exit};
use crate::output::Printer;

/// Print a shell's completion script
///
/// Bash: `source <(keywright completions bash)` in `~/.bashrc`. Zsh: `source <(keywright completions zsh)` in
/// `~/.zshrc`, after `compinit`. Fish: `keywright completions fish | source` in `~/.config/fish/config.fish`.
///
/// These three also offer names of keys, projects, environments, roles, tags, providers and models, where a file or variable gives the
/// passphrase and the vault opens within 100 ms; nothing is ever asked, and the passphrase command is not run.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(required_unless_present = "dir")]
    shell: Option<Shell>,

    /// Write the scripts of all shells into this folder instead
    #[arg(long, value_name = "PATH", conflicts_with = "shell")]
    dir: Option<PathBuf>,
}

pub(crate) fn completions(
    args: &CompletionsArgs,
    mut command: clap::Command,
    out: &mut Printer,
) -> Result<Exit, CommandError> {
    if let Some(dir) = &args.dir {
        for shell in Shell::value_variants() {
            let path = dir.join(shell.file_name("keywright"));
            fs::write(&path, script(*shell, &mut command)).map_err(|err| {
                let context = format!("cannot write `{}`", path.display());
                CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
            })?;
        }
    }
    if let Some(shell) = args.shell {
        let script = script(shell, &mut command);
        out.data(format_args!("{}", script.trim_end()))?;
    }
    Ok(Exit::Done)
}

/// The script that asks keywright itself, or, for the other shells, one with all commands and options in it.
fn script(shell: Shell, command: &mut clap::Command) -> String {
    match shell {
        Shell::Bash => include_str!("complete/keywright.bash").to_owned(),
        Shell::Fish => include_str!("complete/keywright.fish").to_owned(),
        Shell::Zsh => include_str!("complete/keywright.zsh").to_owned(),
        other => {
            let mut script = Vec::new();
            generate(other, command, "keywright", &mut script);
            String::from_utf8_lossy(&script).into_owned()
        }
    }
}
