//! `--help` has everything, and examples that can be pasted; commands from A to C.

use crate::common::help;

#[test]
fn of_keywright() {
    insta::assert_snapshot!(help(&["--help"]), @"
    Issue API keys, and keep the ones that providers gave you, in one local encrypted vault

    `create` issues a key for a service of yours: its token is printed once and only a digest is kept;
    `verify` checks it, `rotate` replaces it, `revoke` ends it. `set` keeps a key that a provider gave
    you, and `get` hands it out.

    Usage: keywright [OPTIONS] <COMMAND>

    Keys:
      create       Issue a new key and print its token, once
      set          Store or replace a key that a provider gave you
      list         List keys [alias: ls]
      search       Find keys by a text [alias: find]
      show         Show one key, all of it but the secret
      edit         Change what is known of a key
      rotate       Replace a key's token or value
      revoke       End a key now
      delete       Delete a key for good [alias: rm]
      role         Make, show and delete roles: named sets of permissions

    Using them:
      run          Run a program with provider keys in its environment [aliases: exec, x]
      env          Print provider keys as variables for a shell, a file or a CI job
      check        Say whether every key that this project needs is there
      get          Print a provider key's value
      verify       Check a token that is read from standard input
      serve        Answer over HTTP whether tokens are good, for programs and reverse proxies
      usage        Show how often keys were used, and what they were answered
      audit        Show who did what, and when: changes of the vault and uses of its keys
      export       Print all keys and roles as one JSON document

    The vault:
      init         Make a vault, or a keywright.toml
      unlock       Ask for the passphrase once, and let the agent keep the key
      lock         Have the agent forget the vault's key
      status       Show which vault, project and environment are in use
      doctor       Look for what is not as it should be, or soon will not be
      passphrase   Change the passphrase, and after a compromise the keys
      access       Make, list and revoke access tokens, each of which opens one scope
      backup       Copy the vault, or a few scopes of it, into a file
      restore      Put a backup in the vault's place
      import       Add values from a dotenv file, JSON, the environment or `pass`
      agent        Hold the vault's key in the foreground, for a service manager

    More:
      completions  Print a shell's completion script [alias: completion]
      man          Print a manual page
      help         Explain a topic or a command

    Topics of `keywright help`:
      environment  Environment variables, and where the passphrase comes from
      exit-codes   What the exit codes mean
      files        Files that are read and written
      scopes       Projects and environments, and how a command chooses them

    Options:
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

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Examples:
      keywright create my-service > token.txt
      keywright verify < token.txt
      keywright set openai --var OPENAI_API_KEY
      keywright list --expiring 14d
      keywright help scopes
    ");
}

#[test]
fn of_completions() {
    insta::assert_snapshot!(help(&["completions", "--help"]), @"
    Print a shell's completion script

    Bash: `source <(keywright completions bash)` in `~/.bashrc`. Zsh: `source <(keywright completions
    zsh)` in `~/.zshrc`, after `compinit`. Fish: `keywright completions fish | source` in
    `~/.config/fish/config.fish`.

    These three also offer names of keys, projects, environments, roles, tags, providers and models,
    where a file or variable gives the passphrase and the vault opens within 100 ms; nothing is ever
    asked, and the passphrase command is not run.

    Usage: keywright completions [OPTIONS] [SHELL]

    Arguments:
      [SHELL]
              The shell

              [possible values: bash, elvish, fish, powershell, zsh]

    Options:
          --dir <PATH>
              Write the scripts of all shells into this folder instead

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
      source <(keywright completions bash)
      keywright completions zsh > _keywright
      keywright completions fish > ~/.config/fish/completions/keywright.fish
    ");
}

#[test]
fn of_create() {
    insta::assert_snapshot!(help(&["create", "--help"]), @r#"
    Issue a new key and print its token, once

    The token goes to standard output, alone on its line, unless it is handed over to a file, a program
    or the clipboard; everything else goes to standard error. Only a digest of it is kept, so it cannot
    be shown again. Without a vault, one is made first.

    Usage: keywright create [OPTIONS] <NAME>

    Arguments:
      <NAME>
              Name of the key, 1 to 100 characters of any script

    Options:
          --permission <ACTION>
              What the key may do: read, write, admin, your own action, or action:resource [default:
              read, unless it has roles]

          --role <ROLE>
              A role that the key has; `role set` makes one

          --context <KEY=VALUE>
              A pair that is handed to whoever verifies the key

          --rate <RATE>
              Most requests that `serve` lets through: 5/s, 100/m, 1000/h, 20000/d

              A second, minute (m), hour or day. Each `serve` process counts for itself; `verify` never
              limits.

          --expires <WHEN>
              When it ends: 90d, 2027-01-31, an RFC 3339 time, or never [default: 90d]

          --brand <WORD>
              First part of the token [default: kwt]

          --tag <TAG>
              A word to find the key by

          --note <TEXT>
              Free text about the key

          --default
              Make it the default of its project and environment

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
      keywright create my-service
      keywright create "CI/CD integration" -p shop -e staging --permission write:orders --expires 30d
      keywright create dashboard --permission read,admin:reports --context team=blue --out token.txt
      keywright create ci --pipe 'gh secret set CI_KEY'
    "#);
}
