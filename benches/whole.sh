#!/usr/bin/env bash
# Whole commands of keywright beside what one would use instead, in turns and on the same machine.
#
#   benches/whole.sh [KEYWRIGHT [SIZE…]]
#
# measures target/release/keywright, in stores of 10 and 1,000 keys, beside whichever of pass, gopass, age and keepassxc-cli is
# installed, and prints medians and ratios to keywright. Nothing outside a temporary folder is read or written. What unlocks a store is
# unlocked before: keywright has an access token (for `add` its agent), gpg an agent and a key without a passphrase, age an
# identity without one, KeePassXC a key file alone, whose key derivation takes 0.1 s, the least that it can be asked for. `run`
# hands one value to a program, for keywright as a keywright.toml says.
set -euo pipefail

keywright=$(realpath "${1:-target/release/keywright}")
shift || true
sizes=("${@:-}")
[ -n "${sizes[0]}" ] || sizes=(10 1000)
turns=${TURNS:-21}

folder=$(mktemp -d)
trap 'clean_up' EXIT
clean_up() {
    "$keywright" lock >/dev/null 2>&1 || true
    gpgconf --kill all >/dev/null 2>&1 || true
    rm -rf "$folder"
}

true=$(type -P true)
has() { type -P "$1" >/dev/null; }

# Everything that a tool may look for is in the folder of its size.
enter() {
    home=$folder/$1
    mkdir -p "$home"
    export HOME=$home XDG_CONFIG_HOME=$home/.config XDG_DATA_HOME=$home/.local/share XDG_STATE_HOME=$home/.local/state
    export XDG_RUNTIME_DIR=$home/run GNUPGHOME=$home/gnupg PASSWORD_STORE_DIR=$home/pass
    mkdir -p "$XDG_RUNTIME_DIR" "$GNUPGHOME"
    chmod 700 "$XDG_RUNTIME_DIR" "$GNUPGHOME"
    unset "${!KEYWRIGHT_@}"
    cd "$home"
}

name() { printf 'SERVICE_%05d' "$1"; }
value() { printf 'sk-%s-%05d' Zt0q8xw2Lm5v7Rk3Np9c "$1"; }

# For each tool: how a store of a size is filled, and what is measured of it. A tool without one of these is left out there.

fill_keywright() {
    printf 'correct horse battery staple\n' >passphrase
    for ((i = 0; i < $1; i++)); do echo "$(name "$i")=$(value "$i")"; done >values.env
    KEYWRIGHT_PASSPHRASE_FILE=passphrase "$keywright" import values.env
    KEYWRIGHT_PASSPHRASE_FILE=passphrase "$keywright" access create bench --kind provider --expires never --out access.token
    KEYWRIGHT_PASSPHRASE_FILE=passphrase "$keywright" unlock
    printf '[env]\nSECRET = "%s"\n' "$(name 3)" >keywright.toml
}
get_keywright() { KEYWRIGHT_ACCESS_TOKEN_FILE=access.token "$keywright" get "$(name 3)"; }
list_keywright() { KEYWRIGHT_ACCESS_TOKEN_FILE=access.token "$keywright" list; }
run_keywright() { KEYWRIGHT_ACCESS_TOKEN_FILE=access.token "$keywright" run -- "$true"; }
add_keywright() { "$keywright" set "added_$1" <<<"$(value "$1")"; }

fill_pass() {
    gpg --batch --quiet --passphrase '' --quick-generate-key bench default default never
    pass init bench
    for ((i = 0; i < $1; i++)); do
        value "$i" | gpg --batch --quiet --encrypt --recipient bench --output "pass/$(name "$i").gpg"
    done
}
get_pass() { pass show "$(name 3)"; }
list_pass() { pass ls; }
run_pass() { SECRET=$(pass show "$(name 3)") "$true"; }
add_pass() { pass insert --echo "added_$1" <<<"$(value "$1")"; }

# Another program for the same store.
fill_gopass() { fill_pass "$1"; }
get_gopass() { gopass show "$(name 3)"; }
list_gopass() { gopass ls; }
run_gopass() { SECRET=$(gopass show "$(name 3)") "$true"; }

