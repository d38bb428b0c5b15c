//! The commands that are disturbed.

use crate::rig::NEW_PASSPHRASE;

/// Of a backup or a slice, in the home folder.
pub(crate) const COPY: &str = "copy.db";

pub(crate) const NEW_VALUE: &str = "sk-new-0123456789";

/// A role, an issued key that has it, and a provider key with the new value.
const IMPORTED: &str = r#"{"schema":1,"exported_at":"2026-01-01T00:00:00Z",
"roles":[{"name":"imported","permissions":["write"],"context":{},"created_at":"2026-01-01T00:00:00Z","created_by":"tester"}],
"keys":[
{"kind":"issued","name":"fresh","key_id":"000000000001","project":"default","environment":"development","default":false,
 "brand":"kwt","permissions":["read"],"roles":["imported"],"context":{},"tags":[],"note":null,
 "created_at":"2026-01-01T00:00:00Z","created_by":"tester","present_since":"2026-01-01T00:00:00Z",
 "expires_at":null,"revoked_at":null,"revoked_by":null},
{"kind":"provider","name":"fresh value","key_id":"000000000002","project":"default","environment":"development","default":false,
 "providers":[],"models":[],"tags":[],"note":null,
 "created_at":"2026-01-01T00:00:00Z","created_by":"tester","present_since":"2026-01-01T00:00:00Z",
 "expires_at":null,"revoked_at":null,"revoked_by":null,"value":"sk-new-0123456789"}
]}"#;

/// A command that changes something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Deed {
    Backup,
    Create,
    Delete,
    Edit,
    Import,
    Init,
    Passphrase,
    /// Of a slice, in its place.
    Refresh,
    Rekey,
    Replace,
    /// Of a backup that has a key which was deleted since.
    Restore,
    Revoke,
    /// On a role that keys have.
    RoleSet,
    Rotate,
    Set,
}

impl Deed {
    pub(crate) const ALL: [Self; 15] = [
        Self::Backup,
        Self::Create,
        Self::Delete,
        Self::Edit,
        Self::Import,
        Self::Init,
        Self::Passphrase,
        Self::Refresh,
        Self::Rekey,
        Self::Replace,
        Self::Restore,
        Self::Revoke,
        Self::RoleSet,
        Self::Rotate,
        Self::Set,
    ];

    pub(crate) fn args(self) -> &'static [&'static str] {
        match self {
            Self::Backup => &["backup", COPY],
            Self::Create => &["create", "fresh"],
            Self::Delete => &["delete", "target", "--yes"],
            Self::Edit => &[
                "edit",
                "target",
                "--permission",
                "write",
                "--tag",
                "changed",
                "--note",
                "changed",
                "--default",
            ],
            Self::Import => &["import", "--format", "json"],
            Self::Init => &["init", "--kdf", "test"],
            Self::Passphrase => &["passphrase", "--new-passphrase-fd", "0"],
            Self::Refresh => &[
                "backup",
                "--scope",
                "default/development",
                "--refresh",
                COPY,
            ],
            Self::Rekey => &[
                "passphrase",
                "--new-passphrase-fd",
                "0",
                "--compromised",
                "--yes",
            ],
            Self::Replace => &["set", "provider", "--yes"],
            Self::Restore => &["restore", COPY, "--yes"],
            Self::Revoke => &["revoke", "target", "--yes"],
            Self::RoleSet => &["role", "set", "billing", "--permission", "write", "--yes"],
            Self::Rotate => &["rotate", "target", "--yes"],
            Self::Set => &["set", "fresh"],
        }
    }

    pub(crate) fn input(self) -> &'static str {
        match self {
            Self::Import => IMPORTED,
            Self::Passphrase | Self::Rekey => NEW_PASSPHRASE,
            Self::Replace | Self::Set => NEW_VALUE,
            _ => "",
        }
    }

    /// Whether its answer is a token.
    pub(crate) fn prints_token(self) -> bool {
        matches!(self, Self::Create | Self::Rotate)
    }

    pub(crate) fn changes_passphrase(self) -> bool {
        matches!(self, Self::Passphrase | Self::Rekey)
    }
}
