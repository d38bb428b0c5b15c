//! Cryptography of the vault, format 1: pure functions over bytes, no clock, no files, nothing of our own invention.
//!
//! # The format, byte by byte
//!
//! This page is the reference. Integers are little-endian and fixed width; `‖` joins; `u64(x)` is eight bytes.
//!
//! | notation | bytes |
//! |---|---|
//! | `lp(x)` | `u32(len(x)) ‖ x` |
//! | `aad(object, f₁, f₂ …)` | `"KWV1" ‖ u8(object) ‖ vault_id[16] ‖ lp(f₁) ‖ lp(f₂) …`, a number being `u64` |
//! | `derive(key, label, context, n)` | HKDF-SHA-256 (RFC 5869), salt `vault_id`, ikm `key`, info `"keywright/v1/" ‖ label ‖ 0x00 ‖ context`, `n` bytes |
//! | `seal(key, aad, p)` | XChaCha20-Poly1305 under a random 24-byte nonce kept beside it; ciphertext ‖ 16-byte tag |
//! | `pad(p)` | `p ‖ 0x80 ‖ 0x00…` up to a multiple of 64 |
//! | `tail(x)` | the last 16 bytes of a sealed blob, which are its tag |
//!
//! Suite, fixed by the format's number: XChaCha20-Poly1305, HKDF-SHA-256, HMAC-SHA-256, SHA-256, Argon2id v1.3.
//!
//! ## Keys
//!
//! | key | made by |
//! |---|---|
//! | vault key VK, scope key SK, activity key AK | 32 random bytes each; the vault's own scope (id all zero) has SK = VK and no AK |
//! | key id of VK or SK | `derive(key, "key-id", "", 16)` |
//! | `head`, `rows`, `record`, `name`, `log`, `scope`, `anchor` | `derive(VK or SK, label, "", 32)` |
//! | slot: wrapping key ‖ commitment | `derive(input, "slot", slot_id[16] ‖ u64(kind) ‖ scope_id[16] ‖ u64(profile) ‖ salt[32] ‖ u64(expires_at) ‖ key_id[16], 64)` |
//! | slot input, kind 1 | Argon2id(passphrase in NFC, salt, profile), 32 bytes |
//! | slot input, kind 2, 3 | the 20 random bytes of a recovery code; the 32 of an access token (profile 0); their texts are described in `crypto/access.rs` |
//!
//! ## Sealed objects
//!
//! | object | key | associated data after the object's number | plaintext |
//! |---|---|---|---|
//! | 1 vault head | `head` of VK | VK's key id | `pad(u64(sequence) ‖ rows_mac[32] ‖ u64(log_length) ‖ log_hash[32])` |
//! | 2 slot | wrapping key | slot_id, kind, scope_id, profile, salt, expires_at, key id of the wrapped key, commitment | the wrapped key, 32 bytes, not padded |
//! | 3 scope | `scope` of VK | scope_id, VK's key id, SK's key id | `pad(lp(JSON of the scope) ‖ lp(SK) ‖ lp(AK))` |
//! | 4 scope head | `head` of SK | scope_id, SK's key id | `pad(lp(JSON of the head) ‖ lp(rows_mac) ‖ lp(AK))` |
//! | 5 record | `record` of SK | scope_id, SK's key id, key_id[12], name_tag, revision | `pad(lp(JSON of the key) ‖ lp(secret₁) ‖ lp(secret₂) …)`, one secret a generation |
//! | 6 log entry | `log` of VK | index, hash of the previous entry (zero for the first) | `pad(lp(JSON of the entry))` |
//! | 8 activity event | AK | scope_id, key_id[12], sequence (1 to 2^53), time | `pad(lp(JSON of the event))` |
//!
//! The secret of a generation is the 32-byte digest of an issued token, or the value of a provider key. Records of the own
//! scope are named `slot/…` (an access token, with its 32 bytes as the one secret) and `role/…`. An unknown JSON field, or
//! bytes after the last part, means "written by a newer keywright".
//!
//! ## JSON
//!
//! A time is in seconds since 1970-01-01 UTC. A field with `?` may be null, one with `*` is left out where there is nothing to
//! tell; what is in parentheses tells of the field before.
//!
//! | object | fields |
//! |---|---|
//! | scope | `project`, `environment`, `kind` (`issued`, `provider`), `created_at` |
//! | scope head | `project`, `environment`, `kind`, `sequence`, `rows`, `default?` (the key id of the default key) |
//! | key | `name`, `created_at`, `created_by`, `revoked?`, `tags`, `note?`, `generations` (oldest first), `details` (`{"issued": …}`, `{"provider": …}`) |
//! | … revoked | `at`, `by` |
//! | … generation | `number` (from 1), `created_at`, `created_by`, `delivered_at?`, `expires_at?`, `superseded_at?` |
//! | … issued | `brand`, `permissions`, `context` (an object of texts), `roles` (copies, by name), `rate` (such as `100/m`; left out without one) |
//! | … provider | `providers`, `models`, `variable?`, `masked` (the present value with all but its ends hidden) |
//! | role | `name`, `permissions`, `context` |
//! | own record | `name`, `body` (`{"role": …}`, `{"slot": …}`) |
//! | … body role | `role`, `created_at`, `created_by` |
//! | … body slot | `name`, `created_at`, `created_by` |
//! | log entry | `operation` (32 hexadecimal digits), `at`, `actor`, `verb`, `scope?`, `kind?`, `key_id?`, `name?`, `generation?`, `detail?` |
//! | … its scope | `project`, `environment` |
//! | … its verb | `access-create`, `access-revoke`, `create`, `delete`, `deliver`, `edit`, `finish`, `import`, `init`, `passphrase`, `recovery-code`, `rekey`, `restore`, `revoke`, `role-delete`, `role-set`, `rotate`, `set`, `undo` |
//! | event | `verb`, `code`, `generation` (0 when no digest matched), `actor`, `program?`, `access?` (the slot id of the access token that opened the scope), `request*` (of a verification over HTTP), `times*` (how many alike there were in that second, where there were several) |
//! | … request | `method*` (up to 16 bytes), `path*` (256, without query and fragment), `client*` (64), `id*` (64; all in visible ASCII, with `…` in the place of a secret) |
//! | … a use's verb | `env`, `export`, `get`, `run`, `verify` |
//! | … a use's code | `env`, `expired`, `export`, `get`, `insufficient_permission`, `rate_limited`, `revoked`, `rotated`, `run`, `undelivered`, `valid`, `wrong_environment`, `wrong_project`, `wrong_secret` |
//!
//! ## Authenticated, not encrypted
//!
//! | what | how |
//! |---|---|
//! | `name_tag` | first 16 bytes of HMAC-SHA-256(`name` of SK, name in NFC) |
//! | rows of a scope | HMAC(`rows` of SK, `lp(u64(count))`, then for each record in key_id order `lp(key_id) ‖ lp(name_tag) ‖ lp(u64(revision)) ‖ lp(nonce) ‖ lp(tail(sealed))`) |
//! | rows of the vault | HMAC(`rows` of VK, the slots, the scopes, the own scope's records; each list begins with `lp(u64(count))`) |
//! | … a slot, in slot_id order | `lp(slot_id) ‖ lp(u64(kind)) ‖ lp(scope_id) ‖ lp(u64(profile)) ‖ lp(salt) ‖ lp(u64(expires_at)) ‖ lp(commitment) ‖ lp(nonce) ‖ lp(tail(sealed_key))` |
//! | … a scope, in scope_id order | `lp(scope_id) ‖ lp(key_id) ‖ lp(nonce) ‖ lp(tail(sealed)) ‖ lp(head_nonce) ‖ lp(tail(head))` |
//! | hash of a log entry | SHA-256(`aad(6, index) ‖ lp(nonce) ‖ lp(sealed)`) |
//! | hash of a head | SHA-256(`lp(head_nonce) ‖ lp(head)`) |
//! | 7 anchor file | `"KWA1" ‖ u64(sequence) ‖ head_hash[32] ‖ u64(log_length) ‖ log_hash[32] ‖ key_id[16] ‖ retired ‖ HMAC(anchor of VK or SK, aad(7, file path, sequence, head_hash, log_length, log_hash, key_id, retired))[32]`; key_id is that of VK or SK, retired those of up to 32 keys that it has replaced, 16 bytes each |
//! | digest of a token | SHA-256(`"keywright/v1/digest" ‖ vault_id ‖ token`) |
//!
//! ## Where the construction had a choice
//!
//! * A head's sequence number is inside its sealed body and so not in its associated data: a reader cannot know it before.
//! * A slot row carries no key id of its own. What it wraps is named by the row it points at: the header's key id for the
//!   vault key, the scope's for a scope key; those are what its commitment and its associated data bind.
//! * The hash of a log entry does not take the previous hash in, so that an anchored entry can be checked without reading
//!   the log from its start; the chain is in the associated data, which the entry's tag binds.
//! * The default key of an issued scope stands in the scope's head, so that there is at most one by construction and
//!   finding it opens no records.
//! * A slice has an empty head in its header; who holds the vault key refuses it as a vault.

