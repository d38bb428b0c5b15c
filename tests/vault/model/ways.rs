//! What opens the vault: passphrases, access tokens, the recovery code, and a re-keying that takes all but the first away.

use std::collections::BTreeSet;

use keywright::crypto::Profile;
use keywright::key::KeyKind;
use keywright::vault::{Credential, Verb};

use super::command::Slot;
use super::{Model, Refusal, answer};
use crate::fixture::*;

/// As many as a case needs; each is tried after each step.
const ACCESS_TOKENS: usize = 3;

impl Model {
    pub(super) fn change_passphrase(&mut self) {
        let old = self.words();
        self.passphrase += 1;
        let new = self.words();
        self.vault
            .change_passphrase(&new, Profile::Test, &who(), self.now)
            .expect("changed");
        assert!(!self.opens(&Credential::Passphrase(&old)));
        self.logged_of_vault(Verb::Passphrase, None);
    }

    pub(super) fn rekey(&mut self) {
        self.passphrase += 1;
        let new = self.words();
        let dropped = self
            .vault
            .rekey_compromised(&new, Profile::Test, &who(), self.now)
            .expect("sealed anew");
        let (access, code) = (std::mem::take(&mut self.access), self.code.take());
        let mut called: Vec<_> = access.iter().map(|(_, called, _)| name(called)).collect();
        called.sort();
        assert_eq!(dropped.access_tokens, called);
        assert_eq!(dropped.recovery_code, code.is_some());
        for (_, _, token) in &access {
            assert!(!self.opens(&Credential::access_token(token)));
        }
        if let Some(code) = &code {
            assert!(!self.opens(&Credential::RecoveryCode(code)));
        }
        self.logged_of_vault(Verb::Rekey, None);
    }

    pub(super) fn create_access(&mut self, scope: u8) {
        if self.access.len() == ACCESS_TOKENS {
            return;
        }
        let mut against = BTreeSet::new();
        if !self.scopes.contains(&(scope, KeyKind::Issued)) {
            against.insert(Refusal::UnknownScope);
        }
        let place = Slot { scope, name: 0 }.scope();
        let called = format!("server {}", self.log.len());
        let (server, kind) = (name(&called), KeyKind::Issued);
        let outcome = self
            .vault
            .create_access(&server, &place, kind, None, &who(), self.now);
        if let Some(token) = answer(outcome, &against) {
            self.access.push((scope, called.clone(), token));
            self.logged_of_vault(Verb::AccessCreate, Some(called));
        }
    }

    pub(super) fn revoke_access(&mut self, number: u8) {
        if self.access.is_empty() {
            return;
        }
        let at = usize::from(number) % self.access.len();
        let (_, called, token) = self.access.remove(at);
        self.vault
            .revoke_access(token.slot(), &who(), self.now)
            .expect("revoked");
        assert!(!self.opens(&Credential::access_token(&token)));
        self.logged_of_vault(Verb::AccessRevoke, Some(called));
    }

    pub(super) fn create_recovery_code(&mut self) {
        let new = self
            .vault
            .create_recovery_code(&who(), self.now)
            .expect("a recovery code");
        if let Some(old) = self.code.replace(new) {
            assert!(!self.opens(&Credential::RecoveryCode(&old)));
        }
        self.logged_of_vault(Verb::RecoveryCode, None);
    }
}
