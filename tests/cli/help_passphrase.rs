//! The help of `passphrase`, short and long.

use crate::common::help;

#[test]
fn in_short() {
    insta::assert_snapshot!(help(&["passphrase", "-h"]), @"
    Change the passphrase, and after a compromise the keys

    Usage: keywright passphrase [OPTIONS]

    Options:
          --kdf <COST>          What one guess of the passphrase costs [default: as before] [possible
                                values: default, paranoid, strong]
          --compromised         Make new keys too, because somebody may have read the vault or its
                                passphrase
          --recover             Open the vault with the recovery code, and set a new passphrase
          --add-recovery-code   Make a recovery code instead of the one there is, and print it once
          --test-recovery-code  Say whether a recovery code opens the vault, and change nothing
      -n, --dry-run             Say what would happen, and change nothing
      -h, --help                Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn at_length() {
    insta::assert_snapshot!(help(&["passphrase", "--help"]), @r"
    Change the passphrase, and after a compromise the keys

    The passphrase there is comes from where it always comes from, the new one from an option or from a
    hidden prompt. The agent is locked. Access tokens and the recovery code go on working, and so do
    issued tokens. With `--compromised`, everything is sealed anew under new keys and access tokens and
    the recovery code are dropped; issued tokens stay valid. Copies of the vault from before still open
    with what opened them then, so rotate the provider keys that somebody may have read.

    A recovery code opens all of the vault when the passphrase is lost: `--add-recovery-code` makes one
    and prints it once, `--test-recovery-code` says whether the one on your paper opens this vault, and
    `--recover` sets a new passphrase with it. It may be typed in either case, with or without the
    dashes, and with O for 0 and I or L for 1.

    Usage: keywright passphrase [OPTIONS]

    Options:
          --kdf <COST>
              What one guess of the passphrase costs [default: as before]

              From now on: default 64 MiB, strong 256 MiB, paranoid 1 GiB of memory.

              [possible values: default, paranoid, strong]

          --compromised
              Make new keys too, because somebody may have read the vault or its passphrase

          --recover
              Open the vault with the recovery code, and set a new passphrase

          --add-recovery-code
              Make a recovery code instead of the one there is, and print it once

          --test-recovery-code
              Say whether a recovery code opens the vault, and change nothing

          --recovery-code-file <PATH>
              Read the recovery code from the first line of a file, or of standard input if it is -

          --new-passphrase-file <PATH>
              Read the new passphrase from the first line of a file

          --new-passphrase-fd <N>
              Read the new passphrase from the next line of an open file descriptor

          --allow-weak-passphrase
              Take a passphrase that is easy to guess

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
      keywright passphrase
      keywright passphrase --kdf strong
      keywright passphrase --compromised
      keywright passphrase --add-recovery-code
      keywright passphrase --recover
      printf 'old\nnew\n' | keywright passphrase --passphrase-fd 0 --new-passphrase-fd 0
    ");
}
