//! `--help` has everything, and examples that can be pasted; commands from D to I.

use crate::common::help;

#[test]
fn of_delete() {
    insta::assert_snapshot!(help(&["delete", "--help"]), @r"
    Delete a key for good

    An issued key's token is unknown from then on; a provider key's value is gone. `revoke` refuses a
    key and keeps it listed.

    Usage: keywright delete [OPTIONS] [NAME]

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
      keywright delete my-service
      keywright delete openai -p shop -e staging --yes
    ");
}

#[test]
fn of_get() {
    insta::assert_snapshot!(help(&["get", "--help"]), @"
    Print a provider key's value

    Into a pipe or file go the exact bytes, without a line end; on a terminal one is added. The use is
    recorded. An issued key's token is not kept and cannot be printed. Instead of a name, --provider and
    --model say what the key is for: of the keys in the project and environment that serve it, one that
    names the model comes before one that names none.

    Usage: keywright get [OPTIONS] [NAME]

    Arguments:
      [NAME]
              Name of the key, its key id, or its masked token

    Options:
          --provider <PROVIDER>
              Find the key of this provider instead

          --model <MODEL>
              Find the key for this model instead

          --previous
              The value before the present one

          --out <FILE>
              Write it to a new file, mode 0600, instead

          --copy
              Put it on the clipboard for 45 seconds instead

              By wl-copy, xclip, xsel or pbcopy. The clipboard is cleared then only if it is still
              there.

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
      keywright get openai
      keywright get openai -p shop -e production | docker login --password-stdin
      keywright get openai --previous
      keywright get --provider openai --model gpt-5
      keywright get openai --copy
    ");
}

#[test]
fn of_init() {
    insta::assert_snapshot!(help(&["init", "--help"]), @"
    Make a vault, or a keywright.toml

    The first `create` or `set` makes a vault, too; `init` lets you choose how costly guessing the
    passphrase is. With `--recovery-code` it prints a code that opens all of the vault without the
    passphrase: write it down, and keep it away from the vault. Nobody can tell it to you again;
    `passphrase --add-recovery-code` makes another one. With `--project-file` it opens the vault that is
    there and writes a keywright.toml into the working directory: project, environment, and which
    provider key goes into which variable. It holds no secret and belongs into the project's repository;
    `run` and `check` read it. It never selects production.

    Usage: keywright init [OPTIONS]

    Options:
          --kdf <COST>
              What one guess of the passphrase costs: default 64 MiB, strong 256 MiB, paranoid 1 GiB of
              memory

              [default: default]
              [possible values: default, paranoid, strong]

          --allow-weak-passphrase
              Take a passphrase that is easy to guess

          --recovery-code
              Make a recovery code, too, and print it once: it opens the vault when the passphrase is
              lost

          --project-file
              Write keywright.toml instead, from the provider keys that have a variable

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
      keywright init
      keywright init --recovery-code
      keywright init --kdf strong --vault ~/work/keys.db
      keywright init --project-file -p shop
    ");
}
#[test]
fn of_doctor() {
    let help = help(&["doctor", "--help"]);
    let own = help.split("Global options:").next();
    insta::assert_snapshot!(own.unwrap_or_default().trim_end(), @"
    Look for what is not as it should be, or soon will not be

    First without opening anything: who can reach the vault and what belongs to it, what killed
    processes left, the agent, core dumps and swap. Then the vault is opened: its heads, its settings
    and its keys are checked. Each finding is a problem or a piece of advice, and comes with what mends
    it. Exit code 9 when there is one; when the vault does not open, or was altered, what was found
    until then is shown, and the error has its own exit code. With -p and -e findings about keys and
    access tokens are of that project or environment alone.

    Usage: keywright doctor [OPTIONS]

    Options:
          --deep
              Check what every record seals, the whole log and every recorded use, too

          --ignore <CHECK>
              Leave a check out

              [possible values: access_expired, access_expiring, access_unused, activity,
              activity_events, agent, agent_stale, anchor_missing, anchor_unwritable, core_dumps,
              cut_off_change, expired, expiring, file_access, leftover, limit, no_token, overlap,
              recovery_code, secret_file, shared_variable, swap, undelivered, unused, vault_file,
              weak_kdf]

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert!(help.contains("keywright doctor --deep --json"), "{help}");
}
