//! Rows as they are in the file.

use rusqlite::Row;

use crate::key::{KeyId, ScopeId, Sealed, SlotId, VaultId};

/// The one row of `header`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderRow {
    pub vault: VaultId,
    pub key_id: [u8; 16],
    /// Empty in a slice.
    pub head: Sealed,
}

/// A row of `slot`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SlotRow {
    pub id: SlotId,
    /// By the number of its kind: passphrase, recovery code, access token.
    pub kind: u64,
    /// The vault's own but for an access token.
    pub scope: ScopeId,
    /// By the number of its key derivation profile; 0 where nothing is stretched.
    pub profile: u64,
    pub salt: [u8; 32],
    /// Seconds since 1970-01-01, UTC; 0 for never.
    pub expires_at: u64,
    pub commitment: [u8; 32],
    pub sealed_key: Sealed,
}

/// A row of `scope`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScopeRow {
    pub id: ScopeId,
    pub key_id: [u8; 16],
    pub sealed: Sealed,
    pub head: Sealed,
}

/// A row of `record`, borrowed from the page it stands in.
#[derive(Clone, Copy, Debug)]
pub struct RecordRow<'a> {
    pub key_id: KeyId,
    pub name_tag: [u8; 16],
    pub revision: u64,
    pub nonce: [u8; Sealed::NONCE],
    pub sealed: &'a [u8],
}

pub(super) fn record<'a>(row: &'a Row<'_>) -> rusqlite::Result<RecordRow<'a>> {
    let id = row.get_ref(0)?.as_blob()?;
    let key_id = KeyId::try_from(id).map_err(|err| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, err.into())
    })?;
    Ok(RecordRow {
        key_id,
        name_tag: row.get(1)?,
        revision: unsigned(row, 2)?,
        nonce: row.get(3)?,
        sealed: row.get_ref(4)?.as_blob()?,
    })
}

/// Heads, scopes and slots are a few hundred bytes. What is longer was never sealed here, and is not copied.
pub(super) fn small_blob(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    const LIMIT: usize = 4096;
    let blob = row.get_ref(column)?.as_blob()?;
    if blob.len() > LIMIT {
        return Err(rusqlite::Error::IntegralValueOutOfRange(
            column,
            LIMIT as i64,
        ));
    }
    Ok(blob.to_vec())
}

/// SQLite's integers are signed; ours are bit patterns, so that no value of a hostile file is an overflow.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}
