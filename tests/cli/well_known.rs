//! What `set` knows of providers, and what `get` finds by them.

use serde_json::json;

use crate::common::{Outcome, TestEnv, Transcript, words};

/// Says nothing of whose it is.
const PLAIN: &str = "7f3a91c55e20bd840d6b82e7714fc93a";

fn run(env: &TestEnv, told: &mut Transcript, line: &str, value: &str) -> Outcome {
    let words = words(line);
    let outcome = env.run_with_stdin(&words, value);
    told.add(
        &words.iter().map(String::as_str).collect::<Vec<_>>(),
        &outcome,
    );
    outcome
}

/// One of each line, with a value that nothing is said of.
#[track_caller]
fn session(env: &TestEnv, lines: &[&str]) -> Transcript {
    let mut told = Transcript::default();
    for line in lines {
        let outcome = run(env, &mut told, line, PLAIN);
        assert!(outcome.success(), "{outcome}");
    }
    told
}

#[test]
fn a_well_known_name_brings_provider_and_variable() {
    let env = TestEnv::new();
    let told = session(
        &env,
        &[
            "set stripe --dry-run",
            "set stripe",
            "set huggingface --no-var",
            "set groq --var FAST_KEY",
            "set pypi",
            "set 'my key' --provider anthropic",
            // Another provider was named than the one that the name means.
            "set openai --provider acme",
            "set mistral --provider xai --provider cohere",
            // Not exactly the word.
            "set OpenAI",
            "set stripe-test",
        ],
    );
    insta::assert_snapshot!(told, @r#"
    $ keywright set stripe --dry-run
    Would store provider key `stripe` in default/development
      provider     stripe (by default)
      variable     STRIPE_SECRET_KEY (by default)
    [exit 0]
    $ keywright set stripe
    Stored provider key `stripe` in default/development
      provider     stripe (by default)
      variable     STRIPE_SECRET_KEY (by default)
    [exit 0]
    $ keywright set huggingface --no-var
    Stored provider key `huggingface` in default/development
      provider     huggingface (by default)
    [exit 0]
    $ keywright set groq --var FAST_KEY
    Stored provider key `groq` in default/development
      provider     groq (by default)
    [exit 0]
    $ keywright set pypi
    Stored provider key `pypi` in default/development
      provider     pypi (by default)
    [exit 0]
    $ keywright set "my key" --provider anthropic
    Stored provider key `my key` in default/development
      variable     ANTHROPIC_API_KEY (by default)
    [exit 0]
    $ keywright set openai --provider acme
    Stored provider key `openai` in default/development
    [exit 0]
    $ keywright set mistral --provider xai --provider cohere
    Stored provider key `mistral` in default/development
    [exit 0]
    $ keywright set OpenAI
    Stored provider key `OpenAI` in default/development
    [exit 0]
    $ keywright set stripe-test
    Stored provider key `stripe-test` in default/development
    [exit 0]
    "#);
    for (name, providers, variable) in [
        ("stripe", json!(["stripe"]), json!("STRIPE_SECRET_KEY")),
        ("huggingface", json!(["huggingface"]), json!(null)),
        ("groq", json!(["groq"]), json!("FAST_KEY")),
        ("pypi", json!(["pypi"]), json!(null)),
        ("my key", json!(["anthropic"]), json!("ANTHROPIC_API_KEY")),
        ("openai", json!(["acme"]), json!(null)),
        ("mistral", json!(["xai", "cohere"]), json!(null)),
        ("OpenAI", json!([]), json!(null)),
        ("stripe-test", json!([]), json!(null)),
    ] {
        let key = env.show([name]);
        assert_eq!(key["providers"], providers, "{name}");
        assert_eq!(key["variable"], variable, "{name}");
    }
}

#[test]
fn json_has_what_was_chosen_and_the_first_set_chooses_too() {
    let env = TestEnv::empty();
    let planned = env.run_with_stdin(["set", "openai", "-n"], PLAIN);
    insta::assert_snapshot!(planned, @"
    exit: 0
    ---- stdout
    ---- stderr
    Would make the vault `[HOME]/.config/keywright/vault.db`
    Would store provider key `openai` in default/development
      provider     openai (by default)
      variable     OPENAI_API_KEY (by default)
    ");
    let made = env.run_with_stdin(["set", "openai", "--json"], PLAIN);
    assert_eq!(made.stderr(), "");
    let key = &made.json()["key"];
    assert_eq!(key["providers"], json!(["openai"]));
    assert_eq!(key["variable"], "OPENAI_API_KEY");
}

#[test]
fn a_variable_that_another_key_has_is_not_taken_by_default() {
    let env = TestEnv::new();
    let told = session(
        &env,
        &[
            "set work --var OPENAI_API_KEY",
            "set openai -n",
            "set openai",
            // In another scope it is free; asked for, it is given.
            "set openai -e staging",
            "set third --provider openai --var OPENAI_API_KEY",
        ],
    );
    insta::assert_snapshot!(told, @"
    $ keywright set work --var OPENAI_API_KEY
    Stored provider key `work` in default/development
    [exit 0]
    $ keywright set openai -n
    Would store provider key `openai` in default/development
      provider     openai (by default)
      variable     none, because `work` has OPENAI_API_KEY; --var gives one
    [exit 0]
    $ keywright set openai
    Stored provider key `openai` in default/development
      provider     openai (by default)
      variable     none, because `work` has OPENAI_API_KEY; --var gives one
    [exit 0]
    $ keywright set openai -e staging
    Stored provider key `openai` in default/staging
      provider     openai (by default)
      variable     OPENAI_API_KEY (by default)
    [exit 0]
    $ keywright set third --provider openai --var OPENAI_API_KEY
    Stored provider key `third` in default/development
    [exit 0]
    ");
    assert_eq!(env.show(["openai"])["variable"], json!(null));
    assert_eq!(env.show(["third"])["variable"], "OPENAI_API_KEY");
    let staging = env.show(["openai", "-e", "staging"]);
    assert_eq!(staging["variable"], "OPENAI_API_KEY");
}

#[test]
fn a_key_that_exists_gets_nothing_by_default() {
    let env = TestEnv::new();
    env.set(["openai", "--no-var", "--provider", "acme"], PLAIN);
    let next = PLAIN.replace('7', "8");
    let mut told = Transcript::default();
    for (line, value) in [
        ("set openai", PLAIN),
        ("set openai --yes -n", &next),
        ("set openai --yes", &next),
        ("set openai --var OPENAI_API_KEY", &next),
        ("set openai --no-var", &next),
        ("set openai --no-var --var OPENAI_API_KEY", &next),
    ] {
        run(&env, &mut told, line, value);
    }
    insta::assert_snapshot!(told, @"
    $ keywright set openai
    `openai` in default/development is unchanged
    [exit 0]
    $ keywright set openai --yes -n
    Would replace the value of `openai` in default/development
    [exit 0]
    $ keywright set openai --yes
    Replaced the value of `openai` in default/development
    [exit 0]
    $ keywright set openai --var OPENAI_API_KEY
    Updated `openai` in default/development; the value is the same
    [exit 0]
    $ keywright set openai --no-var
    Updated `openai` in default/development; the value is the same
    [exit 0]
    $ keywright set openai --no-var --var OPENAI_API_KEY
    error: the argument '--no-var' cannot be used with '--var <VARIABLE>'

    Usage: keywright set --no-var <NAME>

    For more information, try '--help'.
    [exit 2]
    ");
    let key = env.show(["openai"]);
    assert_eq!(key["providers"], json!(["acme"]));
    assert_eq!(key["variable"], json!(null));
}

/// Keys whose values are their names.
fn stocked() -> TestEnv {
    let env = TestEnv::new();
    for line in [
        "plain-openai --provider openai",
        "gpt --provider openai --model gpt-5 --model gpt-5-mini",
        "two --provider mistral --provider Cohere --model large",
        "anthropic-a --provider anthropic --no-var",
        "anthropic-b --provider anthropic --no-var",
        "nobody",
        "away -e staging --provider xai --model grok",
    ] {
        let words = words(line);
        env.set(words.iter().map(String::as_str), &words[0]);
    }
    env
}

#[test]
fn a_key_is_found_by_provider_and_model() {
    let env = stocked();
    for (line, value) in [
        ("get --provider openai --model gpt-5", "gpt"),
        // No key names it, so the one that names none serves it.
        ("get --provider openai --model o9", "plain-openai"),
        ("get --model gpt-5-mini", "gpt"),
        ("get --provider mistral", "two"),
        ("get --provider Cohere --model large", "two"),
        ("get --provider xai -e staging", "away"),
    ] {
        let got = env.run(words(line));
        assert_eq!(got.stdout_text(), value, "{line}: {got}");
        assert_eq!(got.stderr(), "", "{line}");
    }
    let got = env.run(["get", "--model", "grok", "-e", "staging", "--json"]);
    assert_eq!(got.json()["value"], "away");
    assert_eq!(got.json()["key"]["name"], "away");
    assert_eq!(env.show(["gpt"])["requests"], 2);
}

#[test]
fn what_is_not_found_or_not_one_is_told_with_what_there_is() {
    let env = stocked();
    let told = env.refused_lines(&[
        "get --provider anthropic",
        "get --provider openai",
        "get --provider anthropic --model claude --json",
        "get --provider opnai",
        "get --provider OpenAI",
        "get --provider cohere --model large",
        "get --provider mistral --model Large",
        "get --provider mistral --model gpt-5",
        "get --model gpt-6",
        "get --model unheard-of",
        "get --provider unheard-of",
        "get --provider xai",
        "get --provider acme -e production",
        "get",
        "get gpt --provider openai",
        "get gpt --model gpt-5",
        "get --provider ''",
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright get --provider anthropic
    error: more than one key of provider `anthropic` in default/development: `anthropic-a`, `anthropic-b`
    hint: name one of them: `keywright get NAME`
    [exit 2]
    $ keywright get --provider openai
    error: more than one key of provider `openai` in default/development: `gpt`, `plain-openai`
    hint: name one of them: `keywright get NAME`
    [exit 2]
    $ keywright get --provider anthropic --model claude --json
    {"schema":1,"error":{"kind":"usage","exit_code":2,"message":"more than one key of provider `anthropic` for model `claude` in default/development: `anthropic-a`, `anthropic-b`","causes":[],"hint":"name one of them: `keywright get NAME`"}}
    [exit 2]
    $ keywright get --provider opnai
    error: no key of provider `opnai` in default/development
    hint: did you mean `openai`?
    [exit 3]
    $ keywright get --provider OpenAI
    error: no key of provider `OpenAI` in default/development
    hint: did you mean `openai`?
    [exit 3]
    $ keywright get --provider cohere --model large
    error: no key of provider `cohere` for model `large` in default/development
    hint: did you mean `Cohere`?
    [exit 3]
    $ keywright get --provider mistral --model Large
    error: no key of provider `mistral` for model `Large` in default/development
    hint: did you mean `large`?
    [exit 3]
    $ keywright get --provider mistral --model gpt-5
    error: no key of provider `mistral` for model `gpt-5` in default/development
    hint: there are keys for `large`
    [exit 3]
    $ keywright get --model gpt-6
    error: no key for model `gpt-6` in default/development
    hint: did you mean `gpt-5`?
    [exit 3]
    $ keywright get --model unheard-of
    error: no key for model `unheard-of` in default/development
    hint: there are keys for `gpt-5`, `gpt-5-mini`, `large`
    [exit 3]
    $ keywright get --provider unheard-of
    error: no key of provider `unheard-of` in default/development
    hint: there are keys for `Cohere`, `anthropic`, `mistral`, `openai`
    [exit 3]
    $ keywright get --provider xai
    error: no key of provider `xai` in default/development
    hint: there is one in default/staging; choose with -p and -e
    [exit 3]
    $ keywright get --provider acme -e production
    error: no key of provider `acme` in default/production
    hint: `keywright edit NAME --add-provider PROVIDER --add-model MODEL` links a key to what it is for
    [exit 3]
    $ keywright get
    error: the following required arguments were not provided:
      <NAME>

    Usage: keywright get <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright get gpt --provider openai
    error: the argument '[NAME]' cannot be used with '--provider <PROVIDER>'

    Usage: keywright get <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright get gpt --model gpt-5
    error: the argument '[NAME]' cannot be used with '--model <MODEL>'

    Usage: keywright get <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright get --provider ""
    error: invalid value '' for '--provider <PROVIDER>': a provider cannot be empty

    For more information, try '--help'.
    [exit 2]
    "#);
}

#[test]
fn a_revoked_key_serves_only_where_there_is_no_other() {
    let env = stocked();
    for name in ["gpt", "anthropic-b", "two"] {
        assert!(env.run(["revoke", name, "--yes"]).success());
    }
    for (line, value) in [
        ("get --provider openai --model gpt-5", "plain-openai"),
        ("get --provider openai", "plain-openai"),
        ("get --provider anthropic", "anthropic-a"),
    ] {
        let got = env.run(words(line));
        assert_eq!(got.stdout_text(), value, "{line}: {got}");
    }
    assert!(env.run(["revoke", "anthropic-a", "--yes"]).success());
    let told = env.refused_lines(&[
        "get --model gpt-5",
        "get --provider mistral --model large",
        "get --provider anthropic",
    ]);
    insta::assert_snapshot!(told, @"
    $ keywright get --model gpt-5
    error: `gpt` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    $ keywright get --provider mistral --model large
    error: `two` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    $ keywright get --provider anthropic
    error: `anthropic-a` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    ");
}
