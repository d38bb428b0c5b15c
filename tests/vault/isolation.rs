//! An access token opens its scope, and nothing that it opens is a key of anything else.

use std::collections::{BTreeSet, HashMap};

use keywright::crypto::{access_token_parts, recovery_code_input};
use keywright::key::{Context, KeyKind, Role};
use keywright::vault::{
    AccessToken, Credential, Filter, NewIssued, RecoveryCode, Requirements, Vault,
};
use rusqlite::{Connection, params_from_iter, types::Value};

use crate::fixture::*;
use crate::search::{Locks, Loot, hex};

/// Two projects, and both kinds of key in each.
const SCOPES: [(&str, KeyKind); 4] = [
    ("shop/production", KeyKind::Issued),
    ("shop/production", KeyKind::Provider),
    ("bank/staging", KeyKind::Issued),
    ("bank/staging", KeyKind::Provider),
];

/// A vault of four scopes in use, with two access tokens for each.
struct Four {
    place: Place,
    vault: Vault,
    /// In the order of [`SCOPES`], and then each a second time.
    access: Vec<AccessToken>,
    code: RecoveryCode,
}

impl Four {
    fn new() -> Self {
        let place = Place::new();
        let mut vault = place.create();
        let mut tokens = Vec::new();
        for (at, (_, kind)) in SCOPES.into_iter().enumerate() {
            for name_of in ["main", "spare"] {
                match kind {
                    KeyKind::Issued => tokens.push(Self::issue(&mut vault, name_of, at)),
                    KeyKind::Provider => Self::set(&mut vault, name_of, at),
                }
            }
        }
        let role = keywright::key::Role {
            name: "billing".parse().expect("a role"),
            permissions: permissions(&["read"]),
            context: Default::default(),
        };
        vault.set_role(&role, false, &who(), NOW).expect("made");
        let mut access = Vec::new();
        for round in ["first", "second"] {
            for (text, kind) in SCOPES {
                let called = name(&format!("{round} {kind} {}", text.replace('/', " ")));
                let made = vault.create_access(&called, &scope(text), kind, None, &who(), NOW);
                access.push(made.expect("an access token"));
            }
        }
        let code = vault.create_recovery_code(&who(), NOW).expect("a code");
        let mut four = Self {
            place,
            vault,
            access,
            code,
        };
        four.use_all(&tokens);
        four
    }

    fn issue(vault: &mut Vault, text: &str, at: usize) -> String {
        let place = SCOPES[at].0;
        let new = NewIssued {
            scope: scope(place),
            note: Some(format!("kept for {place}").parse().expect("a note")),
            ..new_key(&name_of(text, at))
        };
        issue(vault, &new, NOW).0
    }

    fn set(vault: &mut Vault, text: &str, at: usize) {
        let (called, content) = (name(&name_of(text, at)), value(&secret_of(text, at)));
        let (scope, changes) = (scope(SCOPES[at].0), Default::default());
        vault
            .set_new(&called, &scope, &content, &changes, &who(), NOW)
            .expect("stored");
    }

    /// Every key is used by the holder of its scope's access token, and each scope has an anchor then.
    fn use_all(&mut self, tokens: &[String]) {
        for (at, (text, kind)) in SCOPES.into_iter().enumerate() {
            let mut holder = self.open(&[at]);
            if kind == KeyKind::Provider {
                for found in holder.list(&Default::default(), NOW).expect("a list") {
                    holder.value(&found, false, &who(), NOW).expect("a value");
                }
                continue;
            }
            for token in tokens {
                let presented = secret(token.as_bytes());
                let all = Requirements::default();
                let verdict = holder.verify(&presented, &all, true, &who(), NOW);
                verdict.expect("an answer");
            }
            assert_eq!(names(&mut holder).len(), 2, "{text}");
        }
        names(&mut self.vault);
    }

    fn tokens(&self, which: &[usize]) -> Vec<AccessToken> {
        let again = |at: &usize| AccessToken::read(&self.access[*at].text()).expect("a token");
        which.iter().map(again).collect()
    }

    fn open(&self, which: &[usize]) -> Vault {
        let tokens = self.tokens(which);
        self.place
            .open_with(&Credential::AccessTokens(&tokens))
            .expect("opens")
    }

    /// The words for a scope, of its place in [`SCOPES`].
    fn title(at: usize) -> String {
        let (text, kind) = SCOPES[at % SCOPES.len()];
        format!("{kind} {text}")
    }

