//! Command lines that are wrong.

use crate::common::TestEnv;

#[test]
fn mistakes_get_a_suggestion() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    let told = env.refusals([
        &["creat", "x"] as &[&str],
        &["lst"],
        &["li"],
        &["remove", "x"],
        &["frobnicate"],
        &["list", "--jsn"],
        &["list", "--expiry", "3d"],
        &["create", "x", "--expire", "3d"],
        &["create", "x", "--permissions", "read"],
        &["list", "-x"],
        &["list", "--kind", "isued"],
        &["list", "--status", "actve"],
        &["list", "--color", "alwys"],
        &["init", "--kdf", "storng"],
        &["completions", "bsh"],
        &["man", "lst"],
    ]);
    insta::assert_snapshot!(told, @"
    $ keywright creat x
    error: unrecognized subcommand 'creat'

      tip: a similar subcommand exists: 'create'

    Usage: keywright [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit 2]
    $ keywright lst
    error: unrecognized subcommand 'lst'

      tip: some similar subcommands exist: 'ls', 'list'

    Usage: keywright [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit 2]
    $ keywright li
    error: unrecognized subcommand 'li'

      tip: a similar subcommand exists: 'list'

    Usage: keywright [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit 2]
    $ keywright remove x
    error: unrecognized subcommand 'remove'

      tip: some similar subcommands exist: 'serve', 'restore', 'rm', 'revoke'

    Usage: keywright [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit 2]
    $ keywright frobnicate
    error: unrecognized subcommand 'frobnicate'

      tip: a similar subcommand exists: 'rotate'

    Usage: keywright [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit 2]
    $ keywright list --jsn
    error: unexpected argument '--jsn' found

      tip: a similar argument exists: '--json'

    Usage: keywright list --json

    For more information, try '--help'.
    [exit 2]
    $ keywright list --expiry 3d
    error: unexpected argument '--expiry' found

      tip: a similar argument exists: '--expiring'

    Usage: keywright list --expiring <DURATION>

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --expire 3d
    error: unexpected argument '--expire' found

      tip: a similar argument exists: '--expires'

    Usage: keywright create --expires <WHEN> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --permissions read
    error: unexpected argument '--permissions' found

      tip: a similar argument exists: '--permission'

    Usage: keywright create --permission <ACTION> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright list -x
    error: unexpected argument '-x' found

    Usage: keywright list [OPTIONS]

    For more information, try '--help'.
    [exit 2]
    $ keywright list --kind isued
    error: invalid value 'isued' for '--kind <KIND>': a kind is issued or provider

    For more information, try '--help'.
    [exit 2]
    $ keywright list --status actve
    error: invalid value 'actve' for '--status <STATUS>': a status is active, expired, overlap, revoked or undelivered

    For more information, try '--help'.
    [exit 2]
    $ keywright list --color alwys
    error: invalid value 'alwys' for '--color <WHEN>'
      [possible values: always, auto, never]

      tip: a similar value exists: 'always'

    For more information, try '--help'.
    [exit 2]
    $ keywright init --kdf storng
    error: invalid value 'storng' for '--kdf <COST>'
      [possible values: default, paranoid, strong]

      tip: a similar value exists: 'strong'

    For more information, try '--help'.
    [exit 2]
    $ keywright completions bsh
    error: invalid value 'bsh' for '[SHELL]'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'bash'

    For more information, try '--help'.
    [exit 2]
    $ keywright man lst
    error: there is no such command
    hint: `keywright --help` lists them
    [exit 2]
    ");
}

