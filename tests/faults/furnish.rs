//! What is in a home before a command is disturbed there.

use std::fs;

use keywright::key::KeyKind;
use keywright::vault::{AccessToken, RecoveryCode};

use crate::deed::{CODE, COPY, Deed, SOURCE, SOURCE_TEXT};
use crate::open::Open;
use crate::rig::Home;
use crate::scene::{BYSTANDER_VALUE, OLD_VALUE};

/// Secrets that were handed out before the command.
#[derive(Default)]
pub(crate) struct Furniture {
    /// The token of a key that nothing is done to.
    pub(crate) bystander: String,
    pub(crate) target: String,
    /// The target's other token, while both work.
    pub(crate) successor: String,
    /// What is revoked, or opens a slice, is the first.
    pub(crate) access: Vec<AccessToken>,
    pub(crate) code: Option<RecoveryCode>,
}

impl Furniture {
    /// All that a command finds.
    pub(crate) fn of(deed: Deed, home: &Home) -> Self {
        if deed.makes_vault() {
            return Self::default();
        }
        let (bystander, target) = furnish(home);
        let mut all = Self {
            bystander,
            target,
            ..Self::default()
        };
        match deed {
            Deed::AccessRevoke => {
                let mut open = Open::at(home).expect("it opens");
                let kinds = [
                    ("job", KeyKind::Provider),
                    ("server", KeyKind::Provider),
                    ("gateway", KeyKind::Issued),
                ];
                all.access = kinds.map(|(name, kind)| open.add_access(name, kind)).into();
            }
            Deed::Finish => {
                let args = ["rotate", "target", "--overlap", "24h", "--yes"];
                let rotated = home.must(&args, "");
                all.successor = rotated.token().expect("a token").to_owned();
            }
            Deed::ImportSource => {
                fs::write(home.path.join(SOURCE), SOURCE_TEXT).expect("a source");
            }
            Deed::NewCode | Deed::Passphrase | Deed::Recover | Deed::Rekey => {
                let mut open = Open::at(home).expect("it opens");
                all.access = vec![open.add_access("server", KeyKind::Issued)];
                all.code = Some(open.add_code());
            }
            Deed::RoleDelete => {
                home.must(&["role", "set", "idle", "--permission", "read"], "");
            }
            Deed::RoleSet => give_role(home),
            _ => all.access.extend(furnish_copy(deed, home)),
        }
        if let (Deed::Recover, Some(code)) = (deed, &all.code) {
            fs::write(home.path.join(CODE), code.text().expose()).expect("a code");
        }
        all
    }
}

/// Two issued and two provider keys; gives the tokens. One is verified, so that there is an activity file.
pub(crate) fn furnish(home: &Home) -> (String, String) {
    home.must(&["init", "--kdf", "test"], "");
    let token = |name| {
        let outcome = home.must(&["create", name], "");
        outcome.token().expect("a token").to_owned()
    };
    let tokens = (token("bystander"), token("target"));
    home.must(&["set", "bystander value"], BYSTANDER_VALUE);
    home.must(&["set", "provider"], OLD_VALUE);
    home.must(&["verify"], &tokens.0);
    tokens
}

/// The backup that is restored, or the slice that is refreshed, and a change since.
fn furnish_copy(deed: Deed, home: &Home) -> Option<AccessToken> {
    match deed {
        Deed::Refresh => {
            let token = Open::at(home).expect("it opens").slice(home);
            home.must(&["edit", "provider", "--note", "changed"], "");
            Some(token)
        }
        Deed::Restore => {
            home.must(&["backup", COPY], "");
            home.must(&["delete", "target", "--yes"], "");
            None
        }
        _ => None,
    }
}

/// Gives both issued keys a role.
fn give_role(home: &Home) {
    home.must(&["role", "set", "billing", "--permission", "read"], "");
    for name in ["bystander", "target"] {
        home.must(&["edit", name, "--role", "billing"], "");
    }
}
