//! The fields of every JSON document, for the manual. A test finds each field that a command prints in it.

/// Name and meaning, in groups of one document each.
pub(super) const JSON_FIELDS: &[(&str, &[(&str, &str)])] = &[
    (
        "Every document",
        &[
            (
                "schema",
                "1; raised when a field changes its meaning or goes",
            ),
            (
                "keys, key, usage",
                "the answer: a list of keys, one key, or the usage of keys",
            ),
            (
                "outcome",
                "of a change: created, updated, edited, rotated, imported, conflict, unchanged, finished, revoked, deleted, changed, rekeyed, made, replaced, refreshed, restored, unlocked or locked",
            ),
            (
                "dry_run",
                "whether nothing was changed because of --dry-run",
            ),
            (
                "token",
                "of create, rotate and access create: the new token, this once",
            ),
            (
                "handed_over",
                "of create, rotate, get and access create: file, program or clipboard, and then there is no token or value; null where it is printed",
            ),
            (
                "value, value_base64",
                "of get: the value as text, or in base64 where it is not UTF-8",
            ),
        ],
    ),
    (
        "A key",
        &[
            (
                "name, key_id",
                "its name, and its public id, which stays the same for life",
            ),
            ("kind", "issued or provider"),
            ("display", "the masked token or value"),
            ("project, environment", "where it is"),
            ("status", "active, expired, overlap, revoked or undelivered"),
            (
                "default",
                "whether it is the default of its project and environment",
            ),
            ("pending", "whether a token was made and never shown"),
            (
                "permissions, context, brand",
                "of an issued key, with what its roles add; else null",
            ),
            (
                "roles, own_permissions, own_context",
                "its roles, and what the key has beside them; null for a provider key",
            ),
            (
                "rate",
                "most requests that each `serve` lets through, such as 100/m; null without a limit",
            ),
            (
                "providers, models, variable",
                "of a provider key, else null",
            ),
            ("tags, note", "as they were given"),
            ("created_at, created_by", "when, and by whom"),
            (
                "expires_at",
                "when the present token or value ends; null for never",
            ),
            ("revoked_at, revoked_by", "when and by whom, or null"),
            ("last_used_at, requests, refused", "uses in its whole life"),
            ("generation", "the number of the present token or value"),
            (
                "previous_valid_until",
                "the end of an overlap; also of rotate's own answer",
            ),
            (
                "generations",
                "each with number, state, created_at, created_by, delivered_at, expires_at, superseded_at",
            ),
            (
                "number, state",
                "of a generation; the state is current, overlap, rotated, expired or undelivered",
            ),
            (
                "delivered_at, superseded_at",
                "when it was shown, and when its successor ends it; or null",
            ),
            (
                "requests, refused, last_used_at",
                "also of a generation, in show and in usage of one key: its uses as far as counts are kept",
            ),
            (
                "requests_since_rotation",
                "there, too: uses since its successor was made, at least (counts are by the day); null without one",
            ),
        ],
    ),
    (
        "access",
        &[
            (
                "access_tokens, access_token",
                "the answer: all of them, or the one that was made or revoked",
            ),
            ("name", "what it is called"),
            (
                "project, environment, kind",
                "the scope that it opens, and nothing else",
            ),
            ("status", "active or expired"),
            ("created_at, created_by", "when, and by whom"),
            ("expires_at", "when it ends; null for never"),
            (
                "last_used_at",
                "its newest use among the newest 50,000 that the activity file here has; or null",
            ),
        ],
    ),
    (
        "audit, a document a line",
        &[
            ("at", "when"),
            (
                "source",
                "log for a change of the vault, use for a recorded use of a key",
            ),
            (
                "index, operation",
                "of a change: its number in the log, and its random id; else null",
            ),
            ("verb", "what was done"),
            ("code", "of a use: the answer; null for a change"),
            ("actor", "by whom"),
            (
                "project, environment, kind, key_id",
                "of the key; null for what is about the vault itself",
            ),
            ("name", "what the key is called now, or was last"),
            ("generation", "which token or value, where one is meant"),
            (
                "detail",
                "the fields that were edited, the program that got a value, the access token that was used or that it is about, \
                 the role; or null",
            ),
            (
                "request",
                "of a verification over HTTP: method, path (without query), client and id, each or null; else null",
            ),
            (
                "method, path, client, id",
                "of a request: what was asked, from which address, and what it is called in the caller's logs",
            ),
            (
                "times",
                "how many alike there were in that second: the same key, answer and request, with the id of the first; null for \
                 a change",
            ),
        ],
    ),
    (
        "check",
        &[
            (
                "project, environment, file",
                "where the keys are looked for, and the keywright.toml that lists them",
            ),
            (
                "ok",
                "false, and exit code 9, when a required key is not ready or a variable's name is refused",
            ),
            (
                "variables",
                "what the project needs, each with variable, key, required, status, expires_at and key_id",
            ),
            ("variable, key", "its name, and the name of its key"),
            ("required", "whether nothing may start without it"),
            (
                "status, expires_at, key_id",
                "ready, missing, revoked, expired, expires_soon, issued_key or refused_name; the key's end and id, or null",
            ),
        ],
    ),
    (
        "doctor",
        &[
            ("vault", "the vault file"),
            (
                "opened",
                "whether the vault was opened and looked through; else only what is around it was, and the error says why",
            ),
            ("ok", "whether nothing was found"),
            (
                "findings",
                "each with check, severity, message, mend, path, and of a key or access token with project, environment, kind, name, key_id; or null",
            ),
            (
                "check, severity",
                "what was looked at, one of the words that --ignore takes; problem or advice",
            ),
            (
                "message, mend",
                "what was found, and what mends it: a command, or words",
            ),
            ("path", "the file or folder that it is about"),
            (
                "examined",
                "of --deep: keys, settings (roles and access tokens), changes and uses, how many of each were checked; else null",
            ),
            ("settings, uses", "of examined: how many"),
        ],
    ),
    (
        "edit",
        &[
            (
                "changes",
                "what is different, each with field, before and after",
            ),
            (
                "field, before, after",
                "name, permissions, roles, context, rate, brand, providers, models, variable, expires, tags, note or \
                 default; as text, or null for nothing",
            ),
        ],
    ),
    (
        "env",
        &[
            (
                "variables",
                "what would be printed without --json, by variable, each with variable, key_id and expires_at",
            ),
            (
                "key, masked",
                "the name of the key that the variable gets its value from, and the value with all but its ends hidden",
            ),
        ],
    ),
    (
        "role",
        &[
            (
                "roles, role",
                "all roles, or one: name, permissions, context",
            ),
            (
                "key_count, keys",
                "how many keys have it, and which: name, key_id, project, environment",
            ),
        ],
    ),
    (
        "export",
        &[
            (
                "exported_at, roles, keys",
                "when, all roles, and the keys; what a key's kind does not have is left out",
            ),
            ("present_since", "when the present token or value was made"),
        ],
    ),
    (
        "import",
        &[
            (
                "issued_keys, provider_keys, new_roles",
                "how many were imported",
            ),
            ("unchanged", "how many values were there already"),
            ("empty", "names without a value, which were left out"),
            (
                "literal",
                "variables in whose values a `$` was taken literally",
            ),
            (
                "first_line_only",
                "entries of a pass store that have more lines than was imported",
            ),
            ("source_deleted", "whether --delete-source deleted it"),
            (
                "keys",
                "with --dry-run each of them, and as its outcome new, unchanged or conflict; else null",
            ),
        ],
    ),
    (
        "verify",
        &[
            (
                "valid, code",
                "the answer, and its reason: valid, missing, malformed, unknown, undelivered, revoked, expired, \
              rotated, wrong_environment, wrong_project or insufficient_permission",
            ),
            (
                "key_id, name",
                "whose token it is, once it was recognised; else null",
            ),
            (
                "display, project, environment, permissions, roles, context, created_by, expires_at, generation",
                "of the key \
              and the presented token; only when it is valid",
            ),
            ("superseded", "a newer token is out; only when it is valid"),
            ("checked_at", "when; only when it is valid"),
        ],
    ),
    (
        "usage",
        &[
            (
                "days, since, until",
                "how many days (UTC) are counted, the first and the last of them",
            ),
            ("by", "what a bin is for: day, week or month"),
            (
                "key, requests, refused",
                "a key, and its uses in these days",
            ),
            (
                "wrong_secret, last_wrong_secret_at",
                "attempts in these days with the key's id and a wrong secret, also among the refused; and the last",
            ),
            (
                "bins",
                "those with uses, oldest first: first_day, last_day, requests, refused, wrong_secret",
            ),
            (
                "first_day, last_day",
                "of a bin; weeks begin on Monday, and the last bin ends today",
            ),
            ("counts", "each with date, code, generation and count"),
            (
                "date, count",
                "the day (UTC), and how many uses had this answer",
            ),
            (
                "sources",
                "of one key, else null: who used it in the newest 300 events, with actor, requests, refused, wrong_secret, last_at",
            ),
            (
                "clients, paths",
                "likewise of the requests over HTTP among them, the 5 with most requests each: from which client, for which path",
            ),
            (
                "client, path",
                "the address that requests came from; what they asked for, without query",
            ),
            (
                "events",
                "of one key, else null: the newest 300, newest first, with at, verb, code, generation, actor, times",
            ),
            (
                "actor, verb, at, last_at",
                "who it was, what was done (verify, get or export), when, and when for the last time",
            ),
            (
                "without_key",
                "attempts with no key's id: requests, last_at, counts; null for one key and under a filter",
            ),
        ],
    ),
    (
        "init and status",
        &[
            (
                "vault, vault_id, exists",
                "the vault file, its id or null, and whether it is there",
            ),
            (
                "recovery_code",
                "of init --recovery-code: the code, this once",
            ),
            (
                "file, variable_count, left_out",
                "of init --project-file: the file, how many variables are in it, and names of keys that are not",
            ),
            (
                "scopes, records, changes",
                "what everybody can see of it; null without a vault",
            ),
            (
                "slice",
                "of status: whether it is a slice of that vault; null without a vault",
            ),
            (
                "opened_by",
                "the option or variable, or `the agent` or `the terminal`, that would open it for reading; null where nothing would",
            ),
            (
                "slots",
                "the ways to open it: kind, kdf_memory_mib, kdf_passes, expires_at",
            ),
            (
                "kdf_memory_mib, kdf_passes",
                "what one guess of a passphrase costs",
            ),
            (
                "agent",
                "of status: state, idle_seconds_left, seconds_left, pid, version, reason; null what does not apply",
            ),
            (
                "state, reason",
                "of the agent: none, locked, unlocked, other_vault (it has another vault's key), outdated (a key from before a \
                 re-keying) or unusable, and why it is that",
            ),
            (
                "idle_seconds_left, seconds_left",
                "until the agent locks without use, and in any case",
            ),
            (
                "pid, version",
                "the agent's process, and its keywright's version",
            ),
            (
                "config, state",
                "the settings file, and the folder of usage and anchors",
            ),
            (
                "project, environment",
                "of status: null where keywright.toml is wrong",
            ),
        ],
    ),
    (
        "backup and restore",
        &[
            ("file", "the file of the copy"),
            ("keys, bytes", "how many keys are in it, and its size"),
            (
                "slice",
                "of a slice, else null: scopes, each with project, environment and kind, and access_tokens",
            ),
            (
                "access_tokens",
                "names of the access tokens that open a scope of the slice",
            ),
            (
                "changes, last_changed_at",
                "of restore: entries of the log, and when the last before the restore was made",
            ),
            (
                "instead_of",
                "what it replaces: the same vault, another vault or damaged; null where nothing was there",
            ),
            ("kept", "where that is kept, or null"),
        ],
    ),
    (
        "passphrase",
        &[
            (
                "kdf_memory_mib, kdf_passes",
                "what one guess of the passphrase costs from now on",
            ),
            (
                "dropped_access_tokens, dropped_recovery_code",
                "of --compromised: names of the access tokens that are gone, and whether a recovery code is",
            ),
            (
                "recovery_code, replaced",
                "of --add-recovery-code: the code, this once, and whether it took another one's place",
            ),
        ],
    ),
    (
        "lock",
        &[
            ("vault", "the vault whose agent it was; null with --all"),
            ("agents", "of --all: how many agents had a key; else null"),
        ],
    ),
    (
        "unlock",
        &[(
            "idle_seconds, max_seconds",
            "after how long the agent locks without use, and in any case",
        )],
    ),
    (
        "An error, on standard error",
        &[
            ("error", "with kind, exit_code, message, causes and hint"),
            (
                "kind, exit_code",
                "what went wrong, as a word and as the exit status",
            ),
            (
                "message, causes, hint",
                "the sentence, what led to it, and what helps or null",
            ),
        ],
    ),
];
