//! What can be had of a vault by who begins with a few bytes: all that they open is tried as a key of all else, until
//! nothing more opens. It is written by the format's page and not with the crate's code.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::fs;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rusqlite::{Connection, Row};
use sha2::{Digest, Sha256};

use crate::fixture::Place;

/// All but `slot`, whose context makes another derivation of each slot.
const LABELS: [&str; 8] = [
    "key-id", "head", "rows", "record", "name", "log", "scope", "anchor",
];

/// Something that a key opens, or that shows that a key is the one.
enum Lock {
    /// A MAC of these bytes, or its beginning.
    Mac {
        of: Vec<u8>,
        mac: Vec<u8>,
    },
    /// The key that this is the id of.
    KeyId([u8; 16]),
    Sealed(Sealed),
    /// By who has its input; and, as [`Lock::Sealed`], by who has the wrapping key.
    Slot {
        context: Vec<u8>,
        commitment: Vec<u8>,
        sealed: Sealed,
    },
}

#[derive(Clone)]
struct Sealed {
    aad: Vec<u8>,
    nonce: [u8; 24],
    bytes: Vec<u8>,
    is_padded: bool,
}

/// The locks of one vault, of what was recorded of its uses, and of what this machine remembers of it.
pub(crate) struct Locks {
    vault: [u8; 16],
    locks: Vec<(String, Lock)>,
    passphrase_salt: Vec<u8>,
}

/// What was opened, and what was in it.
pub(crate) struct Loot {
    pub(crate) opened: BTreeSet<String>,
    known: Vec<Vec<u8>>,
    /// How many keys were tried.
    pub(crate) tried: usize,
}

impl Loot {
    /// Whether these bytes are in anything that was opened.
    pub(crate) fn knows(&self, bytes: &[u8]) -> bool {
        let mut windows = self
            .known
            .iter()
            .flat_map(|known| known.windows(bytes.len()));
        windows.any(|window| window == bytes)
    }
}