# The whole store is one encrypted dotenv file, in which names are no secret among its readers.
fill_age() {
    age-keygen --output identity
    age-keygen -y identity >recipient
    for ((i = 0; i < $1; i++)); do echo "$(name "$i")=$(value "$i")"; done | age --encrypt -R recipient -o store.age
}
get_age() { age --decrypt -i identity store.age | sed -n "s/^$(name 3)=//p"; }
list_age() { age --decrypt -i identity store.age | cut -d= -f1; }
run_age() { SECRET=$(get_age) "$true"; }
add_age() {
    { age --decrypt -i identity store.age && echo "added_$1=$(value "$1")"; } | age --encrypt -R recipient -o new.age
    mv new.age store.age
}

keepassxc() {
    local command=$1
    shift
    keepassxc-cli "$command" --quiet --no-password --key-file key store.kdbx "$@"
}
fill_keepassxc() {
    {
        echo '<KeePassFile><Root><Group><Name>Root</Name>'
        for ((i = 0; i < $1; i++)); do
            echo "<Entry><String><Key>Title</Key><Value>$(name "$i")</Value></String>" \
                "<String><Key>Password</Key><Value>$(value "$i")</Value></String></Entry>"
        done
        echo '</Group></Root></KeePassFile>'
    } >store.xml
    keepassxc-cli import --quiet --set-key-file key --decryption-time 100 store.xml store.kdbx
}
get_keepassxc() { keepassxc show --attributes Password "$(name 3)"; }
list_keepassxc() { keepassxc ls; }
run_keepassxc() { SECRET=$(get_keepassxc) "$true"; }
add_keepassxc() {
    keepassxc-cli add --quiet --no-password --key-file key --password-prompt store.kdbx "added_$1" <<<"$(value "$1")"
}

tools=(keywright)
for tool in pass gopass age; do
    if has "$tool"; then tools+=("$tool"); else echo "$tool is missing, and left out"; fi
done
if has keepassxc-cli; then tools+=(keepassxc); else echo "keepassxc-cli is missing, and left out"; fi

# The microseconds that a command takes, and what it says if it fails.
time_of() {
    local before=$EPOCHREALTIME
    if ! "$@" >"$folder/said" 2>&1; then
        echo "$* failed in $PWD:" >&2
        cat "$folder/said" >&2
        exit 1
    fi
    local after=$EPOCHREALTIME
    took=$((${after/./} - ${before/./}))
}

median() { sort -n "$1" | sed -n "$((turns / 2 + 1))p"; }

printf 'medians of %s turns, each tool once in a turn; `true` is what any program takes to start\n' "$turns"
for size in "${sizes[@]}"; do
    for tool in "${tools[@]}"; do
        enter "$size-$tool"
        time_of "fill_$tool" "$size"
        # What is measured gives what was put in.
        case $("get_$tool") in
        *"$(value 3)"*) ;;
        *) echo "$tool gives another value" >&2 && exit 1 ;;
        esac
    done
    printf '\n| %s keys |' "$size" && printf ' %s |' true "${tools[@]}" && printf '\n|---|' && printf -- '---|%.0s' true "${tools[@]}"
    for what in get list run add; do
        for ((turn = 0; turn < turns; turn++)); do
            time_of "$true"
            echo "$took" >>"$folder/$size-$what-true"
            for tool in "${tools[@]}"; do
                if ! declare -F "${what}_$tool" >/dev/null; then continue; fi
                enter "$size-$tool"
                time_of "${what}_$tool" "$turn"
                echo "$took" >>"$folder/$size-$what-$tool"
            done
        done
        own=$(median "$folder/$size-$what-keywright")
        printf '\n| %s |' "$what"
        for tool in true "${tools[@]}"; do
            file=$folder/$size-$what-$tool
            if [ ! -e "$file" ]; then
                printf ' – |'
            else
                awk -v it="$(median "$file")" -v own="$own" 'BEGIN { printf " %.1f ms (%.1f ×) |", it / 1000, it / own }'
            fi
        done
    done
    echo
done
