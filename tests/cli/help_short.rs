//! `-h` is a summary: one line an option.

use crate::common::help;

#[test]
fn of_keywright() {
    insta::assert_snapshot!(help(&["-h"]), @"
    Issue API keys, and keep the ones that providers gave you, in one local encrypted vault

    Usage: keywright [OPTIONS] <COMMAND>

    Keys        create  set  list  search  show  edit  rotate  revoke  delete  role
    Using them  run  env  check  get  verify  serve  usage  audit  export
    The vault   init  unlock  lock  status  doctor  passphrase  access  backup
                restore  import  agent
    More        completions  man  help
    Topics      environment  exit-codes  files  scopes

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Begin with `keywright create my-service`: it makes the vault, too.
    Global options (-p, -e, --json, -q, -y …): see --help
    ");
    let env = crate::common::TestEnv::empty();
    let nothing = env.run([""; 0]);
    assert_eq!(nothing.code(), Some(2), "{nothing}");
    assert_eq!(
        nothing.stderr().trim_end(),
        env.run(["-h"]).stdout_text().trim_end()
    );
    assert!(
        env.run(["--version"])
            .stdout_text()
            .starts_with("keywright ")
    );
}

#[test]
fn of_completions() {
    insta::assert_snapshot!(help(&["completions", "-h"]), @"
    Print a shell's completion script

    Usage: keywright completions [OPTIONS] [SHELL]

    Arguments:
      [SHELL]  The shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
          --dir <PATH>  Write the scripts of all shells into this folder instead
      -h, --help        Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_create() {
    insta::assert_snapshot!(help(&["create", "-h"]), @"
    Issue a new key and print its token, once

    Usage: keywright create [OPTIONS] <NAME>

    Arguments:
      <NAME>  Name of the key, 1 to 100 characters of any script

    Options:
          --permission <ACTION>  What the key may do: read, write, admin, your own action, or
                                 action:resource [default: read, unless it has roles]
          --role <ROLE>          A role that the key has; `role set` makes one
          --context <KEY=VALUE>  A pair that is handed to whoever verifies the key
          --expires <WHEN>       When it ends: 90d, 2027-01-31, an RFC 3339 time, or never [default:
                                 90d]
          --tag <TAG>            A word to find the key by
          --default              Make it the default of its project and environment
          --out <FILE>           Write it to a new file, mode 0600, instead
          --copy                 Put it on the clipboard for 45 seconds instead
          --pipe <COMMAND>       Give it to a program's standard input instead
      -n, --dry-run              Say what would happen, and change nothing
      -h, --help                 Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_delete() {
    insta::assert_snapshot!(help(&["delete", "-h"]), @"
    Delete a key for good

    Usage: keywright delete [OPTIONS] [NAME]

    Arguments:
      [NAME]  Name of the key, its key id, or its masked token

    Options:
          --default  Take the default issued key of the project and environment
      -n, --dry-run  Say what would happen, and change nothing
      -h, --help     Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_get() {
    insta::assert_snapshot!(help(&["get", "-h"]), @"
    Print a provider key's value

    Usage: keywright get [OPTIONS] [NAME]

    Arguments:
      [NAME]  Name of the key, its key id, or its masked token

    Options:
          --provider <PROVIDER>  Find the key of this provider instead
          --model <MODEL>        Find the key for this model instead
          --previous             The value before the present one
          --out <FILE>           Write it to a new file, mode 0600, instead
          --copy                 Put it on the clipboard for 45 seconds instead
      -h, --help                 Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_init() {
    insta::assert_snapshot!(help(&["init", "-h"]), @"
    Make a vault, or a keywright.toml

    Usage: keywright init [OPTIONS]

    Options:
          --kdf <COST>             What one guess of the passphrase costs: default 64 MiB, strong 256
                                   MiB, paranoid 1 GiB of memory [default: default] [possible values:
                                   default, paranoid, strong]
          --allow-weak-passphrase  Take a passphrase that is easy to guess
          --recovery-code          Make a recovery code, too, and print it once: it opens the vault when
                                   the passphrase is lost
          --project-file           Write keywright.toml instead, from the provider keys that have a
                                   variable
      -n, --dry-run                Say what would happen, and change nothing
      -h, --help                   Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_list() {
    insta::assert_snapshot!(help(&["list", "-h"]), @"
    List keys

    Usage: keywright list [OPTIONS]

    Options:
      -h, --help  Print help (see more with '--help')

    Filters:
          --kind <KIND>          Only issued or only provider keys
          --status <STATUS>      Only keys with this status: active, expired, overlap, revoked,
                                 undelivered
          --permission <ACTION>  Only issued keys with this very permission
          --role <ROLE>          Only issued keys with this role
          --provider <PROVIDER>  Only keys of this provider
          --tag <TAG>            Only keys with this tag
          --expiring <DURATION>  Only keys that end within this time, such as 14d, or have ended
          --unused <DURATION>    Only keys that were not used for this long, such as 30d, and are older
                                 than that

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_man() {
    insta::assert_snapshot!(help(&["man", "-h"]), @"
    Print a manual page

    Usage: keywright man [OPTIONS] [COMMAND]...

    Arguments:
      [COMMAND]...  The words of the command whose page it is; without one, the page of keywright itself

    Options:
          --dir <PATH>  Write all pages into this folder instead
      -h, --help        Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_revoke() {
    insta::assert_snapshot!(help(&["revoke", "-h"]), @"
    End a key now

    Usage: keywright revoke [OPTIONS] [NAME]

    Arguments:
      [NAME]  Name of the key, its key id, or its masked token

    Options:
          --default  Take the default issued key of the project and environment
      -n, --dry-run  Say what would happen, and change nothing
      -h, --help     Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_rotate() {
    insta::assert_snapshot!(help(&["rotate", "-h"]), @"
    Replace a key's token or value

    Usage: keywright rotate [OPTIONS] [NAME]

    Arguments:
      [NAME]  Name of the key, its key id, or its masked token

    Options:
          --default             Take the default issued key of the project and environment
          --overlap <DURATION>  Keep the previous token working for this long, such as 30m, 24h or 7d
          --finish              End an earlier overlap now, and make no new token
          --expires <WHEN>      When the new token or value ends [default: the lifetime that the
                                previous one was given]
          --out <FILE>          Write it to a new file, mode 0600, instead
          --copy                Put it on the clipboard for 45 seconds instead
          --pipe <COMMAND>      Give it to a program's standard input instead
          --file <PATH>         Read the value from a file instead of standard input
          --exact               Keep a final line end, which is dropped otherwise
      -n, --dry-run             Say what would happen, and change nothing
      -h, --help                Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_search() {
    insta::assert_snapshot!(help(&["search", "-h"]), @"
    Find keys by a text

    Usage: keywright search [OPTIONS] <TEXT>

    Arguments:
      <TEXT>  The text

    Options:
      -h, --help  Print help (see more with '--help')

    Filters:
          --kind <KIND>          Only issued or only provider keys
          --status <STATUS>      Only keys with this status: active, expired, overlap, revoked,
                                 undelivered
          --permission <ACTION>  Only issued keys with this very permission
          --role <ROLE>          Only issued keys with this role
          --provider <PROVIDER>  Only keys of this provider
          --tag <TAG>            Only keys with this tag
          --expiring <DURATION>  Only keys that end within this time, such as 14d, or have ended
          --unused <DURATION>    Only keys that were not used for this long, such as 30d, and are older
                                 than that

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_set() {
    insta::assert_snapshot!(help(&["set", "-h"]), @"
    Store or replace a key that a provider gave you

    Usage: keywright set [OPTIONS] <NAME>

    Arguments:
      <NAME>  Name of the key, 1 to 100 characters of any script

    Options:
          --provider <PROVIDER>  Whose key it is
          --model <MODEL>        A model that it is for
          --var <VARIABLE>       The environment variable that programs expect it in
          --no-var               No variable, not even the usual one
          --expires <WHEN>       When it ends: 90d, 2027-01-31, an RFC 3339 time, or never
          --tag <TAG>            A word to find the key by
          --note <TEXT>          Free text about the key
          --file <PATH>          Read the value from a file instead of standard input
          --exact                Keep a final line end, which is dropped otherwise
      -n, --dry-run              Say what would happen, and change nothing
      -h, --help                 Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_show() {
    insta::assert_snapshot!(help(&["show", "-h"]), @"
    Show one key, all of it but the secret

    Usage: keywright show [OPTIONS] [NAME]

    Arguments:
      [NAME]  Name of the key, its key id, or its masked token

    Options:
          --default  Take the default issued key of the project and environment
      -h, --help     Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_status() {
    insta::assert_snapshot!(help(&["status", "-h"]), @"
    Show which vault, project and environment are in use

    Usage: keywright status [OPTIONS]

    Options:
      -h, --help  Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_usage() {
    insta::assert_snapshot!(help(&["usage", "-h"]), @"
    Show how often keys were used, and what they were answered

    Usage: keywright usage [OPTIONS] [NAME]

    Arguments:
      [NAME]  Name of the key, its key id, or its masked token

    Options:
          --default            Take the default issued key of the project and environment
          --since <WHEN>       Count from here on: a duration such as 30d, of which today is the last
                               day, a date (UTC) or an RFC 3339 time [default: 30d]
          --by <PERIOD>        What a character or bar is for [default: day] [possible values: day,
                               week, month]
          --unused <DURATION>  Only keys that were not used for this long, such as 30d, and are older
                               than that
      -h, --help               Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn of_verify() {
    insta::assert_snapshot!(help(&["verify", "-h"]), @"
    Check a token that is read from standard input

    Usage: keywright verify [OPTIONS]

    Options:
          --require <PERMISSION>  A permission that the key has to have
          --batch                 Check a token a line, and answer each with a JSON object on a line
          --no-record             Do not record this use
      -h, --help                  Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}
