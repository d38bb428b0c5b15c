#compdef keywright
# Completion for keywright in zsh.

_keywright() {
    local answer line braced current="$IPREFIX$PREFIX"
    local -a typed lines values shown described
    local -i width=0
    # Zsh takes a brace out of the word and puts it back: what is typed then is no name.
    [[ $words[CURRENT] == *\{* && $words[CURRENT] != "$QIPREFIX$current$SUFFIX$ISUFFIX$QISUFFIX" ]] && braced=yes
    # Quotes that are still open are closed, for only then are they taken off.
    current="$QIPREFIX$current$compstate[quote]"
    typed=("${(@Q)words[1,CURRENT-1]}" "${(Q)current}")
    # What was typed goes through a pipe, because arguments can be seen by other users; and to the program on the PATH,
    # because nobody has run a `./keywright` yet that is only being typed.
    lines=("${(@f)$(
        printf '%s\0' "${typed[@]}" | command keywright complete zsh 2>/dev/null
    )}")
    answer="$lines[1]"
    shift lines
    if [[ $answer == command\ * ]]; then
        # What follows is completed as if it stood alone.
        shift ${answer#command } words
        (( CURRENT -= ${answer#command } ))
        _normal
        return
    fi
    [[ -n $braced ]] && return 1
    if [[ $answer == commands ]]; then
        _command_names -e
        return
    fi
    if [[ $answer == files ]]; then
        _files
        return
    fi
    for line in "${lines[@]}"; do
        values+=("${line%%$'\t'*}")
        described+=("${line#*$'\t'}")
        (( ${(m)#values[-1]} > width )) && width=${(m)#values[-1]}
    done
    (( $#values )) || return 1
    for (( line = 1; line <= $#values; line++ )); do
        if [[ -n $described[line] ]]; then
            shown+=("${(mr:width:)values[line]} -- $described[line]")
        else
            shown+=("$values[line]")
        fi
    done
    local -a options=(-l -V keywright -d shown)
    [[ $answer == open ]] && options+=(-S '')
    compadd "${options[@]}" -a -- values
}

if [[ $funcstack[1] == _keywright ]]; then
    _keywright "$@"
else
    compdef _keywright keywright
fi
