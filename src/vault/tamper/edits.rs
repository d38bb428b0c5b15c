//! The table of structured edits, each in SQL, each with its twin.

use rusqlite::Connection;

use super::roles::role_hex;
use super::{Bench, Outcome, Who, bank, hex, shop, slot_hex};
use crate::checks;
use crate::key::{KeyKind, Scope};

/// One edit, and what it comes to.
///
/// Three letters for the passphrase, the recovery code and the access token: `A` altered (exit 7), `C` wrong credential
/// (exit 5), `N` not a vault, `F` newer format, `S` slice, `.` told the answers of the whole file, `o` told those of an older scope, which whole and alone is no edit to
/// who holds nothing but its key: their anchor notices it, and nothing in the file. In the twin, without
/// checks, `.` is told any answers: unnoticed; the other letters are refusals that no check of ours makes, and `why` says
/// who does.
struct Edit {
    name: &'static str,
    sql: &'static str,
    checked: &'static str,
    twin: &'static str,
    why: &'static str,
}

const fn edit(
    name: &'static str,
    checked: &'static str,
    twin: &'static str,
    why: &'static str,
    sql: &'static str,
) -> Edit {
    Edit {
        name,
        sql,
        checked,
        twin,
        why,
    }
}

const AEAD: &str = "the cipher refuses: what is sealed there was sealed under another key or nonce, or is no ciphertext";
const KDF: &str = "another key comes out of the passphrase";
const SHAPE: &str = "it is no row of this schema";
const LOOKUP: &str = "it is looked up by this, and not found";
const GAP: &str = "an entry that is not there cannot be read";

