//! Ways to open the vault beside the passphrase: access tokens and the recovery code.

use keywright::crypto::Secret;
use keywright::key::{Actor, KeyKind};
use keywright::vault::{AccessToken, Credential, Filter, RecoveryCode, Vault, VaultError};

use crate::open::{Open, default_scope};
use crate::scene::{Wrong, ensure, wrong};

impl Open {
    /// Makes an access token for the keys of one kind in the default scope.
    pub(crate) fn add_access(&mut self, name: &str, kind: KeyKind) -> AccessToken {
        let name = name.parse().expect("a name");
        let made =
            self.vault
                .create_access(&name, &default_scope(), kind, None, &actor(), self.now);
        made.expect("an access token")
    }

    pub(crate) fn add_code(&mut self) -> RecoveryCode {
        let made = self.vault.create_recovery_code(&actor(), self.now);
        made.expect("a recovery code")
    }

    /// The names of the access tokens.
    pub(crate) fn access_names(&mut self) -> Result<Vec<String>, Wrong> {
        let tokens = self.vault.access_tokens().map_err(wrong)?;
        Ok(tokens.iter().map(|token| token.name.to_string()).collect())
    }

    /// How many ways there are to open it beside the passphrase.
    pub(crate) fn other_ways_in(&mut self) -> Result<usize, Wrong> {
        let others = self.vault.ways_in().map_err(wrong)?.others;
        Ok(others.access_tokens.len() + usize::from(others.recovery_code))
    }

    /// Whether an access token opens it; one that does opens both keys of its kind.
    pub(crate) fn opens_with_access(&self, token: &AccessToken) -> Result<bool, Wrong> {
        match self.opened(&Credential::access_token(token)) {
            Ok(keys) => ensure(keys == 2, format_args!("it opens {keys} keys")).map(|()| true),
            Err(VaultError::WrongAccessToken(_)) => Ok(false),
            Err(err) => Err(wrong(err)),
        }
    }

    /// Whether the printed text of an access token opens it.
    pub(crate) fn opens_with_access_text(&self, text: &str) -> Result<bool, Wrong> {
        let token = AccessToken::read(&Secret::new(text.as_bytes().to_vec()));
        let token = token.ok_or_else(|| wrong("what was printed is no access token"))?;
        self.opens_with_access(&token)
    }

    /// Whether a recovery code opens it; one that does opens all of it.
    pub(crate) fn opens_with_code(&self, code: &RecoveryCode) -> Result<bool, Wrong> {
        match self.opened(&Credential::RecoveryCode(code)) {
            Ok(_) => Ok(true),
            Err(VaultError::WrongCredential) => Ok(false),
            Err(err) => Err(wrong(err)),
        }
    }

    /// Whether the printed text of a recovery code opens it.
    pub(crate) fn opens_with_code_text(&self, text: &str) -> Result<bool, Wrong> {
        let code = RecoveryCode::read(&Secret::new(text.as_bytes().to_vec()));
        let code = code.ok_or_else(|| wrong("what was printed is no recovery code"))?;
        self.opens_with_code(&code)
    }

    /// How many keys there are for who opens it so.
    fn opened(&self, credential: &Credential<'_>) -> Result<usize, VaultError> {
        let mut vault = Vault::open(&self.location, credential, self.now)?;
        Ok(vault.list(&Filter::default(), self.now)?.len())
    }
}

fn actor() -> Actor {
    "tester".parse().expect("an actor")
}