    fn scope_ids(&self) -> HashMap<Vec<u8>, String> {
        let file = Connection::open(self.place.path()).expect("a vault");
        let id_of = |token: &AccessToken| {
            let sql = "SELECT scope_id FROM slot WHERE slot_id = ?1";
            file.query_row(sql, [token.slot().0], |row| row.get(0))
                .expect("its slot")
        };
        let ids = self.access[..SCOPES.len()].iter().map(id_of);
        ids.enumerate()
            .map(|(at, id)| (id, Self::title(at)))
            .collect()
    }

    fn locks(&self) -> Locks {
        let names: Vec<String> = (0..SCOPES.len()).map(|at| name_of("main", at)).collect();
        Locks::of(&self.place, &self.scope_ids(), &names)
    }

    /// What somebody begins with who holds these access tokens: all 48 bytes of each, and the text.
    fn beginning(&self, which: &[usize]) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        for token in self.tokens(which) {
            let text = token.text();
            let (slot, input) = access_token_parts(&text).expect("a token");
            bytes.push(text.expose().to_vec());
            bytes.push(slot.0.to_vec());
            bytes.push(input.expose().to_vec());
        }
        bytes
    }

    /// All of one scope that its key opens, and the slot of this access token; names aside, which are there or are not.
    fn own(locks: &Locks, token: &AccessToken, at: usize) -> BTreeSet<String> {
        let title = format!("{}: ", Self::title(at));
        let slot = format!("slot {}", hex(&token.slot().0));
        let is_own = |name: &String| {
            let Some(rest) = name.strip_prefix(&title).filter(|it| !is_name(it)) else {
                return false;
            };
            match rest.split(' ').next() {
                Some("row") => false,
                Some("slot") => rest.starts_with(&slot),
                _ => true,
            }
        };
        locks.all().into_iter().filter(is_own).collect()
    }

    /// Searches with what these access tokens give, and compares with what they are to open.
    #[track_caller]
    fn opens_its_own(&self, locks: &Locks, which: &[usize]) -> Loot {
        let loot = locks.loot(&self.beginning(which));
        let (names, opened): (BTreeSet<_>, _) =
            loot.opened.iter().cloned().partition(|it| is_name(it));
        let own = |at: &usize| Self::own(locks, &self.access[*at], *at);
        let expected: BTreeSet<String> = which.iter().flat_map(own).collect();
        assert_eq!(opened, expected);
        let titles: BTreeSet<String> = which.iter().map(|at| Self::title(*at)).collect();
        // Of the names that were guessed each scope has one.
        assert_eq!(names.len(), titles.len(), "{names:?}");
        for name in names {
            let title = name.split(": ").next().expect("a title");
            assert!(titles.contains(title), "{name}");
        }
        for (at, (text, kind)) in SCOPES.into_iter().enumerate() {
            let inside = match kind {
                KeyKind::Issued => format!("kept for {text}"),
                KeyKind::Provider => secret_of("spare", at),
            };
            let is_open = titles.contains(&Self::title(at));
            assert_eq!(loot.knows(inside.as_bytes()), is_open, "{inside}");
        }
        loot
    }
}

/// A key's name, which only its scope has.
fn name_of(text: &str, at: usize) -> String {
    format!("{text} {}", Four::title(at).replace('/', " "))
}

/// A provider key's value, which no other has, and which is as long as a key.
fn secret_of(text: &str, at: usize) -> String {
    format!("{:-<32}", format!("sk-{at}-{text}"))
}

/// Whether it is opened by the guess of a name.
fn is_name(lock: &str) -> bool {
    lock.contains(", named ")
}

#[test]
fn from_what_access_tokens_open_no_other_key_can_be_had() {
    let four = Four::new();
    let locks = four.locks();
    // One of each kind; and the second of a scope opens the same but for the slot, which is its own.
    for at in [0, 3, SCOPES.len()] {
        let loot = four.opens_its_own(&locks, &[at]);
        // Keys, what is derived from them, and every part of every plaintext.
        assert!(loot.tried > 300, "{}", loot.tried);
    }
    // Together they open what each opens, and nothing more: not with all of them, the vault's own.
    for which in [&[0, 3][..], &[0, 1, 2, 3, 4, 5, 6, 7]] {
        let together = four.opens_its_own(&locks, which);
        assert!(!together.opened.iter().any(|it| it.starts_with("own: ")));
    }
}

