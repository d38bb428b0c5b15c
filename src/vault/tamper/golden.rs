//! Writes the golden vault of format 1, here, because only the crate itself can read the random credentials of a vault.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Life, NOW, location, shop, value, who};
use crate::crypto::{Passphrase, Profile, Secret};
use crate::key::{Context, KeyKind, PermissionSet, Role, Span};
use crate::vault::{
    AccessToken, Credential, KeyEdit, Location, NewIssued, Requirements, Rotation, Selection,
    SliceScopes, Vault, Wanted,
};

#[test]
#[ignore = "writes tests/vectors/format-1 where it is missing; never again, for format 1 is final"]
fn write_the_golden_vault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/format-1");
    fs::create_dir_all(&folder).expect("made");
    // The long campaigns run all that is ignored; nothing golden is made by accident.
    if !folder.join("vault.db").exists() {
        write_vault(&folder);
    }
    if !folder.join("slice.vault").exists() {
        write_slice(&folder);
    }
}

fn passphrase() -> Passphrase {
    let passphrase = Secret::new(b"correct horse battery staple".to_vec());
    Passphrase::new(passphrase).expect("a passphrase")
}

fn text(secret: &Secret) -> String {
    String::from_utf8(secret.expose().to_vec()).expect("ASCII")
}

/// The activity file, with a use by the owner, one for a program, and one with an access token.
fn write_uses(folder: &Path, token: &str, job: &AccessToken) {
    let place = Location {
        activity: Some(folder.join("activity.db")),
        ..location(&folder.join("vault.db"))
    };
    let passphrase = passphrase();
    let owner = Vault::open(&place, &Credential::Passphrase(&passphrase), NOW);
    let mut owner = owner.expect("opens");
    let presented = Secret::new(token.as_bytes().to_vec());
    owner
        .verify(&presented, &Requirements::default(), true, &who(), NOW)
        .expect("answered");
    let selection = Selection {
        scope: shop(),
        listed: None,
        only: Vec::new(),
        except: Vec::new(),
        tags: Vec::new(),
        added: Vec::new(),
        kept: Vec::new(),
        allowed: Vec::new(),
        allow_missing: false,
    };
    owner
        .hand_out(&selection, "run", Some("server"), &who(), NOW)
        .expect("handed out");
    let mut holder = Vault::open(&place, &Credential::access_token(job), NOW).expect("opens");
    let openai = "openai".parse().expect("a name");
    let found = holder.find(Wanted::Named(&openai), &shop(), true);
    holder
        .value(&found.expect("found"), false, &who(), NOW)
        .expect("a value");
    drop((owner, holder));
    // One file, without its log.
    let activity = rusqlite::Connection::open(folder.join("activity.db")).expect("a file");
    activity
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .expect("emptied");
}

/// Of a copy, because the vault in the repository need not have the mode that it is opened with, and has no anchors.
fn write_slice(folder: &Path) {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let copy = elsewhere.path().join("vault.db");
    fs::copy(folder.join("vault.db"), &copy).expect("copied");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).expect("a mode");
    let passphrase = passphrase();
    let credential = Credential::Passphrase(&passphrase);
    let vault = Vault::open(&location(&copy), &credential, NOW);
    let scopes = SliceScopes {
        scopes: vec![shop()],
        kind: Some(KeyKind::Issued),
    };
    let slice = folder.join("slice.vault");
    let sliced = vault.expect("opens").slice(&slice, &scopes, false);
    assert_eq!(sliced.expect("a slice").access_tokens.len(), 1);
}

fn write_vault(folder: &Path) {
    let path = folder.join("vault.db");
    let passphrase = passphrase();
    let vault = Vault::create(&location(&path), &passphrase, Profile::Test, &who(), NOW);
    let mut life = Life::of(vault.expect("a new vault"));

    let role = Role {
        name: "billing".parse().expect("a role"),
        permissions: PermissionSet::try_from(std::collections::BTreeSet::from(["create:bills"
            .parse()
            .expect("a permission")]))
        .expect("few"),
        context: Context::from_pairs(&[
            "team=red".parse().expect("a pair"),
            "region=eu".parse().expect("a pair"),
        ])
        .expect("few"),
    };
    life.vault
        .set_role(&role, false, &who(), NOW)
        .expect("a role");

    let permissions = ["read", "write:invoices"].map(|text| text.parse().expect("a permission"));
    let context = ["team=blue".parse().expect("a pair")];
    let new = NewIssued {
        name: "CI/CD integration".parse().expect("a name"),
        scope: shop(),
        brand: "acme".parse().expect("a brand"),
        permissions: PermissionSet::try_from(std::collections::BTreeSet::from(permissions))
            .expect("few"),
        roles: vec![role.name],
        context: Context::from_pairs(&context).expect("few"),
        rate: None,
        expires_at: Some(NOW.after(Span::days(90))),
        tags: vec!["ci".parse().expect("a tag")],
        note: Some("made for the tests".parse().expect("a note")),
        make_default: true,
    };
    life.issue_new(&new);
    let rotation = Rotation {
        overlap: Span::days(30),
        expires_at: None,
    };
    life.rotate_with("CI/CD integration", &shop(), rotation);
    life.issue_new(&NewIssued {
        name: "old".parse().expect("a name"),
        make_default: false,
        ..new
    });
    let found = life.find("old", &shop());
    life.vault.revoke(&found, &who(), NOW).expect("revoked");

    let name = "openai".parse().expect("a name");
    let changes = KeyEdit {
        variable: Some(Some("OPENAI_API_KEY".parse().expect("a variable"))),
        ..KeyEdit::default()
    };
    life.vault
        .set_new(&name, &shop(), &value("sk-before"), &changes, &who(), NOW)
        .expect("stored");
    let found = life.find("openai", &shop());
    let now = value("sk-0123456789abcdef");
    life.vault
        .replace_value(&found, &now, &KeyEdit::default(), &who(), NOW)
        .expect("replaced");

    let access = life.access(&shop());
    let name = "job".parse().expect("a name");
    let job = life
        .vault
        .create_access(&name, &shop(), KeyKind::Provider, None, &who(), NOW)
        .expect("an access token");
    let code = life.recovery_code();
    let tokens: Vec<String> = life.tokens[..3].to_vec();
    drop(life);
    write_uses(folder, &tokens[1], &job);
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let mut known = String::new();
    for (name, text) in [
        ("token-1", tokens[0].clone()),
        ("token-2", tokens[1].clone()),
        ("token-revoked", tokens[2].clone()),
        ("access-slot", access.slot().to_string()),
        ("access-secret", hex(access.input().expose())),
        ("access-token", text(&access.text())),
        ("access-token-provider", text(&job.text())),
        ("recovery", hex(code.input().expose())),
        ("recovery-code", text(&code.text())),
    ] {
        writeln!(known, "{name} {text}").expect("a string grows");
    }
    fs::write(folder.join("known.txt"), known).expect("written");
}