impl Locks {
    /// Of the vault at a place. `titles` are the words for its scopes, by their ids; `names` are names that somebody may
    /// guess keys to have.
    pub(crate) fn of(place: &Place, titles: &HashMap<Vec<u8>, String>, names: &[String]) -> Self {
        let file = Connection::open(place.path()).expect("a vault");
        let one = |sql: &str| {
            file.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0))
                .expect("a row")
        };
        let vault = one("SELECT vault_id FROM header");
        let title = |id: &[u8]| match titles.get(id) {
            Some(title) => title.clone(),
            None => {
                assert_eq!(id, [0; 16], "a scope without a title");
                "own".to_owned()
            }
        };
        let mut locks = Self {
            vault: vault.try_into().expect("16 bytes"),
            locks: Vec::new(),
            passphrase_salt: one("SELECT salt FROM slot WHERE kind = 1"),
        };
        let mut key_ids = HashMap::new();
        key_ids.insert(vec![0; 16], one("SELECT key_id FROM header"));
        let scopes = rows(&file, "SELECT scope_id, key_id FROM scope", |row| {
            (blob(row, 0), blob(row, 1))
        });
        key_ids.extend(scopes);
        for (scope, key_id) in &key_ids {
            let id = key_id.as_slice().try_into().expect("16 bytes");
            locks.add(format!("{}: key id", title(scope)), Lock::KeyId(id));
        }
        locks.heads(&file, &title, &key_ids[&vec![0; 16]]);
        locks.slots(&file, &title, &key_ids);
        let homes = locks.records(&file, &title, &key_ids, names);
        locks.log(&file);
        locks.events(place, &title, &homes);
        locks.anchors(place, titles);
        locks
    }

    /// What all of them are called.
    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.locks.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The passphrase's way into its slot.
    pub(crate) fn stretched(&self, passphrase: &[u8]) -> Vec<u8> {
        let params = Params::new(8 * 1024, 1, 1, Some(32)).expect("the profile of the tests");
        let mut out = vec![0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, &self.passphrase_salt, &mut out)
            .expect("stretched");
        out
    }

    fn add(&mut self, name: String, lock: Lock) {
        self.locks.push((name, lock));
    }

    fn aad(&self, object: u8, fields: &[&[u8]]) -> Vec<u8> {
        let mut aad = [&b"KWV1"[..], &[object], &self.vault].concat();
        fields.iter().for_each(|field| aad.extend(lp(field)));
        aad
    }

    fn heads(&mut self, file: &Connection, title: &dyn Fn(&[u8]) -> String, vault_key: &[u8]) {
        let aad = self.aad(1, &[vault_key]);
        let heads = rows(file, "SELECT head_nonce, head FROM header", |row| {
            sealed(row, 0, &aad)
        });
        for head in heads {
            self.add("own: head".to_owned(), Lock::Sealed(head));
        }
        let sql = "SELECT scope_id, key_id, nonce, sealed, head_nonce, head FROM scope";
        let scopes = rows(file, sql, |row| {
            let (scope, key) = (blob(row, 0), blob(row, 1));
            let of_row = self.aad(3, &[&scope, vault_key, &key]);
            let of_head = self.aad(4, &[&scope, &key]);
            let locks = [sealed(row, 2, &of_row), sealed(row, 4, &of_head)];
            (title(&scope), locks)
        });
        for (title, [row, head]) in scopes {
            self.add(format!("{title}: row"), Lock::Sealed(row));
            self.add(format!("{title}: head"), Lock::Sealed(head));
        }
    }

    fn slots(
        &mut self,
        file: &Connection,
        title: &dyn Fn(&[u8]) -> String,
        key_ids: &HashMap<Vec<u8>, Vec<u8>>,
    ) {
        let sql = "SELECT slot_id, kind, scope_id, profile, salt, expires_at, commitment, nonce, sealed_key FROM slot";
        let slots = rows(file, sql, |row| {
            let (id, scope, salt) = (blob(row, 0), blob(row, 2), blob(row, 4));
            let (kind, profile, end) = (number(row, 1), number(row, 3), number(row, 5));
            let (key, commitment) = (&key_ids[&scope], blob(row, 6));
            let fields = [&id[..], &kind, &scope, &profile, &salt, &end, key];
            let context = fields.concat();
            let aad = self.aad(2, &[&fields[..], &[&commitment]].concat());
            let mut sealed = sealed(row, 7, &aad);
            sealed.is_padded = false;
            let lock = Lock::Slot {
                context,
                commitment,
                sealed: sealed.clone(),
            };
            let name = format!("{}: slot {}", title(&scope), hex(&id));
            (name, lock, sealed)
        });
        for (name, lock, sealed) in slots {
            self.add(format!("{name}, wrapped"), Lock::Sealed(sealed));
            self.add(name, lock);
        }
    }

    /// With the scope of each key.
    fn records(
        &mut self,
        file: &Connection,
        title: &dyn Fn(&[u8]) -> String,
        key_ids: &HashMap<Vec<u8>, Vec<u8>>,
        names: &[String],
    ) -> HashMap<Vec<u8>, Vec<u8>> {
        let sql = "SELECT scope_id, key_id, name_tag, revision, nonce, sealed FROM record";
        let records = rows(file, sql, |row| {
            let (scope, id, tag) = (blob(row, 0), blob(row, 1), blob(row, 2));
            let aad = self.aad(5, &[&scope, &key_ids[&scope], &id, &tag, &number(row, 3)]);
            (scope, id, tag, sealed(row, 4, &aad))
        });
        let mut homes = HashMap::new();
        for (scope, id, tag, sealed) in records {
            let name = format!("{}: record {}", title(&scope), String::from_utf8_lossy(&id));
            for guess in names {
                let (of, mac) = (guess.as_bytes().to_vec(), tag.clone());
                self.add(format!("{name}, named {guess}"), Lock::Mac { of, mac });
            }
            self.add(name, Lock::Sealed(sealed));
            homes.insert(id, scope);
        }
        homes
    }

    fn log(&mut self, file: &Connection) {
        let mut before = [0; 32];
        let sql = "SELECT seq, nonce, sealed FROM log ORDER BY seq";
        let entries = rows(file, sql, |row| {
            (number(row, 0), blob(row, 1), sealed(row, 1, &[]))
        });
        for (at, (index, nonce, mut sealed)) in entries.into_iter().enumerate() {
            sealed.aad = self.aad(6, &[&index, &before]);
            let whole = [self.aad(6, &[&index]), lp(&nonce), lp(&sealed.bytes)].concat();
            before = Sha256::digest(whole).into();
            self.add(format!("own: log {}", at + 1), Lock::Sealed(sealed));
        }
    }

    fn events(
        &mut self,
        place: &Place,
        title: &dyn Fn(&[u8]) -> String,
        homes: &HashMap<Vec<u8>, Vec<u8>>,
    ) {
        let folder = place.location.state.join(hex(&self.vault));
        let file = Connection::open(folder.join("activity.db")).expect("uses were recorded");
        let sql = "SELECT seq, at, key_id, sealed FROM event";
        let events = rows(&file, sql, |row| {
            let (sequence, at, id, whole) =
                (number(row, 0), number(row, 1), blob(row, 2), blob(row, 3));
            let scope = &homes[&id];
            let (nonce, bytes) = whole.split_first_chunk().expect("a nonce");
            let sealed = Sealed {
                aad: self.aad(8, &[scope, &id, &sequence, &at]),
                nonce: *nonce,
                bytes: bytes.to_vec(),
                is_padded: true,
            };
            let at = u64::from_le_bytes(sequence);
            (format!("{}: use {at}", title(scope)), Lock::Sealed(sealed))
        });
        self.locks.extend(events);
    }

    fn anchors(&mut self, place: &Place, titles: &HashMap<Vec<u8>, String>) {
        let folder = place.location.state.join(hex(&self.vault));
        let path = fs::canonicalize(place.path()).expect("there");
        for entry in fs::read_dir(folder).expect("a folder") {
            let anchor = entry.expect("an entry").path();
            if anchor.extension().is_none_or(|end| end != "anchor") {
                continue;
            }
            let bytes = fs::read(&anchor).expect("an anchor");
            let path = path.as_os_str().as_encoded_bytes();
            let fields = [
                &bytes[4..12],
                &bytes[12..44],
                &bytes[44..52],
                &bytes[52..84],
                &bytes[84..100],
                &bytes[100..bytes.len() - 32],
            ];
            let of = self.aad(7, &[&[path][..], &fields].concat());
            let mac = bytes[bytes.len() - 32..].to_vec();
            let name = anchor.file_name().expect("a name").to_string_lossy();
            let of_what = name.split('-').next().expect("a first word");
            let mut scopes = titles.iter();
            let title = scopes.find(|(id, _)| hex(id) == of_what);
            let title = title.map_or("own", |(_, title)| title.as_str());
            self.add(format!("{title}: anchor"), Lock::Mac { of, mac });
        }
    }

    /// Opens all that can be opened by who begins with these bytes.
    pub(crate) fn loot(&self, beginning: &[Vec<u8>]) -> Loot {
        let mut loot = Loot {
            opened: BTreeSet::new(),
            known: beginning.to_vec(),
            tried: 0,
        };
        let mut left: Vec<&(String, Lock)> = self.locks.iter().collect();
        let mut seen = HashSet::new();
        let mut next: VecDeque<_> = beginning
            .iter()
            .cloned()
            .map(|it| (it, Piece::Part))
            .collect();
        while let Some((bytes, piece)) = next.pop_front() {
            if !seen.insert(bytes.clone()) {
                continue;
            }
            loot.tried += 1;
            let tried = Tried::new(self.vault, bytes, piece);
            left.retain(|(name, lock)| match tried.opens(lock) {
                None => true,
                Some(inside) => {
                    loot.opened.insert(name.clone());
                    next.extend(pieces(&inside));
                    loot.known.push(inside);
                    false
                }
            });
            if piece == Piece::Part {
                let derived = LABELS.map(|label| (tried.derive(label, &[], 32), Piece::Derived));
                next.extend(derived);
            }
        }
        loot
    }
}

