//! The command or option that helps where the vault stopped a command.

use std::collections::BTreeSet;

use crate::key::KeyKind;
use crate::vault::{Readiness, StoreError, VaultError, listed};

/// What makes keys ready, each kind of trouble in its own way, and what does without them.
fn hint_for_unready(kinds: &BTreeSet<Readiness>) -> String {
    let is_among = |kind| kinds.contains(&kind);
    let settable = is_among(Readiness::Missing) || is_among(Readiness::Expired);
    let ways = [
        settable.then_some("`keywright set` stores a value"),
        is_among(Readiness::Revoked)
            .then_some("`keywright delete` makes room for one that is revoked"),
        is_among(Readiness::Issued)
            .then_some("`keywright list --kind provider` shows keys that have a value"),
        Some("--except leaves a key out, --allow-missing all that are not ready"),
    ];
    let ways: Vec<&str> = ways.into_iter().flatten().collect();
    ways.join("; ")
}

/// The command or option that helps, where one does.
pub(super) fn hint_for(err: &VaultError) -> Option<String> {
    let hint = match err {
        VaultError::Activity(StoreError::Newer { .. })
        | VaultError::Newer(_)
        | VaultError::Store(StoreError::Newer { .. }) => "use the newer keywright",
        VaultError::Activity(StoreError::NotActivity(_)) => {
            "KEYWRIGHT_ACTIVITY chooses another place"
        }
        VaultError::Activity(_) => {
            "move the file away to begin a new one; `keywright status` shows where it is"
        }
        VaultError::Store(StoreError::NotAVault(_)) => {
            "--vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place"
        }
        VaultError::Altered(_) | VaultError::Store(StoreError::Altered { .. }) => {
            "`keywright restore` puts a backup in its place; `keywright status` shows where the vault is"
        }
        VaultError::Changed(_) => "look at it again with `keywright show`, then repeat the command",
        VaultError::CodeDelivery(_) | VaultError::Delivery(_) => "what worked before works still",
        VaultError::CodeInvalid(_) | VaultError::PrintedButInvalid(_) => {
            "throw it away and run the command again"
        }
        VaultError::CodeUncertain(_) => {
            "keep it and the one before; `keywright passphrase --test-recovery-code` tells which of them opens the vault"
        }
        VaultError::DangerousNames(names) => {
            let options: Vec<String> = names
                .iter()
                .map(|name| format!("--allow-name {name}"))
                .collect();
            return Some(format!("if that is what you want: {}", options.join(" ")));
        }
        VaultError::Exists { kind, .. } => match kind {
            KeyKind::Issued => {
                "choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room"
            }
            KeyKind::Provider => {
                "choose another name; `keywright set` replaces that key's value, `keywright delete` makes room"
            }
        },
        VaultError::AnchorDamaged(_)
        | VaultError::Forked { .. }
        | VaultError::OlderThanSlice { .. }
        | VaultError::RolledBack { .. } => {
            "put the newer vault back, or go on with this one with --accept-rollback"
        }
        VaultError::ImportConflicts(conflicts) if conflicts.len() > 10 => {
            "nothing was imported; --dry-run shows each; `keywright set` replaces a value, `keywright edit` or `keywright delete` \
             makes room"
        }
        VaultError::ImportConflicts(_) => {
            "nothing was imported; `keywright set` replaces a value, `keywright edit` or `keywright delete` makes room"
        }
        VaultError::ManyKeys { .. } => "name one of them: `keywright get NAME`",
        VaultError::NoDefault(_) => {
            "`keywright edit NAME --default` or `keywright create NAME --default` makes one"
        }
        VaultError::NotCounted { .. } => "--finish alone ends the overlap all the same",
        VaultError::NotReady { kinds, .. } => return Some(hint_for_unready(kinds)),
        VaultError::NotSelected { .. } => {
            "`keywright list` shows every key and its variable; --map VARIABLE=NAME adds a key that has none"
        }
        VaultError::NoKeyFor { elsewhere, .. } if !elsewhere.is_empty() => {
            return Some(format!(
                "there is one in {}; choose with -p and -e",
                elsewhere.join(", ")
            ));
        }
        VaultError::NoKeyFor {
            nearest: Some(nearest),
            ..
        } => return Some(format!("did you mean `{nearest}`?")),
        VaultError::NoKeyFor { there, .. } if !there.is_empty() => {
            return Some(format!("there are keys for {}", listed(there)));
        }
        VaultError::NoKeyFor { .. } => {
            "`keywright edit NAME --add-provider PROVIDER --add-model MODEL` links a key to what it is for"
        }
        VaultError::NotShownAgain(_) => "`keywright rotate` makes a new token for it",
        VaultError::PrintedAndUncertain(_) => {
            "keep it and the one before; `keywright verify` tells which of them works"
        }
        VaultError::Refused(_) => {
            "`keywright show` tells more; `keywright delete` makes room for a new key"
        }
        VaultError::Rivals { .. } => {
            "choose one with --only, leave one out with --except, or change a variable with `keywright edit`"
        }
        VaultError::RoleInUse { role, .. } => {
            return Some(format!(
                "`keywright edit NAME --remove-role {role}` takes it from a key"
            ));
        }
        VaultError::RoleUnfit { .. } => {
            "`keywright edit` changes that key; `keywright role show` lists who has the role"
        }
        VaultError::Store(StoreError::Exists(_)) => "choose another place with --vault",
        VaultError::Store(StoreError::Unopened { .. }) => "run the command again",
        VaultError::Store(StoreError::Missing(_)) => {
            "`keywright init` makes one, and so does the first `create` or `set`"
        }
        VaultError::Store(StoreError::Unsafe { mend, .. }) => return mend.clone(),
        VaultError::Uncertain(_) => "run `keywright list` before you repeat the command",
        VaultError::UnknownKey { elsewhere, .. } if !elsewhere.is_empty() => {
            return Some(format!(
                "it exists in {}; choose with -p and -e",
                elsewhere.join(", ")
            ));
        }
        VaultError::UnknownAccess {
            nearest: Some(nearest),
            ..
        }
        | VaultError::UnknownKey {
            nearest: Some(nearest),
            ..
        }
        | VaultError::UnknownRole {
            nearest: Some(nearest),
            ..
        } => return Some(format!("did you mean `{nearest}`?")),
        VaultError::UnknownKey { .. } => "`keywright list` shows every key",
        VaultError::UnknownRole { .. } => {
            "`keywright role list` shows every role, `keywright role set` makes one"
        }
        VaultError::UnknownAccess { .. } => "`keywright access list` shows every access token",
        VaultError::AccessUncertain(_) => "`keywright access list` shows whether it was",
        VaultError::AccessExists(_) => "choose another name; `keywright access revoke` makes room",
        VaultError::CredentialExpired { .. } | VaultError::WrongAccessToken(_) => {
            "`keywright access list` shows the tokens there are, `keywright access create` makes one"
        }
        VaultError::OwnerOnly { .. } => {
            "give the passphrase, too: an access token opens keys for use and nothing else"
        }
        VaultError::NoAccessToken { .. } => {
            "it begins with kwa1_ and has 76 characters; several are separated by white space"
        }
        VaultError::ScopeClosed { .. } => {
            "choose with -p and -e what it opens; several access tokens, separated by spaces, open several"
        }
        VaultError::Slice(_) => {
            "an access token opens it; the vault itself is where the slice was made"
        }
        VaultError::UnknownScope {
            nearest: Some(nearest),
            ..
        } => return Some(format!("did you mean `{nearest}`?")),
        VaultError::UnknownScope { there, .. } if !there.is_empty() => {
            return Some(format!("there are {}", listed(there)));
        }
        VaultError::UnknownScope { .. } => "`keywright list` shows every key and where it is",
        VaultError::WrongCredential => "try again; `keywright status` shows which vault this is",
        _ => return None,
    };
    Some(hint.to_owned())
}