mod access;
mod encoding;
mod fingerprint;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod kdf;
mod keys;
mod lines;
mod oddity;
mod rows;
mod seal;
mod secret;
mod slot;
mod text;
mod token;

pub use self::access::{
    access_token_parts, access_token_text, recovery_code_input, recovery_code_text,
};
pub use self::encoding::{Aad, Malformed, Object, Parts, PartsWriter, push_part};
pub use self::fingerprint::Fingerprint;
pub use self::kdf::Profile;
pub use self::keys::{Label, RandomError, RootKey, SubKey, random};
pub use self::lines::SecretLines;
pub use self::oddity::Oddity;
pub use self::rows::{RowsMac, sha256_parts};
pub use self::seal::{Altered, Opened, TAG_LEN, open, seal};
pub use self::secret::{
    PASSPHRASE_LIMIT, Passphrase, PassphraseError, Secret, SecretSlice, SecretValue, VALUE_LIMIT,
    ValueError,
};
pub use self::slot::{SlotBinding, SlotInput, SlotKind, unwrap_key, wrap_key};
pub(crate) use self::text::{base64, json_string};
pub use self::token::{
    CREDENTIAL_LIMIT, Digest, NoToken, Presented, TOKEN_LIMIT, Token, looks_issued, mint_key_id,
};