/// Where bytes that are tried come from.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    /// Derived from a part.
    Derived,
    /// What somebody begins with, a whole plaintext, or a field of one: all is derived from it, too.
    Part,
    /// Any 32 bytes of a plaintext, wherever they begin: tried as a key of the cipher alone.
    Window,
}

struct Tried {
    hkdf: Hkdf<Sha256>,
    bytes: Vec<u8>,
    piece: Piece,
    key_id: Vec<u8>,
    /// By what they are of: a guess of a name is compared with many.
    macs: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
}

impl Tried {
    fn new(vault: [u8; 16], bytes: Vec<u8>, piece: Piece) -> Self {
        let mut tried = Self {
            hkdf: Hkdf::new(Some(&vault), &bytes),
            bytes,
            piece,
            key_id: Vec::new(),
            macs: RefCell::default(),
        };
        tried.key_id = tried.derive("key-id", &[], 16);
        tried
    }

    fn derive(&self, label: &str, context: &[u8], len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        let info = [b"keywright/v1/", label.as_bytes(), b"\0", context].concat();
        self.hkdf.expand(&info, &mut out).expect("short");
        out
    }

    /// What is inside; nothing where it is no lock of this key.
    fn opens(&self, lock: &Lock) -> Option<Vec<u8>> {
        match lock {
            Lock::Sealed(sealed) => sealed.open(&self.bytes),
            _ if self.piece == Piece::Window => None,
            Lock::KeyId(id) => (self.key_id == id).then(|| id.to_vec()),
            Lock::Mac { of, mac } => {
                let mut macs = self.macs.borrow_mut();
                let whole = macs.entry(of.clone()).or_insert_with(|| {
                    let hmac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.bytes);
                    hmac.expect("any length")
                        .chain_update(of)
                        .finalize()
                        .into_bytes()
                        .to_vec()
                });
                whole.starts_with(mac).then(|| mac.clone())
            }
            Lock::Slot {
                context,
                commitment,
                sealed,
            } => {
                let okm = self.derive("slot", context, 64);
                let inside = sealed.open(&okm[..32]);
                assert_eq!(inside.is_some(), okm[32..] == commitment[..]);
                // With them, for they are the holder's, too.
                inside.map(|inside| [&okm[..], &inside].concat())
            }
        }
    }
}

