//! Scenarios as somebody lives them, from the first command to what is looked up in the end: keys of every environment,
//! and keys that may do more or less.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Outcome, TestEnv, Transcript, words};
use crate::mask::collapsed;

const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// A home in which something happens, and what was said there.
pub(crate) struct Story {
    pub(crate) env: TestEnv,
    told: Transcript,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self {
            env: TestEnv::new(),
            told: Transcript::default(),
        }
    }

    /// A command line as it is typed.
    #[track_caller]
    pub(crate) fn says(&mut self, line: &str) -> Outcome {
        self.given("", line)
    }

    /// A command line with something on its standard input.
    #[track_caller]
    pub(crate) fn given(&mut self, input: &str, line: &str) -> Outcome {
        let words = words(line);
        let outcome = self.env.run_with_stdin(&words, input);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.told.add(&words, &outcome);
        outcome
    }

    /// What was said since the last time it was asked for.
    pub(crate) fn told(&mut self) -> String {
        let told = std::mem::take(&mut self.told).to_string();
        // A second may have gone by.
        let told = told.replace("in 59 min", "in 1 h");
        let told = told.replace("in 60 min", "in 1 h");
        // Beside the machine's name, these stand in a column that is as wide as it.
        let actors = ["boss ", "gateway ", "pipeline ", "stranger "];
        actors
            .iter()
            .fold(told, |told, actor| collapsed(&told, actor))
    }

    /// Runs a command line that nobody tells of.
    #[track_caller]
    pub(crate) fn quietly(&self, line: &str) -> Outcome {
        let outcome = self.env.run(words(line));
        assert!(outcome.success(), "{line}: {outcome}");
        outcome
    }

    /// An issued key that nobody tells of; gives its token.
    #[track_caller]
    pub(crate) fn key(&self, line: &str) -> String {
        self.quietly(&format!("create {line}")).token()
    }

    /// The answer to a token, as `verify --json` with more options gives it.
    #[track_caller]
    pub(crate) fn answer(&self, token: &str, options: &str) -> Value {
        let line = format!("verify --json {options}");
        self.env.run_with_stdin(words(&line), token).json()
    }

    /// The codes of the answers to several tokens.
    #[track_caller]
    pub(crate) fn codes<'a>(
        &self,
        tokens: impl IntoIterator<Item = &'a String>,
        options: &str,
    ) -> Vec<String> {
        let input: String = tokens
            .into_iter()
            .map(|token| format!("{token}\n"))
            .collect();
        let line = format!("verify --batch {options}");
        let outcome = self.env.run_with_stdin(words(&line), input);
        assert!(outcome.success(), "{outcome}");
        let code = |line: &str| {
            let answer: Value = serde_json::from_str(line).expect("a JSON object a line");
            answer["code"].as_str().expect("a code").to_owned()
        };
        outcome.stdout_text().lines().map(code).collect()
    }

    /// Names of the keys that `list` shows with these filters, and its exit code.
    #[track_caller]
    pub(crate) fn listed(&self, filters: &str) -> (Vec<String>, Option<i32>) {
        let outcome = self.env.run(words(&format!("list --json {filters}")));
        (outcome.names(), outcome.code())
    }
}

