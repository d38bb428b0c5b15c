//! What `usage` and `show` make of the counts: by generation, answer, caller and time.

use serde_json::{Value, json};

use crate::common::TestEnv;
use crate::screen::is_coloured;
use crate::terminal::Terminal;
use crate::usage::verify;
use crate::verify::{STRANGER, with_checksum};

/// Moves all that was recorded some days back; the words of relative times with it.
pub(crate) fn age(env: &TestEnv, days: i64) {
    let activity = rusqlite::Connection::open(env.activity()).expect("an activity file");
    let seconds = days * 86_400;
    let moved = activity.execute(
        "UPDATE usage SET day = day - ?1, last_at = last_at - ?2",
        [days, seconds],
    );
    assert!(moved.expect("moved") > 0);
    activity
        .execute("UPDATE total SET last_used = last_used - ?1", [seconds])
        .expect("moved");
    // Sealed with their time: they would be taken for altered.
    activity.execute("DELETE FROM event", []).expect("gone");
}

#[test]
fn whether_an_old_token_is_still_used_is_told_after_a_rotation() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    verify(&env, 3, &old, &[], 0);
    // The day before the rotation, so that nothing of it can be later.
    age(&env, 1);
    let new = env
        .run(["rotate", "deploy", "--overlap", "7d", "--yes"])
        .token();
    verify(&env, 1, &new, &[], 0);
    let told = |args: &[&str]| {
        let answer = env.run(args);
        assert!(answer.success(), "{answer}");
        let text = answer.stdout_text();
        let line = text.lines().find(|line| line.starts_with("previous token"));
        line.map(str::to_owned)
    };
    let unused =
        "previous token  not used since the rotation: `rotate --finish` can end the overlap";
    for args in [&["usage", "deploy"], &["show", "deploy"]] {
        assert_eq!(told(args).as_deref(), Some(unused), "{args:?}");
    }
    let generations = |args: &[&str]| {
        let answer = env.run(args).json();
        let key = if args[0] == "show" {
            &answer["key"]
        } else {
            &answer["usage"][0]["key"]
        };
        key["generations"].clone()
    };
    for args in [
        &["show", "deploy", "--json"],
        &["usage", "deploy", "--json"],
    ] {
        let generations = generations(args);
        let first = &generations[0];
        assert_eq!(first["requests"], 3, "{generations:#}");
        assert_eq!(first["requests_since_rotation"], 0);
        assert!(first["last_used_at"].is_string());
        assert_eq!(generations[1]["requests"], 1);
        assert_eq!(generations[1]["requests_since_rotation"], Value::Null);
    }

    verify(&env, 2, &old, &[], 0);
    verify(&env, 1, &old, &["-e", "prod"], 11);
    let used = "previous token  still used: last just now, 2 requests since the rotation";
    for args in [&["usage", "deploy"], &["show", "deploy"]] {
        assert_eq!(told(args).as_deref(), Some(used), "{args:?}");
    }
    let first = &generations(&["show", "deploy", "--json"])[0];
    assert_eq!(first["requests"], 6);
    assert_eq!(first["refused"], 1);
    assert_eq!(first["requests_since_rotation"], 2);
    // A list counts nothing by generation.
    let listed = env.run(["list", "--json"]).json();
    assert_eq!(listed["keys"][0]["generations"][0].get("requests"), None);

    insta::assert_snapshot!(env.run(["usage", "deploy"]), @"
    exit: 0
    ---- stdout
    [--DATE--]  3  #########################################
    [--DATE--]  4  ######################################################  1 refused

    requests        7 since [--DATE--], 1 refused (14%)
    last used       just now
    overlap ends    in 7 d, [-------TIME-------]
    previous token  still used: last just now, 2 requests since the rotation

    GENERATION  STATE    REQUESTS  REFUSED  LAST USED
    2           current  1         0        just now
    1           overlap  6         1 (16%)  just now

    ANSWER             GENERATION  REQUESTS  LAST
    valid              1           5         just now
    valid              2           1         just now
    wrong_environment  1           1         just now

    CALLER  REQUESTS  REFUSED  LAST
    tester@[HOST]  4         1        just now

    USED      ANSWER             GENERATION  CALLER
    just now  wrong_environment  1           tester@[HOST]
    just now  valid              1           tester@[HOST]
    just now  valid              1           tester@[HOST]
    just now  valid              2           tester@[HOST]
    ---- stderr
    One bar a day, [--DATE--] to [--DATE--] (UTC)
    ");
    // Only days of the range are counted, but whether it is used does not depend on them.
    age(&env, 90);
    let none = env.run(["usage", "deploy"]).stdout_text();
    assert!(none.starts_with("requests        0 since"), "{none}");
    assert!(env.run(["rotate", "deploy", "--finish", "--yes"]).success());
    for args in [&["usage", "deploy"], &["show", "deploy"]] {
        assert_eq!(told(args), None, "{args:?}");
    }
}

