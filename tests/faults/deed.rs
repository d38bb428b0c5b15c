//! The commands that are disturbed.

use crate::rig::NEW_PASSPHRASE;

/// The recovery code that a vault is recovered with, in the home folder.
pub(crate) const CODE: &str = "code";

/// Of a backup or a slice, in the home folder.
pub(crate) const COPY: &str = "copy.db";

/// What is imported and deleted then, in the home folder.
pub(crate) const SOURCE: &str = "source.env";

/// The values of [`SOURCE`], and the names that they get.
pub(crate) const SOURCE_TEXT: &str = "FRESH_ONE=sk-new-0123456789\nFRESH_TWO=sk-two-0123456789\n";
pub(crate) const SOURCE_VALUES: [(&str, &str); 2] =
    [("FRESH_ONE", NEW_VALUE), ("FRESH_TWO", "sk-two-0123456789")];

/// Where a token goes that is not printed, in the home folder.
pub(crate) const TOKEN: &str = "token";

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

/// A command that changes something. Those that are much like another one have no short form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Deed {
    AccessCreate,
    /// Of one that another one opens the same scope beside.
    AccessRevoke,
    Backup,
    Create,
    /// With the token in a file.
    CreateOut,
    Delete,
    Edit,
    /// Of an overlap: the old token ends before its time.
    Finish,
    /// Where there is no vault yet.
    FirstCreate,
    FirstSet,
    Import,
    /// With the source deleted.
    ImportSource,
    Init,
    InitCode,
    /// A recovery code in the place of another.
    NewCode,
    Passphrase,
    /// A new passphrase by the recovery code.
    Recover,
    /// Of a slice, in its place.
    Refresh,
    Rekey,
    Replace,
    /// Of a backup that has a key which was deleted since.
    Restore,
    Revoke,
    /// Of a role that no key has.
    RoleDelete,
    /// On a role that keys have.
    RoleSet,
    Rotate,
    /// With the token in a file.
    RotateOut,
    /// Of a provider's key.
    RotateValue,
    Set,
}

impl Deed {
    pub(crate) fn args(self) -> &'static [&'static str] {
        match self {
            Self::AccessCreate => &["access", "create", "fresh", "--kind", "provider"],
            Self::AccessRevoke => &["access", "revoke", "job", "--yes"],
            Self::Backup => &["backup", COPY],
            Self::Create | Self::FirstCreate => &["create", "fresh"],
            Self::CreateOut => &["create", "fresh", "--out", TOKEN],
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
            Self::Finish => &["rotate", "target", "--finish", "--yes"],
            Self::FirstSet | Self::Set => &["set", "fresh"],
            Self::Import => &["import", "--format", "json"],
            Self::ImportSource => &["import", SOURCE, "--delete-source", "--yes"],
            Self::Init => &["init", "--kdf", "test"],
            Self::InitCode => &["init", "--kdf", "test", "--recovery-code"],
            Self::NewCode => &["passphrase", "--add-recovery-code", "--yes"],
            Self::Passphrase => &["passphrase", "--new-passphrase-fd", "0"],
            Self::Recover => &[
                "passphrase",
                "--recover",
                "--recovery-code-file",
                CODE,
                "--new-passphrase-fd",
                "0",
            ],
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
            Self::RoleDelete => &["role", "delete", "idle", "--yes"],
            Self::RoleSet => &["role", "set", "billing", "--permission", "write", "--yes"],
            Self::Rotate => &["rotate", "target", "--yes"],
            Self::RotateOut => &["rotate", "target", "--out", TOKEN, "--yes"],
            Self::RotateValue => &["rotate", "provider", "--yes"],
        }
    }

    pub(crate) fn input(self) -> &'static str {
        match self {
            Self::FirstSet | Self::Replace | Self::RotateValue | Self::Set => NEW_VALUE,
            Self::Import => IMPORTED,
            Self::Passphrase | Self::Recover | Self::Rekey => NEW_PASSPHRASE,
            _ => "",
        }
    }

    /// Whether there is no vault before it.
    pub(crate) fn makes_vault(self) -> bool {
        matches!(
            self,
            Self::FirstCreate | Self::FirstSet | Self::Init | Self::InitCode
        )
    }

    /// Whether its answer is a secret that is printed once.
    pub(crate) fn prints_secret(self) -> bool {
        self.prints_token() || matches!(self, Self::AccessCreate | Self::InitCode | Self::NewCode)
    }

    /// Whether its answer is the token of an issued key.
    pub(crate) fn prints_token(self) -> bool {
        matches!(self, Self::Create | Self::FirstCreate | Self::Rotate)
    }

    /// Whether it makes a token and puts it into a file.
    pub(crate) fn writes_token(self) -> bool {
        matches!(self, Self::CreateOut | Self::RotateOut)
    }

    pub(crate) fn changes_passphrase(self) -> bool {
        matches!(self, Self::Passphrase | Self::Recover | Self::Rekey)
    }
}

/// A test in `every` for each command, so that a failure of one does not hide the others.
macro_rules! every_deed {
    ($run:ident, $reason:literal) => {
        mod every {
            $crate::deed::every_deed! {
                $run, $reason,
                access_create: AccessCreate
                access_revoke: AccessRevoke
                backup: Backup
                create: Create
                create_out: CreateOut
                delete: Delete
                edit: Edit
                finish: Finish
                first_create: FirstCreate
                first_set: FirstSet
                import: Import
                import_source: ImportSource
                init: Init
                init_code: InitCode
                new_code: NewCode
                passphrase: Passphrase
                recover: Recover
                refresh: Refresh
                rekey: Rekey
                replace: Replace
                restore: Restore
                revoke: Revoke
                role_delete: RoleDelete
                role_set: RoleSet
                rotate: Rotate
                rotate_out: RotateOut
                rotate_value: RotateValue
                set: Set
            }
        }
    };
    ($run:ident, $reason:literal, $($name:ident: $deed:ident)*) => {$(
        #[test]
        #[ignore = $reason]
        fn $name() {
            super::$run($crate::deed::Deed::$deed);
        }
    )*};
}

pub(crate) use every_deed;
