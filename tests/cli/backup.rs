//! `backup`: the whole vault, or a slice of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::{PASSPHRASE, TestEnv};

fn furnished() -> TestEnv {
    let env = TestEnv::new();
    env.create(["deploy"]);
    env.set(
        ["openai", "-p", "shop", "-e", "staging"],
        "sk-0123456789abcdef",
    );
    env
}

#[test]
fn a_backup_is_told_and_opens_as_the_vault() {
    let env = furnished();
    insta::assert_snapshot!(env.session(&[
        "backup copy.db",
        "backup copy.db",
        "backup copy.db --force",
        "backup copy.db --force --json",
        "backup copy.db --force -q",
        "list --vault copy.db -q --json",
        "backup no/where.db",
        "backup copy.db -p shop",
        "backup .config/keywright/vault.db --force",
        "backup passphrase --force",
    ]), @r#"
    $ keywright backup copy.db
    Made the backup `copy.db`: 2 keys, 24 KiB; all of it opens
    [exit 0]
    $ keywright backup copy.db
    error: there is already a file at `[HOME]/copy.db`
    hint: choose another name; --force replaces a backup of this vault
    [exit 4]
    $ keywright backup copy.db --force
    Replaced the backup `copy.db`: 2 keys, 24 KiB; all of it opens
    [exit 0]
    $ keywright backup copy.db --force --json
    {"schema":1,"outcome":"replaced","file":"copy.db","keys":2,"bytes":24576,"slice":null}
    [exit 0]
    $ keywright backup copy.db --force -q
    [exit 0]
    $ keywright list --vault copy.db -q --json
    {"schema":1,"keys":[{"name":"deploy","key_id":"[--KEY-ID--]","kind":"issued","display":"kwt_dev1_[--KEY-ID--]_••••","project":"default","environment":"development","status":"active","default":false,"pending":false,"permissions":["read"],"own_permissions":["read"],"roles":[],"context":{},"own_context":{},"rate":null,"brand":"kwt","providers":null,"models":null,"variable":null,"tags":[],"note":null,"created_at":"[-------TIME-------]","created_by":"tester@[HOST]","expires_at":"[-------TIME-------]","revoked_at":null,"revoked_by":null,"last_used_at":null,"requests":0,"refused":0,"generation":1,"previous_valid_until":null,"generations":[{"number":1,"state":"current","created_at":"[-------TIME-------]","created_by":"tester@[HOST]","delivered_at":"[-------TIME-------]","expires_at":"[-------TIME-------]","superseded_at":null}]},{"name":"openai","key_id":"[--KEY-ID--]","kind":"provider","display":"sk-••••def","project":"shop","environment":"staging","status":"active","default":false,"pending":false,"permissions":null,"own_permissions":null,"roles":null,"context":null,"own_context":null,"rate":null,"brand":null,"providers":["openai"],"models":[],"variable":"OPENAI_API_KEY","tags":[],"note":null,"created_at":"[-------TIME-------]","created_by":"tester@[HOST]","expires_at":null,"revoked_at":null,"revoked_by":null,"last_used_at":null,"requests":0,"refused":0,"generation":1,"previous_valid_until":null,"generations":[{"number":1,"state":"current","created_at":"[-------TIME-------]","created_by":"tester@[HOST]","delivered_at":"[-------TIME-------]","expires_at":null,"superseded_at":null}]}]}
    [exit 0]
    $ keywright backup no/where.db
    error: the folder `no` does not exist
    [exit 1]
    $ keywright backup copy.db -p shop
    error: a backup has no project and environment of its own
    hint: without -p and -e it is of all of them; --scope PROJECT/ENVIRONMENT makes a slice
    [exit 2]
    $ keywright backup .config/keywright/vault.db --force
    error: `[HOME]/.config/keywright/vault.db` is not replaced: it is the vault itself
    [exit 8]
    $ keywright backup passphrase --force
    error: `[HOME]/passphrase` is not replaced: it is not a keywright vault
    [exit 8]
    "#);
    let copy = env.path("copy.db");
    let mode = fs::metadata(&copy).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let passphrase = fs::read_to_string(env.path("passphrase")).expect("there");
    assert!(passphrase.starts_with(PASSPHRASE));
}

#[test]
fn a_slice_is_told_and_refreshed() {
    let env = furnished();
    insta::assert_snapshot!(env.session(&[
        "backup ci.vault --scope shop/staging",
        "backup ci.vault --scope shop/staging",
        "backup --scope shop/staging --refresh ci.vault",
    ]), @"
    $ keywright backup ci.vault --scope shop/staging
    Made the slice `ci.vault`: 1 key, 24 KiB
      provider keys of shop/staging
    warning: no access token opens anything in it; make one with `keywright access create`, then --refresh it
    [exit 0]
    $ keywright backup ci.vault --scope shop/staging
    error: there is already a file at `[HOME]/ci.vault`
    hint: --refresh brings a slice of this vault up to date, --force replaces it
    [exit 4]
    $ keywright backup --scope shop/staging --refresh ci.vault
    The slice `ci.vault` is as the vault is; unchanged
      provider keys of shop/staging
    warning: no access token opens anything in it; make one with `keywright access create`, then --refresh it
    [exit 0]
    ");
    let before = fs::read(env.path("ci.vault")).expect("there");
    let again = env.run([
        "backup",
        "--scope",
        "shop/staging",
        "--refresh",
        "ci.vault",
        "--json",
    ]);
    assert!(again.success(), "{again}");
    assert_eq!(again.json()["outcome"], "unchanged");
    assert_eq!(fs::read(env.path("ci.vault")).expect("there"), before);
    env.set(["stripe", "-p", "shop", "-e", "staging"], "sk-0123456789");
    insta::assert_snapshot!(env.session(&[
        "backup --scope shop/staging --refresh ci.vault",
        "backup --scope shop/staging --refresh ci.vault --json",
        "access create ci -p shop -e staging --kind provider --expires never --out token",
        "backup --scope shop/staging --refresh ci.vault",
        "backup --scope shop/staging --refresh ci.vault --json",
        "backup ci.vault --scope default/development --kind issued --force",
        "list --vault ci.vault",
        "restore ci.vault --yes",
    ]), @r#"
    $ keywright backup --scope shop/staging --refresh ci.vault
    Refreshed the slice `ci.vault`: 2 keys, 24 KiB
      provider keys of shop/staging
    warning: no access token opens anything in it; make one with `keywright access create`, then --refresh it
    [exit 0]
    $ keywright backup --scope shop/staging --refresh ci.vault --json
    {"schema":1,"outcome":"unchanged","file":"ci.vault","keys":2,"bytes":24576,"slice":{"access_tokens":[],"scopes":[{"project":"shop","environment":"staging","kind":"provider"}]}}
    warning: no access token opens anything in it; make one with `keywright access create`, then --refresh it
    [exit 0]
    $ keywright access create ci -p shop -e staging --kind provider --expires never --out token
    Created access token `ci`
      opens        the provider keys of shop/staging
      expires      never
      token        in the new file `token`
    [exit 0]
    $ keywright backup --scope shop/staging --refresh ci.vault
    Refreshed the slice `ci.vault`: 2 keys, 24 KiB
      provider keys of shop/staging
      opens with the access token `ci`
    [exit 0]
    $ keywright backup --scope shop/staging --refresh ci.vault --json
    {"schema":1,"outcome":"unchanged","file":"ci.vault","keys":2,"bytes":24576,"slice":{"access_tokens":["ci"],"scopes":[{"project":"shop","environment":"staging","kind":"provider"}]}}
    [exit 0]
    $ keywright backup ci.vault --scope default/development --kind issued --force
    Replaced the slice `ci.vault`: 1 key, 24 KiB
      issued keys of default/development
    warning: no access token opens anything in it; make one with `keywright access create`, then --refresh it
    [exit 0]
    $ keywright list --vault ci.vault
    error: `[HOME]/ci.vault` is a slice of a vault, not a vault
    hint: an access token opens it; the vault itself is where the slice was made
    [exit 8]
    $ keywright restore ci.vault --yes
    error: `[HOME]/ci.vault` is a slice of a vault, not a vault
    hint: an access token opens it; the vault itself is where the slice was made
    [exit 8]
    "#);
}

#[test]
fn what_cannot_be_sliced_is_refused_and_says_what_helps() {
    let env = furnished();
    let backup = env.run(["backup", "copy.db"]);
    assert!(backup.success(), "{backup}");
    let other = env.run(["init", "--kdf", "test", "--vault", "other.db"]);
    assert!(other.success(), "{other}");
    fs::create_dir(env.path("folder")).expect("made");
    insta::assert_snapshot!(env.refused_lines(&[
        "backup ci.vault --scope shop/stagin",
        "backup ci.vault --scope bank/production",
        "backup ci.vault --scope shop/staging --kind issued",
        "backup ci.vault --scope shop",
        "backup ci.vault --kind issued",
        "backup ci.vault --refresh",
        "backup ci.vault --scope shop/staging --refresh --force",
        "backup copy.db --refresh --scope shop/staging",
        "backup missing.vault --refresh --scope shop/staging",
        "backup copy.db --scope shop/staging --force",
        "backup other.db --force",
        "backup - --force",
        "backup .",
        "backup folder/ --force",
        "backup new/",
        "backup nodir/x.db",
        "backup copy.db --scope shop/staging",
    ]), @"
    $ keywright backup ci.vault --scope shop/stagin
    error: no keys in `shop/stagin`
    hint: did you mean `shop/staging`?
    [exit 3]
    $ keywright backup ci.vault --scope bank/production
    error: no keys in `bank/production`
    hint: there are `default/development`, `shop/staging`
    [exit 3]
    $ keywright backup ci.vault --scope shop/staging --kind issued
    error: no issued keys in `shop/staging`
    hint: there are `default/development`
    [exit 3]
    $ keywright backup ci.vault --scope shop
    error: invalid value 'shop' for '--scope <PROJECT/ENVIRONMENT>': a scope is PROJECT/ENVIRONMENT, such as `shop/staging`

    For more information, try '--help'.
    [exit 2]
    $ keywright backup ci.vault --kind issued
    error: the following required arguments were not provided:
      --scope <PROJECT/ENVIRONMENT>

    Usage: keywright backup --scope <PROJECT/ENVIRONMENT> --kind <KIND> <FILE>

    For more information, try '--help'.
    [exit 2]
    $ keywright backup ci.vault --refresh
    error: the following required arguments were not provided:
      --scope <PROJECT/ENVIRONMENT>

    Usage: keywright backup --scope <PROJECT/ENVIRONMENT> --refresh <FILE>

    For more information, try '--help'.
    [exit 2]
    $ keywright backup ci.vault --scope shop/staging --refresh --force
    error: the argument '--refresh' cannot be used with '--force'

    Usage: keywright backup --scope <PROJECT/ENVIRONMENT> --refresh <FILE>

    For more information, try '--help'.
    [exit 2]
    $ keywright backup copy.db --refresh --scope shop/staging
    error: `copy.db` is refused: it is a whole vault, not a slice
    hint: choose another name; without --refresh a new one is made
    [exit 8]
    $ keywright backup missing.vault --refresh --scope shop/staging
    error: there is no slice at `missing.vault`
    hint: without --refresh, `keywright backup --scope PROJECT/ENVIRONMENT` makes one
    [exit 1]
    $ keywright backup copy.db --scope shop/staging --force
    error: `copy.db` is not replaced: it is a whole vault, not a slice
    [exit 8]
    $ keywright backup other.db --force
    error: `other.db` is not replaced: it is another vault, or a copy of one
    [exit 8]
    $ keywright backup - --force
    error: `-` is no file name
    hint: a copy is a file that can be opened; `./-` is a file of that name
    [exit 2]
    $ keywright backup .
    error: `.` is a folder; name the file, such as `./vault.db`
    [exit 2]
    $ keywright backup folder/ --force
    error: `folder/` is a folder; name the file, such as `folder/vault.db`
    [exit 2]
    $ keywright backup new/
    error: `new/` is the name of a folder; name a file
    [exit 2]
    $ keywright backup nodir/x.db
    error: the folder `nodir` does not exist
    [exit 1]
    $ keywright backup copy.db --scope shop/staging
    error: there is already a file at `[HOME]/copy.db`
    hint: --refresh brings a slice of this vault up to date, --force replaces it
    [exit 4]
    ");
    assert!(!env.path("ci.vault").exists());
}

/// Whatever the umask, and whatever ends it.
#[test]
fn copies_are_their_owners_alone_under_every_umask() {
    let env = furnished();
    for (umask, args) in [
        ("000", "backup whole.db"),
        ("000", "backup slice.db --scope shop/staging"),
        ("000", "restore whole.db --yes"),
        ("777", "backup other.db"),
    ] {
        let mut shell = env.program("sh");
        let script = format!("umask {umask}; exec \"$0\" {args}");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_keywright")]);
        let outcome = env.finish(shell, "");
        assert!(outcome.success(), "{args}: {outcome}");
    }
    let mut files = 0;
    for (path, _) in env.files() {
        let name = path.to_string_lossy().into_owned();
        if name.contains(".db") {
            files += 1;
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
    assert!(files >= 5, "{files}");
}
