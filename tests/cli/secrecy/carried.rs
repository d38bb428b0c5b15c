//! The commands that carry keys about: into an environment, a document, a copy, another vault; and those that tell of it.

use super::{NAMES, NEXT_VALUE, Session, VALUE, WRONG, has};
use crate::common::{PASSPHRASE, TestEnv};

/// Of the import.
const IMPORTED: &str = "sk-CanaryImport-5b8e02d19ac74f36";

/// The rest of a token or of an access token that nobody but its holder may see.
fn secret_of(text: &str) -> String {
    let secret = text.rsplit('_').next().expect("a part");
    secret[..32].to_owned()
}

#[track_caller]
fn run(session: &Session, args: &[&str], stdin: &str, code: i32) {
    let outcome = session.run(args, stdin);
    assert_eq!(outcome.code(), Some(code), "{args:?}: {outcome}");
}

#[test]
fn what_carries_keys_about_tells_only_what_it_was_asked_for() {
    let env = TestEnv::new();
    env.write("keys.env", format!("CANARY_IMPORTED={IMPORTED}\n"));
    let secrets = [PASSPHRASE, VALUE, NEXT_VALUE, IMPORTED, WRONG].map(str::to_owned);
    let mut session = Session {
        env,
        secrets: secrets.to_vec(),
    };
    let [issued, provider, tag, note, _] = NAMES;
    run(
        &session,
        &["set", provider, "--var", "CANARY", "--note", note],
        VALUE,
        0,
    );
    run(&session, &["set", provider, "--yes"], NEXT_VALUE, 0);
    let token = session.token(&["create", issued, "--tag", tag]);
    run(&session, &["verify"], &token, 0);

    for format in ["shell", "fish", "powershell", "dotenv", "docker", "json"] {
        session.reveal(&["env", "--format", format], "", NEXT_VALUE);
    }
    run(&session, &["env", "--json"], "", 0);
    session.reveal(&["run", "-c", "printf %s \"$CANARY\""], "", NEXT_VALUE);
    run(&session, &["run", "--", "true"], "", 0);
    session.search_files();

    let access = session
        .env
        .run(["access", "create", "job", "--kind", "provider"]);
    session.search(&["access", "create"], &access, None);
    let access = access.token();
    session.secrets.push(secret_of(&access));
    for (args, code) in [
        (&["access", "list"] as &[&str], 0),
        (&["access", "list", "--json"], 0),
        (&["access", "create", "job", "--kind", "provider"], 4),
    ] {
        run(&session, args, "", code);
    }
    session.search_files();

    for (args, code) in [
        (&["export"] as &[&str], 0),
        (&["role", "set", "clerk", "--permission", "read"], 0),
        (&["role", "list"], 0),
        (&["role", "show", "clerk", "--json"], 0),
        (&["edit", issued, "--role", "clerk"], 0),
        (&["import", "keys.env", "--dry-run"], 0),
        (&["import", "keys.env"], 0),
        (&["import", "keys.env", "--json"], 0),
        (&["audit"], 0),
        (&["audit", "--json"], 0),
        (&["audit", provider], 0),
        (&["usage", provider], 0),
        (&["backup", "copy.db"], 0),
        (&["backup", "copy.db", "--force", "--json"], 0),
        (&["backup", "slice.db", "--scope", "default/development"], 0),
        (&["access", "revoke", "job", "--yes"], 0),
        (&["restore", "copy.db"], 6),
        (&["restore", "copy.db", "--yes"], 0),
        (&["role", "delete", "clerk", "--yes"], 8),
        (&["status", "--json"], 0),
    ] {
        run(&session, args, "", code);
        session.search_files();
    }
    // The same document with the value, by whoever asks for it.
    let export = session.env.run(["export", "--reveal"]);
    assert!(has(export.stdout(), NEXT_VALUE), "the twin: {export}");
    for words in [
        "keywright\0show\0canary",
        "keywright\0get\0",
        "keywright\0access\0revoke\0",
    ] {
        for shell in ["bash", "zsh", "fish"] {
            let typed = if shell == "zsh" {
                format!("{words}\0")
            } else {
                words.to_owned()
            };
            run(&session, &["complete", shell, "--patient"], &typed, 0);
        }
    }
    session.search_files();
}
