//! The tables of format 1.

/// "KWV1".
pub(super) const APPLICATION_ID: i64 = 0x4B57_5631;
pub(super) const FORMAT: i64 = 1;

/// Compared with what the file says, text by text: a trigger, a view, an index or a column more is an edit.
pub(super) const SCHEMA: [(&str, &str); 5] = [
    (
        "header",
        "CREATE TABLE header (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    vault_id   BLOB NOT NULL CHECK (length(vault_id) = 16),
    key_id     BLOB NOT NULL CHECK (length(key_id) = 16),
    head_nonce BLOB NOT NULL CHECK (length(head_nonce) = 24),
    head       BLOB NOT NULL
) STRICT",
    ),
    (
        "slot",
        "CREATE TABLE slot (
    slot_id    BLOB NOT NULL PRIMARY KEY CHECK (length(slot_id) = 16),
    kind       INTEGER NOT NULL,
    scope_id   BLOB NOT NULL CHECK (length(scope_id) = 16),
    profile    INTEGER NOT NULL,
    salt       BLOB NOT NULL CHECK (length(salt) = 32),
    expires_at INTEGER NOT NULL,
    commitment BLOB NOT NULL CHECK (length(commitment) = 32),
    nonce      BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed_key BLOB NOT NULL CHECK (length(sealed_key) = 48)
) STRICT, WITHOUT ROWID",
    ),
    (
        "scope",
        "CREATE TABLE scope (
    scope_id   BLOB NOT NULL PRIMARY KEY CHECK (length(scope_id) = 16),
    key_id     BLOB NOT NULL CHECK (length(key_id) = 16),
    nonce      BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed     BLOB NOT NULL,
    head_nonce BLOB NOT NULL CHECK (length(head_nonce) = 24),
    head       BLOB NOT NULL
) STRICT, WITHOUT ROWID",
    ),
    (
        "record",
        "CREATE TABLE record (
    scope_id BLOB NOT NULL CHECK (length(scope_id) = 16),
    key_id   BLOB NOT NULL CHECK (length(key_id) = 12),
    name_tag BLOB NOT NULL CHECK (length(name_tag) = 16),
    revision INTEGER NOT NULL,
    nonce    BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed   BLOB NOT NULL,
    PRIMARY KEY (scope_id, key_id)
) STRICT, WITHOUT ROWID",
    ),
    (
        "log",
        "CREATE TABLE log (
    seq    INTEGER PRIMARY KEY,
    nonce  BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed BLOB NOT NULL
) STRICT",
    ),
];
