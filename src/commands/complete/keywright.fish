# Completion for keywright in fish 3 and later.

function __keywright_complete
    set -l typed (commandline -opc)
    # Before the command there can be variables for it alone.
    while string match -qr '^\w+=' -- $typed[1]
        set -e typed[1]
    end
    set -q typed[1]; or return
    # What was typed goes through a pipe, because arguments can be seen by other users; and to the program on the PATH,
    # because nobody has run a `./keywright` yet that is only being typed.
    set -l current (commandline -ct)
    set -l lines (printf '%s\0' $typed "$current" | command keywright complete fish 2>/dev/null)
    set -q lines[1]; or return
    if test "$lines[1]" = commands
        complete -C "$current"
    else if string match -q 'command *' -- $lines[1]
        # What follows is completed as if it stood alone.
        set -e typed[1..(string replace 'command ' '' -- $lines[1])]
        set -q typed[1]; and set typed (string escape -- $typed)
        complete -C (string join -- ' ' $typed "$current")
    else if test "$lines[1]" = files
        # As for a command that fish knows nothing of: the shell's own files, and `~`.
        complete -C "'' $current"
    else
        printf '%s\n' $lines[2..-1]
    end
end

complete -c keywright -f -k -a '(__keywright_complete)'