impl Sealed {
    fn open(&self, key: &[u8]) -> Option<Vec<u8>> {
        let cipher = XChaCha20Poly1305::new_from_slice(key).ok()?;
        let mut body = self.bytes.clone();
        let nonce = XNonce::from(self.nonce);
        cipher.decrypt_in_place(&nonce, &self.aad, &mut body).ok()?;
        if self.is_padded {
            let end = body.iter().rposition(|byte| *byte != 0).expect("padding");
            assert_eq!(body[end], 0x80);
            body.truncate(end);
        }
        Some(body)
    }
}

/// What there is to try of a plaintext.
fn pieces(inside: &[u8]) -> Vec<(Vec<u8>, Piece)> {
    let mut parts = vec![inside.to_vec()];
    let (mut rest, mut no_text) = (inside, inside);
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let Some((part, after)) = after.split_at_checked(len) else {
            break;
        };
        parts.push(part.to_vec());
        rest = after;
        // JSON is no key, but as a whole.
        if part.starts_with(b"{") {
            no_text = after;
        }
    }
    parts.extend(no_text.chunks_exact(32).map(<[u8]>::to_vec));
    let parts = parts.into_iter().map(|part| (part, Piece::Part));
    let windows = no_text.windows(32).map(|it| (it.to_vec(), Piece::Window));
    parts.chain(windows).collect()
}

fn rows<T>(file: &Connection, sql: &str, mut each: impl FnMut(&Row<'_>) -> T) -> Vec<T> {
    let mut statement = file.prepare(sql).expect("its tables");
    let rows = statement.query_map([], |row| Ok(each(row)));
    let rows = rows.expect("its rows").collect::<Result<_, _>>();
    rows.expect("its rows")
}

fn blob(row: &Row<'_>, at: usize) -> Vec<u8> {
    row.get(at).expect("a blob")
}

fn number(row: &Row<'_>, at: usize) -> [u8; 8] {
    row.get::<_, i64>(at).expect("a number").to_le_bytes()
}

/// Of a nonce and the column after it.
fn sealed(row: &Row<'_>, at: usize, aad: &[u8]) -> Sealed {
    Sealed {
        aad: aad.to_vec(),
        nonce: blob(row, at).try_into().expect("24 bytes"),
        bytes: blob(row, at + 1),
        is_padded: true,
    }
}

fn lp(field: &[u8]) -> Vec<u8> {
    let len = u32::try_from(field.len()).expect("short");
    [&len.to_le_bytes(), field].concat()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
