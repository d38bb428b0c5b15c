//! keywright issues API keys and keeps the ones that providers gave you, in one local encrypted vault.
//!
//! The binary is [`run`]. For programs: [`vault`] has the use cases, [`key`] the words they are said in, [`crypto`] the
//! file format byte by byte. A service that checks tokens in its own process needs [`vault::Verifier`];
//! `examples/verify_in_process.rs` is one, whole.

mod agent;
mod checks;
mod child;
mod cli;
mod commands;
pub mod crypto;
mod error;
mod exchange;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod handover;
mod hardening;
pub mod key;
mod output;
mod prompt;
mod serve;
mod session;
mod settings;
mod signals;
pub mod store;
pub mod vault;
mod view;

use std::ffi::OsString;
use std::process::ExitCode;

use rustix::process::Rlimit;

use crate::cli::{Cli, Command};
use crate::error::{CommandError, Exit};
use crate::key::Timestamp;
use crate::output::Printer;
use crate::session::Session;
use crate::settings::Settings;

/// Runs one command line, the program's name first, and gives the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    output::hide_panic_payloads();
    let core_limit = hardening::harden_process();
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(question) = commands::question(&args) {
        // Before the settings, which may be wrong or slow to read: a shell is waiting.
        let mut out = Printer::new(settings::plain_look(false));
        commands::complete(question, cli::definition(), Timestamp::now, &mut out);
        return Exit::Done.into();
    }
    if let Some(background) = agent::in_background(&args) {
        // Before anything is opened: it keeps nothing of whoever started it.
        return commands::background_agent(background).into();
    }
    if let Some(clearing) = commands::clearing(&args) {
        // It reads no settings and asks for nothing: whoever started it has gone on.
        return commands::clear_clipboard(clearing, core_limit).into();
    }
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let out = Printer::new(settings::look(&cli.global));
    match Settings::load(&cli.global) {
        Ok(settings) => {
            let mut session = session(settings, out, core_limit);
            let outcome = dispatch(cli.command, &mut session);
            finish(outcome, session.out)
        }
        Err(err) => with_wrong_settings(cli, err, out, core_limit),
    }
}

/// What needs no settings, or not those that are wrong.
fn with_wrong_settings(
    cli: Cli,
    err: CommandError,
    mut out: Printer,
    core_limit: Rlimit,
) -> ExitCode {
    let global = &cli.global;
    let outcome = match &cli.command {
        // A shell that starts in such a folder gets its script.
        Command::Completions(args) => commands::completions(args, cli::definition(), &mut out),
        // Whoever has a wrong setting may ask how it is right.
        Command::Help(args) => commands::help(args, cli::definition(), &mut out),
        // Nor does one keep a key from being locked.
        Command::Lock(args) => {
            err.warn(&mut out);
            settings::agents(global).and_then(|agents| commands::lock(args, &agents, &mut out))
        }
        Command::Man(args) => commands::man(args, cli::definition(), &mut out),
        Command::Run(_) => Err(err.of_run()),
        Command::Serve(args) => commands::serve_config(args, global, &mut out).unwrap_or(Err(err)),
        Command::Status(_) => match Settings::without_project_file(global) {
            Ok(settings) => {
                err.warn(&mut out);
                let mut session = session(settings, out, core_limit);
                let outcome = commands::status_without_scope(&mut session);
                return finish(outcome, session.out);
            }
            Err(_) => Err(err),
        },
        _ => Err(err),
    };
    finish(outcome, out)
}

fn session(settings: Settings, out: Printer, core_limit: Rlimit) -> Session {
    Session {
        settings,
        out,
        now: Timestamp::now(),
        clock: Timestamp::now,
        core_limit,
    }
}

fn finish(outcome: Result<Exit, CommandError>, mut out: Printer) -> ExitCode {
    outcome.unwrap_or_else(|err| err.report(&mut out)).into()
}

fn dispatch(command: Command, session: &mut Session) -> Result<Exit, CommandError> {
    match command {
        Command::Access(args) => commands::access(&args, session),
        Command::Agent(args) => commands::agent(&args, session),
        Command::Audit(args) => commands::audit(&args, session),
        Command::Backup(args) => commands::backup(&args, session),
        Command::Check(args) => commands::check(&args, session),
        Command::Completions(args) => {
            commands::completions(&args, cli::definition(), &mut session.out)
        }
        Command::Create(args) => commands::create(&args, session),
        Command::Delete(args) => commands::delete(&args, session),
        Command::Doctor(args) => commands::doctor(&args, session),
        Command::Edit(args) => commands::edit(&args, session),
        Command::Env(args) => commands::env(&args, session),
        Command::Export(args) => commands::export(&args, session),
        Command::Get(args) => commands::get(&args, session),
        Command::Help(args) => commands::help(&args, cli::definition(), &mut session.out),
        Command::Import(args) => commands::import(&args, session),
        Command::Init(args) => commands::init(&args, session),
        Command::List(args) => commands::list(args, session),
        Command::Lock(args) => {
            commands::lock(&args, &session.settings.agent.agents, &mut session.out)
        }
        Command::Man(args) => commands::man(&args, cli::definition(), &mut session.out),
        Command::Passphrase(args) => commands::passphrase(&args, session),
        Command::Restore(args) => commands::restore(&args, session),
        Command::Revoke(args) => commands::revoke(&args, session),
        Command::Role(args) => commands::role(&args, session),
        Command::Rotate(args) => commands::rotate(&args, session),
        Command::Run(args) => commands::run(&args, session),
        Command::Search(args) => commands::search(args, session),
        Command::Serve(args) => commands::serve(args, session),
        Command::Set(args) => commands::set(&args, session),
        Command::Show(args) => commands::show(&args, session),
        Command::Status(args) => commands::status(&args, session),
        Command::Unlock(args) => commands::unlock(&args, session),
        Command::Usage(args) => commands::usage(&args, session),
        Command::Verify(args) => commands::verify(&args, session),
    }
}