/// Names in braces are the ids in [`fill`]. `early`, `fork` and `other` are the bench's other files.
const EDITS: &[Edit] = &[
    // Records.
    edit("records swapped", "AAA", "...", "",
        "CREATE TEMP TABLE t AS SELECT * FROM record;
         UPDATE record SET (name_tag, revision, nonce, sealed) = (SELECT name_tag, revision, nonce, sealed FROM t WHERE key_id = {deploy}) WHERE key_id = {ci};
         UPDATE record SET (name_tag, revision, nonce, sealed) = (SELECT name_tag, revision, nonce, sealed FROM t WHERE key_id = {ci}) WHERE key_id = {deploy};"),
    edit("sealed parts of records swapped", "AAA", "...", "",
        "CREATE TEMP TABLE t AS SELECT * FROM record;
         UPDATE record SET (nonce, sealed) = (SELECT nonce, sealed FROM t WHERE key_id = {deploy}) WHERE key_id = {ci};
         UPDATE record SET (nonce, sealed) = (SELECT nonce, sealed FROM t WHERE key_id = {ci}) WHERE key_id = {deploy};"),
    edit("record dropped", "AAA", "...", "", "DELETE FROM record WHERE key_id = {ci}"),
    edit("record of another scope dropped", "AA.", "...", "", "DELETE FROM record WHERE scope_id = {bank}"),
    edit("all records dropped", "AAA", "...", "", "DELETE FROM record"),
    edit("own record dropped", "AA.", "...", "", "DELETE FROM record WHERE scope_id = {own}"),
    edit("record under a new id too", "AAA", "...", "",
        "INSERT INTO record SELECT scope_id, CAST('000000000000' AS BLOB), name_tag, revision, nonce, sealed FROM record WHERE key_id = {ci}"),
    edit("record under a new id instead", "AAA", "...", "",
        "UPDATE record SET key_id = CAST('zzzzzzzzzzzz' AS BLOB) WHERE key_id = {ci}"),
    edit("record under an id of no shape", "AAA", "AAA", SHAPE,
        "UPDATE record SET key_id = CAST('_-_-_-_-_-_-' AS BLOB) WHERE key_id = {ci}"),
    edit("record in another scope", "AAA", "AA.", AEAD, "UPDATE record SET scope_id = {bank} WHERE key_id = {ci}"),
    edit("record in another scope too", "AA.", "AA.", AEAD,
        "INSERT INTO record SELECT {bank}, key_id, name_tag, revision, nonce, sealed FROM record WHERE key_id = {ci}"),
    edit("record in the vault's own scope too", "AA.", "AA.", AEAD,
        "INSERT INTO record SELECT {own}, key_id, name_tag, revision, nonce, sealed FROM record WHERE key_id = {ci}"),
    edit("record in a scope that does not exist", "AAA", "...", "",
        "UPDATE record SET scope_id = {none} WHERE key_id = {ci}"),
    edit("record in a scope that does not exist too", "AA.", "...", "",
        "INSERT INTO record SELECT {none}, key_id, name_tag, revision, nonce, sealed FROM record WHERE key_id = {ci}"),
    edit("record of another vault", "AAA", "AAA", AEAD,
        "INSERT INTO record SELECT {shop}, key_id, name_tag, revision, nonce, sealed FROM other.record WHERE scope_id != {own}"),
    edit("record as it was", "AAA", "...", "", "REPLACE INTO record SELECT * FROM early.record WHERE key_id = {ci}"),
    edit("revoked record as it was", "AAA", "...", "", "REPLACE INTO record SELECT * FROM early.record WHERE key_id = {deploy}"),
    edit("value as it was", "AA.", "...", "", "REPLACE INTO record SELECT * FROM early.record WHERE key_id = {openai}"),
    edit("record of a fork", "AAA", "...", "", "REPLACE INTO record SELECT * FROM fork.record WHERE key_id = {ci}"),
    edit("record's name tag", "AAA", "...", "", "UPDATE record SET name_tag = randomblob(16) WHERE key_id = {ci}"),
    edit("record's name tag of another", "AAA", "...", "",
        "UPDATE record SET name_tag = (SELECT name_tag FROM record WHERE key_id = {deploy}) WHERE key_id = {ci}"),
    edit("record's revision raised", "AAA", "...", "", "UPDATE record SET revision = revision + 1 WHERE key_id = {ci}"),
    edit("record's revision lowered", "AAA", "...", "", "UPDATE record SET revision = -1 WHERE key_id = {ci}"),
    edit("record's nonce", "AAA", "AAA", AEAD, "UPDATE record SET nonce = randomblob(24) WHERE key_id = {ci}"),
    edit("record's first bytes", "AAA", "AAA", AEAD,
        "UPDATE record SET sealed = CAST(randomblob(16) || substr(sealed, 17) AS BLOB) WHERE key_id = {ci}"),
    edit("record's tag", "AAA", "AAA", AEAD,
        "UPDATE record SET sealed = CAST(substr(sealed, 1, length(sealed) - 16) || randomblob(16) AS BLOB) WHERE key_id = {ci}"),
    edit("record cut", "AAA", "AAA", AEAD, "UPDATE record SET sealed = substr(sealed, 1, length(sealed) - 1) WHERE key_id = {ci}"),
    edit("record longer", "AAA", "AAA", AEAD, "UPDATE record SET sealed = CAST(sealed || x'00' AS BLOB) WHERE key_id = {ci}"),
    edit("record cut in front", "AAA", "AAA", AEAD, "UPDATE record SET sealed = substr(sealed, 2) WHERE key_id = {ci}"),
    edit("record emptied", "AAA", "AAA", SHAPE, "UPDATE record SET sealed = x'' WHERE key_id = {ci}"),
    edit("record beyond all limits", "AAA", "AAA", SHAPE, "UPDATE record SET sealed = zeroblob(2000000) WHERE key_id = {ci}"),
    edit("record's nonce too short", "AAA", "AAA", SHAPE,
        "PRAGMA ignore_check_constraints = ON; UPDATE record SET nonce = x'00' WHERE key_id = {ci}"),
    // Roles, which are records of the vault's own scope, and keys as they were before their role was changed.
    edit("roles swapped", "AA.", "...", "",
        "CREATE TEMP TABLE t AS SELECT * FROM record WHERE scope_id = {own};
         UPDATE record SET (name_tag, revision, nonce, sealed) = (SELECT name_tag, revision, nonce, sealed FROM t WHERE key_id = {writer}) WHERE key_id = {reader};
         UPDATE record SET (name_tag, revision, nonce, sealed) = (SELECT name_tag, revision, nonce, sealed FROM t WHERE key_id = {reader}) WHERE key_id = {writer};"),
    edit("sealed parts of roles swapped", "AA.", "...", "",
        "CREATE TEMP TABLE t AS SELECT * FROM record WHERE scope_id = {own};
         UPDATE record SET (nonce, sealed) = (SELECT nonce, sealed FROM t WHERE key_id = {writer}) WHERE key_id = {reader};
         UPDATE record SET (nonce, sealed) = (SELECT nonce, sealed FROM t WHERE key_id = {reader}) WHERE key_id = {writer};"),
    edit("role in the place of another", "AA.", "...", "",
        "UPDATE record SET (nonce, sealed) = (SELECT nonce, sealed FROM record WHERE key_id = {writer}) WHERE key_id = {reader}"),
    edit("role dropped", "AA.", "...", "", "DELETE FROM record WHERE key_id = {reader}"),
    edit("role under a new id too", "AA.", "...", "",
        "INSERT INTO record SELECT scope_id, CAST('000000000000' AS BLOB), name_tag, revision, nonce, sealed FROM record WHERE key_id = {reader}"),
    edit("role as it was", "AA.", "...", "", "REPLACE INTO record SELECT * FROM early.record WHERE key_id = {reader}"),
    edit("role as it was, under its present revision", "AA.", "...", "",
        "UPDATE record SET (nonce, sealed) = (SELECT nonce, sealed FROM early.record WHERE key_id = {reader}) WHERE key_id = {reader}"),
    edit("role in the scope of its key", "AAA", "AAA", AEAD,
        "INSERT INTO record SELECT {shop}, key_id, name_tag, revision, nonce, sealed FROM record WHERE key_id = {reader}"),
    edit("key and its role as they were", "AAA", "...", "",
        "REPLACE INTO record SELECT * FROM early.record WHERE key_id IN ({ci}, {reader})"),
    edit("key, its role and its scope's head as they were", "AAA", "...", "",
        "REPLACE INTO record SELECT * FROM early.record WHERE key_id IN ({ci}, {reader});
         REPLACE INTO scope SELECT * FROM early.scope WHERE scope_id = {shop};"),
    edit("keys of a scope and their role as they were", "AAo", "...", "",
        "DELETE FROM record WHERE scope_id = {shop}; INSERT INTO record SELECT * FROM early.record WHERE scope_id = {shop};
         REPLACE INTO record SELECT * FROM early.record WHERE key_id = {reader};
         REPLACE INTO scope SELECT * FROM early.scope WHERE scope_id = {shop};"),
    edit("keys of a scope, their role and the header as they were", "AAo", "...", "",
        "DELETE FROM record WHERE scope_id = {shop}; INSERT INTO record SELECT * FROM early.record WHERE scope_id = {shop};
         DELETE FROM record WHERE scope_id = {own}; INSERT INTO record SELECT * FROM early.record WHERE scope_id = {own};
         REPLACE INTO scope SELECT * FROM early.scope WHERE scope_id = {shop};
         REPLACE INTO header SELECT * FROM early.header;"),
    // Slots.
    edit("passphrase slot dropped", "CA.", "C..", LOOKUP, "DELETE FROM slot WHERE slot_id = {pass}"),
    edit("recovery slot dropped", "AC.", ".C.", LOOKUP, "DELETE FROM slot WHERE slot_id = {code}"),
    edit("access slot dropped", "AAC", "..C", LOOKUP, "DELETE FROM slot WHERE slot_id = {access}"),
    edit("all slots dropped", "CCC", "CCC", LOOKUP, "DELETE FROM slot"),
    edit("slots swapped", "CC.", "...", "",
        "CREATE TEMP TABLE t AS SELECT * FROM slot;
         UPDATE slot SET slot_id = {none} WHERE slot_id = {pass};
         UPDATE slot SET slot_id = {pass} WHERE slot_id = {code};
         UPDATE slot SET slot_id = {code} WHERE slot_id = {none};"),
    edit("kinds of slots swapped", "CC.", "CC.", KDF,
        "UPDATE slot SET kind = 3 - kind WHERE kind IN (1, 2)"),
    edit("passphrase slot under a new id too", "CA.", "C..", "there is one at most, by the format",
        "INSERT INTO slot SELECT {none}, kind, scope_id, profile, salt, expires_at, commitment, nonce, sealed_key FROM slot WHERE slot_id = {pass}"),
    edit("access slot under a new id too", "AA.", "...", "",
        "INSERT INTO slot SELECT {none}, kind, scope_id, profile, salt, expires_at, commitment, nonce, sealed_key FROM slot WHERE slot_id = {access}"),
    edit("access slot under a new id instead", "AAC", "..C", LOOKUP, "UPDATE slot SET slot_id = {none} WHERE slot_id = {access}"),
    edit("passphrase slot under a new id instead", "CA.", "...", "", "UPDATE slot SET slot_id = {none} WHERE slot_id = {pass}"),
    edit("revoked access slot put back", "AA.", "...", "", "INSERT INTO slot SELECT * FROM early.slot WHERE slot_id = {revoked}"),
    edit("revoked access slot put back with its record", "AA.", "...", "",
        "INSERT INTO slot SELECT * FROM early.slot WHERE slot_id = {revoked};
         INSERT OR IGNORE INTO record SELECT * FROM early.record WHERE scope_id = {own};"),
    edit("slots as they were", "AA.", "...", "", "DELETE FROM slot; INSERT INTO slot SELECT * FROM early.slot"),
    edit("slot of another vault too", "CA.", "C..", "there is one at most, by the format",
        "INSERT INTO slot SELECT * FROM other.slot WHERE kind = 1"),
    edit("slot of another vault instead", "CA.", "C..", AEAD,
        "DELETE FROM slot WHERE kind = 1; INSERT INTO slot SELECT * FROM other.slot WHERE kind = 1"),
    edit("access slot of another vault", "AA.", "...", "", "INSERT INTO slot SELECT * FROM other.slot WHERE kind = 3"),
    edit("slots without end", "AAA", "...", "",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100)
         INSERT INTO slot SELECT CAST(x'ff' || randomblob(15) AS BLOB), 3, {shop}, 0, randomblob(32), 0, randomblob(32), randomblob(24), randomblob(48) FROM n"),
    edit("passphrase slot's kind", "CA.", "C..", LOOKUP, "UPDATE slot SET kind = 3 WHERE slot_id = {pass}"),
    edit("access slot's kind", "AAC", "..C", LOOKUP, "UPDATE slot SET kind = 9 WHERE slot_id = {access}"),
    edit("passphrase slot's scope", "CA.", "C..", LOOKUP, "UPDATE slot SET scope_id = {shop} WHERE slot_id = {pass}"),
    edit("access slot's scope", "AAC", "..A", AEAD, "UPDATE slot SET scope_id = {bank} WHERE slot_id = {access}"),
    edit("passphrase slot's profile, known", "CA.", "C..", KDF, "UPDATE slot SET profile = 1 WHERE slot_id = {pass}"),
    edit("passphrase slot's profile, unknown", "CA.", "C..", KDF, "UPDATE slot SET profile = 4 WHERE slot_id = {pass}"),
    edit("recovery slot's profile", "AC.", "...", "", "UPDATE slot SET profile = 1 WHERE slot_id = {code}"),
    edit("access slot's profile", "AAC", "...", "", "UPDATE slot SET profile = 250 WHERE slot_id = {access}"),
    edit("passphrase slot's salt", "CA.", "C..", KDF, "UPDATE slot SET salt = randomblob(32) WHERE slot_id = {pass}"),
    edit("recovery slot's salt", "AC.", "...", "", "UPDATE slot SET salt = randomblob(32) WHERE slot_id = {code}"),
    edit("access slot's salt", "AAC", "...", "", "UPDATE slot SET salt = randomblob(32) WHERE slot_id = {access}"),
    edit("passphrase slot's expiry", "CA.", "...", "", "UPDATE slot SET expires_at = 1 WHERE slot_id = {pass}"),
    edit("access slot's expiry", "AAC", "...", "", "UPDATE slot SET expires_at = 9000000000 WHERE slot_id = {access}"),
    edit("passphrase slot's commitment", "CA.", "...", "", "UPDATE slot SET commitment = randomblob(32) WHERE slot_id = {pass}"),
    edit("access slot's commitment", "AAC", "...", "", "UPDATE slot SET commitment = randomblob(32) WHERE slot_id = {access}"),
    edit("passphrase slot's nonce", "CA.", "C..", AEAD, "UPDATE slot SET nonce = randomblob(24) WHERE slot_id = {pass}"),
    edit("access slot's nonce", "AAC", "..C", AEAD, "UPDATE slot SET nonce = randomblob(24) WHERE slot_id = {access}"),
    edit("passphrase slot's body", "CA.", "C..", AEAD, "UPDATE slot SET sealed_key = randomblob(48) WHERE slot_id = {pass}"),
    edit("access slot's body", "AAC", "..C", AEAD, "UPDATE slot SET sealed_key = randomblob(48) WHERE slot_id = {access}"),
    edit("slot's body too short", "AAA", "AAA", SHAPE,
        "PRAGMA ignore_check_constraints = ON; UPDATE slot SET salt = x'00' WHERE slot_id = {access}"),
    // Scopes and their heads.
    edit("scope dropped", "AAC", "..C", LOOKUP, "DELETE FROM scope WHERE scope_id = {shop}"),
    edit("scope dropped with its records", "AA.", "...", "",
        "DELETE FROM scope WHERE scope_id = {bank}; DELETE FROM record WHERE scope_id = {bank}"),
    edit("all scopes dropped", "AAC", "..C", LOOKUP, "DELETE FROM scope"),
    edit("scopes swapped", "AAC", "AAA", AEAD,
        "UPDATE scope SET scope_id = {none} WHERE scope_id = {shop};
         UPDATE scope SET scope_id = {shop} WHERE scope_id = {bank};
         UPDATE scope SET scope_id = {bank} WHERE scope_id = {none};"),
    edit("heads of scopes swapped", "AAA", "AAA", AEAD,
        "CREATE TEMP TABLE t AS SELECT * FROM scope;
         UPDATE scope SET (head_nonce, head) = (SELECT head_nonce, head FROM t WHERE scope_id = {bank}) WHERE scope_id = {shop};
         UPDATE scope SET (head_nonce, head) = (SELECT head_nonce, head FROM t WHERE scope_id = {shop}) WHERE scope_id = {bank};"),
    edit("scope under a new id too", "AA.", "...", "",
        "INSERT INTO scope SELECT {none}, key_id, nonce, sealed, head_nonce, head FROM scope WHERE scope_id = {shop}"),
    edit("scope and records under a new id too", "AA.", "...", "",
        "INSERT INTO scope SELECT {none}, key_id, nonce, sealed, head_nonce, head FROM scope WHERE scope_id = {shop};
         INSERT INTO record SELECT {none}, key_id, name_tag, revision, nonce, sealed FROM record WHERE scope_id = {shop};"),
    edit("scope under the own scope's id", "AA.", "AA.", AEAD,
        "INSERT INTO scope SELECT {own}, key_id, nonce, sealed, head_nonce, head FROM scope WHERE scope_id = {shop}"),
    edit("scope of another vault", "AA.", "AA.", AEAD, "INSERT INTO scope SELECT * FROM other.scope"),
    edit("scope as it was", "AAA", "...", "", "REPLACE INTO scope SELECT * FROM early.scope WHERE scope_id = {shop}"),
    edit("head of a scope as it was", "AAA", "...", "",
        "UPDATE scope SET (head_nonce, head) = (SELECT head_nonce, head FROM early.scope WHERE scope_id = {shop}) WHERE scope_id = {shop}"),
    edit("scope of a fork", "AAA", "...", "", "REPLACE INTO scope SELECT * FROM fork.scope WHERE scope_id = {shop}"),
    edit("re-keyed scope and records as they were", "AA.", "...", "",
        "REPLACE INTO scope SELECT * FROM early.scope WHERE scope_id = {bank};
         DELETE FROM record WHERE scope_id = {bank};
         INSERT INTO record SELECT * FROM early.record WHERE scope_id = {bank};"),
    edit("values and their scope as they were", "AA.", "...", "",
        "REPLACE INTO scope SELECT * FROM early.scope WHERE scope_id = {values};
         DELETE FROM record WHERE scope_id = {values};
         INSERT INTO record SELECT * FROM early.record WHERE scope_id = {values};"),
    edit("scope's key id", "AAC", "...", "", "UPDATE scope SET key_id = randomblob(16) WHERE scope_id = {shop}"),
    edit("scope's nonce", "AA.", "AA.", AEAD, "UPDATE scope SET nonce = randomblob(24) WHERE scope_id = {shop}"),
    edit("scope's body", "AA.", "AA.", AEAD,
        "UPDATE scope SET sealed = CAST(randomblob(16) || substr(sealed, 17) AS BLOB) WHERE scope_id = {shop}"),
    edit("scope's body emptied", "AA.", "AA.", AEAD, "UPDATE scope SET sealed = x'' WHERE scope_id = {shop}"),
    edit("scope's body of another", "AA.", "AA.", AEAD,
        "UPDATE scope SET (nonce, sealed) = (SELECT nonce, sealed FROM scope WHERE scope_id = {bank}) WHERE scope_id = {shop}"),
    edit("scope head's nonce", "AAA", "AAA", AEAD, "UPDATE scope SET head_nonce = randomblob(24) WHERE scope_id = {shop}"),
    edit("scope head's body", "AAA", "AAA", AEAD,
        "UPDATE scope SET head = CAST(randomblob(16) || substr(head, 17) AS BLOB) WHERE scope_id = {shop}"),
    edit("scope head emptied", "AAA", "AAA", AEAD, "UPDATE scope SET head = x'' WHERE scope_id = {shop}"),
    // The header and the vault's head.
    edit("header dropped", "AAA", "AAA", SHAPE, "DELETE FROM header"),
    edit("header twice", "AAA", "AAA", SHAPE,
        "PRAGMA ignore_check_constraints = ON; INSERT INTO header SELECT 2, vault_id, key_id, head_nonce, head FROM header"),
    edit("header's number", "AAA", "...", "", "PRAGMA ignore_check_constraints = ON; UPDATE header SET id = 2"),
    edit("header's vault id", "CCC", "CCC", "every key comes out another", "UPDATE header SET vault_id = randomblob(16)"),
    edit("header's key id", "CC.", "...", "", "UPDATE header SET key_id = randomblob(16)"),
    edit("head's nonce", "AA.", "AA.", AEAD, "UPDATE header SET head_nonce = randomblob(24)"),
    edit("head's body", "AA.", "AA.", AEAD, "UPDATE header SET head = CAST(randomblob(16) || substr(head, 17) AS BLOB)"),
    edit("head cut", "AA.", "AA.", AEAD, "UPDATE header SET head = substr(head, 1, 15)"),
    edit("head emptied, as in a slice", "SS.", "SS.", "a slice has no head, by the format", "UPDATE header SET head = x''"),
    edit("head of a scope as the vault's", "AA.", "AA.", AEAD,
        "UPDATE header SET (head_nonce, head) = (SELECT head_nonce, head FROM scope WHERE scope_id = {shop})"),
    edit("header as it was", "AA.", "...", "", "REPLACE INTO header SELECT * FROM early.header"),
    edit("header of a fork", "AA.", "...", "", "REPLACE INTO header SELECT * FROM fork.header"),
    edit("header of another vault", "CCC", "CCC", "every key comes out another", "REPLACE INTO header SELECT * FROM other.header"),
    edit("head of another vault", "AA.", "AA.", AEAD,
        "UPDATE header SET (head_nonce, head) = (SELECT head_nonce, head FROM other.header)"),
    // The log.
    edit("log: first dropped", "AA.", "AA.", GAP, "DELETE FROM log WHERE seq = 1"),
    edit("log: one in the middle dropped", "AA.", "AA.", GAP, "DELETE FROM log WHERE seq = 5"),
    edit("log: last dropped", "AA.", "AA.", GAP, "DELETE FROM log WHERE seq = {last}"),
    edit("log emptied", "AA.", "AA.", GAP, "DELETE FROM log"),
    edit("log: last twice", "AA.", "...", "", "INSERT INTO log SELECT seq + 1, nonce, sealed FROM log WHERE seq = {last}"),
    edit("log: first twice", "AA.", "...", "", "INSERT INTO log SELECT 0, nonce, sealed FROM log WHERE seq = 1"),
    edit("log: one before the first", "AA.", "AA.", "no entry has such a number", "INSERT INTO log SELECT -1, nonce, sealed FROM log WHERE seq = 1"),
    edit("log: two in the middle swapped", "AA.", "...", "",
        "UPDATE log SET seq = 100000 WHERE seq = 4; UPDATE log SET seq = 4 WHERE seq = 5; UPDATE log SET seq = 5 WHERE seq = 100000"),
    edit("log: one in the middle dropped, later ones renumbered", "AA.", "AA.", GAP,
        "DELETE FROM log WHERE seq = 5; UPDATE log SET seq = -seq WHERE seq > 5; UPDATE log SET seq = -seq - 1 WHERE seq < 0"),
    edit("log: one in the middle dropped, later ones renumbered, the last in its place", "AA.", "...", "",
        "DELETE FROM log WHERE seq = 5; UPDATE log SET seq = -seq WHERE seq > 5; UPDATE log SET seq = -seq - 1 WHERE seq < 0;
         INSERT INTO log SELECT {last}, nonce, sealed FROM log WHERE seq = {last} - 1;"),
    edit("log: one in the middle twice, later ones but the last renumbered", "AA.", "...", "",
        "DELETE FROM log WHERE seq = {last} - 1; UPDATE log SET seq = -seq WHERE seq > 5 AND seq < {last};
         UPDATE log SET seq = -seq + 1 WHERE seq < 0; INSERT INTO log SELECT 6, nonce, sealed FROM log WHERE seq = 5;"),
    edit("log: last two swapped", "AA.", "...", "",
        "UPDATE log SET seq = 100000 WHERE seq = {last}; UPDATE log SET seq = {last} WHERE seq = {last} - 1; UPDATE log SET seq = {last} - 1 WHERE seq = 100000"),
    edit("log: one in the place of another", "AA.", "...", "",
        "UPDATE log SET (nonce, sealed) = (SELECT nonce, sealed FROM log WHERE seq = 3) WHERE seq = 4"),
    edit("log of a fork", "AA.", "AA.", GAP, "DELETE FROM log; INSERT INTO log SELECT * FROM fork.log"),
    edit("log: one of a fork", "AA.", "...", "",
        "REPLACE INTO log SELECT * FROM fork.log WHERE seq = (SELECT max(seq) FROM fork.log)"),
    edit("log of another vault", "AA.", "AA.", AEAD, "REPLACE INTO log SELECT * FROM other.log WHERE seq = 3"),
    edit("log as it was", "AA.", "AA.", GAP, "DELETE FROM log; INSERT INTO log SELECT * FROM early.log"),
    edit("log: nonce in the middle", "AA.", "AA.", AEAD, "UPDATE log SET nonce = randomblob(24) WHERE seq = 5"),
    edit("log: last's nonce", "AA.", "AA.", AEAD, "UPDATE log SET nonce = randomblob(24) WHERE seq = {last}"),
    edit("log: body in the middle", "AA.", "AA.", AEAD, "UPDATE log SET sealed = CAST(randomblob(16) || substr(sealed, 17) AS BLOB) WHERE seq = 5"),
    edit("log: last's body", "AA.", "AA.", AEAD, "UPDATE log SET sealed = randomblob(144) WHERE seq = {last}"),
    // Several at once: all that an older file has, but for one part.
    edit("all but the header as it was", "AAo", "AA.", GAP,
        "DELETE FROM slot; INSERT INTO slot SELECT * FROM early.slot;
         DELETE FROM scope; INSERT INTO scope SELECT * FROM early.scope;
         DELETE FROM record; INSERT INTO record SELECT * FROM early.record;
         DELETE FROM log; INSERT INTO log SELECT * FROM early.log;"),
    edit("records, scopes and slots as they were", "AAo", "...", "",
        "DELETE FROM slot; INSERT INTO slot SELECT * FROM early.slot;
         DELETE FROM scope; INSERT INTO scope SELECT * FROM early.scope;
         DELETE FROM record; INSERT INTO record SELECT * FROM early.record;"),
    edit("records and scopes as they were", "AAo", "...", "",
        "DELETE FROM scope; INSERT INTO scope SELECT * FROM early.scope;
         DELETE FROM record; INSERT INTO record SELECT * FROM early.record;"),
    edit("all records as they were", "AAA", "AA.", AEAD,
        "DELETE FROM record; INSERT INTO record SELECT * FROM early.record;"),
    edit("all but the records as it was", "AAA", "AA.", AEAD,
        "REPLACE INTO header SELECT * FROM early.header;
         DELETE FROM slot; INSERT INTO slot SELECT * FROM early.slot;
         DELETE FROM scope; INSERT INTO scope SELECT * FROM early.scope;
         DELETE FROM log; INSERT INTO log SELECT * FROM early.log;"),
    edit("all but the slots as it was", "AAo", "...", "",
        "REPLACE INTO header SELECT * FROM early.header;
         DELETE FROM scope; INSERT INTO scope SELECT * FROM early.scope;
         DELETE FROM record; INSERT INTO record SELECT * FROM early.record;
         DELETE FROM log; INSERT INTO log SELECT * FROM early.log;"),
    edit("all but the log as it was", "AAo", "...", "",
        "REPLACE INTO header SELECT * FROM early.header;
         DELETE FROM slot; INSERT INTO slot SELECT * FROM early.slot;
         DELETE FROM scope; INSERT INTO scope SELECT * FROM early.scope;
         DELETE FROM record; INSERT INTO record SELECT * FROM early.record;"),
    // The schema and the file's own numbers.
    edit("trigger added", "AAA", "...", "", "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM slot; END"),
    edit("view added", "AAA", "...", "", "CREATE VIEW v AS SELECT * FROM record"),
    edit("index added", "AAA", "...", "", "CREATE INDEX i ON record (name_tag)"),
    edit("table added", "AAA", "...", "", "CREATE TABLE t (x)"),
    edit("statistics added", "AAA", "...", "", "ANALYZE"),
    edit("column added", "AAA", "...", "", "ALTER TABLE record ADD COLUMN extra INTEGER"),
    edit("column added to the header", "AAA", "...", "", "ALTER TABLE header ADD COLUMN extra BLOB"),
    edit("column renamed", "AAA", "AAA", SHAPE, "ALTER TABLE record RENAME COLUMN revision TO version"),
    edit("table renamed", "AAA", "AA.", SHAPE, "ALTER TABLE log RENAME TO journal"),
    edit("table replaced by a view", "AAA", "...", "",
        "ALTER TABLE slot RENAME TO hidden; CREATE VIEW slot AS SELECT * FROM hidden"),
    edit("table dropped", "AAA", "AA.", SHAPE, "DROP TABLE log"),
    edit("table's text", "AAA", "...", "",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (length(nonce) = 24)', '')"),
    edit("schema that cannot be parsed", "AAA", "AAA", "SQLite refuses",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'log'"),
    edit("format raised", "FFF", "...", "", "PRAGMA user_version = 2"),
    edit("format lowered", "AAA", "...", "", "PRAGMA user_version = 0"),
    edit("format negative", "AAA", "...", "", "PRAGMA user_version = -1"),
    edit("application id", "NNN", "...", "", "PRAGMA application_id = 0"),
    edit("journal of another kind", "AAA", "...", "", "PRAGMA journal_mode = WAL"),
];

#[test]
fn every_edit_is_refused() {
    let bench = Bench::new();
    compare(&bench, |edit| edit.checked);
}

#[test]
fn without_checks_the_same_edits_go_unnoticed() {
    checks::off(|| {
        let bench = Bench::new();
        compare(&bench, |edit| edit.twin);
    });
    let without: Vec<_> = EDITS
        .iter()
        .filter(|edit| edit.twin == edit.checked && edit.why.is_empty())
        .map(|edit| edit.name)
        .collect();
    assert!(without.is_empty(), "no twin and no reason: {without:?}");
}

/// Makes every edit on a fresh copy and collects what is not as the table says.
fn compare(bench: &Bench, column: fn(&Edit) -> &'static str) {
    let names = names(bench);
    let mut wrong = Vec::new();
    for edit in EDITS {
        let path = bench.copy();
        make(bench, &path, &fill(edit.sql, &names));
        let mut letters = String::new();
        for who in Who::ALL {
            let answers = bench.read(&path, who);
            let is = |expected| answers.as_ref().is_ok_and(|answers| answers == expected);
            letters.push(match Outcome::of(&answers) {
                // A twin may be told anything.
                Outcome::Told if is(bench.expected(who)) || !checks::on() => '.',
                Outcome::Told if is(&bench.older) => 'o',
                Outcome::Told => '!',
                Outcome::Altered => 'A',
                Outcome::Credential => 'C',
                Outcome::Newer => 'F',
                Outcome::NotAVault => 'N',
                Outcome::Slice => 'S',
            });
        }
        if letters != column(edit) {
            wrong.push(format!("{}: {letters}, not {}", edit.name, column(edit)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn make(bench: &Bench, path: &std::path::Path, sql: &str) {
    for leftover in ["-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(leftover);
        let _ = std::fs::remove_file(name);
    }
    let connection = Connection::open(path).expect("a database");
    for other in ["early", "fork", "other"] {
        let file = bench.path(&format!("{other}.db"));
        connection
            .execute(
                &format!("ATTACH ?1 AS {other}"),
                [file.to_str().expect("UTF-8")],
            )
            .expect("attached");
    }
    let outcome = connection.execute_batch(sql);
    assert!(outcome.is_ok(), "{sql}: {outcome:?}");
}

/// The ids that edits name.
fn names(bench: &Bench) -> Vec<(&'static str, String)> {
    let path = bench.path("vault.db");
    let credential = super::Credential::Passphrase(&bench.passphrase);
    let mut vault =
        super::Vault::open(&super::location(&path), &credential, super::NOW).expect("whole");
    let mut key = |text: &str, scope: &Scope| {
        let reference = text.parse().expect("a name");
        let wanted = super::Wanted::Named(&reference);
        vault.find(wanted, scope, true).expect("found")
    };
    let (ci, deploy) = (key("ci", &shop()), key("deploy", &shop()));
    let (openai, elsewhere) = (key("openai", &shop()), key("ci", &bank()));
    assert_eq!(openai.kind(), KeyKind::Provider);
    let slots = Connection::open(&path).expect("a database");
    let slot_of = |kind: i64| -> String {
        let sql = "SELECT slot_id FROM slot WHERE kind = ?1";
        let id: Vec<u8> = slots
            .query_row(sql, [kind], |row| row.get(0))
            .expect("one of each");
        hex(&id)
    };
    let last: i64 = slots
        .query_row("SELECT max(seq) FROM log", [], |row| row.get(0))
        .expect("a log");
    vec![
        ("{access}", slot_hex(bench.access.slot())),
        ("{bank}", hex(&elsewhere.scope_id.0)),
        ("{ci}", hex(ci.id.as_bytes())),
        ("{code}", slot_of(2)),
        ("{deploy}", hex(deploy.id.as_bytes())),
        ("{last}", last.to_string()),
        ("{none}", hex(&[0x77; 16])),
        ("{openai}", hex(openai.id.as_bytes())),
        ("{own}", hex(&[0; 16])),
        ("{pass}", slot_of(1)),
        ("{revoked}", slot_hex(bench.revoked.slot())),
        ("{reader}", role_hex(&vault, "reader")),
        ("{writer}", role_hex(&vault, "writer")),
        ("{shop}", hex(&ci.scope_id.0)),
        ("{values}", hex(&openai.scope_id.0)),
    ]
}

fn fill(sql: &str, names: &[(&str, String)]) -> String {
    names
        .iter()
        .fold(sql.to_owned(), |sql, (name, id)| sql.replace(name, id))
}
