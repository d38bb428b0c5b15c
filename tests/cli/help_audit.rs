//! Help of `audit`, long and short.

use crate::common::help;

#[test]
fn help_says_what_there_is() {
    insta::assert_snapshot!(help(&["audit", "--help"]), @"
    Show who did what, and when: changes of the vault and uses of its keys

    Changes come from the vault's log, whose chain of entries is checked from its beginning each time;
    an entry that was altered, or is missing, ends the command with exit code 7 and its number. Uses
    come from the activity file, which keeps them for 30 days, those over HTTP with method, path and
    client; `verify --batch` only counts its uses. Without a name, -p and -e narrow what is shown. A key
    that is deleted or has another name now is found by the name it had. With --json, each entry is an
    object on a line of its own.

    Usage: keywright audit [OPTIONS] [NAME]

    Arguments:
      [NAME]
              Name of the key, its key id, or its masked token

    Options:
          --default
              Take the default issued key of the project and environment

      -f, --follow
              Print new entries as they come, until interrupted

      -h, --help
              Print help (see a summary with '-h')

    Filters:
          --verb <VERB>
              Only entries with one of these verbs: access-create, access-revoke, create, delete,
              deliver, edit, finish, import, init, passphrase, recovery-code, rekey, restore, revoke,
              role-delete, role-set, rotate, set, undo, env, export, get, run, verify

          --code <CODE>
              Only uses with one of these answers: env, expired, export, get, insufficient_permission,
              rate_limited, revoked, rotated, run, undelivered, valid, wrong_environment, wrong_project,
              wrong_secret

          --actor <NAME>
              Only what was done by this one, such as user@host

          --since <WHEN>
              Only entries from then on: 24h, 2027-01-31 (UTC), or an RFC 3339 time

          --until <WHEN>
              Only entries up to then, and to the end of a date

          --limit <N>
              Show the newest N entries, or all of them

              [default: 100]

    Global options:
          --vault <PATH>
              Vault file [default: vault.db in the config directory]

      -p, --project <PROJECT>
              Project of the key

      -e, --env <ENVIRONMENT>
              Environment of the key: production, staging, development, or your own

          --json
              Answer as one JSON document

      -q, --quiet
              Say nothing but the answer and errors

      -y, --yes
              Do not ask for confirmation

          --no-input
              Never ask anything; fail where an answer is needed

          --passphrase-file <PATH>
              Read the passphrase from the first line of a file

          --passphrase-fd <N>
              Read the passphrase from the first line of an open file descriptor

          --accept-rollback
              Go on with a vault that is older than the one this machine has seen

          --color <WHEN>
              When to use colour

              Possible values:
              - always
              - auto:   On a terminal, unless NO_COLOR is set
              - never

              [default: auto]

    Examples:
      keywright audit
      keywright audit my-service --since 7d
      keywright audit --verb create,delete,revoke --since 2027-01-01 --until 2027-01-31
      keywright audit --code wrong_secret --json
      keywright audit -e production --follow
    ");
    insta::assert_snapshot!(help(&["audit", "-h"]), @"
    Show who did what, and when: changes of the vault and uses of its keys

    Usage: keywright audit [OPTIONS] [NAME]

    Arguments:
      [NAME]  Name of the key, its key id, or its masked token

    Options:
          --default  Take the default issued key of the project and environment
      -f, --follow   Print new entries as they come, until interrupted
      -h, --help     Print help (see more with '--help')

    Filters:
          --verb <VERB>   Only entries with one of these verbs
          --code <CODE>   Only uses with one of these answers
          --actor <NAME>  Only what was done by this one, such as user@host
          --since <WHEN>  Only entries from then on: 24h, 2027-01-31 (UTC), or an RFC 3339 time
          --until <WHEN>  Only entries up to then, and to the end of a date
          --limit <N>     Show the newest N entries, or all of them [default: 100]

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}