/// The twin: the same search opens everything for who begins with the owner's ways in.
#[test]
fn the_owner_s_ways_in_open_everything() {
    let four = Four::new();
    let locks = four.locks();
    let code = recovery_code_input(&four.code.text()).expect("a code");
    let ways = [locks.stretched(b"horse"), code.expose().to_vec()];
    let is_passphrase = |name: &&String| name.starts_with("own: slot");
    for beginning in [&ways[..], &ways[1..]] {
        let loot = locks.loot(beginning);
        let closed: Vec<String> = locks.all().difference(&loot.opened).cloned().collect();
        let (names, others): (Vec<_>, Vec<_>) = closed.iter().partition(|it| is_name(it));
        // Each of the other way's slot, and its wrapped key.
        let of_the_other = others.iter().filter(|it| is_passphrase(it)).count();
        assert_eq!(
            (others.len(), of_the_other),
            (4 - 2 * beginning.len(), others.len())
        );
        // Four guesses for each record; four of all are right.
        let guesses = locks.all().iter().filter(|it| is_name(it)).count();
        assert_eq!(names.len(), guesses - 4);
        assert!(loot.knows(secret_of("main", 3).as_bytes()));
    }
    // And a single key too many, such as another scope's, is told by the search.
    let mut beginning = four.beginning(&[0]);
    let of_another = four.beginning(&[3]).pop().expect("its input");
    let before = Four::own(&locks, &four.access[0], 0);
    beginning.push(of_another);
    let after = locks.loot(&beginning).opened;
    let mut more = after.difference(&before).filter(|it| !is_name(it));
    assert!(more.all(|it| it.starts_with(&Four::title(3))));
    assert!(after.len() > before.len() + 5);
}

/// Every row of one scope, and the slots that open it.
fn rows_of(four: &Four, scope: &[u8]) -> Vec<Vec<Value>> {
    let file = Connection::open(four.place.path()).expect("a vault");
    let mut all = Vec::new();
    for table in ["slot", "scope", "record"] {
        let sql = format!("SELECT * FROM {table} WHERE scope_id = ?1");
        let mut statement = file.prepare(&sql).expect("a table");
        let columns = statement.column_count();
        let rows = statement.query_map([scope], |row| (0..columns).map(|at| row.get(at)).collect());
        let rows: Result<Vec<_>, _> = rows.expect("its rows").collect();
        all.extend(rows.expect("its rows"));
    }
    all
}

/// Keys are drawn, and not made of one another: a scope gets a new one, and not a byte of the others changes.
#[test]
fn a_scope_that_gets_a_new_key_changes_no_byte_of_another() {
    let mut four = Four::new();
    let ids = four.scope_ids();
    let key_ids: BTreeSet<String> = {
        let file = Connection::open(four.place.path()).expect("a vault");
        let mut statement = file
            .prepare("SELECT hex(key_id) FROM scope UNION ALL SELECT hex(key_id) FROM header")
            .expect("its tables");
        let rows = statement.query_map([], |row| row.get(0)).expect("its rows");
        rows.collect::<Result<_, _>>().expect("its rows")
    };
    assert_eq!(key_ids.len(), SCOPES.len() + 1);
    for at in 0..SCOPES.len() {
        let before: HashMap<_, _> = ids.keys().map(|id| (id, rows_of(&four, id))).collect();
        let slot = four.access[at].slot();
        four.vault
            .revoke_access(slot, &who(), NOW)
            .expect("revoked");
        for (id, title) in &ids {
            let after = rows_of(&four, id);
            if *title != Four::title(at) {
                assert_eq!(after, before[id], "{title}");
                continue;
            }
            // Its twin: of the scope itself every row is another, and one slot is gone.
            assert_eq!(after.len(), before[id].len() - 1);
            assert!(after.iter().all(|row| !before[id].contains(row)), "{title}");
        }
        let second = &[at + SCOPES.len()];
        assert_eq!(names(&mut four.open(second)).len(), 2);
    }
}

/// However few scopes there are.
#[test]
fn records_of_a_scope_that_is_not_there_are_refused() {
    for settings in [0, 1] {
        for scopes in [0, 1] {
            let place = Place::new();
            let mut vault = place.create();
            if settings > 0 {
                let role = Role {
                    name: "billing".parse().expect("a role"),
                    permissions: permissions(&["read"]),
                    context: Context::default(),
                };
                vault.set_role(&role, false, &who(), NOW).expect("made");
            }
            if scopes > 0 {
                set(&mut vault, "openai", "sk-1");
            }
            drop(vault);
            Connection::open(place.path())
                .and_then(|file| {
                    // Behind all others.
                    let columns = [255, 1, 1].iter().zip([16, 12, 16]);
                    let ids = columns.map(|(byte, length)| Value::Blob(vec![*byte; length]));
                    let insert =
                        "INSERT INTO record VALUES (?1, ?2, ?3, 1, zeroblob(24), zeroblob(64))";
                    file.execute(insert, params_from_iter(ids))
                })
                .expect("planted");
            let opened = place.try_open();
            let told = refused(opened.and_then(|mut vault| vault.list(&Filter::default(), NOW)));
            let told = told.to_string();
            assert!(
                told.contains("records of a scope that does not exist"),
                "{settings} {scopes}: {told}"
            );
        }
    }
}
