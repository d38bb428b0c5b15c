# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_keywright_global_optspecs
    string join \n vault= p/project= e/env= json q/quiet y/yes no-input actor= passphrase-file= passphrase-fd= accept-rollback color= h/help V/version
end

function __fish_keywright_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_keywright_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_keywright_using_subcommand
    set -l cmd (__fish_keywright_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c keywright -n "__fish_keywright_needs_command" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_needs_command" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_needs_command" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_needs_command" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_needs_command" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_needs_command" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_needs_command" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_needs_command" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_needs_command" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_needs_command" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_needs_command" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_needs_command" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_needs_command" -s V -l version -d 'Print version'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "audit" -d 'Show who did what, and when: changes of the vault and uses of its keys'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "completion" -d 'Print a shell\'s completion script'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "create" -d 'Issue a new key and print its token, once'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "delete" -d 'Delete a key for good'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "rm" -d 'Delete a key for good'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "edit" -d 'Change what is known of a key'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "get" -d 'Print a provider key\'s value'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "init" -d 'Make a vault'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "list" -d 'List keys'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "ls" -d 'List keys'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "man" -d 'Print a manual page'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "passphrase" -d 'Change the passphrase, and after a compromise the keys'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "revoke" -d 'End a key now'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "role" -d 'Make, show and delete roles: named sets of permissions'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "rotate" -d 'Replace a key\'s token or value'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "search" -d 'Find keys by a text'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "find" -d 'Find keys by a text'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "set" -d 'Store or replace a key that a provider gave you'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "show" -d 'Show one key, all of it but the secret'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "status" -d 'Show which vault, project and environment are in use'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "usage" -d 'Show how often keys were used in the last 30 days'
complete -c keywright -n "__fish_keywright_needs_command" -f -a "verify" -d 'Check a token that is read from standard input'
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l verb -d 'Only entries with one of these verbs' -r -f -a "access-create\t''
access-revoke\t''
create\t''
delete\t''
deliver\t''
edit\t''
finish\t''
import\t''
init\t''
passphrase\t''
recovery-code\t''
rekey\t''
revoke\t''
role-delete\t''
role-set\t''
rotate\t''
set\t''
undo\t''
get\t''
verify\t''"
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l code -d 'Only uses with one of these answers' -r -f -a "expired\t''
get\t''
insufficient_permission\t''
revoked\t''
rotated\t''
undelivered\t''
valid\t''
wrong_environment\t''
wrong_project\t''
wrong_secret\t''"
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l actor -d 'Only what was done by this one, such as user@host' -r
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l since -d 'Only entries from then on: a duration before now, a date (UTC), or an RFC 3339 time' -r
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l until -d 'Only entries up to then, and to the end of a date' -r
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l limit -d 'Show the newest N entries, or all of them' -r
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand audit" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand audit" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l default -d 'Take the default issued key of the project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand audit" -s f -l follow -d 'Print new entries as they come, until interrupted'
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand audit" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand audit" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand audit" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l dir -d 'Write the scripts of all shells into this folder instead' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand completions" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand completions" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand completions" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand completions" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand completions" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l dir -d 'Write the scripts of all shells into this folder instead' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand completion" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand completion" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand completion" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand completion" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand completion" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand create" -l permission -d 'What the key may do: read, write, admin, an action of your own, or action:resource [default: read, unless a role is given]' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l role -d 'A role that the key has; `role set` makes one' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l context -d 'A pair that is handed to whoever verifies the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l expires -d 'When it ends: 90d, 2027-01-31, an RFC 3339 time, or never [default: 90d]' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l brand -d 'First part of the token [default: kwt]' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l tag -d 'A word to find the key by' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l note -d 'Free text about the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand create" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand create" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand create" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand create" -l default -d 'Make it the default key of its project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand create" -l allow-weak-passphrase -d 'Where the vault is made first, take a passphrase that is easy to guess'
complete -c keywright -n "__fish_keywright_using_subcommand create" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand create" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand create" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand create" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand create" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand create" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand delete" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand delete" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l default -d 'Take the default issued key of the project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand delete" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand delete" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand delete" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand rm" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand rm" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l default -d 'Take the default issued key of the project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand rm" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand rm" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand rm" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand rm" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l rename -d 'The key\'s new name' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l expires -d 'When its present token or value ends: 90d, 2027-01-31, an RFC 3339 time, or never' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l tag -d 'A word to find the key by' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l add-tag -d 'One more tag' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l remove-tag -d 'A tag that goes' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l note -d 'Free text about the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l permission -d 'What the key may do by itself: read, write, admin, an action of your own, or action:resource' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l add-permission -d 'One more permission' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l remove-permission -d 'A permission that goes' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l role -d 'A role that the key has' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l add-role -d 'One more role' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l remove-role -d 'A role that goes' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l context -d 'A pair that is handed to whoever verifies the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l add-context -d 'One more pair, or another value for its key' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l remove-context -d 'The key of a pair that goes' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l brand -d 'First part of the tokens that rotations will make' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l provider -d 'Whose key it is' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l add-provider -d 'One more provider' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l remove-provider -d 'A provider that goes' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l model -d 'A model that it is for' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l add-model -d 'One more model' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l remove-model -d 'A model that goes' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l var -d 'The environment variable that programs expect it in' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand edit" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-tags -d 'No tags'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-note -d 'No note'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-permissions -d 'No permissions but those of its roles'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-roles -d 'No roles'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-context -d 'No pairs but those of its roles'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l default -d 'Make it the default key of its project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-default -d 'Take the default mark away'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-providers -d 'No providers'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-models -d 'No models'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-var -d 'No variable'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand get" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand get" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand get" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand get" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand get" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand get" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand get" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand get" -l default -d 'Take the default issued key of the project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand get" -l previous -d 'The value before the present one'
complete -c keywright -n "__fish_keywright_using_subcommand get" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand get" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand get" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand get" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand get" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand init" -l kdf -d 'What one guess of the passphrase costs: default 64 MiB, strong 256 MiB, paranoid 1 GiB of memory' -r -f -a "default\t''
paranoid\t''
strong\t''"
complete -c keywright -n "__fish_keywright_using_subcommand init" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand init" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand init" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand init" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand init" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand init" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand init" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand init" -l allow-weak-passphrase -d 'Take a passphrase that is easy to guess'
complete -c keywright -n "__fish_keywright_using_subcommand init" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand init" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand init" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand init" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand init" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand init" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand list" -l kind -d 'Only issued or only provider keys' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l status -d 'Only keys with this status: active, expired, overlap, revoked, undelivered' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l permission -d 'Only issued keys with this very permission' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l role -d 'Only issued keys with this role' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l provider -d 'Only keys of this provider' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l tag -d 'Only keys with this tag' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l expiring -d 'Only keys that end within this time, such as 14d, or have ended' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l unused -d 'Only keys that were not used for this long, such as 30d, and are older than that' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand list" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand list" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand list" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand list" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand list" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand list" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand list" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand list" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l kind -d 'Only issued or only provider keys' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l status -d 'Only keys with this status: active, expired, overlap, revoked, undelivered' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l permission -d 'Only issued keys with this very permission' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l role -d 'Only issued keys with this role' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l provider -d 'Only keys of this provider' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l tag -d 'Only keys with this tag' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l expiring -d 'Only keys that end within this time, such as 14d, or have ended' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l unused -d 'Only keys that were not used for this long, such as 30d, and are older than that' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand ls" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand ls" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand ls" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand ls" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand man" -l dir -d 'Write all pages into this folder instead' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand man" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand man" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand man" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand man" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand man" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand man" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand man" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand man" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand man" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand man" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand man" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand man" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l kdf -d 'What one guess of the passphrase costs from now on: default 64 MiB, strong 256 MiB, paranoid 1 GiB of memory; as before unless given' -r -f -a "default\t''
paranoid\t''
strong\t''"
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l new-passphrase-file -d 'Read the new passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l new-passphrase-fd -d 'Read the new passphrase from the next line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l compromised -d 'Make new keys too, because somebody may have read the vault or its passphrase'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l allow-weak-passphrase -d 'Take a passphrase that is easy to guess'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand passphrase" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l default -d 'Take the default issued key of the project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -f -a "delete" -d 'Delete a role that no key has'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -f -a "rm" -d 'Delete a role that no key has'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -f -a "list" -d 'List roles, what they carry, and how many keys have them'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -f -a "ls" -d 'List roles, what they carry, and how many keys have them'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -f -a "set" -d 'Make a role, or change what it carries'
complete -c keywright -n "__fish_keywright_using_subcommand role; and not __fish_seen_subcommand_from delete rm list ls set show" -f -a "show" -d 'Show a role and the keys that have it'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l permission -d 'What it lets keys do: read, write, admin, an action of your own, or action:resource' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l context -d 'A pair that is handed to whoever verifies a key with this role' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand role; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l overlap -d 'Keep the previous token working for this long, such as 30m, 24h or 7d' -r
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l expires -d 'When the new token or value ends [default: the lifetime that the previous one was given]' -r
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l file -d 'Read the value from a file instead of standard input' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l default -d 'Take the default issued key of the project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l finish -d 'End the overlap of an earlier rotation now, and make no new token'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l exact -d 'Keep a final line end, which is dropped otherwise'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand search" -l kind -d 'Only issued or only provider keys' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l status -d 'Only keys with this status: active, expired, overlap, revoked, undelivered' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l permission -d 'Only issued keys with this very permission' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l role -d 'Only issued keys with this role' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l provider -d 'Only keys of this provider' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l tag -d 'Only keys with this tag' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l expiring -d 'Only keys that end within this time, such as 14d, or have ended' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l unused -d 'Only keys that were not used for this long, such as 30d, and are older than that' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand search" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand search" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand search" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand search" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand search" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand search" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand search" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand search" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand find" -l kind -d 'Only issued or only provider keys' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l status -d 'Only keys with this status: active, expired, overlap, revoked, undelivered' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l permission -d 'Only issued keys with this very permission' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l role -d 'Only issued keys with this role' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l provider -d 'Only keys of this provider' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l tag -d 'Only keys with this tag' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l expiring -d 'Only keys that end within this time, such as 14d, or have ended' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l unused -d 'Only keys that were not used for this long, such as 30d, and are older than that' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand find" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand find" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand find" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand find" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand find" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand find" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand find" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand find" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand find" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand set" -l provider -d 'Whose key it is' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l model -d 'A model that it is for' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l var -d 'The environment variable that programs expect it in' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l expires -d 'When it ends: 90d, 2027-01-31, an RFC 3339 time, or never' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l tag -d 'A word to find the key by' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l note -d 'Free text about the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l file -d 'Read the value from a file instead of standard input' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand set" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand set" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand set" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand set" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand set" -l exact -d 'Keep a final line end, which is dropped otherwise'
complete -c keywright -n "__fish_keywright_using_subcommand set" -l allow-weak-passphrase -d 'Where the vault is made first, take a passphrase that is easy to guess'
complete -c keywright -n "__fish_keywright_using_subcommand set" -s n -l dry-run -d 'Say what would happen, and change nothing'
complete -c keywright -n "__fish_keywright_using_subcommand set" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand set" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand set" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand set" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand set" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand show" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand show" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand show" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand show" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand show" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand show" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand show" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand show" -l default -d 'Take the default issued key of the project and environment'
complete -c keywright -n "__fish_keywright_using_subcommand show" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand show" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand show" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand show" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand show" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand status" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand status" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand status" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand status" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand status" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand status" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand status" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand status" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand status" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand status" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand status" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand status" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l unused -d 'Only keys that were not used for this long, such as 30d, and are older than that' -r
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand usage" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand usage" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand usage" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand usage" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand usage" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand usage" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l require -d 'A permission that the key has to have' -r
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l vault -d 'Vault file [default: vault.db in the config directory]' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand verify" -s p -l project -d 'Project of the key' -r
complete -c keywright -n "__fish_keywright_using_subcommand verify" -s e -l env -d 'Environment of the key: production, staging, development, or your own' -r
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l actor -d 'Who is recorded as the maker of a change [default: user@host]' -r
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l passphrase-file -d 'Read the passphrase from the first line of a file' -r -F
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l passphrase-fd -d 'Read the passphrase from the first line of an open file descriptor' -r
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l color -d 'When to use colour' -r -f -a "always\t''
auto\t'On a terminal, unless NO_COLOR is set'
never\t''"
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l batch -d 'Check a token a line, and answer each with a JSON object on a line'
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l no-record -d 'Do not record this use'
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l json -d 'Answer as one JSON document'
complete -c keywright -n "__fish_keywright_using_subcommand verify" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c keywright -n "__fish_keywright_using_subcommand verify" -s y -l yes -d 'Do not ask for confirmation'
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l no-input -d 'Never ask anything; fail where an answer is needed'
complete -c keywright -n "__fish_keywright_using_subcommand verify" -l accept-rollback -d 'Go on with a vault that is older than the one this machine has seen'
complete -c keywright -n "__fish_keywright_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