#[test]
fn what_is_missing_or_does_not_go_together_is_told() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let told = env.refusals([
        &["create"] as &[&str],
        &["set"],
        &["get"],
        &["search"],
        &["completions"],
        &["show", "deploy", "--default"],
        &["rotate", "deploy", "--overlap", "1h", "--finish"],
        &["rotate", "deploy", "--finish", "--expires", "1d"],
        &["rotate", "deploy", "--file", "passphrase", "--yes"],
        &["rotate", "openai", "--overlap", "1h", "--yes"],
        &["rotate", "openai", "--finish", "--yes"],
        &["usage", "deploy", "--unused", "3d"],
        &["usage", "deploy", "--default"],
        &["usage", "--default", "--unused", "3d"],
        &["man", "list", "--dir", "."],
        &["completions", "zsh", "--dir", "."],
        &["list", "--passphrase-file", "a", "--passphrase-fd", "3"],
        &["list", "--json", "--json"],
        &["list", "--vault"],
        &["list", "--passphrase-fd", "three"],
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright create
    error: the following required arguments were not provided:
      <NAME>

    Usage: keywright create <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright set
    error: the following required arguments were not provided:
      <NAME>

    Usage: keywright set <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright get
    error: the following required arguments were not provided:
      <NAME>

    Usage: keywright get <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright search
    error: the following required arguments were not provided:
      <TEXT>

    Usage: keywright search <TEXT>

    For more information, try '--help'.
    [exit 2]
    $ keywright completions
    error: the following required arguments were not provided:
      <SHELL>

    Usage: keywright completions <SHELL>

    For more information, try '--help'.
    [exit 2]
    $ keywright show deploy --default
    error: the argument '[NAME]' cannot be used with '--default'

    Usage: keywright show <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright rotate deploy --overlap 1h --finish
    error: the argument '--overlap <DURATION>' cannot be used with '--finish'

    Usage: keywright rotate --overlap <DURATION> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright rotate deploy --finish --expires 1d
    error: the argument '--finish' cannot be used with '--expires <WHEN>'

    Usage: keywright rotate --finish <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright rotate deploy --file passphrase --yes
    error: `deploy` is an issued key: keywright makes its token
    [exit 2]
    $ keywright rotate openai --overlap 1h --yes
    error: `openai` in default/development is a provider key: how long its old value works is its provider's to say
    hint: --overlap and --finish are for issued keys
    [exit 2]
    $ keywright rotate openai --finish --yes
    error: `openai` in default/development is a provider key: how long its old value works is its provider's to say
    hint: --overlap and --finish are for issued keys
    [exit 2]
    $ keywright usage deploy --unused 3d
    error: the argument '[NAME]' cannot be used with '--unused <DURATION>'

    Usage: keywright usage <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright usage deploy --default
    error: the argument '[NAME]' cannot be used with '--default'

    Usage: keywright usage <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright usage --default --unused 3d
    error: the argument '--default' cannot be used with '--unused <DURATION>'

    Usage: keywright usage --default [NAME]

    For more information, try '--help'.
    [exit 2]
    $ keywright man list --dir .
    error: the argument '[COMMAND]...' cannot be used with '--dir <PATH>'

    Usage: keywright man <COMMAND>...

    For more information, try '--help'.
    [exit 2]
    $ keywright completions zsh --dir .
    error: the argument '[SHELL]' cannot be used with '--dir <PATH>'

    Usage: keywright completions <SHELL>

    For more information, try '--help'.
    [exit 2]
    $ keywright list --passphrase-file a --passphrase-fd 3
    error: the argument '--passphrase-file <PATH>' cannot be used with '--passphrase-fd <N>'

    Usage: keywright list --passphrase-file <PATH>

    For more information, try '--help'.
    [exit 2]
    $ keywright list --json --json
    {"schema":1,"error":{"kind":"usage","exit_code":2,"message":"the argument '--json' cannot be used multiple times","causes":[],"hint":"--help tells more"}}
    [exit 2]
    $ keywright list --vault
    error: a value is required for '--vault <PATH>' but none was supplied

    For more information, try '--help'.
    [exit 2]
    $ keywright list --passphrase-fd three
    error: invalid value '…' for '--passphrase-fd <N>': invalid digit found in string

    For more information, try '--help'.
    [exit 2]
    "#);
}

#[test]
#[cfg(target_os = "linux")]
fn arguments_that_are_not_text_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let env = TestEnv::new();
    let bytes = OsStr::from_bytes(b"caf\xe9");
    let list = OsStr::new("list");
    for args in [
        [OsStr::new("create"), bytes].as_slice(),
        &[OsStr::new("show"), bytes],
        &[OsStr::new("set"), bytes],
        &[list, OsStr::new("-p"), bytes],
        &[list, OsStr::new("--tag"), bytes],
        &[bytes],
    ] {
        let outcome = env.run_with_stdin(args, "value");
        assert_eq!(outcome.code(), Some(2), "{args:?}: {outcome}");
        assert!(outcome.stdout().is_empty(), "{args:?}: {outcome}");
        assert!(
            outcome.stderr().starts_with("error: "),
            "{args:?}: {outcome}"
        );
    }
    // A path is bytes, and need not be text.
    let mut made = env.command(["init", "--kdf", "test", "--vault"]);
    made.arg(bytes);
    let made = env.finish(made, "");
    assert!(made.success(), "{made}");
    assert!(env.home().join(bytes).exists());
}
