use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::crypto::random;
use crate::error::{CommandError, Exit};
use crate::output::Printer;
use crate::serve::{Address, Bound, ConfigError, Program, ServeError, Server, given_listeners};
use crate::session::Session;
use crate::settings::GlobalArgs;
use crate::vault::VaultError;

/// Answer over HTTP whether tokens are good, for programs and reverse proxies
///
/// Programs ask POST /v1/verify, with the token in `Authorization: Bearer`, `X-API-Key` or a JSON body. Proxies ask
/// /auth/nginx, /auth/proxy (Caddy, Traefik, APISIX) or /auth/envoy before they let a request through. What is required is
/// said in the query: `?require=write&env=production&project=shop`, or `?require=method` (GET, HEAD and OPTIONS need
/// `read`, all others `write`). /healthz, /readyz and /metrics are for those who watch it.
///
/// An access token of one scope of issued keys is all that it needs, and a vault or slice that it can read. What is
/// changed in the vault holds for the next request. A vault that cannot be read or was altered is answered with
/// `unavailable` until it is mended.
///
/// Limits of `create --rate` hold for each process. Uses are recorded at most a second later, and all of them when
/// SIGTERM, SIGINT or SIGHUP ends it; after a crash that second is missing. Where the config file says `audit = "required"`,
/// an answer waits until it is recorded, and is `unavailable` where it cannot be.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright serve
  keywright serve --listen unix:/run/keywright/keywright.sock
  KEYWRIGHT_ACCESS_TOKEN_FILE=serve.token keywright serve --vault issued.vault
  keywright serve --print-config nginx > keywright.conf")]
pub(crate) struct ServeArgs {
    /// Where to listen; may be given several times [default: 127.0.0.1:4870, or the sockets that systemd hands over]
    ///
    /// An IP address and a port, or `unix:` and the path of a socket, which every local user may connect to who can reach
    /// its folder.
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Address>,

    /// Listen at an address that other machines can reach
    ///
    /// There is no TLS: tokens go over that network as they are, so it has to be trusted.
    #[arg(long)]
    allow_remote: bool,

    /// Print a configuration for a proxy in front of a service, or for systemd, and exit
    ///
    /// It has the addresses of --listen; what else has to be filled in is told in its comments. No vault is opened.
    #[arg(long, value_name = "PROGRAM")]
    print_config: Option<Program>,
}

impl ValueEnum for Program {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

pub(crate) fn serve(args: ServeArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let settings = &session.settings;
    args.check(settings.project_option.is_some() || settings.environment_option.is_some())?;
    if let Some(program) = args.print_config {
        return print_config(program, args.listen, &mut session.out);
    }
    let mut listeners = given_listeners().map_err(refused)?;
    if !args.allow_remote {
        refuse_remote(listeners.iter().map(Bound::address))?;
    }
    let mut wanted = args.listen;
    if wanted.is_empty() && listeners.is_empty() {
        wanted.push(Address::DEFAULT);
    }
    let verifier = session.verifier().map_err(|err| match err.is_of_closed_scope() {
        true => err.hint(
            "`keywright access create --kind issued` makes an access token that tokens are checked with",
        ),
        false => err,
    })?;
    let mut recorder = verifier.recorder()?;
    if session.settings.location.audit_required {
        // Better now than by refusing every request.
        recorder.check()?;
    }
    for address in &wanted {
        listeners.push(Bound::at(address).map_err(refused)?);
    }
    let id_start = random::<4>().map_err(VaultError::from)?;
    let server = Server {
        verifier,
        recorder,
        listeners,
        who: session.settings.actor.clone(),
        audit_required: session.settings.location.audit_required,
        clock: session.clock,
        id_start: id_start.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    server.run(session.out.log()).map_err(refused)?;
    Ok(Exit::Done)
}

/// What `--print-config` prints, if it is given: that needs no settings.
pub(crate) fn serve_config(
    args: &ServeArgs,
    global: &GlobalArgs,
    out: &mut Printer,
) -> Option<Result<Exit, CommandError>> {
    let program = args.print_config?;
    let checked = args.check(global.project.is_some() || global.env.is_some());
    Some(checked.and_then(|()| print_config(program, args.listen.clone(), out)))
}

impl ServeArgs {
    fn check(&self, has_scope: bool) -> Result<(), CommandError> {
        if has_scope {
            let message = "what is required is said with each request, and not by -p and -e";
            return Err(CommandError::message(Exit::Usage, message).hint(
                "`?env=production&project=shop`; the access tokens say which scopes are open",
            ));
        }
        match self.allow_remote {
            true => Ok(()),
            false => refuse_remote(&self.listen),
        }
    }
}

fn refuse_remote<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Result<(), CommandError> {
    let remote = addresses.into_iter().find(|address| !address.is_local());
    let Some(address) = remote else {
        return Ok(());
    };
    let message =
        format!("other machines can reach {address}, and tokens would go there unencrypted");
    Err(CommandError::message(Exit::Refused, message).hint(
        "put a proxy in front that speaks TLS, or say that the network is trusted with --allow-remote",
    ))
}

fn print_config(
    program: Program,
    mut addresses: Vec<Address>,
    out: &mut Printer,
) -> Result<Exit, CommandError> {
    if addresses.is_empty() {
        addresses.push(Address::DEFAULT);
    }
    let text = program.config(&addresses).map_err(|err| {
        let hint = match &err {
            ConfigError::NoPort(_) => "as --listen 127.0.0.1:4870 does",
            ConfigError::NotForTraefik(_) | ConfigError::SeveralForTraefik(_) => {
                "one --listen with an address such as 127.0.0.1:4870"
            }
            ConfigError::Path(_) => "--listen chooses another path",
        };
        CommandError::new(Exit::Usage, err).hint(hint)
    })?;
    out.lines(text.as_bytes())?;
    Ok(Exit::Done)
}

fn refused(err: ServeError) -> CommandError {
    let (exit, hint) = match &err {
        ServeError::InUse(_) => (Exit::Conflict, Some("--listen chooses another address")),
        ServeError::Unsafe { .. } => (Exit::Refused, Some("--listen chooses another path")),
        ServeError::UnsafeFolder { .. } => (
            Exit::Refused,
            Some(
                "the socket needs a folder that only you or root can change; `keywright serve --print-config systemd` makes one",
            ),
        ),
        ServeError::Listen { .. } => (Exit::Failed, Some("--listen chooses another address")),
        ServeError::Lost(_) | ServeError::Runtime(_) => (Exit::Failed, None),
    };
    let err = CommandError::new(exit, err);
    match hint {
        Some(hint) => err.hint(hint),
        None => err,
    }
}
