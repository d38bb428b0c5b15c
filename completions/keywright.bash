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
        files) compopt -o bashdefault -o default 2>/dev/null ;;
        open) compopt -o nospace 2>/dev/null ;;
    esac
}

complete -o nosort -F _keywright keywright 2>/dev/null || complete -F _keywright keywright
