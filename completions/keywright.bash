# Completion for keywright in bash 4 and later.

_keywright() {
    local answer="" line
    COMPREPLY=()
    # What was typed goes through a pipe, because arguments can be seen by other users; and to the program on the PATH,
    # because nobody has run a `./keywright` yet that is only being typed.
    while IFS= read -r line; do
        if [[ -z $answer ]]; then
            answer=$line
        else
            COMPREPLY+=("$line")
        fi
    done < <(
        printf '%s\0' "${COMP_TYPE-}" "${COMP_LINE:0:COMP_POINT}" "$2" |
            command keywright complete bash 2>/dev/null
    )
    case $answer in
        commands)
            while IFS= read -r line; do
                COMPREPLY+=("$line")
            done < <(compgen -c -- "$2" | sort -u)
            ;;
        command\ *) _keywright_command "${answer#command }" "$2" ;;
        files) compopt -o bashdefault -o default 2>/dev/null ;;
        open) compopt -o nospace 2>/dev/null ;;
    esac
}

# Completes a command that begins after so many words: words as blanks separate them, of which bash makes several where
# they have a `=` or `:`.
_keywright_command() {
    local rest=$COMP_LINE blanks at left=$1
    for ((at = 0; at <= COMP_CWORD; at++)); do
        blanks=${rest%%[![:space:]]*}
        [[ $at -gt 0 && -n $blanks ]] && ((left--))
        ((left > 0)) || break
        rest=${rest#"$blanks"}
        rest=${rest#"${COMP_WORDS[at]}"}
    done
    if ((at == COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$2")
        compopt +o nosort 2>/dev/null
        # A path is quoted by bash.
        [[ $2 == */* ]] && compopt -o filenames 2>/dev/null
    elif ((at < COMP_CWORD)); then
        if declare -F _comp_command_offset >/dev/null; then
            _comp_command_offset "$at"
            return
        elif declare -F _command_offset >/dev/null; then
            _command_offset "$at"
            return
        fi
    fi
    compopt -o bashdefault -o default 2>/dev/null
}

complete -o nosort -F _keywright keywright 2>/dev/null || complete -F _keywright keywright
