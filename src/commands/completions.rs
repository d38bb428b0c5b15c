use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::{Shell, generate, generate_to};

use crate::error::{CommandError, Exit};
use crate::session::Session;

/// Print a shell's completion script
///
/// Bash: `source <(keywright completions bash)` in `~/.bashrc`. Zsh: write it to a file `_keywright` in a folder of
/// `$fpath`. Fish: write it to `~/.config/fish/completions/keywright.fish`.
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
    session: &mut Session,
) -> Result<Exit, CommandError> {
    if let Some(dir) = &args.dir {
        for shell in Shell::value_variants() {
            generate_to(*shell, &mut command, "keywright", dir).map_err(|err| {
                let context = format!("cannot write into `{}`", dir.display());
                CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
            })?;
        }
    }
    if let Some(shell) = args.shell {
        let mut script = Vec::new();
        generate(shell, &mut command, "keywright", &mut script);
        session.out.data(format_args!(
            "{}",
            String::from_utf8_lossy(&script).trim_end()
        ))?;
    }
    Ok(Exit::Done)
}