/// Tries again, as long as a loaded machine may take, until it is so.
#[track_caller]
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} never came");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn each_environment_has_a_default_key_and_more_beside_it() {
    let mut story = Story::new();
    let made = |name: &str, more: &str| {
        ENVIRONMENTS
            .map(|environment| story.key(&format!("{name} -p shop -e {environment} {more}")))
    };
    let webs = made("web", "--default");
    let workers = made("worker", "");
    story.says("list -p shop");
    story.says("edit worker --default -p shop -e production");
    story.says("list -p shop -e prod");
    insta::assert_snapshot!(story.told(), @"
    $ keywright list -p shop
    NAME    SCOPE             KIND    STATUS  KEY                          PERMISSIONS  ROLES  PROVIDER  MODEL  VARIABLE  CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
    web *   shop/development  issued  active  kwt_dev1_[--KEY-ID--]_••••   read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
    worker  shop/development  issued  active  kwt_dev1_[--KEY-ID--]_••••   read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
    web *   shop/production   issued  active  kwt_prod1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
    worker  shop/production   issued  active  kwt_prod1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
    web *   shop/staging      issued  active  kwt_stg1_[--KEY-ID--]_••••   read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
    worker  shop/staging      issued  active  kwt_stg1_[--KEY-ID--]_••••   read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
    [exit 0]
    $ keywright edit worker --default -p shop -e production
    Edited `worker` in shop/production
      default      none -> of shop/production
    [exit 0]
    $ keywright list -p shop -e prod
    NAME      SCOPE            KIND    STATUS  KEY                          PERMISSIONS  ROLES  PROVIDER  MODEL  VARIABLE  CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
    web       shop/production  issued  active  kwt_prod1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
    worker *  shop/production  issued  active  kwt_prod1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
    [exit 0]
    ");

    let default = |environment: &str| {
        let shown = story
            .env
            .show(["--default", "-p", "shop", "-e", environment]);
        shown["name"].as_str().expect("a name").to_owned()
    };
    assert_eq!(ENVIRONMENTS.map(default), ["web", "web", "worker"]);

    // A token is good where its key lives, and nowhere else.
    for (at, environment) in ENVIRONMENTS.iter().enumerate() {
        let mut expected = vec!["wrong_environment"; 3];
        expected[at] = "valid";
        for tokens in [&webs, &workers] {
            let codes = story.codes(tokens, &format!("-e {environment}"));
            assert_eq!(codes, expected, "{environment}");
        }
    }
    assert_eq!(story.codes(&webs, "-p bank"), ["wrong_project"; 3]);
    assert_eq!(story.codes(&webs, ""), ["valid"; 3]);

    // What is done to the default is done to the one of that environment alone.
    story.given(&webs[1], "verify -e production");
    let new = story.says("rotate --default -p shop -e production --yes --json");
    let new = new.json()["token"].as_str().expect("a token").to_owned();
    story.told();
    assert_eq!(story.codes(&workers, ""), ["valid", "valid", "rotated"]);
    assert_eq!(story.codes([&new], "-e prod"), ["valid"]);
    story.says("delete --default -p shop -e production --yes");
    story.says("show --default -p shop -e production");
    story.says("show --default");
    insta::assert_snapshot!(story.told(), @"
    $ keywright delete --default -p shop -e production --yes
    Deleted issued key `worker` in shop/production
    [exit 0]
    $ keywright show --default -p shop -e production
    error: no default key in shop/production
    hint: `keywright edit NAME --default` or `keywright create NAME --default` makes one
    [exit 3]
    $ keywright show --default
    error: no default key in default/development
    hint: `keywright edit NAME --default` or `keywright create NAME --default` makes one
    [exit 3]
    ");
    assert_eq!(story.codes([&new], ""), ["unknown"]);
    assert_eq!(story.codes(&webs, ""), ["valid"; 3]);
}

#[test]
fn keys_that_may_read_write_or_all_are_counted_as_they_are_used() {
    let mut story = Story::new();
    let spare = story.key("spare");
    let keys = [
        "reader --permission read",
        "writer --permission write",
        "owner --permission admin",
    ]
    .map(|key| story.key(key));
    let mut table = String::new();
    for required in ["read", "write", "delete:orders", "deploy", "admin"] {
        let codes = story.codes(&keys, &format!("--actor gateway --require {required}"));
        table.push_str(&format!("{required}: {}\n", codes.join(", ")));
    }
    insta::assert_snapshot!(table, @"
    read: valid, insufficient_permission, valid
    write: insufficient_permission, valid, valid
    delete:orders: insufficient_permission, valid, valid
    deploy: insufficient_permission, insufficient_permission, valid
    admin: insufficient_permission, insufficient_permission, valid
    ");
    story.given(&keys[0], "verify --require write --actor gateway");
    story.given(&keys[1], "verify --require update:orders --actor gateway");
    story.given(
        &keys[2],
        "verify --require read --require write --no-record",
    );
    insta::assert_snapshot!(story.told(), @"
    $ keywright verify --require write --actor gateway
    insufficient_permission: `reader` may not write
    [exit 11]
    $ keywright verify --require update:orders --actor gateway
    valid: `writer` in default/development may write
    [exit 0]
    $ keywright verify --require read --require write --no-record
    valid: `owner` in default/development may admin
    [exit 0]
    ");

    story.says("usage");
    story.says("usage writer");
    insta::assert_snapshot!(story.told(), @"
    $ keywright usage
    NAME    SCOPE                BY DAY                          REQUESTS  REFUSED  WRONG SECRET  LAST USED
    owner   default/development  .............................#  5         0        -             just now
    reader  default/development  .............................#  6         5 (83%)  -             just now
    spare   default/development  ..............................  0         0        -             -
    writer  default/development  .............................#  6         3 (50%)  -             just now
    [--DATE--] to [--DATE--] (UTC), one character a day
    [exit 0]
    $ keywright usage writer
    [--DATE--]  6  ######################################################  3 refused

    requests   6 since [--DATE--], 3 refused (50%)
    last used  just now

    GENERATION  STATE    REQUESTS  REFUSED  LAST USED
    1           current  6         3 (50%)  just now

    ANSWER                   GENERATION  REQUESTS  LAST
    insufficient_permission  1           3         just now
    valid                    1           3         just now

    CALLER  REQUESTS  REFUSED  LAST
    gateway  1         0        just now

    USED      ANSWER  GENERATION  CALLER
    just now  valid   1           gateway
    One bar a day, [--DATE--] to [--DATE--] (UTC)
    [exit 0]
    ");
    let usage = story.quietly("usage --json").json();
    let counts = |name: &str| {
        let keys = usage["usage"].as_array().expect("a list");
        let key = keys
            .iter()
            .find(|key| key["key"]["name"] == name || key["name"] == name);
        let key = key.unwrap_or_else(|| panic!("{name}: {usage:#}"));
        [&key["requests"], &key["refused"]].map(|count| count.as_u64().expect("a count"))
    };
    assert_eq!(
        ["spare", "reader", "writer", "owner"].map(counts),
        [[0, 0], [6, 5], [6, 3], [5, 0]]
    );

    // A refused request is no use, and one that was allowed is.
    eventually("an unused key beside one in use", || {
        let used = story.codes(&keys[..1], "");
        let (unused, _) = story.listed("--unused 2s");
        used == ["valid"]
            && unused.contains(&"spare".to_owned())
            && !unused.contains(&"reader".to_owned())
    });
    story.quietly("revoke writer --yes");
    assert_eq!(story.listed("--status revoked").0, ["writer"]);
    assert_eq!(
        story.listed("--status active").0,
        ["owner", "reader", "spare"]
    );
    assert_eq!(story.listed("--permission admin").0, ["owner"]);
    assert_eq!(
        story.codes(&keys, "--require read"),
        ["valid", "revoked", "valid"]
    );
    assert_eq!(story.codes([&spare], "--require read"), ["valid"]);
}
