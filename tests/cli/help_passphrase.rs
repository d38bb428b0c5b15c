//! The help of `passphrase`, short and long.

use crate::common::help;

#[test]
fn in_short() {
    insta::assert_snapshot!(help(&["passphrase", "-h"]), @"
    Change the passphrase, and after a compromise the keys

    Usage: keywright passphrase [OPTIONS]

    Options:
          --kdf <COST>                  What one guess of the passphrase costs from now on: default 64
                                        MiB, strong 256 MiB, paranoid 1 GiB of memory; as before unless
                                        given [possible values: default, paranoid, strong]
          --compromised                 Make new keys too, because somebody may have read the vault or
                                        its passphrase
          --new-passphrase-file <PATH>  Read the new passphrase from the first line of a file
          --new-passphrase-fd <N>       Read the new passphrase from the next line of an open file
                                        descriptor
          --allow-weak-passphrase       Take a passphrase that is easy to guess
      -n, --dry-run                     Say what would happen, and change nothing
      -h, --help                        Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}

#[test]
fn at_length() {
    insta::assert_snapshot!(help(&["passphrase", "--help"]), @r"
    Change the passphrase, and after a compromise the keys

    The passphrase there is comes from where it always comes from, the new one from an option or from a
    hidden prompt. Access tokens and the recovery code go on working, and so do issued tokens. With
    `--compromised`, everything is sealed anew under new keys and access tokens and the recovery code
    are dropped; issued tokens stay valid. Copies of the vault from before still open with what opened
    them then, so rotate the provider keys that somebody may have read.

    Usage: keywright passphrase [OPTIONS]

    Options:
          --kdf <COST>
              What one guess of the passphrase costs from now on: default 64 MiB, strong 256 MiB,
              paranoid 1 GiB of memory; as before unless given

              [possible values: default, paranoid, strong]

          --compromised
              Make new keys too, because somebody may have read the vault or its passphrase

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
      printf 'old\nnew\n' | keywright passphrase --passphrase-fd 0 --new-passphrase-fd 0
    ");
}
