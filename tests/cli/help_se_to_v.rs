//! `--help` has everything, and examples that can be pasted; commands from SE to V.

use crate::common::help;

#[test]
fn of_set() {
    insta::assert_snapshot!(help(&["set", "--help"]), @"
    Store or replace a key that a provider gave you

    The value comes from standard input, from a file, or from a hidden prompt at a terminal; one final
    line end is dropped. On a key that exists, another value is a rotation and asks first, and options
    replace what was set before. A new key named after a well-known provider, such as openai, anthropic
    or stripe, gets that provider and the variable that its documentation names; one with such a
    --provider gets the variable. Without a vault, one is made first.

    Usage: keywright set [OPTIONS] <NAME>

    Arguments:
      <NAME>
              Name of the key, 1 to 100 characters of any script

    Options:
          --provider <PROVIDER>
              Whose key it is

          --model <MODEL>
              A model that it is for

          --var <VARIABLE>
              The environment variable that programs expect it in

          --no-var
              No variable, not even the usual one

          --expires <WHEN>
              When it ends: 90d, 2027-01-31, an RFC 3339 time, or never

          --tag <TAG>
              A word to find the key by

          --note <TEXT>
              Free text about the key

          --file <PATH>
              Read the value from a file instead of standard input

          --exact
              Keep a final line end, which is dropped otherwise

          --allow-weak-passphrase
              Where the vault is made first, take a passphrase that is easy to guess

      -n, --dry-run
              Say what would happen, and change nothing

      -h, --help
              Print help (see a summary with '-h')

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

          --actor <NAME>
              Who is recorded as the maker of a change [default: user@host]

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
      keywright set openai
      keywright set work --provider openai --model gpt-5 --var WORK_OPENAI_KEY
      pbpaste | keywright set stripe -p shop -e staging --var STRIPE_SECRET_KEY
      keywright set tls-key --file key.pem --exact
    ");
}

#[test]
fn of_show() {
    insta::assert_snapshot!(help(&["show", "--help"]), @"
    Show one key, all of it but the secret

    A rate, such as 100/m, holds in each `serve` process by itself; `keywright verify` never limits.

    Usage: keywright show [OPTIONS] [NAME]

    Arguments:
      [NAME]
              Name of the key, its key id, or its masked token

    Options:
          --default
              Take the default issued key of the project and environment

      -h, --help
              Print help (see a summary with '-h')

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

          --actor <NAME>
              Who is recorded as the maker of a change [default: user@host]

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
      keywright show my-service
      keywright show uQCT8H872CoB --json
    ");
}

#[test]
fn of_status() {
    insta::assert_snapshot!(help(&["status", "--help"]), @"
    Show which vault, project and environment are in use

    Opens nothing and asks nothing: it tells what the file tells to everybody who can read it, whether
    an agent has the vault's key, and what would open the vault for a command that reads it. A wrong
    keywright.toml is a warning.

    Usage: keywright status [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')

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

          --actor <NAME>
              Who is recorded as the maker of a change [default: user@host]

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
      keywright status
      keywright status -p shop -e staging --json
    ");
}

#[test]
fn of_usage() {
    insta::assert_snapshot!(help(&["usage", "--help"]), @"
    Show how often keys were used, and what they were answered

    Without a name: every key with a spark line of its requests, oldest first, those that were refused,
    and attempts with its id and a wrong secret. With a name: a bar a day, its generations, the answers
    it was given, who used it, from which addresses and for which paths (where HTTP requests were
    verified), and its latest uses.

    Uses are counted by the day (UTC). Weeks begin on Monday; with `--by week` or `--by month` the first
    one is whole, and only the present one is not over. Where a terminal has too few columns, neighbours
    share a character.

    Usage: keywright usage [OPTIONS] [NAME]

    Arguments:
      [NAME]
              Name of the key, its key id, or its masked token

    Options:
          --default
              Take the default issued key of the project and environment

          --since <WHEN>
              Count from here on: a duration such as 30d, of which today is the last day, a date (UTC)
              or an RFC 3339 time

              [default: 30d]

          --by <PERIOD>
              What a character or bar is for

              [default: day]
              [possible values: day, week, month]

          --unused <DURATION>
              Only keys that were not used for this long, such as 30d, and are older than that

      -h, --help
              Print help (see a summary with '-h')

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

          --actor <NAME>
              Who is recorded as the maker of a change [default: user@host]

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
      keywright usage
      keywright usage my-service
      keywright usage my-service --since 2026-10-01 --by week
      keywright usage --unused 30d -e production
    ");
}

#[test]
fn of_verify() {
    insta::assert_snapshot!(help(&["verify", "--help"]), @r#"
    Check a token that is read from standard input

    Takes a bare token or an `Authorization: Bearer` line. Exits 0 when it is good, 10 when it is not,
    and 11 when it is good but not for what is required. -p and -e are requirements when they are given
    as options. The use is recorded.

    Usage: keywright verify [OPTIONS]

    Options:
          --require <PERMISSION>
              A permission that the key has to have

          --batch
              Check a token a line, and answer each with a JSON object on a line

              The order is kept, an empty line is answered too, and the exit code is 0 when every line
              was answered, whatever the answers. A line is answered as soon as there is nothing more to
              read. What is changed in the vault meanwhile holds for the next line that is read. Uses
              are counted once a second and at the end, by day, key and answer; they are not listed one
              by one.

          --no-record
              Do not record this use

      -h, --help
              Print help (see a summary with '-h')

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

          --actor <NAME>
              Who is recorded as the maker of a change [default: user@host]

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
      keywright verify < token.txt
      keywright verify --require write:orders -e production --json <<< "$AUTHORIZATION"
      keywright verify --batch < tokens.txt | jq -c 'select(.valid | not)'
    "#);
}
