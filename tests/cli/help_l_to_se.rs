//! `--help` has everything, and examples that can be pasted; commands from L to SE.

use crate::common::help;

#[test]
fn of_list() {
    insta::assert_snapshot!(help(&["list", "--help"]), @"
    List keys

    Shows every key of every project and environment; -p and -e narrow it when they are given as
    options. A `*` marks the default key of its project and environment. With `--expiring`, keys that
    are found are exit code 9. On a narrow terminal, columns are left out; `--json` has them all.

    Usage: keywright list [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Filters:
          --kind <KIND>
              Only issued or only provider keys

          --status <STATUS>
              Only keys with this status: active, expired, overlap, revoked, undelivered

          --permission <ACTION>
              Only issued keys with this very permission

          --role <ROLE>
              Only issued keys with this role

          --provider <PROVIDER>
              Only keys of this provider

          --tag <TAG>
              Only keys with this tag

          --expiring <DURATION>
              Only keys that end within this time, such as 14d, or have ended

          --unused <DURATION>
              Only keys that were not used for this long, such as 30d, and are older than that

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
      keywright list
      keywright list -e production --expiring 14d
      keywright list --kind provider --provider openai
      keywright list --unused 30d --json
    ");
}

#[test]
fn of_man() {
    insta::assert_snapshot!(help(&["man", "--help"]), @"
    Print a manual page

    Commands and options as `--help` has them. The page of keywright itself has the exit codes,
    variables and files, too, and every field of the JSON answers.

    Usage: keywright man [OPTIONS] [COMMAND]...

    Arguments:
      [COMMAND]...
              The words of the command whose page it is; without one, the page of keywright itself

    Options:
          --dir <PATH>
              Write all pages into this folder instead

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
      keywright man | man -l -
      keywright man rotate | man -l -
      mkdir -p ~/.local/share/man/man1 && keywright man --dir ~/.local/share/man/man1
    ");
}

#[test]
fn of_revoke() {
    insta::assert_snapshot!(help(&["revoke", "--help"]), @r"
    End a key now

    Every token of an issued key is refused from the next verification on; a provider key's value is no
    longer handed out. The key stays listed, with its usage, until it is deleted.

    Usage: keywright revoke [OPTIONS] [NAME]

    Arguments:
      [NAME]
              Name of the key, its key id, or its masked token

    Options:
          --default
              Take the default issued key of the project and environment

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
      keywright revoke my-service
      keywright revoke uQCT8H872CoB --yes
    ");
}

#[test]
fn of_rotate() {
    insta::assert_snapshot!(help(&["rotate", "--help"]), @"
    Replace a key's token or value

    An issued key gets a new token, printed once; it keeps its name, id, permissions and usage. The
    previous token stops working at once, or after `--overlap`. A provider key gets the new value that
    its provider gave you; the one before stays readable with `get --previous` until the next rotation.

    Usage: keywright rotate [OPTIONS] [NAME]

    Arguments:
      [NAME]
              Name of the key, its key id, or its masked token

    Options:
          --default
              Take the default issued key of the project and environment

          --overlap <DURATION>
              Keep the previous token working for this long, such as 30m, 24h or 7d

          --finish
              End an earlier overlap now, and make no new token

          --when-unused <DURATION>
              End it only if the previous token was not let through for this long, such as 24h; else
              exit 9

          --expires <WHEN>
              When the new token or value ends [default: the lifetime that the previous one was given]

          --out <FILE>
              Write it to a new file, mode 0600, instead

          --copy
              Put it on the clipboard for 45 seconds instead

              By wl-copy, xclip, xsel or pbcopy. The clipboard is cleared then only if it is still
              there.

          --pipe <COMMAND>
              Give it to a program's standard input instead

              The command is split into words as a shell would, but run without one. The token comes
              without a line end, and what the program prints goes to standard error. Unless it reads
              all of the token and exits 0, nothing was created or rotated.

          --file <PATH>
              Read the value from a file instead of standard input

          --exact
              Keep a final line end, which is dropped otherwise

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
      keywright rotate my-service
      keywright rotate my-service --overlap 24h > new-token.txt
      keywright rotate my-service --finish
      keywright rotate my-service --finish --when-unused 24h --yes
      keywright rotate ci --yes --pipe 'gh secret set CI_KEY'
      keywright rotate openai --yes < new-value.txt
    ");
}

#[test]
fn of_search() {
    insta::assert_snapshot!(help(&["search", "--help"]), @"
    Find keys by a text

    The text may stand anywhere in a key's name, id, masked token, tags, note, provider, model or
    variable, in upper or lower case. The filters of `list` narrow it further.

    Usage: keywright search [OPTIONS] <TEXT>

    Arguments:
      <TEXT>
              The text

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Filters:
          --kind <KIND>
              Only issued or only provider keys

          --status <STATUS>
              Only keys with this status: active, expired, overlap, revoked, undelivered

          --permission <ACTION>
              Only issued keys with this very permission

          --role <ROLE>
              Only issued keys with this role

          --provider <PROVIDER>
              Only keys of this provider

          --tag <TAG>
              Only keys with this tag

          --expiring <DURATION>
              Only keys that end within this time, such as 14d, or have ended

          --unused <DURATION>
              Only keys that were not used for this long, such as 30d, and are older than that

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
      keywright search dashboard
      keywright search gpt --kind provider
    ");
}