#[test]
fn what_is_not_known_of_an_old_token_is_said() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    let _ = env
        .run(["rotate", "deploy", "--overlap", "7d", "--yes"])
        .token();
    env.write("a-file", "no database ".repeat(100));
    let broken = [("KEYWRIGHT_ACTIVITY", "a-file")];
    let shown = env.run_with_env(["show", "deploy"], broken);
    assert!(shown.success(), "{shown}");
    assert!(
        shown
            .stdout_text()
            .contains("previous token  not known whether it is still used"),
        "{shown}"
    );
    assert!(shown.stderr().contains("usage is not known"), "{shown}");
    let shown = env
        .run_with_env(["show", "deploy", "--json"], broken)
        .json();
    let first = &shown["key"]["generations"][0];
    for field in [
        "requests",
        "refused",
        "last_used_at",
        "requests_since_rotation",
    ] {
        assert_eq!(first.get(field), Some(&Value::Null), "{first:#}");
    }
}

#[test]
fn failed_attempts_stand_out() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let _ = env.create(["quiet"]);
    let forged = with_checksum(&format!("kwt_dev1_{}_{}", &token[9..21], "a".repeat(32)));
    verify(&env, 5, &token, &[], 0);
    verify(&env, 3, &forged, &[], 10);
    verify(&env, 2, STRANGER, &[], 10);
    verify(&env, 1, "garbage", &[], 10);
    insta::assert_snapshot!(env.run(["usage"]), @"
    exit: 0
    ---- stdout
    NAME    SCOPE                BY DAY                          REQUESTS  REFUSED  WRONG SECRET  LAST USED
    deploy  default/development  .............................#  8         3 (37%)  3 attempts    just now
    quiet   default/development  ..............................  0         0        -             -

    without a key  3 attempts: 1 malformed, 2 unknown; last just now
    ---- stderr
    [--DATE--] to [--DATE--] (UTC), one character a day
    ");
    insta::assert_snapshot!(env.run(["usage", "deploy"]), @"
    exit: 0
    ---- stdout
    [--DATE--]  8  ######################################################  3 refused

    requests      8 since [--DATE--], 3 refused (37%)
    last used     just now
    wrong secret  3 attempts with this key's id, last just now

    GENERATION  STATE    REQUESTS  REFUSED  LAST USED
    1           current  5         0        just now

    ANSWER        GENERATION  REQUESTS  LAST
    valid         1           5         just now
    wrong_secret  -           3         just now

    CALLER  REQUESTS  REFUSED  WRONG SECRET  LAST
    tester@[HOST]  8         3        3 attempts    just now

    USED      ANSWER        GENERATION  CALLER
    just now  wrong_secret  -           tester@[HOST]
    just now  wrong_secret  -           tester@[HOST]
    just now  wrong_secret  -           tester@[HOST]
    just now  valid         1           tester@[HOST]
    just now  valid         1           tester@[HOST]
    ---- stderr
    One bar a day, [--DATE--] to [--DATE--] (UTC)
    ");
    // Whoever asks about one scope or key asks about no stranger.
    for args in [
        &["usage", "-e", "dev"] as &[&str],
        &["usage", "--unused", "1s"],
        &["usage", "deploy"],
    ] {
        let told = env.run(args);
        assert!(!told.stdout_text().contains("without a key"), "{told}");
        let told = env.run([args, &["--json"]].concat()).json();
        assert_eq!(told["without_key"], Value::Null);
    }
    let told = env.run(["usage", "--json"]).json();
    assert_eq!(told["usage"][0]["wrong_secret"], 3);
    assert!(told["usage"][0]["last_wrong_secret_at"].is_string());
    assert_eq!(told["usage"][1]["wrong_secret"], 0);
    assert_eq!(told["without_key"]["requests"], 3);
    // In a vault whose only uses are strange there is still something to tell.
    assert!(env.run(["delete", "deploy", "--yes"]).success());
    assert!(env.run(["delete", "quiet", "--yes"]).success());
    insta::assert_snapshot!(env.run(["usage"]), @"
    exit: 0
    ---- stdout

    without a key  3 attempts: 1 malformed, 2 unknown; last just now
    ---- stderr
    No keys
    ");
}

#[test]
fn failed_attempts_are_words_on_every_terminal() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let forged = with_checksum(&format!("kwt_dev1_{}_{}", &token[9..21], "a".repeat(32)));
    verify(&env, 3, &forged, &[], 10);
    for (variables, coloured) in [([("NO_COLOR", "1")], false), ([("TERM", "xterm")], true)] {
        for width in [40, 200] {
            let mut command = env.unlocked(["usage"]);
            command.envs(variables);
            let (_, screen) = Terminal::spawn_with(command, (width, 24), |_| {}).wait();
            let words = env.screen(&screen);
            assert!(
                words.contains("WRONG") && words.contains("SECRET"),
                "{words}"
            );
            assert!(words.contains("3 attempts"), "{words}");
            assert_eq!(is_coloured(&screen), coloured, "{screen:?}");
        }
    }
}

#[test]
fn the_default_key_can_be_asked_for() {
    let env = TestEnv::new();
    let _ = env.create(["other"]);
    insta::assert_snapshot!(env.run(["usage", "--default"]), @"
    exit: 3
    ---- stdout
    ---- stderr
    error: no default key in default/development
    hint: `keywright edit NAME --default` or `keywright create NAME --default` makes one
    ");
    let token = env.create(["deploy", "--default"]);
    verify(&env, 2, &token, &[], 0);
    let answer = env.run(["usage", "--default", "--json"]).json();
    let names: Vec<&Value> = answer["usage"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|usage| &usage["key"]["name"])
        .collect();
    assert_eq!(names, ["deploy"]);
    assert_eq!(
        env.run(["usage", "--default"]).stdout(),
        env.run(["usage", "deploy"]).stdout()
    );
}

#[test]
fn bins_are_days_weeks_or_months_and_lose_nothing() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    verify(&env, 1, &token, &[], 0);
    age(&env, 200);
    verify(&env, 2, &token, &[], 0);
    age(&env, 60);
    verify(&env, 4, &token, &[], 0);
    let answer = |args: &[&str]| {
        env.run([&["usage", "deploy", "--json"], args].concat())
            .json()
    };
    let number = |value: &Value| value.as_i64().expect("a number");
    for by in ["day", "week", "month"] {
        for (since, requests) in [("1d", 4), ("61d", 6), ("261d", 7), ("10w", 6), ("3650d", 7)] {
            let told = answer(&["--by", by, "--since", since]);
            let usage = &told["usage"][0];
            let bins = usage["bins"].as_array().expect("a list");
            let sum: i64 = bins.iter().map(|bin| number(&bin["requests"])).sum();
            assert_eq!(
                (sum, number(&usage["requests"])),
                (requests, requests),
                "{by} {since}"
            );
            assert_eq!(told["by"], by);
            let first = bins[0]["first_day"].as_str().expect("a date");
            let last = bins.last().expect("today")["last_day"].clone();
            assert!(told["since"].as_str().expect("a date") <= first);
            assert_eq!(told["until"], last);
        }
    }
    assert_eq!(answer(&["--since", "61d"])["days"], 61);
    let weeks = answer(&["--since", "61d", "--by", "week"]);
    let monday: chrono::NaiveDate = weeks["since"]
        .as_str()
        .expect("a date")
        .parse()
        .expect("a date");
    assert_eq!(chrono::Datelike::weekday(&monday), chrono::Weekday::Mon);
    let months = answer(&["--since", "61d", "--by", "month"]);
    assert!(months["since"].as_str().expect("a date").ends_with("-01"));
    // A date and an instant of it are the same day.
    let since = months["since"].as_str().expect("a date");
    assert_eq!(answer(&["--since", since])["since"], since);
    assert_eq!(
        answer(&["--since", &format!("{since}T23:59:59Z")])["since"],
        since
    );
    let bars = env.run(["usage", "deploy", "--by", "month", "--since", since]);
    let first = bars.stdout_text().lines().next().expect("a bar").to_owned();
    assert!(
        first.starts_with(|c: char| c.is_ascii_digit()) && first[7..].starts_with("  "),
        "{bars}"
    );
}

#[test]
fn the_newest_callers_are_told() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    verify(&env, 3, &token, &["--actor", "ci"], 0);
    verify(&env, 1, &token, &["--actor", "laptop", "-e", "prod"], 11);
    let answer = env.run(["usage", "deploy", "--json"]).json();
    let usage = &answer["usage"][0];
    let sources: Vec<(Value, Value, Value)> = usage["sources"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|source| {
            (
                source["actor"].clone(),
                source["requests"].clone(),
                source["refused"].clone(),
            )
        })
        .collect();
    assert_eq!(
        sources,
        [
            (json!("ci"), json!(3), json!(0)),
            (json!("laptop"), json!(1), json!(1))
        ]
    );
    let newest = &usage["events"][0];
    assert_eq!(
        (&newest["actor"], &newest["code"], &newest["generation"]),
        (&json!("laptop"), &json!("wrong_environment"), &json!(1))
    );
    assert_eq!(usage["events"].as_array().expect("a list").len(), 4);
    let all = env.run(["usage", "--json"]).json();
    assert_eq!(
        (&all["usage"][0]["sources"], &all["usage"][0]["events"]),
        (&Value::Null, &Value::Null)
    );
    for number in 0..11 {
        verify(
            &env,
            1,
            &token,
            &["--actor", &format!("caller {number}")],
            0,
        );
    }
    let many = env.run(["usage", "deploy"]);
    assert!(
        many.stderr()
            .contains("10 of 13 callers; --json has them all"),
        "{many}"
    );
}
